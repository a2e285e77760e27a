/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/line.c"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <stdio.h>

#define SEED   20250311u
#define N      50
#define TRIALS 4000

static void a_straight_line_is_found(void **state)
{
	double t[N], x[N];
	bool use[N];
	struct line line;

	(void)state;
	for (int i = 0; i < N; i++) {
		t[i] = 1e6 + i * 0.1;
		x[i] = 5e9 - 3.86e7 * (i * 0.1) + (i & 1 ? 1e9 : 0);
		use[i] = !(i & 1);
	}
	assert_true(line_fit(t, x, use, N, 0.25, &line));
	assert_int_equal(line.n, N / 2);
	assert_true(fabs(line.slope + 3.86e7) < 1e-3);
	assert_true(fabs(line_at(&line, 1e6) - 5e9) < 1e-3);
	/* No scatter at all: the resolution is what is left. */
	assert_true(line.residual == 0.25);
	assert_true(fabs(line.slope_se - 0.25 / sqrt(line.sxx)) < 1e-12);
}

/* Four points by hand: slope 0.6, residuals -0.2 0.2 0.2 -0.2 ... */
static void least_squares_by_hand(void **state)
{
	static const double t[] = { 0, 1, 2, 3 }, x[] = { 0, 1, 1, 2 };
	struct line line;

	(void)state;
	assert_true(line_fit(t, x, NULL, 4, 0, &line));
	assert_true(fabs(line.slope - 0.6) < 1e-15 && fabs(line.at_mean - 1) < 1e-15);
	assert_true(fabs(line.sxx - 5) < 1e-15);
	assert_true(fabs(line.residual - sqrt(0.2 / 2)) < 1e-15);
	assert_true(fabs(line.slope_se - sqrt(0.1 / 5)) < 1e-15);
}

static void lines_need_points(void **state)
{
	static const double t[] = { 1, 2, 3 }, same[] = { 7, 7, 7 };
	static const bool two[] = { true, false, true };
	struct line line;

	(void)state;
	assert_false(line_fit(t, same, NULL, 0, 0, &line));
	assert_false(line_fit(t, same, NULL, 2, 0, &line));
	assert_false(line_fit(t, same, two, 3, 0, &line));
	assert_false(line_fit(same, t, NULL, 3, 0, &line));
	assert_true(line_fit(t, same, NULL, 3, 0, &line));
	assert_false(line_theil_sen(t, same, 2, &line));
	assert_false(line_theil_sen(same, t, 3, &line));
	assert_false(line_robust(t, same, 0, 4, 0, NULL, &line));
}

static void the_standard_error_is_honest(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double t[N], x[N], square = 0, claimed = 0;

	(void)state;
	print_message("seed %u\n", SEED);
	gsl_rng_set(rng, SEED);
	for (int k = 0; k < TRIALS; k++) {
		struct line line;

		for (int i = 0; i < N; i++) {
			t[i] = i * i; /* uneven */
			x[i] = 4 * t[i] + gsl_ran_gaussian(rng, 3);
		}
		assert_true(line_fit(t, x, NULL, N, 0, &line));
		square += (line.slope - 4) * (line.slope - 4) / TRIALS;
		claimed += line.slope_se * line.slope_se / TRIALS;
	}
	gsl_rng_free(rng);
	/* The ratio of the variances is known to sqrt(2 / 4000) = 2.2 %. */
	assert_true(square / claimed > 0.91 && square / claimed < 1.09);
}

static void theil_sen_bears_a_quarter_of_rubbish(void **state)
{
	double t[N], x[N];
	bool use[N];
	struct line line;

	(void)state;
	for (int i = 0; i < N; i++) {
		t[i] = i;
		x[i] = 2 * i + 1 + 0.01 * (i % 3) + (i % 4 == 3 ? 1e6 : 0);
	}
	assert_true(line_theil_sen(t, x, N, &line));
	assert_true(fabs(line.slope - 2) < 0.01);
	assert_true(line_robust(t, x, N, 4, 0, use, &line));
	for (int i = 0; i < N; i++)
		assert_int_equal(use[i], i % 4 != 3);
	assert_int_equal(line.n, N - N / 4);
	assert_true(fabs(line.slope - 2) < 1e-3);
	/* What lies within the resolution is never rejected. */
	for (int i = 0; i < N; i++)
		x[i] = i == 20 ? 0.9 : 0;
	assert_true(line_robust(t, x, N, 4, 1, use, &line));
	assert_int_equal(line.n, N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_straight_line_is_found),
		cmocka_unit_test(least_squares_by_hand),
		cmocka_unit_test(lines_need_points),
		cmocka_unit_test(the_standard_error_is_honest),
		cmocka_unit_test(theil_sen_bears_a_quarter_of_rubbish),
	};

	return cmocka_run_group_tests_name("analysis/line", tests, NULL, NULL);
}
