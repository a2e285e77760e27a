/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_envelope.h"

#include <errno.h>
#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define QUANTILE_LOW  0.02
#define QUANTILE_HIGH 0.98
#define GAP_FACTOR    5.0 /* a gap is that many times longer than the median distance of bins */

struct filler {
	struct envelope_bin *bins;
	size_t count, capacity;
	double *scratch; /* values of the open bin */
	size_t held;
	double first_t, last_t;
	int64_t open; /* index of the open bin */
};

static int close_bin(struct filler *f)
{
	struct envelope_bin *bin;

	if (f->held == 0)
		return 0;
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 64;

		bin = reallocarray(f->bins, capacity, sizeof(*bin));
		if (!bin)
			return -ENOMEM;
		f->bins = bin;
		f->capacity = capacity;
	}
	bin = &f->bins[f->count];
	gsl_stats_minmax(&bin->low, &bin->high, f->scratch, 1, f->held);
	bin->median = gsl_stats_median(f->scratch, 1, f->held);
	bin->t = (f->first_t + f->last_t) / 2;
	bin->gap = false;
	f->count++;
	f->held = 0;
	return 0;
}

static int find_gaps(struct envelope_bin *bins, size_t count)
{
	double *distance, median;

	if (count < 3)
		return 0;
	distance = malloc(count * sizeof(*distance));
	if (!distance)
		return -ENOMEM;
	for (size_t i = 1; i < count; i++)
		distance[i - 1] = bins[i].t - bins[i - 1].t;
	median = gsl_stats_median(distance, 1, count - 1);
	for (size_t i = 1; i < count; i++)
		bins[i].gap = bins[i].t - bins[i - 1].t > GAP_FACTOR * median;
	free(distance);
	return 0;
}

int envelope_make(const double *t, const double *value, size_t n, double length, size_t bins,
	struct envelope_bin **out, size_t *count)
{
	struct filler f = { 0 };
	int rc = 0;

	f.scratch = malloc((n + 1) * sizeof(*f.scratch));
	if (!f.scratch)
		return -ENOMEM;
	for (size_t i = 0; i < n && !rc; i++) {
		int64_t bin;

		if (!isfinite(value[i]) || !isfinite(t[i]))
			continue;
		bin = length > 0 ? (int64_t)(t[i] / length * (double)bins) : 0;
		if (f.held && bin != f.open)
			rc = close_bin(&f);
		if (f.held == 0)
			f.first_t = t[i];
		f.open = bin;
		f.last_t = t[i];
		f.scratch[f.held++] = value[i];
	}
	if (!rc)
		rc = close_bin(&f);
	if (!rc)
		rc = find_gaps(f.bins, f.count);
	free(f.scratch);
	if (rc) {
		free(f.bins);
		f = (struct filler){ 0 };
	}
	*out = f.bins;
	*count = f.count;
	return rc;
}

struct axis axis_bulk(double *low, double *high, size_t n)
{
	struct axis axis = { 0 };
	double from, to, reach;

	if (n == 0)
		return axis;
	gsl_sort(low, 1, n);
	gsl_sort(high, 1, n);
	from = gsl_stats_quantile_from_sorted_data(low, 1, n, QUANTILE_LOW);
	to = gsl_stats_quantile_from_sorted_data(high, 1, n, QUANTILE_HIGH);
	reach = to - from;
	axis.low = fmax(low[0], from - reach);
	axis.high = fmin(high[n - 1], to + reach);
	return axis;
}
