/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/format.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DRIFT(ppm, half, shown)                                                                              \
	assert_string_equal(format_drift(ppm, (ppm) - (half), (ppm) + (half)).text, shown)

static void test_digits_follow_the_interval(void **state)
{
	(void)state;
	DRIFT(12.34567, 0.4, "+12.3 ± 0.4 ppm");
	DRIFT(12.34567, 0.123, "+12.35 ± 0.12 ppm");
	DRIFT(12.34567, 0.29, "+12.35 ± 0.29 ppm");
	DRIFT(-12.34567, 0.0032, "-12.346 ± 0.003 ppm");
	DRIFT(1234.5, 45, "+1234 ± 45 ppm");
	DRIFT(-38600.4, 2, "-38600.4 ± 2.0 ppm");
	/* Rounding up may take the interval to the next power of ten. */
	DRIFT(5.0, 0.96, "+5.0 ± 1.0 ppm");
}

static void test_ppb_below_a_tenth_ppm(void **state)
{
	(void)state;
	DRIFT(0.0123, 0.0004, "+12.3 ± 0.4 ppb");
	DRIFT(0.0999, 0.0004, "+99.9 ± 0.4 ppb");
	DRIFT(0.1, 0.0004, "+0.1000 ± 0.0004 ppm");
	/* The interval is as large as what it belongs to. */
	DRIFT(0.0, 0.3, "0.0 ± 0.3 ppm");
	DRIFT(0.00001, 0.00004, "+0.01 ± 0.04 ppb");
}

static void test_zero_has_no_sign(void **state)
{
	(void)state;
	DRIFT(-0.0000004, 0.00003, "0.00 ± 0.03 ppb");
	DRIFT(0.0, 0.0, "0 ± 0 ppb");
	DRIFT(-0.0, 0.00003, "0.00 ± 0.03 ppb");
}

static void test_what_is_not_known(void **state)
{
	(void)state;
	assert_string_equal(format_drift(NAN, NAN, NAN).text, "unknown");
	assert_string_equal(format_drift(INFINITY, 0, 1).text, "unknown");
	assert_string_equal(format_drift(1.5, NAN, NAN).text, "+1.50 ± ? ppm");
	assert_string_equal(format_drift(1.5, -INFINITY, INFINITY).text, "+1.50 ± ? ppm");
	assert_string_equal(format_ppm(NAN).text, "unknown");
	assert_string_equal(format_ns(NAN).text, "unknown");
	assert_string_equal(format_duration(NAN).text, "unknown");
}

static void test_the_wider_half_is_shown(void **state)
{
	(void)state;
	assert_string_equal(format_drift(10, 9.5, 10.1).text, "+10.0 ± 0.5 ppm");
	assert_string_equal(format_drift(10, 9.9, 10.5).text, "+10.0 ± 0.5 ppm");
}

static void test_offsets(void **state)
{
	(void)state;
	assert_string_equal(format_offset(52600, 40).text, "+52.60 ± 0.04 µs");
	assert_string_equal(format_offset(-40.12, 85.3).text, "-40 ± 85 ns");
	assert_string_equal(format_offset(5.2e7, 1e6).text, "+52.0 ± 1.0 ms");
	assert_string_equal(format_offset(3.5e9, 1e7).text, "+3.500 ± 0.010 s");
	assert_string_equal(format_offset(2, NAN).text, "+2.00 ± ? ns");
}

static void test_plain_numbers(void **state)
{
	(void)state;
	assert_string_equal(format_ppm(500).text, "500 ppm");
	assert_string_equal(format_ppm(0.1).text, "0.1 ppm");
	assert_string_equal(format_ppm(0.05).text, "50 ppb");
	assert_string_equal(format_ppm(123456).text, "123456 ppm");
	assert_string_equal(format_ns(0.5).text, "0.5 ns");
	assert_string_equal(format_ns(-3.21).text, "-3.21 ns");
	assert_string_equal(format_ns(999.4).text, "999 ns");
	assert_string_equal(format_ns(999.6).text, "1 µs");
	assert_string_equal(format_ns(2.5e6).text, "2.5 ms");
	assert_string_equal(format_ns(4.2e12).text, "4200 s");
}

static void test_durations(void **state)
{
	(void)state;
	assert_string_equal(format_duration(0.01).text, "10 ms");
	assert_string_equal(format_duration(30).text, "30 s");
	assert_string_equal(format_duration(59.99).text, "1 min");
	assert_string_equal(format_duration(61).text, "1 min 1 s");
	assert_string_equal(format_duration(3599.9).text, "1 h");
	assert_string_equal(format_duration(4800).text, "1 h 20 min");
	assert_string_equal(format_duration(86400).text, "1 d");
	assert_string_equal(format_duration(3 * 86400 + 4 * 3600).text, "3 d 4 h");
}

static void test_counts(void **state)
{
	(void)state;
	assert_string_equal(format_count(0).text, "0");
	assert_string_equal(format_count(1234).text, "1234");
	assert_string_equal(format_count(12345).text, "12\u202f345");
	assert_string_equal(
		format_count(UINT64_MAX).text, "18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615");
}

/* Nothing is too large for its text. */
static void test_extremes_fit(void **state)
{
	static const double extreme[] = { 0, 1e-300, 1e-12, 1, 1e14, 1e15, 1e300, 1.7e308 };
	const size_t count = sizeof(extreme) / sizeof(extreme[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			struct formatted f = format_drift(-extreme[i], -extreme[i] - extreme[k], extreme[k]);

			assert_in_range(strlen(f.text), 5, sizeof(f.text) - 1);
			assert_true(strstr(f.text, " pp") || strcmp(f.text, "unknown") == 0);
			f = format_offset(extreme[i], extreme[k]);
			assert_in_range(strlen(f.text), 5, sizeof(f.text) - 1);
		}
		assert_in_range(strlen(format_ns(-extreme[i]).text), 3, 63);
		assert_in_range(strlen(format_duration(extreme[i]).text), 3, 63);
	}
}

static void test_axis_units(void **state)
{
	(void)state;
	assert_string_equal(format_axis_unit(600)->name, "s");
	assert_string_equal(format_axis_unit(601)->name, "min");
	assert_string_equal(format_axis_unit(18001)->name, "h");
	assert_string_equal(format_time_unit(-2e3)->name, "µs");
	assert_string_equal(format_drift_unit(-0.2)->name, "ppm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits_follow_the_interval),
		cmocka_unit_test(test_ppb_below_a_tenth_ppm),
		cmocka_unit_test(test_zero_has_no_sign),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_the_wider_half_is_shown),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_plain_numbers),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_extremes_fit),
		cmocka_unit_test(test_axis_units),
	};

	return cmocka_run_group_tests_name("analysis/format", tests, NULL, NULL);
}
