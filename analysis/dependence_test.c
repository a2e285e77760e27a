/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/dependence.c"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <stdio.h>

#include "analysis/line.h"

#define SEED   91u
#define N      400
#define TRIALS 300

static void runs_by_hand(void **state)
{
	double alternating[40], halves[40], equal[40] = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		alternating[i] = i & 1 ? 1 : -1;
		halves[i] = i < 20 ? 1 : -1;
	}
	/* 20 a side: expected 21 runs, variance 20 * 19 / 39. */
	assert_true(fabs(runs_test(alternating, 40) - 19 / sqrt(20.0 * 19 / 39)) < 1e-12);
	assert_true(fabs(runs_test(halves, 40) + 19 / sqrt(20.0 * 19 / 39)) < 1e-12);
	assert_true(runs_test(equal, 40) == 0);
	/* Less than 10 a side: no opinion. */
	assert_true(runs_test(halves + 11, 18) == 0);
	assert_true(runs_test(NULL, 0) == 0);
}

/* AR(1) noise of unit variance; phi 1: a random walk. */
static void noise(gsl_rng *rng, double phi, double *x, size_t n)
{
	double scale = phi < 1 ? sqrt(1 - phi * phi) : 1;

	for (size_t i = 0; i < n; i++)
		x[i] = i ? phi * x[i - 1] + gsl_ran_gaussian(rng, scale) : gsl_ran_gaussian(rng, 1);
}

static void runs_reject_what_wanders(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned white = 0, wandering = 0;
	double x[N];

	(void)state;
	print_message("seed %u\n", SEED);
	gsl_rng_set(rng, SEED);
	for (int k = 0; k < 2000; k++) {
		noise(rng, 0, x, N);
		white += fabs(runs_test(x, N)) > RUNS_TEST_LIMIT;
		noise(rng, 0.5, x, N);
		wandering += runs_test(x, N) < -RUNS_TEST_LIMIT;
	}
	gsl_rng_free(rng);
	/* 1 % of 2000 is 20 +- 4.5. */
	assert_in_range(white, 6, 38);
	assert_true(wandering > 1980);
}

/* Residuals of a line through x, one a second. */
static void detrend(const double *x, size_t n, double *t, double *r, struct line *line)
{
	for (size_t i = 0; i < n; i++)
		t[i] = (double)i;
	assert_true(line_fit(t, x, NULL, n, 0, line));
	for (size_t i = 0; i < n; i++)
		r[i] = x[i] - line_at(line, t[i]);
}

static void wander_by_hand(void **state)
{
	double alternating[40], halves[40], equal[40] = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		alternating[i] = i & 1 ? 1 : -1;
		halves[i] = i < 20 ? 1 : -1;
	}
	/* Every other partial sum is 1, the rest 0; or they rise to 20 and fall again. */
	assert_true(fabs(wander_test(alternating, 40) - 20.0 / (40 * 40)) < 1e-12);
	assert_true(fabs(wander_test(halves, 40) - (2870 + 2470) / (40.0 * 40)) < 1e-12);
	assert_true(wander_test(equal, 40) == 0);
	assert_true(wander_test(halves + 17, 7) == 0);
	assert_true(wander_test(NULL, 0) == 0);
}

/* A walk that ends as large as the white noise that it is in: runs hardly tell. */
static void wander_is_seen_in_noise(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned white = 0, likely = 0, seen = 0, runs = 0;
	double t[N], x[N], walk[N], r[N];
	struct line line;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (int k = 0; k < 2000; k++) {
		noise(rng, 0, x, N);
		detrend(x, N, t, r, &line);
		white += wander_test(r, N) > WANDER_TEST_LIMIT;
		likely += wander_test(r, N) > WANDER_TEST_LIKELY;
		noise(rng, 1, walk, N);
		for (int i = 0; i < N; i++)
			x[i] += walk[i] / sqrt(N);
		detrend(x, N, t, r, &line);
		seen += wander_test(r, N) > WANDER_TEST_LIMIT;
		runs += runs_test(r, N) < -RUNS_TEST_LIMIT;
	}
	gsl_rng_free(rng);
	print_message("seed %u: white %u and %u, weak walk %u, by runs %u of 2000\n", SEED, white, likely,
		seen, runs);
	/* 1 % of 2000 is 20 +- 4.5, 10 % are 200 +- 13. */
	assert_in_range(white, 6, 38);
	assert_in_range(likely, 150, 250);
	assert_true(seen > 900 && seen > 3 * runs);
}

/* Share of trials in which the interval holds the true slope of 0. */
static double coverage(double phi, size_t n, double *plain)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double t[N], x[N], r[N], covered = 0;

	gsl_rng_set(rng, SEED + (unsigned)(phi * 1000));
	*plain = 0;
	for (int k = 0; k < TRIALS; k++) {
		struct line line;
		double freedom, se;
		const char *how;

		noise(rng, phi, x, n);
		detrend(x, n, t, r, &line);
		se = dependent_slope_se(t, r, n, &freedom, &how);
		covered += fabs(line.slope) <= se * gsl_cdf_tdist_Pinv(0.975, freedom);
		*plain += fabs(line.slope) <= 1.966 * line.slope_se;
	}
	gsl_rng_free(rng);
	*plain /= TRIALS;
	return covered / TRIALS;
}

static void dependent_noise_is_covered(void **state)
{
	static const struct {
		double phi;
		size_t n;
		double least;
	} cases[] = {
		{ 0, N, 0.91 },
		{ 0.5, N, 0.9 },
		{ 0.8, N, 0.88 },
		{ 0.9, N, 0.88 },
		{ 1, N, 0.9 },
		{ 1, 100, 0.9 },
		{ 1, 40, 0.9 },
		{ 1, 10, 0.75 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double plain, share = coverage(cases[i].phi, cases[i].n, &plain);

		print_message("seed %u, %zu of AR(1) %g: covered %.3f, independent errors assumed %.3f\n",
			SEED, cases[i].n, cases[i].phi, share, plain);
		if (share < cases[i].least)
			fail_msg("AR(1) %g: covered only %.3f", cases[i].phi, share);
	}
}

static void bootstrap_is_repeatable_and_knows_its_blocks(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double t[N], x[N], freedom, again, se;
	const char *how;

	(void)state;
	gsl_rng_set(rng, SEED);
	noise(rng, 0.8, x, N);
	gsl_rng_free(rng);
	for (int i = 0; i < N; i++)
		t[i] = 1e6 + i;
	se = dependent_slope_se(t, x, N, &freedom, &how);
	assert_true(se > 0 && se == dependent_slope_se(t, x, N, &again, &how) && freedom == again);
	assert_true(freedom >= 2 && freedom < N / 8.0);
	assert_true(block_length(x, N) >= 8 && block_length(x, N) <= N / 4);
	assert_true(isnan(dependent_slope_se(t, x, 7, &freedom, &how)));
	assert_true(freedom == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_by_hand),
		cmocka_unit_test(runs_reject_what_wanders),
		cmocka_unit_test(wander_by_hand),
		cmocka_unit_test(wander_is_seen_in_noise),
		cmocka_unit_test(dependent_noise_is_covered),
		cmocka_unit_test(bootstrap_is_repeatable_and_knows_its_blocks),
	};

	return cmocka_run_group_tests_name("analysis/dependence", tests, NULL, NULL);
}
