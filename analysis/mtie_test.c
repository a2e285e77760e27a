/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "analysis/mtie.c"

#define SEED 20260102u

static double brute_mtie(const double *x, size_t n, size_t m)
{
	double widest = 0;

	for (size_t i = 0; i + m < n; i++) {
		double high = x[i], low = x[i];

		for (size_t k = i + 1; k <= i + m; k++) {
			high = fmax(high, x[k]);
			low = fmin(low, x[k]);
		}
		widest = fmax(widest, high - low);
	}
	return widest;
}

static void check_all(const double *x, size_t n, const size_t *m_list, size_t count)
{
	double *range = calloc(count, sizeof(*range));
	struct error err = { "" };

	assert_non_null(range);
	assert_int_equal(mtie_compute(x, n, m_list, count, range, &err), 0);
	for (size_t j = 0; j < count; j++) {
		if (!m_list[j] || m_list[j] >= n)
			assert_true(isnan(range[j]));
		else
			assert_true(range[j] == brute_mtie(x, n, m_list[j]));
	}
	free(range);
}

static void test_every_m_of_random_walks(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	size_t m_list[130];
	double x[130];

	(void)state;
	print_message("seed %u\n", SEED);
	assert_non_null(rng);
	gsl_rng_set(rng, SEED);
	for (size_t j = 0; j < 130; j++)
		m_list[j] = j;
	for (size_t n = 1; n <= 128; n++) {
		x[0] = 1e6;
		for (size_t i = 1; i < n; i++)
			x[i] = x[i - 1] + gsl_ran_gaussian_ziggurat(rng, 1);
		check_all(x, n, m_list, n + 2);
	}
	gsl_rng_free(rng);
}

static void test_any_order_and_twice(void **state)
{
	static const size_t m_list[] = { 9, 3, SIZE_MAX, 9, 1, 0, 4, 10, 2, 3 };
	double x[10] = { 0, 5, -3, 2, 2, 8, -1, 0, 0.5, 4 };

	(void)state;
	check_all(x, 10, m_list, sizeof(m_list) / sizeof(m_list[0]));
}

/* A step is seen in full by every window that holds it, a spike by those of one step. */
static void test_step_and_spike(void **state)
{
	size_t m_list[2] = { 1, 50 };
	double x[100] = { 0 }, range[2];
	struct error err = { "" };

	(void)state;
	for (size_t i = 40; i < 100; i++)
		x[i] = -7;
	assert_int_equal(mtie_compute(x, 100, m_list, 2, range, &err), 0);
	assert_true(range[0] == 7 && range[1] == 7);
	x[99] = 3;
	assert_int_equal(mtie_compute(x, 100, m_list, 2, range, &err), 0);
	assert_true(range[0] == 10 && range[1] == 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_m_of_random_walks),
		cmocka_unit_test(test_any_order_and_twice),
		cmocka_unit_test(test_step_and_spike),
	};

	return cmocka_run_group_tests_name("analysis/mtie", tests, NULL, NULL);
}
