/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/idle_wish.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <cpuidle.h>

#include "bench/idle_limit.h"

enum idle_mode idle_mode_find(const char *word)
{
	const char *at = IDLE_MODE_WORDS;
	enum idle_mode mode = 0;

	while (mode < IDLE_MODES) {
		size_t length = strcspn(at, ",");

		if (strlen(word) == length && strncmp(at, word, length) == 0)
			break;
		at += length + 1;
		mode++;
	}
	return mode;
}

int idle_wish_disable(const struct idle_wish *w, unsigned state, unsigned count)
{
	bool deepest = state == count - 1;

	switch (w->mode) {
	case IDLE_SHALLOWEST:
		return state != 0;
	case IDLE_UPTO:
		return state > w->limit ? 1 : -1;
	case IDLE_DEEPEST:
		return !deepest;
	case IDLE_TOGGLE:
		/* teo takes the first enabled state in spite of the limit, so state 0 has to be that. */
		return !deepest && state != 0;
	default:
		return 0;
	}
}

/* The longest exit latency of the states that are allowed, the shortest of those that are not; in µs. */
static void find_latencies(const struct idle_wish *w, unsigned cpu, unsigned long *own, unsigned long *deeper)
{
	unsigned count = cpuidle_state_count(cpu);

	for (unsigned s = 0; s < count; s++) {
		unsigned long us = cpuidle_state_latency(cpu, s);

		if (s <= w->limit && us > *own)
			*own = us;
		if (s > w->limit && us < *deeper)
			*deeper = us;
	}
}

int32_t idle_wish_limit(const struct idle_wish *w, const int *cpus, size_t cpu_count)
{
	unsigned long own = 0, deeper = IDLE_LIMIT_NONE;

	if (w->mode == IDLE_DEEPEST || w->mode == IDLE_REST)
		return IDLE_LIMIT_NONE;
	if (w->mode != IDLE_UPTO)
		return 0;
	for (size_t i = 0; i < cpu_count; i++)
		find_latencies(w, (unsigned)cpus[i], &own, &deeper);
	if (deeper == IDLE_LIMIT_NONE)
		return IDLE_LIMIT_NONE;
	if (w->limit == 0)
		return 0;
	/* The kernel has ns and shows whole µs, so the limit is as far above `own` as `deeper` allows. */
	return (int32_t)(deeper > own + 1 ? deeper - 1 : own);
}

int idle_wish_check_limit(
	const struct idle_wish *w, const int *cpus, size_t cpu_count, int fd, struct error *err)
{
	int32_t us;
	int rc = idle_limit_get(fd, &us, err);

	if (rc || (w->mode != IDLE_DEEPEST && w->mode != IDLE_TOGGLE))
		return rc;
	for (size_t i = 0; i < cpu_count; i++) {
		unsigned cpu = (unsigned)cpus[i], count = cpuidle_state_count(cpu);
		unsigned long needed = count ? cpuidle_state_latency(cpu, count - 1) : 0;

		/* At 0 the governors take state 0 without a look at the others. */
		if (us <= 0 || (unsigned long)us < needed)
			return error_set(err, -EBUSY,
				"another program holds the wake-up latency at %d µs (" IDLE_LIMIT_FILE
				"): the deepest idle state of CPU %u takes %lu µs",
				us, cpu, needed);
	}
	return 0;
}
