/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/read_cost.c"

#define HZ 1e9 /* a cycle is a ns */

static struct clock_info clocks[] = { { .name = "monotonic" }, { .name = "other" } };
static struct probe_place places[] = { { .null_bracket_cycles = 18 }, { .null_bracket_cycles = 22 } };
static const struct samples none;

static struct run run_with(struct tally *tallies, size_t count)
{
	return (struct run){ .tsc_hz = HZ,
		.clocks = clocks,
		.clock_count = 2,
		.places = places,
		.place_count = 2,
		.tallies = tallies,
		.tally_count = count };
}

static void a_cost_is_the_median_less_the_empty_bracket(void **state)
{
	struct histogram a = { 0 }, b = { 0 };
	struct tally tallies[] = { { .cpu = 0, .brackets = &a }, { .cpu = 1, .brackets = &b } };
	struct run run = run_with(tallies, 2);
	struct read_cost cost;

	(void)state;
	/* Widths 40 to 60, on two CPUs: exact buckets, median 50. */
	for (unsigned i = 0; i < 2100; i++)
		histogram_add(i % 2 ? &a : &b, 40 + i % 21);
	cost = read_cost_of(&run, &none, 0);
	assert_true(fabs(cost.ns - 30) < 1e-9);
	/* 0.98 / sqrt(2100) of a distribution 21 wide: 0.45 on each side. */
	assert_true(cost.low_ns >= 29 && cost.low_ns <= 30 && cost.high_ns >= 30 && cost.high_ns <= 31);
	run.tsc_granularity_cycles = 10;
	cost = read_cost_of(&run, &none, 0);
	assert_true(cost.low_ns <= 25 && cost.high_ns >= 35);
	assert_true(isnan(read_cost_of(&run, &none, 1).ns));
}

static void stored_readings_stand_in_for_tallies(void **state)
{
	struct reading readings[] = { { 100, 1, 140 }, { 200, 2, 250 }, { 300, 3, 360 }, { 400, 4, 390 } };
	struct series series = { .clock = 0, .readings = readings, .count = 4 };
	const struct samples samples = { .series = &series, .series_count = 1 };
	struct run run = run_with(NULL, 0);
	struct histogram h = { 0 };

	(void)state;
	assert_true(read_cost_widths(&run, &samples, 0, &h));
	assert_int_equal(h.total, 3); /* an inverted bracket has no width */
	assert_true(fabs(read_cost_of(&run, &samples, 0).ns - 30) < 1e-9);
	run.place_count = 0;
	assert_true(fabs(read_cost_of(&run, &samples, 0).ns - 50) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cost_is_the_median_less_the_empty_bracket),
		cmocka_unit_test(stored_readings_stand_in_for_tallies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
