/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_envelope.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define POINTS 10000

static void test_outliers_stay_visible(void **state)
{
	static double t[POINTS], value[POINTS];
	struct envelope_bin *bins;
	size_t count, high = 0, low = 0;

	(void)state;
	for (size_t i = 0; i < POINTS; i++) {
		t[i] = (double)i * 0.001;
		value[i] = i % 2 ? 1 : -1;
	}
	value[1234] = 1e6;
	value[8765] = -1e6;
	assert_int_equal(envelope_make(t, value, POINTS, 10, 100, &bins, &count), 0);
	assert_int_equal(count, 100);
	for (size_t i = 0; i < count; i++) {
		high += bins[i].high == 1e6;
		low += bins[i].low == -1e6;
		assert_true(bins[i].low <= bins[i].median && bins[i].median <= bins[i].high);
		assert_true(fabs(bins[i].median) <= 1);
		assert_false(bins[i].gap);
		assert_true(i == 0 || bins[i].t > bins[i - 1].t);
	}
	assert_int_equal(high, 1);
	assert_int_equal(low, 1);
	free(bins);
}

static void test_few_points_stand_alone(void **state)
{
	const double t[] = { 0, 1, 2, 3, 40, 41 }, value[] = { 5, 6, 7, 8, 9, 10 };
	struct envelope_bin *bins;
	size_t count;

	(void)state;
	assert_int_equal(envelope_make(t, value, 6, 42, 600, &bins, &count), 0);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++) {
		assert_true(
			bins[i].low == value[i] && bins[i].high == value[i] && bins[i].median == value[i]);
		assert_true(bins[i].t == t[i]);
		assert_int_equal(bins[i].gap, i == 4);
	}
	free(bins);
}

static void test_what_is_no_number_is_left_out(void **state)
{
	const double t[] = { 0, NAN, 2, 3 }, value[] = { 1, 2, INFINITY, NAN };
	struct envelope_bin *bins;
	size_t count;

	(void)state;
	assert_int_equal(envelope_make(t, value, 4, 4, 10, &bins, &count), 0);
	assert_int_equal(count, 1);
	assert_true(bins[0].low == 1 && bins[0].high == 1);
	free(bins);
	assert_int_equal(envelope_make(t, value, 0, 4, 10, &bins, &count), 0);
	assert_int_equal(count, 0);
	free(bins);
	/* A run without length is one bin. */
	assert_int_equal(envelope_make(t, value, 4, 0, 10, &bins, &count), 0);
	assert_int_equal(count, 1);
	free(bins);
}

static void test_time_that_runs_back(void **state)
{
	const double t[] = { 1, 2, 1, 2 }, value[] = { 1, 2, 3, 4 };
	struct envelope_bin *bins;
	size_t count;

	(void)state;
	assert_int_equal(envelope_make(t, value, 4, 3, 3, &bins, &count), 0);
	assert_int_equal(count, 4);
	assert_true(bins[2].t == 1 && bins[2].median == 3);
	free(bins);
}

static void test_axis_shows_the_bulk(void **state)
{
	double low[1000], high[1000];
	struct axis axis;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		low[i] = -10 + (double)(i % 7) * 0.1;
		high[i] = 10 - (double)(i % 7) * 0.1;
	}
	high[500] = 1e6;
	axis = axis_bulk(low, high, 1000);
	assert_true(axis.low == -10);
	assert_true(axis.high > 10 && axis.high <= 31);
	assert_true(high[999] == 1e6);
}

static void test_axis_takes_all_that_is_near(void **state)
{
	double low[] = { 0, 1, 2, 3, 4 }, high[] = { 0, 1, 2, 3, 5 };
	struct axis axis = axis_bulk(low, high, 5);

	(void)state;
	assert_true(axis.low == 0 && axis.high == 5);
	axis = axis_bulk(low, high, 0);
	assert_true(axis.low == 0 && axis.high == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outliers_stay_visible),
		cmocka_unit_test(test_few_points_stand_alone),
		cmocka_unit_test(test_what_is_no_number_is_left_out),
		cmocka_unit_test(test_time_that_runs_back),
		cmocka_unit_test(test_axis_shows_the_bulk),
		cmocka_unit_test(test_axis_takes_all_that_is_near),
	};

	return cmocka_run_group_tests_name("analysis/report_envelope", tests, NULL, NULL);
}
