/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/coverage.h"

#include <math.h>
#include <string.h>

#include "analysis/judge.h"

#define SHORT_SHARE    0.1 /* of the phase */
#define SHORT_SPACINGS 10
#define NTP_REQUESTS   2

/* Readings from `first` on, up to but not including `end`. */
struct stretch {
	size_t first, end;
};

/* Index of the first reading at or after that instant. */
static size_t at_or_after(const struct series *s, uint64_t tsc)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->readings[middle].tsc_lo < tsc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct stretch stretch_of(const struct series *s, uint64_t from, uint64_t to)
{
	return (struct stretch){ at_or_after(s, from), at_or_after(s, to) };
}

static bool is_witness(const struct run *run, const struct series *of, const struct series *other)
{
	return other->cpu == of->cpu || run->clocks[of->clock].cadence == CADENCE_SLOW;
}

/* From the first to the last reading within [from, to) of all that witness; 0: none. */
static double witnessed_s(const struct run *run, const struct samples *samples, const struct series *of,
	uint64_t from, uint64_t to)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (size_t i = 0; i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];
		struct stretch found;

		if (!is_witness(run, of, s))
			continue;
		found = stretch_of(s, from, to);
		if (found.first >= found.end)
			continue;
		if (s->readings[found.first].tsc_lo < first)
			first = s->readings[found.first].tsc_lo;
		if (s->readings[found.end - 1].tsc_lo > last)
			last = s->readings[found.end - 1].tsc_lo;
	}
	return last > first ? (double)(last - first) / run->tsc_hz : 0;
}

static double request_s(const struct run *run, unsigned clock)
{
	for (size_t i = 0; i < run->ntp_count; i++)
		if (strcmp(run->ntp[i].clock, run->clocks[clock].name) == 0)
			return run->ntp[i].interval_s;
	return 0;
}

static double spacing_s(const struct run *run, const struct series *s, size_t i)
{
	return (double)(int64_t)(s->readings[i].tsc_lo - s->readings[i - 1].tsc_lo) / run->tsc_hz;
}

/* The longest gap that is none; INFINITY: all are long, so it is a clock that is read rarely. */
static double longest_none_s(const struct run *run, const struct series *s, struct stretch in, double all_s)
{
	double sum_s = 0, requests_s = NTP_REQUESTS * request_s(run, s->clock);
	size_t count = 0;

	for (size_t i = in.first + 1; i < in.end; i++) {
		double gap_s = spacing_s(run, s, i);

		if (gap_s > SHORT_SHARE * all_s)
			continue;
		sum_s += gap_s;
		count++;
	}
	if (!count)
		return INFINITY;
	return fmax(fmax(SHORT_SHARE * all_s, SHORT_SPACINGS * sum_s / (double)count), requests_s);
}

struct coverage coverage_of(const struct run *run, const struct samples *samples, const struct phase *phase,
	const struct series *series)
{
	struct coverage c = { .all_s = witnessed_s(run, samples, series, phase->tsc_lo, phase->tsc_hi) };
	struct stretch in = stretch_of(series, phase->tsc_lo, phase->tsc_hi);
	double none_s;

	if (in.end < in.first + JUDGE_READINGS_MIN)
		return c;
	none_s = longest_none_s(run, series, in, c.all_s);
	for (size_t i = in.first; i <= in.end && isfinite(none_s); i++) {
		/* Its own readings bound the gap and are no part of it. */
		uint64_t from = i > in.first ? series->readings[i - 1].tsc_lo + 1 : phase->tsc_lo;
		uint64_t to = i < in.end ? series->readings[i].tsc_lo : phase->tsc_hi;
		double gap_s;

		if (to <= from || (double)(to - from) / run->tsc_hz <= none_s)
			continue;
		gap_s = witnessed_s(run, samples, series, from, to);
		if (gap_s > none_s)
			c.unread_s += gap_s;
	}
	return c;
}
