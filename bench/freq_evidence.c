/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/freq_evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Of the looks at a frequency that is held, and of the transitions that the toggles should make.  Drivers
 * that report scaling_cur_freq from hardware (intel_pstate, amd_pstate, acpi-cpufreq on newer kernels) give an
 * average over some 10 ms, which fluctuates with what the CPU does and lags behind a change.
 */
#define SHARE_MIN 0.9

void freq_say(struct evidence *evidence, const char *format, ...)
{
	size_t length = strlen(evidence->text);
	va_list list;

	if (length && length + 2 < sizeof(evidence->text)) {
		strcpy(evidence->text + length, "; ");
		length += 2;
	}
	va_start(list, format);
	vsnprintf(evidence->text + length, sizeof(evidence->text) - length, format, list);
	va_end(list);
}

static void say_effective(struct evidence *evidence, const struct freq_watch *watch)
{
	struct freq_count sum = freq_watch_sum(watch, true);
	bool readable = false;

	for (size_t i = 0; i < watch->count; i++)
		readable |= watch->watched[i].msr_fd >= 0;
	if (sum.looks)
		freq_say(evidence, "APERF/MPERF: %.0f to %.0f kHz", sum.least, sum.most);
	else
		freq_say(evidence, "APERF/MPERF: %s",
			!readable ? "no /dev/cpu/N/msr can be read" : "no frequency known of them");
}

void freq_say_seen(struct evidence *evidence, const struct freq_watch *watch)
{
	struct freq_count sum = freq_watch_sum(watch, false);

	if (sum.looks)
		freq_say(evidence, "scaling_cur_freq: %.0f to %.0f kHz in %llu readings", sum.least, sum.most,
			(unsigned long long)sum.looks);
	else
		freq_say(evidence, "scaling_cur_freq: never read");
	if (sum.failed)
		freq_say(evidence, "readings of it that failed: %llu", (unsigned long long)sum.failed);
	say_effective(evidence, watch);
}

static bool follows(const struct freq_count *count)
{
	return (double)count->near[FREQ_LOW] >= SHARE_MIN * (double)(count->looks + count->failed);
}

bool freq_say_held(struct evidence *evidence, const struct freq_watch *watch)
{
	struct freq_count kernel = freq_watch_sum(watch, false), effective = freq_watch_sum(watch, true);
	size_t followers = 0;

	for (size_t i = 0; i < watch->count; i++) {
		const struct freq_watched *w = &watch->watched[i];

		followers += w->kernel.looks && follows(&w->kernel) &&
			     (!w->effective.looks || follows(&w->effective));
	}
	freq_say(evidence, "%llu of %llu readings of scaling_cur_freq within %.0f %%",
		(unsigned long long)kernel.near[FREQ_LOW], (unsigned long long)(kernel.looks + kernel.failed),
		FREQ_NEAR * 100);
	if (effective.looks)
		freq_say(evidence, "%llu of %llu of APERF/MPERF",
			(unsigned long long)effective.near[FREQ_LOW],
			(unsigned long long)(effective.looks + effective.failed));
	freq_say(evidence, "%zu of %zu policies followed", followers, watch->count);
	freq_say_seen(evidence, watch);
	return followers == watch->count;
}

static bool both_ends_seen(const struct freq_watched *w)
{
	return (w->kernel.near[FREQ_LOW] && w->kernel.near[FREQ_HIGH]) ||
	       (w->effective.near[FREQ_LOW] && w->effective.near[FREQ_HIGH]);
}

bool freq_say_toggled(struct evidence *evidence, const struct freq_watch *watch, uint64_t toggles)
{
	struct freq_count sum = freq_watch_sum(watch, false);
	size_t followers = 0, counted = 0;
	unsigned long fewest = 0;

	for (size_t i = 0; i < watch->count; i++) {
		const struct freq_watched *w = &watch->watched[i];
		unsigned long grown;
		bool enough = false;

		if (freq_watched_transitions(w, &grown)) {
			fewest = counted == 0 || grown < fewest ? grown : fewest;
			counted++;
			enough = toggles && (double)grown >= SHARE_MIN * (double)toggles;
		}
		followers += enough || both_ends_seen(w);
	}
	freq_say(evidence,
		"of %llu readings of scaling_cur_freq %llu near the lower, %llu near the upper end",
		(unsigned long long)(sum.looks + sum.failed), (unsigned long long)sum.near[FREQ_LOW],
		(unsigned long long)sum.near[FREQ_HIGH]);
	if (counted)
		freq_say(evidence, "total_trans grew by %s%lu", counted > 1 ? "at least " : "", fewest);
	if (counted < watch->count)
		freq_say(evidence, "total_trans of %zu policies cannot be read", watch->count - counted);
	freq_say(evidence, "%zu of %zu policies followed", followers, watch->count);
	say_effective(evidence, watch);
	return toggles && followers == watch->count;
}
