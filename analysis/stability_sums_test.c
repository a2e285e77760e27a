/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "analysis/stability_sums.c"

#define SEED	20260101u
#define LONGEST 9000

/* Sum of squares of the filter h of length taps at every window, term by term. */
static struct squares brute_filter(const double *x, size_t n, const double *h, size_t taps, size_t stride)
{
	struct squares s = { 0, 0 };
	long double total = 0;

	for (size_t i = 0; i + taps <= n; i += stride) {
		long double sum = 0;

		for (size_t k = 0; k < taps; k++)
			sum += (long double)h[k] * x[i + k];
		total += sum * sum;
		s.count++;
	}
	s.sum = (double)total;
	return s;
}

/* Filter of the differences of order d at distance m, of the average over `average` points. */
static size_t difference_filter(double *h, int d, size_t m, size_t average)
{
	static const double binomial[4][4] = { { 1 }, { -1, 1 }, { 1, -2, 1 }, { -1, 3, -3, 1 } };

	memset(h, 0, ((size_t)d * m + average) * sizeof(*h));
	for (size_t k = 0; k <= (size_t)d; k++) {
		for (size_t j = 0; j < average; j++)
			h[k * m + j] += binomial[d][k];
	}
	return (size_t)d * m + average;
}

/* Two lines of m points; the last tap, of weight 0, makes it span 2 tau. */
static size_t regression_filter(double *h, size_t m)
{
	memset(h, 0, (2 * m + 1) * sizeof(*h));
	for (size_t k = 0; k < m; k++) {
		h[k] = (double)(m - 1) / 2 - (double)k;
		h[m + k] = -h[k];
	}
	return 2 * m + 1;
}

/* The definition itself: the record with both reflections written out. */
static struct squares brute_reflected(const double *x, size_t n, size_t m)
{
	struct squares s = { 0, 0 };
	double *long_x = calloc(3 * n, sizeof(*long_x));
	double *mid = long_x + n;

	assert_non_null(long_x);
	memcpy(mid, x, n * sizeof(*x));
	for (size_t j = 1; j + 1 < n; j++) {
		*(mid - j) = 2 * x[0] - x[j];
		mid[n - 1 + j] = 2 * x[n - 1] - x[n - 1 - j];
	}
	for (size_t i = 1; i + 1 < n; i++) {
		double d = *(mid + i - m) - 2 * mid[i] + mid[i + m];

		s.sum += d * d;
		s.count++;
	}
	free(long_x);
	return s;
}

static void assert_same(struct squares got, struct squares want, double tolerance)
{
	assert_int_equal(got.count, want.count);
	if (!(fabs(got.sum - want.sum) <= tolerance * want.sum))
		fail_msg("sum %.17g instead of %.17g", got.sum, want.sum);
}

static void compare_all(const double *x, size_t n, size_t m, double tolerance)
{
	double *h = calloc(4 * m + 2, sizeof(*h));
	struct squares inner = sum_second_difference(x, n, m, 1);

	assert_non_null(h);
	assert_same(sum_first_difference(x, n, m), brute_filter(x, n, h, difference_filter(h, 1, m, 1), 1),
		tolerance);
	assert_same(inner, brute_filter(x, n, h, difference_filter(h, 2, m, 1), 1), tolerance);
	assert_same(sum_second_difference(x, n, m, m),
		brute_filter(x, n, h, difference_filter(h, 2, m, 1), m), tolerance);
	assert_same(sum_third_difference(x, n, m, 1), brute_filter(x, n, h, difference_filter(h, 3, m, 1), 1),
		tolerance);
	assert_same(sum_third_difference(x, n, m, m), brute_filter(x, n, h, difference_filter(h, 3, m, 1), m),
		tolerance);
	assert_same(sum_averaged_difference(x, n, m), brute_filter(x, n, h, difference_filter(h, 2, m, m), 1),
		tolerance);
	assert_same(sum_regression_difference(x, n, m), brute_filter(x, n, h, regression_filter(h, m), 1),
		tolerance);
	assert_same(sum_reflected_difference(x, n, m, inner), brute_reflected(x, n, m), tolerance);
	free(h);
}

/* Noise integrated `times` times: 0 white PM, 1 white FM, 2 random walk FM. */
static double *make_phase(size_t n, int times, double slope)
{
	double *x = calloc(n, sizeof(*x));
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	assert_non_null(x);
	assert_non_null(rng);
	gsl_rng_set(rng, SEED);
	for (size_t i = 0; i < n; i++)
		x[i] = gsl_ran_gaussian_ziggurat(rng, 1);
	for (int k = 0; k < times; k++) {
		for (size_t i = 1; i < n; i++)
			x[i] += x[i - 1];
	}
	for (size_t i = 0; i < n; i++)
		x[i] += slope * (double)i;
	gsl_rng_free(rng);
	return x;
}

static void test_every_m_of_a_short_record(void **state)
{
	(void)state;
	print_message("seed %u\n", SEED);
	for (size_t n = 2; n <= 40; n++) {
		double *x = make_phase(n, 1, 0);

		for (size_t m = 1; m < n; m++)
			compare_all(x, n, m, 1e-12);
		free(x);
	}
}

/* Long enough for the running sums to start anew, several times for the small m. */
static void test_long_records(void **state)
{
	static const size_t m_list[] = { 1, 2, 3, 64, 511, 512, 513, 700, 2999, 3000, 4400 };

	(void)state;
	for (int times = 0; times <= 2; times++) {
		double *x = make_phase(LONGEST, times, 0);

		for (size_t j = 0; j < sizeof(m_list) / sizeof(m_list[0]); j++)
			compare_all(x, LONGEST, m_list[j], 1e-9);
		free(x);
	}
}

/* The noise is a millionth of what the phase moves from point to point. */
static void test_digits_survive_a_steep_phase(void **state)
{
	double *x = make_phase(LONGEST, 0, 1e6);

	(void)state;
	compare_all(x, LONGEST, 2, 1e-5);
	compare_all(x, LONGEST, 100, 1e-5);
	free(x);
}

static void test_no_window(void **state)
{
	double x[7] = { 0, 1, 0, 1, 0, 1, 0 };
	struct squares none = { 0, 0 };

	(void)state;
	assert_same(sum_first_difference(x, 7, 7), none, 0);
	assert_same(sum_second_difference(x, 7, 4, 1), none, 0);
	assert_same(sum_second_difference(x, 7, SIZE_MAX, 1), none, 0);
	assert_same(sum_third_difference(x, 7, 3, 3), none, 0);
	assert_same(sum_third_difference(x, 7, SIZE_MAX / 3 + 1, 1), none, 0);
	assert_same(sum_averaged_difference(x, 7, 3), none, 0);
	assert_same(sum_regression_difference(x, 7, 4), none, 0);
	assert_same(sum_reflected_difference(x, 7, 7, none), none, 0);
	assert_int_equal(sum_third_difference(x, 7, 2, 1).count, 1);
	assert_int_equal(sum_averaged_difference(x, 7, 2).count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_m_of_a_short_record),
		cmocka_unit_test(test_long_records),
		cmocka_unit_test(test_digits_survive_a_steep_phase),
		cmocka_unit_test(test_no_window),
	};

	return cmocka_run_group_tests_name("analysis/stability_sums", tests, NULL, NULL);
}
