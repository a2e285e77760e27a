/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/histogram.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "results/reading.h"
#include "results/units.h"

static void test_small_widths_are_exact(void **state)
{
	(void)state;
	for (uint64_t width = 0; width < HISTOGRAM_EXACT; width++)
		assert_int_equal(histogram_bucket_low(histogram_bucket(width)), width);
}

/* Every bucket begins where the header says, holds its own lowest width, and is 1/32 wide at most. */
static void test_buckets_join_and_are_narrow(void **state)
{
	(void)state;
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_bucket_low(i), next = histogram_bucket_low(i + 1);

		assert_true(next > low);
		assert_int_equal(histogram_bucket(low), i);
		assert_int_equal(histogram_bucket(next - 1), i);
		if (i >= HISTOGRAM_EXACT)
			assert_true((next - low) * 32 <= low);
	}
}

static void test_the_widest_go_into_the_last_bucket(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(UINT64_C(1) << 40), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket((UINT64_C(1) << 40) - 1), HISTOGRAM_BUCKETS - 1);
	assert_true(histogram_bucket(UINT64_C(1) << 39) < HISTOGRAM_BUCKETS - 1);
}

static void test_quantiles(void **state)
{
	struct histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	assert_int_equal(histogram_quantile(h, 0.5), 0);
	for (uint64_t width = 1; width <= 50; width++)
		histogram_add(h, width);
	assert_int_equal(h->total, 50);
	assert_int_equal(histogram_quantile(h, 0), 1);
	assert_int_equal(histogram_quantile(h, 0.02), 1);
	assert_int_equal(histogram_quantile(h, 0.5), 25);
	assert_int_equal(histogram_quantile(h, 0.501), 26);
	assert_int_equal(histogram_quantile(h, 1), 50);
	histogram_add(h, 1000000);
	assert_in_range(histogram_quantile(h, 1), 1000000 * 31 / 32, 1000000);
	free(h);
}

static void test_units(void **state)
{
	struct reading r = { .tsc_lo = UINT64_MAX - 4, .tsc_hi = 5 };

	(void)state;
	assert_true(cycles_to_ns(26, 2.6e9) == 10);
	assert_true(ns_to_cycles(10, 2.6e9) == 26);
	assert_true(ns_to_s(2.5e9) == 2.5);
	assert_int_equal(reading_width(&r), 10); /* the counter may turn over inside a bracket */
	r = (struct reading){ .tsc_lo = 100, .tsc_hi = 90 };
	assert_int_equal(reading_width(&r), -10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_widths_are_exact),
		cmocka_unit_test(test_buckets_join_and_are_narrow),
		cmocka_unit_test(test_the_widest_go_into_the_last_bucket),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests_name("results/histogram", tests, NULL, NULL);
}
