/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/freq_watch.h"

#include <cpufreq.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/sysfs.h"

/* Intel SDM vol. 4, table 2-2; AMD APM vol. 2, 17.3: both count in C0 only, MPERF at the base frequency. */
#define MSR_MPERF 0xE7
#define MSR_APERF 0xE8
/*
 * At one look.  Reading scaling_cur_freq can sleep 10 ms (kernels before 5.18,
 * arch/x86/kernel/cpu/aperfmperf.c), and an MSR of another CPU is read by an
 * interrupt there: with many policies each is seen less often instead.
 */
#define POLICIES_A_LOOK 16

static bool read_number(const char *path, double *number)
{
	char text[64], *end;
	struct error ignored = { "" };

	if (sysfs_read(path, text, sizeof(text), &ignored))
		return false;
	*number = strtod(text, &end);
	return end != text && *end == '\0' && *number > 0;
}

/* kHz from intel_pstate, else MHz from ACPI CPPC; NaN where neither says it. */
static double base_khz(const struct freq_policy *policy)
{
	char path[FREQ_PATH_MAX];
	double number;

	freq_policy_path(policy, "base_frequency", path);
	if (read_number(path, &number))
		return number;
	snprintf(path, sizeof(path), FREQ_CPU_DIR "/cpu%u/acpi_cppc/nominal_freq", policy->cpu);
	return read_number(path, &number) ? number * 1000 : NAN;
}

/* The offset in the msr device is the register's number. */
static bool msr_read(int fd, uint32_t msr, uint64_t *value)
{
	return fd >= 0 && pread(fd, value, sizeof(*value), msr) == sizeof(*value);
}

int freq_watch_open(struct freq_watch *watch, const struct freq_set *set, struct error *err)
{
	*watch = (struct freq_watch){ .watched = calloc(set->count, sizeof(*watch->watched)) };
	if (!watch->watched)
		return error_set(err, -ENOMEM, "out of memory");
	watch->count = set->count;
	for (size_t i = 0; i < set->count; i++) {
		struct freq_watched *w = &watch->watched[i];
		char path[64];

		w->policy = &set->policies[i];
		w->kernel.least = w->kernel.most = w->effective.least = w->effective.most = NAN;
		w->base_khz = base_khz(w->policy);
		snprintf(path, sizeof(path), "/dev/cpu/%u/msr", w->policy->cpu);
		w->msr_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return 0;
}

void freq_watch_close(struct freq_watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->watched[i].msr_fd >= 0)
			close(watch->watched[i].msr_fd);
	free(watch->watched);
	*watch = (struct freq_watch){ 0 };
}

/* libcpupower says 0 for none and for a failure. */
static bool transitions_read(const struct freq_policy *policy, unsigned long *transitions)
{
	char path[FREQ_PATH_MAX], text[64];
	struct error ignored = { "" };

	errno = 0;
	*transitions = cpufreq_get_transitions(policy->cpu);
	freq_policy_path(policy, "stats/total_trans", path);
	return *transitions || (sysfs_read(path, text, sizeof(text), &ignored) == 0 && text[0] == '0');
}

void freq_watch_begin(struct freq_watch *watch)
{
	for (size_t i = 0; i < watch->count; i++) {
		struct freq_watched *w = &watch->watched[i];

		w->counts_transitions = transitions_read(w->policy, &w->transitions);
		if (!msr_read(w->msr_fd, MSR_APERF, &w->aperf) || !msr_read(w->msr_fd, MSR_MPERF, &w->mperf))
			w->aperf = w->mperf = 0;
	}
}

bool freq_watched_transitions(const struct freq_watched *watched, unsigned long *transitions)
{
	unsigned long now;

	if (!watched->counts_transitions || !transitions_read(watched->policy, &now) ||
		now < watched->transitions)
		return false;
	*transitions = now - watched->transitions;
	return true;
}

static void count_add(struct freq_count *count, const unsigned long asked_khz[FREQ_ENDS], double khz)
{
	count->looks++;
	count->least = fmin(count->least, khz);
	count->most = fmax(count->most, khz);
	for (size_t end = 0; end < FREQ_ENDS; end++)
		if (asked_khz[end] &&
			fabs(khz - (double)asked_khz[end]) <= FREQ_NEAR * (double)asked_khz[end])
			count->near[end]++;
}

static void look_kernel(struct freq_watched *w, struct stage *stage, uint64_t tsc)
{
	unsigned long khz;
	char series[32];

	errno = 0;
	khz = cpufreq_get_freq_kernel(w->policy->cpu);
	if (!khz) {
		w->kernel.failed++;
		return;
	}
	count_add(&w->kernel, w->asked_khz, (double)khz);
	snprintf(series, sizeof(series), "frequency CPU %u", w->policy->cpu);
	stage_point(stage, "cpufreq", series, "kHz", tsc, (double)khz);
}

/* Of the time in C0 since the last look; a CPU that slept all the while has none. */
static void look_effective(struct freq_watched *w, struct stage *stage, uint64_t tsc)
{
	uint64_t aperf, mperf, da, dm;
	bool known = isfinite(w->base_khz);
	char series[32];
	double value;

	if (!msr_read(w->msr_fd, MSR_APERF, &aperf) || !msr_read(w->msr_fd, MSR_MPERF, &mperf)) {
		w->effective.failed += w->msr_fd >= 0;
		return;
	}
	da = aperf - w->aperf;
	dm = mperf - w->mperf;
	/* The counters wrap at 2^64 at the earliest, so a negative difference is somebody's write. */
	if (dm && w->mperf && mperf > w->mperf && aperf > w->aperf) {
		value = (known ? w->base_khz : 1) * (double)da / (double)dm;
		if (known)
			count_add(&w->effective, w->asked_khz, value);
		snprintf(series, sizeof(series), "effective CPU %u", w->policy->cpu);
		stage_point(stage, "cpufreq", series, known ? "kHz" : "", tsc, value);
	}
	w->aperf = aperf;
	w->mperf = mperf;
}

void freq_watch_look(struct freq_watch *watch, struct stage *stage, uint64_t tsc)
{
	for (size_t i = 0; i < watch->count && i < POLICIES_A_LOOK; i++) {
		struct freq_watched *w = &watch->watched[watch->next];

		look_kernel(w, stage, tsc);
		look_effective(w, stage, tsc);
		watch->next = (watch->next + 1) % watch->count;
	}
}

struct freq_count freq_watch_sum(const struct freq_watch *watch, bool effective)
{
	struct freq_count sum = { .least = NAN, .most = NAN };

	for (size_t i = 0; i < watch->count; i++) {
		const struct freq_count *c =
			effective ? &watch->watched[i].effective : &watch->watched[i].kernel;

		sum.looks += c->looks;
		sum.failed += c->failed;
		sum.least = fmin(sum.least, c->least);
		sum.most = fmax(sum.most, c->most);
		for (size_t end = 0; end < FREQ_ENDS; end++)
			sum.near[end] += c->near[end];
	}
	return sum;
}
