/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/step_sums.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cause.h"
#include "analysis/format.h"
#include "analysis/phase.h"
#include "results/text.h"

static bool same_kind(const struct step *a, const struct step *b)
{
	size_t length = cause_kind_length(a->cause);

	return length == cause_kind_length(b->cause) && strncmp(a->cause, b->cause, length) == 0 &&
	       strcmp(a->phase, b->phase) == 0 && strcmp(a->reference, b->reference) == 0 &&
	       strcmp(a->injected, b->injected) == 0;
}

static void end_pair(struct step_sum *s)
{
	if (s->pair_rows && (!s->least || s->pair_rows < s->least))
		s->least = s->pair_rows;
	if (s->pair_rows > s->most)
		s->most = s->pair_rows;
	s->pair_rows = 0;
}

static void name_clock(struct step_sum *s, const char *clock)
{
	for (size_t i = 0; i < s->clock_count && i < STEP_SUM_CLOCKS; i++)
		if (strcmp(s->clocks[i], clock) == 0)
			return;
	if (s->clock_count < STEP_SUM_CLOCKS)
		s->clocks[s->clock_count] = clock;
	s->clock_count++;
}

/* Rows of a pair stand together. */
static void add_row(struct step_sum *s, const struct step *step)
{
	if (!s->last || s->last->cpu != step->cpu || strcmp(s->last->clock, step->clock) != 0) {
		end_pair(s);
		name_clock(s, step->clock);
	}
	s->last = step;
	s->pair_rows++;
	s->rows++;
	if (!s->largest || fabs(step->step_ns) > fabs(s->largest->step_ns))
		s->largest = step;
}

static size_t count_events(const struct run *run, const struct step *step)
{
	const struct phase *phase = phase_find(run, step->phase, NULL);
	size_t length = cause_kind_length(step->cause), count = 0;

	for (size_t i = 0; phase && i < run->event_count; i++) {
		const struct event *e = &run->events[i];

		count += e->tsc >= phase->tsc_lo && e->tsc < phase->tsc_hi && strlen(e->kind) == length &&
			 strncmp(e->kind, step->cause, length) == 0 && !cause_ends_list(e);
	}
	return count;
}

static void find_median(const struct step_sums *out, const struct estimates *e, size_t index, double *room)
{
	struct step_sum *s = &out->sums[index];
	size_t n = 0;

	for (size_t i = 0; i < e->step_count; i++)
		if (out->of_row[i] == index)
			room[n++] = e->steps[i].step_ns;
	s->median_ns = gsl_stats_median(room, 1, n);
	n = 0;
	for (size_t i = 0; i < e->step_count; i++)
		if (out->of_row[i] == index)
			room[n++] = (e->steps[i].ci_high_ns - e->steps[i].ci_low_ns) / 2;
	s->median_half_ns = gsl_stats_median(room, 1, n);
}

static struct step_sum *sum_for(struct step_sums *out, const struct step *step)
{
	struct step_sum *grown;

	for (size_t i = out->count; i-- > 0;)
		if (same_kind(out->sums[i].step, step))
			return &out->sums[i];
	grown = reallocarray(out->sums, out->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	out->sums = grown;
	grown[out->count] = (struct step_sum){ .step = step };
	return &grown[out->count++];
}

int step_sums_make(const struct run *run, const struct estimates *e, struct step_sums *out, struct error *err)
{
	double *room = malloc((e->step_count + 1) * sizeof(*room));
	bool full = false;

	*out = (struct step_sums){ .of_row = malloc((e->step_count + 1) * sizeof(*out->of_row)) };
	for (size_t i = 0; room && out->of_row && !full && i < e->step_count; i++) {
		struct step_sum *s = NULL;

		out->of_row[i] = SIZE_MAX;
		if (!cause_kind_length(e->steps[i].cause))
			continue;
		s = sum_for(out, &e->steps[i]);
		full = !s;
		if (full)
			break;
		out->of_row[i] = (size_t)(s - out->sums);
		add_row(s, &e->steps[i]);
	}
	if (!room || !out->of_row || full) {
		free(room);
		return error_set(err, -ENOMEM, "out of memory for %zu steps", e->step_count);
	}
	for (size_t i = 0; i < out->count; i++) {
		end_pair(&out->sums[i]);
		out->sums[i].events = count_events(run, out->sums[i].step);
		find_median(out, e, i, room);
	}
	free(room);
	return 0;
}

void step_sums_free(struct step_sums *sums)
{
	free(sums->sums);
	free(sums->of_row);
	*sums = (struct step_sums){ 0 };
}

const struct step_sum *step_sum_of(const struct step_sums *sums, size_t row)
{
	size_t index = sums->of_row[row];

	return index != SIZE_MAX && sums->sums[index].most >= STEP_SUM_LEAST ? &sums->sums[index] : NULL;
}

void step_sum_say(const struct step_sum *s, char *text, size_t size)
{
	char clocks[STEP_SUM_CLOCKS * (CLOCK_NAME_MAX + 2) + 16] = "", times[64], of[32] = "";
	const struct step *l = s->largest;
	int length = (int)cause_kind_length(s->step->cause);
	bool switches = strncmp(s->step->cause, DISTURBANCE_CLOCKSOURCE ":", (size_t)length + 1) == 0;

	for (size_t i = 0; i < s->clock_count && i < STEP_SUM_CLOCKS; i++)
		snprintf(clocks + strlen(clocks), sizeof(clocks) - strlen(clocks), "%s%s", i ? ", " : "",
			s->clocks[i]);
	if (s->clock_count > STEP_SUM_CLOCKS)
		snprintf(clocks + strlen(clocks), sizeof(clocks) - strlen(clocks), " and more");
	if (s->events >= s->most)
		snprintf(of, sizeof(of), " of %zu", s->events);
	if (s->least == s->most)
		snprintf(times, sizeof(times), "%zu", s->most);
	else
		snprintf(times, sizeof(times), "%zu to %zu", s->least, s->most);
	snprintf(text, size, "%s stepped against %s at %s%s %.*s %s: %s in the median, %s at most", clocks,
		s->step->reference, times, of, length, s->step->cause, switches ? "switches" : "events",
		format_offset(s->median_ns, s->median_half_ns).text,
		format_offset(l->step_ns, (l->ci_high_ns - l->ci_low_ns) / 2).text);
	text_clean(text);
}
