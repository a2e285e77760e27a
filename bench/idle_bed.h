/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the tests of the disturbance cstate share; for a file that includes bench/disturb_cstate.c. */
#ifndef BENCH_IDLE_BED_H
#define BENCH_IDLE_BED_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bench/idle_fake.h"
#include "bench/journal_fake.h"
#include "bench/stage_fake.h"
#include "bench/sysfs.h"

#define DEADLINE_NS 20000000000

static struct stage stage = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct bed {
	struct argument arguments[3];
	int cpus[2];
	struct journal journal;
	struct disturbance_setup setup;
	void *state;
	struct error err;
	struct evidence evidence;
};

static inline void bed_ask(struct bed *bed, const char *mode, double limit, double rate)
{
	memset(bed, 0, sizeof(*bed));
	bed->arguments[MODE] = (struct argument){ mode, NAN };
	bed->arguments[STATE] = (struct argument){ isnan(limit) ? NULL : "N", limit };
	bed->arguments[RATE] = (struct argument){ isnan(rate) ? NULL : "R", rate };
	bed->cpus[1] = 1;
	bed->setup = (struct disturbance_setup){
		.arguments = bed->arguments,
		.duration_s = 5,
		.cpus = bed->cpus,
		.cpu_count = 2,
		.journal = &bed->journal,
		.stage = &stage,
	};
	stage.point_count = stage.event_count = 0;
}

static inline int bed_supported(struct bed *bed)
{
	bed->err.text[0] = '\0';
	return disturb_cstate.supported(&bed->setup, &bed->err);
}

static inline void bed_start(struct bed *bed)
{
	if (disturb_cstate.start(&bed->setup, &bed->state, &bed->err))
		fail_msg("%s", bed->err.text);
}

static inline void bed_stop(struct bed *bed)
{
	assert_int_equal(disturb_cstate.stop(bed->state, &bed->evidence, &bed->err), 0);
	print_message("%s: %s%s\n", bed->arguments[MODE].text,
		bed->evidence.observed ? "" : "NOT OBSERVED: ", bed->evidence.text);
}

static inline int entries_of(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A thread that was joined may be in the list for a moment. */
static inline void assert_threads(int wanted)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;

	while (entries_of("/proc/self/task") != wanted && now_ns() < deadline)
		usleep(1000);
	assert_int_equal(entries_of("/proc/self/task"), wanted);
}

static inline void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* ---- the fake ---- */

/* true: this process sees the fake. */
static inline bool fake_begin(struct bed *bed, const char *mode, double limit, double rate)
{
	const char *why = geteuid() == 0 ? fake_idle() : "needs root";

	bed_ask(bed, mode, limit, rate);
	if (why) {
		fake_idle_end();
		print_message("skipped: %s\n", why);
	}
	return !why;
}

/* The disable files of both CPUs: "0011 0011"; '?': not there. */
static inline void assert_files(const char *wanted)
{
	char text[] = "???? ????";

	for (int i = 0; i < FAKE_CPUS * FAKE_STATES; i++) {
		int is = cpuidle_is_state_disabled((unsigned)(i / FAKE_STATES), (unsigned)(i % FAKE_STATES));

		if (is >= 0)
			text[i + i / FAKE_STATES] = (char)('0' + is);
	}
	assert_string_equal(text, wanted);
}

/* Entries since the beginning, of both CPUs, each of 100 us. */
static inline void fake_enter(unsigned long poll, unsigned long c1, unsigned long c3, unsigned long c6)
{
	unsigned long entries[FAKE_STATES] = { poll, c1, c3, c6 };

	for (int cpu = 0; cpu < FAKE_CPUS; cpu++) {
		for (int s = 0; s < FAKE_STATES; s++) {
			unsigned long of_cpu = (entries[s] + (unsigned long)(cpu == 0)) / 2;

			assert_true(fake_number(1000 + of_cpu, cpu, s, "usage"));
			assert_true(fake_number(5000000 + 100 * of_cpu, cpu, s, "time"));
		}
	}
}

static inline int supported_on(const char *mode, double limit, double rate, const char *why)
{
	struct bed bed;
	int rc;

	bed_ask(&bed, mode, limit, rate);
	rc = bed_supported(&bed);
	assert_says(bed.err.text, why);
	return rc;
}

static inline double last_point(const char *series, const char *unit)
{
	for (size_t i = stage.point_count; i-- > 0;)
		if (strcmp(stage.points[i].series, series) == 0 && strcmp(stage.points[i].unit, unit) == 0)
			return stage.points[i].value;
	fail_msg("no point of \"%s\" in \"%s\"", series, unit);
	return NAN;
}

#endif
