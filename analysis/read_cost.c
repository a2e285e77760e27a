/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/read_cost.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "results/units.h"

static void add_tallies(const struct run *run, unsigned clock, struct histogram *sum)
{
	for (size_t i = 0; i < run->tally_count; i++) {
		const struct tally *t = &run->tallies[i];

		if (t->clock != clock || !t->brackets)
			continue;
		for (unsigned k = 0; k < HISTOGRAM_BUCKETS; k++)
			sum->count[k] += t->brackets->count[k];
		sum->total += t->brackets->total;
	}
}

/* Inverted brackets have no width; they are counted in the table of losses. */
static void add_readings(const struct samples *samples, unsigned clock, struct histogram *sum)
{
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];

		for (size_t k = 0; s->clock == clock && k < s->count; k++)
			if (s->readings[k].tsc_hi >= s->readings[k].tsc_lo)
				histogram_add(sum, (uint64_t)reading_width(&s->readings[k]));
	}
}

bool read_cost_widths(
	const struct run *run, const struct samples *samples, unsigned clock, struct histogram *sum)
{
	add_tallies(run, clock, sum);
	if (sum->total)
		return false;
	add_readings(samples, clock, sum);
	return sum->total > 0;
}

double read_cost_null_ns(const struct run *run)
{
	double *cycles = malloc((run->place_count + 1) * sizeof(*cycles)), ns;
	size_t count = 0;

	if (!cycles)
		return 0;
	for (size_t i = 0; i < run->place_count; i++)
		if (run->places[i].null_bracket_cycles > 0)
			cycles[count++] = run->places[i].null_bracket_cycles;
	ns = count ? cycles_to_ns(gsl_stats_median(cycles, 1, count), run->tsc_hz) : 0;
	free(cycles);
	return ns;
}

/*
 * The median of n values lies between those of rank n/2 -+ 0.98 sqrt(n) with 95 % (order statistics of the
 * binomial with p = 1/2).  A width counted in steps of the TSC has a median that is half a step off at most.
 */
struct read_cost read_cost_of(const struct run *run, const struct samples *samples, unsigned clock)
{
	struct histogram *h = calloc(1, sizeof(*h));
	struct read_cost cost = { NAN, NAN, NAN };
	double null_ns = read_cost_null_ns(run), half, step = fmax(run->tsc_granularity_cycles, 1) / 2;
	unsigned top;

	if (h)
		read_cost_widths(run, samples, clock, h);
	if (h && h->total) {
		half = 0.98 / sqrt((double)h->total);
		top = histogram_bucket(histogram_quantile(h, fmin(1, 0.5 + half)));
		cost.ns = cycles_to_ns((double)histogram_quantile(h, 0.5), run->tsc_hz) - null_ns;
		cost.low_ns =
			cycles_to_ns((double)histogram_quantile(h, fmax(0, 0.5 - half)) - step, run->tsc_hz) -
			null_ns;
		cost.high_ns =
			cycles_to_ns((double)histogram_bucket_low(top + 1) - 1 + step, run->tsc_hz) - null_ns;
	}
	free(h);
	return cost;
}
