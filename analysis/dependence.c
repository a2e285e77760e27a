/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/dependence.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST	       8 /* residuals that say something of dependence */
#define RESAMPLES      800
#define QUARTERS       4
#define BLOCKS_LEAST   16
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

double wander_test(const double *residual, size_t n)
{
	double mean, sum = 0, squares = 0, wander = 0;

	if (n < LEAST)
		return 0;
	mean = gsl_stats_mean(residual, 1, n);
	for (size_t i = 0; i < n; i++) {
		double r = residual[i] - mean;

		sum += r;
		wander += sum * sum;
		squares += r * r;
	}
	return squares > 0 ? wander / squares / (double)n : 0;
}

bool residuals_depend(const double *residual, size_t n)
{
	return fabs(runs_test(residual, n)) > RUNS_TEST_LIMIT || wander_test(residual, n) > WANDER_TEST_LIMIT;
}

static size_t block_length(const double *r, size_t n)
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
	block = (size_t)ceil(cbrt((double)n));
	if (2 * lag > block)
		block = 2 * lag;
	return block < n / 4 ? block : n / 4;
}

/*
 * Do the residuals wander farther than blocks can follow?  Means of blocks that span the correlation are
 * independent.  Too few of them cannot tell: then the residuals themselves are looked at.
 */
static bool blocks_wander(const double *r, size_t n, size_t block)
{
	size_t blocks = n / block;
	double *mean = malloc(blocks * sizeof(*mean));
	bool enough = mean && blocks >= BLOCKS_LEAST, wander;

	for (size_t i = 0; enough && i < blocks; i++)
		mean[i] = gsl_stats_mean(r + i * block, 1, block);
	wander = (enough ? wander_test(mean, blocks) : wander_test(r, n)) > WANDER_TEST_LIKELY;
	free(mean);
	return wander;
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
 * Standard error of the slope from the scatter of the slopes of the four quarters.  Through a walk of variance q t
 * a least-squares slope over T has the variance 6/5 q / T; the slopes of its quarters have four times that, and are
 * independent.  Through white noise this is about four times too wide.
 */
static double quarters_slope_se(const double *t, const double *r, size_t n)
{
	double slopes[QUARTERS];

	for (size_t i = 0; i < QUARTERS; i++) {
		size_t from = i * n / QUARTERS, count = (i + 1) * n / QUARTERS - from;

		slopes[i] = gsl_stats_covariance(t + from, 1, r + from, 1, count) /
			    gsl_stats_variance(t + from, 1, count);
	}
	return gsl_stats_sd(slopes, 1, QUARTERS) / sqrt(QUARTERS);
}

double dependent_slope_se(
	const double *t, const double *residual, size_t n, double *freedom, const char **how)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double *dt = malloc((n + 1) * sizeof(*dt)), slopes[RESAMPLES], sxx = 0, mean, se = NAN, quarters_se;
	size_t block;

	*freedom = 1;
	*how = "block bootstrap";
	if (n < LEAST || !rng || !dt)
		goto out;
	mean = gsl_stats_mean(t, 1, n);
	for (size_t i = 0; i < n; i++) {
		dt[i] = t[i] - mean;
		sxx += dt[i] * dt[i];
	}
	gsl_rng_set(rng, BOOTSTRAP_SEED);
	block = block_length(residual, n);
	for (size_t i = 0; i < RESAMPLES; i++)
		slopes[i] = resampled_slope(dt, residual, n, block, rng) / sxx;
	/* Residuals of a fit are smaller than the errors: n - 2 of n. */
	se = gsl_stats_sd(slopes, 1, RESAMPLES) * sqrt((double)n / (double)(n - 2));
	*freedom = fmax((double)n / (double)block - 2, 1);
	if (!blocks_wander(residual, n, block))
		goto out;
	quarters_se = quarters_slope_se(t, residual, n);
	if (quarters_se * gsl_cdf_tdist_Pinv(0.975, QUARTERS - 1) >
		se * gsl_cdf_tdist_Pinv(0.975, *freedom)) {
		se = quarters_se;
		*freedom = QUARTERS - 1;
		*how = "slopes of quarters";
	}
out:
	free(dt);
	if (rng)
		gsl_rng_free(rng);
	return se;
}
