/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/losses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results/units.h"

static int add_backward(const struct run *run, struct estimates *e, int cpu, unsigned clock, uint64_t count,
	double largest_ns, struct error *err)
{
	struct backward *grown;

	if (count == 0)
		return 0;
	grown = reallocarray(e->backward, e->backward_count + 1, sizeof(*grown));
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	e->backward = grown;
	grown += e->backward_count++;
	*grown = (struct backward){ .cpu = cpu, .count = count, .largest_ns = largest_ns };
	strcpy(grown->clock, run->clocks[clock].name);
	return 0;
}

static const struct tally *tally_of(const struct run *run, int cpu, unsigned clock)
{
	for (size_t i = 0; i < run->tally_count; i++)
		if (run->tallies[i].cpu == cpu && run->tallies[i].clock == clock)
			return &run->tallies[i];
	return NULL;
}

int losses_backward(const struct run *run, const struct samples *samples, struct pair_source *source,
	struct estimates *e, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < run->tally_count; i++) {
		const struct tally *t = &run->tallies[i];

		rc = add_backward(run, e, t->cpu, t->clock, t->backward,
			(double)t->max_backward * (double)NS_PER_SEC / run->clocks[t->clock].hz, err);
	}
	for (size_t i = 0; !rc && i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];
		const struct tally *t = tally_of(run, s->cpu, s->clock);
		uint64_t count;
		double largest_ns;

		rc = t && t->backward ? 0 : pair_source_backward(source, i, &count, &largest_ns, err);
		if (!rc && !(t && t->backward))
			rc = add_backward(run, e, s->cpu, s->clock, count, largest_ns, err);
	}
	return rc;
}

json_t *losses_count(const struct run *run, const struct samples *samples, const struct estimates *e)
{
	uint64_t dropped = 0, failed = 0, late = 0, backward = 0, rejected = 0;

	for (size_t i = 0; i < run->tally_count; i++) {
		dropped += run->tallies[i].dropped;
		failed += run->tallies[i].failed;
	}
	for (size_t i = 0; i < run->place_count; i++)
		late += run->places[i].late;
	for (size_t i = 0; i < e->drift_count; i++) {
		rejected += e->drift[i].rejected;
	}
	for (size_t i = 0; i < e->backward_count; i++)
		backward += e->backward[i].count;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "stored", (json_int_t)samples->rows,
		"dropped", (json_int_t)dropped, "failed", (json_int_t)failed, "late", (json_int_t)late,
		"rejected", (json_int_t)rejected, "inverted", (json_int_t)samples->inverted, "backward",
		(json_int_t)backward, "cut_rows", (json_int_t)samples->cut_rows, "events_lost",
		(json_int_t)run->events_lost);
}
