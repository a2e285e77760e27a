/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/dependence.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES      800
#define SEGMENTS       8
#define BOOTSTRAP_SEED 20190610 /* any: it only makes results repeatable */

static double median_of(const double *x, size_t n)
{
	double *copy = malloc(n * sizeof(*copy)), median;

	if (!copy)
		return NAN;
	memcpy(copy, x, n * sizeof(*copy));
	median = gsl_stats_median(copy, 1, n);
	free(copy);
	return median;
}

double runs_test(const double *residual, size_t n)
{
	double above = 0, below = 0, runs = 0, expected, variance, median;
	int side = 0;

	median = n ? median_of(residual, n) : 0;
	for (size_t i = 0; i < n; i++) {
		int here = (residual[i] > median) - (residual[i] < median);

		if (here == 0)
			continue;
		above += here > 0;
		below += here < 0;
		runs += here != side;
		side = here;
	}
	if (above < 10 || below < 10)
		return 0;
	expected = 2 * above * below / (above + below) + 1;
	variance = (expected - 1) * (expected - 2) / (above + below - 1);
	return (runs - expected) / sqrt(variance);
}

/* *wanders: the residuals hang together over a sixteenth of the series, as a random walk's do, further than blocks can follow. */
static size_t block_length(const double *r, size_t n, bool *wanders)
{
	double mean = gsl_stats_mean(r, 1, n), variance = 0;
	size_t lag, block;

	for (size_t i = 0; i < n; i++)
		variance += (r[i] - mean) * (r[i] - mean);
	for (lag = 1; lag < n / 8; lag++) {
		double sum = 0;

		for (size_t i = 0; i + lag < n; i++)
			sum += (r[i] - mean) * (r[i + lag] - mean);
		if (sum < 2 / sqrt((double)n) * variance)
			break;
	}
	*wanders = lag >= n / 16;
	block = (size_t)ceil(cbrt((double)n));
	if (2 * lag > block)
		block = 2 * lag;
	return block < n / 4 ? block : n / 4;
}

/* Slope of residuals drawn in circular blocks, over the fixed t. */
static double resampled_slope(const double *dt, const double *r, size_t n, size_t block, gsl_rng *rng)
{
	double sum = 0, total = 0, st = 0;

	for (size_t i = 0; i < n; i += block) {
		size_t start = gsl_rng_uniform_int(rng, n);

		for (size_t j = 0; j < block && i + j < n; j++) {
			double x = r[start + j < n ? start + j : start + j - n];

			sum += dt[i + j] * x;
			total += x;
			st += dt[i + j];
		}
	}
	return sum - total * st / (double)n;
}

/*
 * Standard error of the slope through a random walk, from the scatter of the end-to-end
 * slopes of SEGMENTS pieces, which are independent there.  A walk of variance q t gives an
 * end-to-end slope the variance q / T, and a least-squares one 6/5 of it.
 */
static double random_walk_slope_se(const double *t, const double *r, size_t n)
{
	double slopes[SEGMENTS];

	for (size_t i = 0; i < SEGMENTS; i++) {
		size_t from = i * (n - 1) / SEGMENTS, to = (i + 1) * (n - 1) / SEGMENTS;

		slopes[i] = (r[to] - r[from]) / (t[to] - t[from]);
	}
	return gsl_stats_sd(slopes, 1, SEGMENTS) * sqrt(6.0 / 5 / SEGMENTS);
}

double block_bootstrap_slope_se(const double *t, const double *residual, size_t n, double *freedom)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double *dt = malloc((n + 1) * sizeof(*dt)), slopes[RESAMPLES], sxx = 0, mean, se = NAN, walk_se;
	bool wanders;
	size_t block;

	*freedom = 1;
	if (n < 8 || !rng || !dt)
		goto out;
	mean = gsl_stats_mean(t, 1, n);
	for (size_t i = 0; i < n; i++) {
		dt[i] = t[i] - mean;
		sxx += dt[i] * dt[i];
	}
	gsl_rng_set(rng, BOOTSTRAP_SEED);
	block = block_length(residual, n, &wanders);
	for (size_t i = 0; i < RESAMPLES; i++)
		slopes[i] = resampled_slope(dt, residual, n, block, rng) / sxx;
	/* Residuals of a fit are smaller than the errors: n - 2 of n. */
	se = gsl_stats_sd(slopes, 1, RESAMPLES) * sqrt((double)n / (double)(n - 2));
	*freedom = fmax((double)n / (double)block - 2, 1);
	/* In a shorter series a few lags are no evidence of a walk. */
	if (!wanders || n < 16 * SEGMENTS)
		goto out;
	walk_se = random_walk_slope_se(t, residual, n);
	if (walk_se * gsl_cdf_tdist_Pinv(0.975, SEGMENTS - 1) > se * gsl_cdf_tdist_Pinv(0.975, *freedom)) {
		se = walk_se;
		*freedom = SEGMENTS - 1;
	}
out:
	free(dt);
	if (rng)
		gsl_rng_free(rng);
	return se;
}
