/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/hull.c"

#include <gsl/gsl_rng.h>
#include <stdio.h>

#define SEED   77123u
#define POINTS 24

/* All pairs: slope bounds of a line below every high edge and above every low one. */
static bool brute(
	const double *t, const double *middle, const double *half, size_t n, double *low, double *high)
{
	*low = -INFINITY;
	*high = INFINITY;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++) {
			double dt = t[j] - t[i], rise = middle[j] - middle[i], room = half[i] + half[j];

			*low = fmax(*low, (rise - room) / dt);
			*high = fmin(*high, (rise + room) / dt);
		}
	return *low <= *high;
}

static void hulls_say_what_all_pairs_say(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned fit = 0, none = 0;

	(void)state;
	print_message("seed %u\n", SEED);
	gsl_rng_set(rng, SEED);
	for (int trial = 0; trial < 2000; trial++) {
		double t[POINTS], middle[POINTS], half[POINTS], low, high, want_low, want_high;
		size_t n = 3 + gsl_rng_uniform_int(rng, POINTS - 2);
		bool ok;

		for (size_t i = 0; i < n; i++) {
			double early = gsl_rng_uniform(rng) * 100, late = gsl_rng_uniform(rng) * 100;

			t[i] = (double)i + gsl_rng_uniform(rng) * 0.9;
			/* Now and then a bracket that misses the truth. */
			middle[i] = 7 * t[i] + (late - early) / 2 + (gsl_rng_uniform(rng) < 0.05 ? 150 : 0);
			half[i] = (late + early) / 2;
		}
		ok = hull_slopes(t, middle, half, NULL, n, &low, &high);
		assert_int_equal(ok, brute(t, middle, half, n, &want_low, &want_high));
		if (ok && (fabs(low - want_low) > 1e-9 || fabs(high - want_high) > 1e-9))
			fail_msg("trial %d: %g..%g instead of %g..%g", trial, low, high, want_low, want_high);
		fit += ok;
		none += !ok;
		if (!ok)
			assert_true(isnan(low) && isnan(high));
	}
	gsl_rng_free(rng);
	assert_true(fit > 200 && none > 200);
}

static void three_brackets_by_hand(void **state)
{
	static const double t[] = { 0, 1, 2 }, middle[] = { 0, 1, 2 }, half[] = { 1, 1, 1 };
	double low, high;

	(void)state;
	assert_true(hull_slopes(t, middle, half, NULL, 3, &low, &high));
	assert_true(fabs(low - 0) < 1e-15 && fabs(high - 2) < 1e-15);
}

static void a_step_leaves_no_line(void **state)
{
	double t[40], middle[40], half[40], low, high;
	bool use[40];

	(void)state;
	for (int i = 0; i < 40; i++) {
		t[i] = i;
		middle[i] = i < 20 ? 0 : 100;
		half[i] = 10;
		use[i] = i < 20;
	}
	assert_false(hull_slopes(t, middle, half, NULL, 40, &low, &high));
	assert_true(isnan(low) && isnan(high));
	assert_true(hull_slopes(t, middle, half, use, 40, &low, &high));
	assert_true(low < 0 && high > 0);
}

static void inverted_brackets_and_few_points(void **state)
{
	static const double t[] = { 0, 1, 2, 3, 3 }, middle[] = { 0, 1e9, 2, 3, 1e9 };
	static const double half[] = { 1, -1, 1, 1, 1 };
	double low, high;

	(void)state;
	/* The inverted one is left out, and so is a second one at the same instant. */
	assert_true(hull_slopes(t, middle, half, NULL, 5, &low, &high));
	assert_true(low <= 1 && high >= 1 && high < 10);
	assert_false(hull_slopes(t, middle, half, NULL, 3, &low, &high));
	assert_false(hull_slopes(t, middle, half, NULL, 0, &low, &high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hulls_say_what_all_pairs_say),
		cmocka_unit_test(three_brackets_by_hand),
		cmocka_unit_test(a_step_leaves_no_line),
		cmocka_unit_test(inverted_brackets_and_few_points),
	};

	return cmocka_run_group_tests_name("analysis/hull", tests, NULL, NULL);
}
