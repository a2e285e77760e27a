/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/tsc_rate.c"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static double measured_hz;

static int measure(void **state)
{
	(void)state;
	tsc_init();
	measured_hz = measure_hz();
	return measured_hz > 1e6 ? 0 : -1;
}

static double rate_with(double khz, const char *told, char *source, size_t size)
{
	json_t *facts = told ? json_pack("{s:{s:f, s:s}}", "tsc", "khz", khz, "source", told)
			     : json_pack("{s:{s:f}}", "tsc", "khz", khz);
	double hz;

	assert_non_null(facts);
	hz = tsc_rate(facts, source, size);
	json_decref(facts);
	return hz;
}

/* What the kernel says is taken as it is where it agrees with the measurement. */
static void test_told_and_true(void **state)
{
	double khz = round(measured_hz / 1e3) + 0.5;
	char source[96];

	(void)state;
	assert_true(rate_with(khz, "the kernel log", source, sizeof(source)) == khz * 1e3);
	assert_string_equal(source, "the kernel log");
	assert_true(rate_with(khz, NULL, source, sizeof(source)) == khz * 1e3);
	assert_string_not_equal(source, "");
}

/* Twice the truth (or nothing at all) is not taken: the measurement is, and says so. */
static void test_told_and_wrong(void **state)
{
	char source[96] = "";
	double hz = rate_with(2 * measured_hz / 1e3, "a wrong table", source, sizeof(source));

	(void)state;
	assert_true(fabs(hz / measured_hz - 1) < AGREEMENT);
	assert_true(fmod(hz, 1e3) == 0);
	assert_non_null(strstr(source, "measured"));
	hz = tsc_rate(NULL, source, sizeof(source));
	assert_true(fabs(hz / measured_hz - 1) < AGREEMENT);
	assert_non_null(strstr(source, "measured"));
}

static void test_reading(void **state)
{
	struct reading a = raw_reading(), b = raw_reading();

	(void)state;
	assert_true(reading_width(&a) >= 0);
	assert_true(b.value > a.value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_and_true),
		cmocka_unit_test(test_told_and_wrong),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests_name("bench/tsc_rate", tests, measure, NULL);
}
