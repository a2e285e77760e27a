/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/timex.h>

#define UNKNOWN_CLOCK ((clockid_t)15)

static const struct {
	const char *name;
	clockid_t id;
	bool steered;
} expected[] = {
	{ "monotonic", CLOCK_MONOTONIC, true },
	{ "monotonic_raw", CLOCK_MONOTONIC_RAW, false },
	{ "realtime", CLOCK_REALTIME, true },
	{ "boottime", CLOCK_BOOTTIME, true },
	{ "tai", CLOCK_TAI, true },
};

/* Each descriptor reads the clock that its name says: the reading lies between two of that clock. */
static void test_each_reads_its_own_clock(void **state)
{
	struct clock_setup setup = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct clock_reader *reader = clock_reader_find(expected[i].name);
		struct clock_traits traits = { 0 };
		struct error err = { "" };
		uint64_t before, value, after;

		assert_non_null(reader);
		assert_int_equal(reader->unit, UNIT_NS);
		assert_int_equal(reader->oscillator, OSCILLATOR_CLOCKSOURCE);
		assert_int_equal(reader->steered, expected[i].steered);
		assert_int_equal(reader->open(&setup, &traits, &err), 0);
		before = posix_clock_ns(expected[i].id);
		value = reader->read(traits.state);
		after = posix_clock_ns(expected[i].id);
		assert_in_range(value, before, after);
	}
}

static void test_tai_is_utc_and_the_kernels_offset(void **state)
{
	struct timex timex = { 0 };
	uint64_t utc_before, tai, utc_after, offset;

	(void)state;
	assert_true(adjtimex(&timex) >= 0);
	offset = (uint64_t)timex.tai * NS_PER_SEC;
	utc_before = posix_clock_ns(CLOCK_REALTIME);
	tai = posix_clock_read((void *)(intptr_t)CLOCK_TAI);
	utc_after = posix_clock_ns(CLOCK_REALTIME);
	assert_in_range(tai - offset, utc_before, utc_after);
}

static void test_missing_clock(void **state)
{
	struct clock_traits traits = { 0 };
	struct error err = { "" };

	(void)state;
	assert_int_equal(posix_clock_open(UNKNOWN_CLOCK, "odd", &traits, &err), -EINVAL);
	assert_non_null(strstr(err.text, "odd: clock_gettime"));
	assert_null(traits.state);
}

static void test_timespec(void **state)
{
	struct timespec late = { .tv_sec = 2000000000, .tv_nsec = 999999999 };
	struct timespec early = { .tv_sec = -1, .tv_nsec = 999999999 };

	(void)state;
	assert_true(timespec_ns(&late) == 2000000000999999999ULL);
	assert_true(timespec_ns(&early) == (uint64_t)-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reads_its_own_clock),
		cmocka_unit_test(test_tai_is_utc_and_the_kernels_offset),
		cmocka_unit_test(test_missing_clock),
		cmocka_unit_test(test_timespec),
	};

	return cmocka_run_group_tests_name("probes/posix_clock", tests, NULL, NULL);
}
