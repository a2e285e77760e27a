/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests of disturbances that write files: a machine in a directory, a journal
 * and a stage.  Include it before the .c file, which has `root` before its paths.
 */
#ifndef BENCH_DISTURB_BED_H
#define BENCH_DISTURB_BED_H

#include "bench/facts_fake.h"
#include "bench/journal_fake.h"
#include "bench/stage_fake.h"
#include "probes/now.h"

#define BED_DEADLINE_S 20

static const char *root; /* of the .c file */
static struct fake fake;
static struct journal journal;
static struct stage stage;
static struct asked bed_asked;

static inline const char *in_root(const char *path)
{
	static _Thread_local char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static inline void bed_clear(void)
{
	memset(&journal, 0, sizeof(journal));
	stage.event_count = stage.point_count = 0;
}

static inline void bed_make(void)
{
	bed_clear();
	fake_begin(&fake, "", NULL);
	root = fake.root;
}

static inline int bed_remove(void **state)
{
	(void)state;
	root = "";
	fake_end(&fake);
	return 0;
}

/* A phase of 10 s with these parameters. */
static inline struct disturbance_setup bed_setup(const struct disturbance *subject, const char *text)
{
	struct error err = { "" };

	if (disturbance_parse(subject, text, &bed_asked, &err))
		fail_msg("%s: %s", text, err.text);
	return (struct disturbance_setup){
		.arguments = bed_asked.arguments, .duration_s = 10, .journal = &journal, .stage = &stage
	};
}

static inline void *bed_start(const struct disturbance *subject, const struct disturbance_setup *setup)
{
	struct error err = { "" };
	void *state = NULL;

	if (subject->supported(setup, &err) || subject->start(setup, &state, &err))
		fail_msg("%s: %s", bed_asked.text, err.text);
	return state;
}

static inline void holds(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("no \"%s\" in: %s", wanted, text);
}

/* The reason names the file; nothing is left and nothing was told. */
static inline void bed_start_fails(const struct disturbance *subject, const struct disturbance_setup *setup,
	int code, const char *file, const char *why)
{
	struct error err = { "" };
	void *state = NULL;

	assert_int_equal(subject->start(setup, &state, &err), code);
	assert_null(state);
	holds(err.text, in_root(file));
	holds(err.text, why);
	assert_int_equal(stage.event_count, 0);
}

/* Found before the phase begins, and by a start that comes all the same. */
static inline void bed_readonly(
	const struct disturbance *subject, const struct disturbance_setup *setup, const char *file)
{
	struct error err = { "" };
	char path[256];

	strcpy(path, in_root(file));
	if (!fake_readonly(path)) {
		print_message("a read-only mount takes root and CAP_SYS_ADMIN\n");
		skip();
	}
	bed_start_fails(subject, setup, -EROFS, file, "Read-only file system");
	assert_int_equal(subject->supported(setup, &err), -EROFS);
	holds(err.text, path);
	fake_writable(path);
}

static inline size_t bed_events(void)
{
	size_t count;

	pthread_mutex_lock(&stage.lock);
	count = stage.event_count;
	pthread_mutex_unlock(&stage.lock);
	return count;
}

static inline void bed_wait_for_events(size_t count)
{
	uint64_t deadline = now_ns() + BED_DEADLINE_S * NS_PER_SEC;

	while (bed_events() < count) {
		assert_true(now_ns() < deadline);
		usleep(5000);
	}
}

#endif
