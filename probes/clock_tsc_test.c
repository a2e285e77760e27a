/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_tsc.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_inside_its_own_bracket(void **state)
{
	struct clock_setup setup = { .tsc_hz = 2.5e9 };
	struct clock_traits traits = { 0 };
	struct error err = { "" };
	uint64_t before, value, after;

	(void)state;
	assert_int_equal(tsc_open(&setup, &traits, &err), 0);
	assert_true(traits.hz == 2.5e9);
	assert_int_equal(traits.bits, 64);
	/* The TSC may differ between CPUs, so a move to another one in between is tried again. */
	for (int i = 0; i < 10; i++) {
		before = tsc_before();
		value = tsc_read(traits.state);
		after = tsc_after();
		if (before <= value && value <= after)
			return;
	}
	fail_msg("%llu is outside [%llu, %llu]", (unsigned long long)value, (unsigned long long)before,
		(unsigned long long)after);
}

static void test_needs_the_frequency(void **state)
{
	struct clock_setup setup = { .tsc_hz = 0 };
	struct clock_traits traits = { 0 };
	struct error err = { "" };

	(void)state;
	assert_int_equal(tsc_open(&setup, &traits, &err), -EINVAL);
	assert_string_not_equal(err.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside_its_own_bracket),
		cmocka_unit_test(test_needs_the_frequency),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/clock_tsc", tests, NULL, NULL);
}
