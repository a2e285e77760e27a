/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/pair_stability.c"

#include "analysis/synthetic_test.h"

#define SEED 808u
#define N    4096

static double t[N], x[N], half[N];
static bool use[N];

static size_t rows_of(size_t n, double interval_s, struct stability **rows)
{
	struct pair pair = { .count = n, .t_s = t, .offset_ns = x, .half_ns = half };
	struct error err = { "" };
	size_t count = 99;

	assert_int_equal(pair_stability(&pair, use, interval_s, rows, &count, &err), 0);
	return count;
}

/* White phase noise of 10 ns on a grid of 10 ms. */
static void white_phase(size_t n, double interval_s, double drift)
{
	struct sim_model m = synthetic_model("noise=10:delay=100", SEED);

	print_message("seed %u\n", SEED);
	synthetic_points(&m, n, (double)n * interval_s, t, x, half);
	for (size_t i = 0; i < n; i++) {
		t[i] = 5 + (double)i * interval_s;
		x[i] += drift * t[i];
		use[i] = true;
	}
}

static void white_phase_noise_has_its_known_slope(void **state)
{
	/* The value and the mean of two stamps, 10 ns each. */
	double sigma_s = 10e-9 * sqrt(1.5);
	struct stability *rows;
	size_t count;

	(void)state;
	white_phase(N, 0.01, 20000);
	count = rows_of(N, 0.01, &rows);
	assert_true(count >= 10);
	for (size_t i = 0; i < 6; i++) {
		double expected = sqrt(3) * sigma_s / rows[i].tau_s;

		assert_true(fabs(rows[i].tau_s - 0.01 * (1 << i)) < 1e-12);
		/* ADEV^2 = 3 sigma^2 / tau^2 for white phase noise (NIST SP 1065, section 5). */
		assert_true(fabs(rows[i].oadev / expected - 1) < 0.08);
		assert_true(rows[i].oadev_low < expected * 1.02 && rows[i].oadev_high > expected * 0.98);
		assert_int_equal(rows[i].n, N);
		assert_int_equal(rows[i].filled, 0);
		/* The drift of 20 ppm over 41 s is taken out. */
		assert_true(rows[i].mtie_ns < 200 && rows[i].tierms_ns < 100);
	}
	free(rows);
}

static void gaps_are_filled_and_counted(void **state)
{
	struct stability *rows;
	size_t count;

	(void)state;
	white_phase(N, 0.01, 0);
	for (size_t i = 10; i < N; i += 10)
		use[i] = false;
	count = rows_of(N, 0.01, &rows);
	assert_true(count > 0);
	assert_int_equal(rows[0].filled, N / 10);
	free(rows);
	/* Too many empty places: a coarser grid. */
	for (size_t i = 0; i < N; i++)
		use[i] = i % 7 < 3;
	count = rows_of(N, 0.01, &rows);
	assert_true(count > 0);
	assert_true(rows[0].tau_s > 0.015 && rows[0].tau_s < 0.15);
	assert_true((double)rows[0].filled <= STABILITY_FILLED_MAX * (double)rows[0].n);
	free(rows);
}

static void spacing_is_found_where_it_is_not_known(void **state)
{
	struct stability *rows;

	(void)state;
	white_phase(N, 0.0125, 0);
	assert_true(rows_of(N, 0, &rows) > 0);
	assert_true(fabs(rows[0].tau_s - 0.0125) < 1e-9);
	free(rows);
	/* A slow clock in a fast run sets its own pace. */
	assert_true(rows_of(N, 0.001, &rows) > 0);
	assert_true(fabs(rows[0].tau_s - 0.0125) < 1e-9);
	free(rows);
}

static void several_points_share_a_place(void **state)
{
	struct stability *rows;

	(void)state;
	white_phase(N, 0.01, 0);
	assert_true(rows_of(N, 0.04, &rows) > 0);
	assert_true(rows[0].tau_s == 0.04);
	/* Means of four: half the noise. */
	assert_true(fabs(rows[0].oadev / (sqrt(3) * 10e-9 * sqrt(1.5) / 2 / 0.04) - 1) < 0.1);
	free(rows);
}

static void few_points_have_no_rows(void **state)
{
	struct stability *rows;

	(void)state;
	white_phase(POINTS_MIN, 0.01, 0);
	assert_true(rows_of(POINTS_MIN, 0.01, &rows) > 0);
	free(rows);
	for (size_t n = 0; n < POINTS_MIN; n++)
		assert_int_equal(rows_of(n, 0.01, &rows), 0);
	memset(use, 0, sizeof(use));
	assert_int_equal(rows_of(N, 0.01, &rows), 0);
	/* All at one instant. */
	for (size_t i = 0; i < N; i++) {
		t[i] = 3;
		use[i] = true;
	}
	assert_int_equal(rows_of(N, 0, &rows), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_phase_noise_has_its_known_slope),
		cmocka_unit_test(gaps_are_filled_and_counted),
		cmocka_unit_test(spacing_is_found_where_it_is_not_known),
		cmocka_unit_test(several_points_share_a_place),
		cmocka_unit_test(few_points_have_no_rows),
	};

	return cmocka_run_group_tests_name("analysis/pair_stability", tests, NULL, NULL);
}
