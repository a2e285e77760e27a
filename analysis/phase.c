/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/phase.h"

#include <stdio.h>
#include <string.h>

#include "results/text.h"

bool phase_is_idle(const struct phase *phase)
{
	return phase->disturbance_count == 0;
}

enum observed phase_observed(const struct phase *phase)
{
	enum observed all = OBSERVED_YES;

	for (size_t i = 0; i < phase->disturbance_count; i++) {
		if (phase->disturbances[i].observed == OBSERVED_NO)
			return OBSERVED_NO;
		if (phase->disturbances[i].observed != OBSERVED_YES)
			all = OBSERVED_UNKNOWN;
	}
	return all;
}

static const struct phase_disturbance *disturbance_of(const struct phase *phase, const char *name)
{
	for (size_t i = 0; phase && i < phase->disturbance_count; i++)
		if (strcmp(phase->disturbances[i].name, name) == 0)
			return &phase->disturbances[i];
	return NULL;
}

bool phase_has(const struct phase *phase, const char *disturbance)
{
	return disturbance_of(phase, disturbance) != NULL;
}

bool phase_saw(const struct phase *phase, const char *disturbance)
{
	const struct phase_disturbance *d = disturbance_of(phase, disturbance);

	return d && d->observed == OBSERVED_YES;
}

void phase_asked(const struct phase_disturbance *disturbance, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", disturbance->name, disturbance->asked[0] ? " " : "",
		disturbance->asked);
	text_clean(text);
}

const struct phase *phase_find(const struct run *run, const char *name, const struct phase *hint)
{
	size_t first = hint ? (size_t)(hint - run->phases) : 0;

	for (size_t i = 0; i < run->phase_count; i++) {
		const struct phase *phase = &run->phases[(first + i) % run->phase_count];

		if (strcmp(phase->name, name) == 0)
			return phase;
	}
	return NULL;
}

const struct phase *phase_at(const struct run *run, uint64_t tsc)
{
	const struct phase *last = NULL;

	for (size_t i = 0; i < run->phase_count; i++) {
		const struct phase *phase = &run->phases[i];

		if (phase->tsc_lo <= tsc && (!last || phase->tsc_lo >= last->tsc_lo))
			last = phase;
	}
	return last;
}

const struct phase *phase_after(const struct run *run, uint64_t tsc)
{
	const struct phase *next = NULL;

	for (size_t i = 0; i < run->phase_count; i++) {
		const struct phase *phase = &run->phases[i];

		if (phase->tsc_lo > tsc && (!next || phase->tsc_lo < next->tsc_lo))
			next = phase;
	}
	return next;
}

static bool same_phase(const struct drift *a, const struct drift *b)
{
	return strcmp(a->phase, b->phase) == 0;
}

static bool read_there(const struct drift *row, int cpu)
{
	return row->cpu == cpu && (row->n > 0 || row->rejected > 0);
}

bool phase_took_cpu(const struct phase *phase, const struct drift *row, const struct drift *all, size_t count)
{
	if (!phase_saw(phase, DISTURBANCE_HOTPLUG))
		return false;
	for (const struct drift *r = row; r >= all && same_phase(r, row); r--)
		if (read_there(r, row->cpu))
			return false;
	for (const struct drift *r = row; r < all + count && same_phase(r, row); r++)
		if (read_there(r, row->cpu))
			return false;
	return true;
}
