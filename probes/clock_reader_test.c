/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_reader.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probes/clock_test.h"

static void test_find(void **state)
{
	(void)state;
	assert_string_equal(clock_reader_find("monotonic")->name, "monotonic");
	assert_string_equal(clock_reader_find("monotonic_raw")->name, "monotonic_raw");
	assert_null(clock_reader_find("mono"));
	assert_null(clock_reader_find(""));
	assert_null(clock_reader_find("ptp:/dev/ptp0"));
}

static void test_descriptors(void **state)
{
	(void)state;
	for (const struct clock_reader *const *r = clock_readers; *r; r++) {
		assert_true(strlen((*r)->name) > 0 && strlen((*r)->name) < CLOCK_NAME_MAX);
		assert_true(strlen((*r)->summary) > 0);
		assert_ptr_equal(clock_reader_find((*r)->name), *r);
		assert_non_null((*r)->open);
		assert_true(!(*r)->read != !(*r)->read_bracket);
		if ((*r)->cadence == CADENCE_SLOW)
			assert_non_null((*r)->read_bracket);
		if (r[1])
			assert_true(strcmp((*r)->name, r[1]->name) < 0);
	}
}

/* Whatever the machine has: a clock opens and reads twice, or says in one line why not. */
static void test_open_or_reason(void **state)
{
	struct clock_setup setup = { .tsc_hz = test_tsc_hz(), .seed = 1 };

	(void)state;
	for (const struct clock_reader *const *r = clock_readers; *r; r++) {
		struct clock_traits traits = { 0 };
		struct error err = { "" };
		int ret = (*r)->open(&setup, &traits, &err);

		print_message("%s: %s\n", (*r)->name, ret < 0 ? err.text : "open");
		if (ret < 0) {
			assert_true(strlen(err.text) > 20);
			continue;
		}
		assert_string_equal(err.text, "");
		if ((*r)->unit == UNIT_TICKS) {
			assert_true(traits.hz > 1e6);
			assert_in_range(traits.bits, 1, 64);
		}
		if ((*r)->read) {
			uint64_t first = (*r)->read(traits.state);

			test_spin(10 * NS_PER_US);
			assert_true((*r)->read(traits.state) != first);
		}
		if ((*r)->close)
			(*r)->close(traits.state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_open_or_reason),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/clock_reader", tests, NULL, NULL);
}
