/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_rtc.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probes/clock_test.h"

/* A clock whose second n begins at TSC zero + n * hz: the truth of each edge is known. */
static uint64_t sim_zero_tsc, sim_hz;
static int64_t sim_epoch; /* what the clock shows for second 0 */
static unsigned sim_polls;

static int sim_get_second(const struct rtc *rtc, int64_t *second)
{
	(void)rtc;
	sim_polls++;
	*second = (int64_t)((tsc_raw() - sim_zero_tsc) / sim_hz) + sim_epoch;
	return 0;
}

static int stuck_get_second(const struct rtc *rtc, int64_t *second)
{
	(void)rtc;
	*second = 5;
	return 0;
}

static int broken_get_second(const struct rtc *rtc, int64_t *second)
{
	(void)rtc;
	(void)second;
	return -EIO;
}

static void sim_start(void)
{
	sim_hz = (uint64_t)test_tsc_hz();
	sim_zero_tsc = tsc_raw() - sim_hz / 2;
	sim_epoch = 1700000000;
}

static void assert_holds_the_edge(const struct reading *r)
{
	uint64_t edge = sim_zero_tsc + (r->value / NS_PER_SEC - (uint64_t)sim_epoch) * sim_hz;

	assert_int_equal(r->value % NS_PER_SEC, 0);
	assert_in_range(edge, r->tsc_lo, r->tsc_hi);
}

static void test_edges(void **state)
{
	struct rtc rtc = { .get_second = sim_get_second };
	struct reading searched, known;

	(void)state;
	sim_start();
	sim_polls = 0;
	assert_int_equal(rtc_read_bracket(&rtc, -1, &searched), 0);
	assert_holds_the_edge(&searched);
	/* Half a second away, polled once a millisecond. */
	assert_in_range(sim_polls, 2, 600);
	assert_int_equal(rtc_read_bracket(&rtc, -1, &known), 0);
	assert_holds_the_edge(&known);
	assert_true(known.value > searched.value);
	/* Not slept over; how narrow it is depends on the load of the machine. */
	assert_true((uint64_t)reading_width(&known) < sim_hz / 10);
}

/* The RTC is set back by 100 s between two calls: the reading says so and nothing is hidden. */
static void test_step_is_kept(void **state)
{
	struct rtc rtc = { .get_second = sim_get_second };
	struct reading before, after;

	(void)state;
	sim_start();
	assert_int_equal(rtc_read_bracket(&rtc, -1, &before), 0);
	sim_epoch -= 100;
	assert_int_equal(rtc_read_bracket(&rtc, -1, &after), 0);
	assert_holds_the_edge(&after);
	assert_true((int64_t)(after.value - before.value) < -90 * NS_PER_SEC);
}

static void test_gives_up(void **state)
{
	struct rtc stuck = { .get_second = stuck_get_second, .edge_ns = monotonic_ns() };
	struct rtc broken = { .get_second = broken_get_second, .edge_ns = 0 };
	struct reading reading = { 1, 2, 3 };
	int64_t start = monotonic_ns();

	(void)state;
	assert_int_equal(rtc_read_bracket(&broken, -1, &reading), -EIO);
	assert_int_equal(rtc_read_bracket(&stuck, -1, &reading), -ETIMEDOUT);
	assert_true(monotonic_ns() - start > NS_PER_SEC);
	assert_true(stuck.edge_ns == 0);
	assert_true(reading.tsc_lo == 1 && reading.value == 2 && reading.tsc_hi == 3);
}

static void test_window(void **state)
{
	struct rtc rtc = { .edge_ns = 0 };
	int64_t edge = 1000 * NS_PER_SEC, from, until;

	(void)state;
	rtc_window(&rtc, edge, &from, &until);
	assert_true(from == edge && until == edge);

	rtc.edge_ns = edge;
	/* Just after the edge, half a second later, and shortly before the next: that one, 3 ms and 500 ppm around it. */
	rtc_window(&rtc, edge + 1000, &from, &until);
	assert_in_range(from, edge + NS_PER_SEC - RTC_MARGIN_NS - 1000, edge + NS_PER_SEC - RTC_MARGIN_NS);
	assert_true(from + until == 2 * (edge + NS_PER_SEC));
	rtc_window(&rtc, edge + NS_PER_SEC / 2, &from, &until);
	assert_true(until - from == 2 * RTC_MARGIN_NS + 500 * NS_PER_US);
	rtc_window(&rtc, edge + NS_PER_SEC - 1, &from, &until);
	assert_true(from + until == 2 * (edge + NS_PER_SEC));
	rtc_window(&rtc, edge + NS_PER_SEC + 50 * NS_PER_MS, &from, &until);
	assert_true(from + until == 2 * (edge + 2 * NS_PER_SEC));

	/* 60 s later the margin has grown, 1000 s later nothing is known any more. */
	rtc_window(&rtc, edge + 60 * NS_PER_SEC + NS_PER_SEC / 2, &from, &until);
	assert_true(from + until == 2 * (edge + 61 * NS_PER_SEC));
	assert_in_range(until - from, 66 * NS_PER_MS, 67 * NS_PER_MS);
	rtc_window(&rtc, edge + 1000 * NS_PER_SEC, &from, &until);
	assert_true(from == until && from == edge + 1000 * NS_PER_SEC);
}

/* The phase is off by half a second, so the edge is slept over: the bracket is wide and holds it. */
static void test_edge_slept_over(void **state)
{
	struct rtc rtc = { .get_second = sim_get_second };
	struct reading reading;

	(void)state;
	sim_start();
	rtc.edge_ns = monotonic_ns();
	assert_int_equal(rtc_read_bracket(&rtc, -1, &reading), 0);
	assert_holds_the_edge(&reading);
	assert_true((uint64_t)reading_width(&reading) > sim_hz / 2);
	assert_true(rtc.edge_ns == 0);
}

static void test_reasons(void **state)
{
	struct clock_setup absent = { .options = "/nonexistent/rtc" }, other = { .options = "/dev/null" };
	struct clock_traits traits = { 0 };
	struct error absent_err = { "" }, other_err = { "" };

	(void)state;
	assert_int_equal(rtc_open(&absent, &traits, &absent_err), -ENOENT);
	assert_non_null(strstr(absent_err.text, "no /nonexistent/rtc: the machine has no real-time clock"));
	assert_int_equal(rtc_open(&other, &traits, &other_err), -ENOTTY);
	assert_non_null(strstr(other_err.text, "cannot read /dev/null"));
	assert_null(traits.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_step_is_kept),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_edge_slept_over),
		cmocka_unit_test(test_reasons),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/clock_rtc", tests, NULL, NULL);
}
