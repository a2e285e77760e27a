/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

/* The system's clocks here are functions of the TSC, so that the truth is known. */
#define posix_clock_ns sim_clock_ns
static uint64_t sim_clock_ns(clockid_t id);
#include "probes/stamp_line.c"
#undef posix_clock_ns

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "probes/clock_test.h"

static struct {
	uint64_t zero_tsc;
	double ns_per_cycle;
	uint64_t tick_ns;
	int64_t stepped_ns;  /* put into CLOCK_REALTIME so far */
	uint64_t change_tsc; /* from here on its rate is another; 0: never */
	double change_ppm;
} sim;

static double sim_elapsed_ns(uint64_t tsc)
{
	double ns = (double)(int64_t)(tsc - sim.zero_tsc) * sim.ns_per_cycle;

	if (sim.change_tsc && (int64_t)(tsc - sim.change_tsc) > 0)
		ns += (double)(tsc - sim.change_tsc) * sim.ns_per_cycle * sim.change_ppm * PPM;
	return ns;
}

static uint64_t sim_clock_at(clockid_t id, uint64_t tsc)
{
	uint64_t ns = (uint64_t)sim_elapsed_ns(tsc);

	ns -= ns % sim.tick_ns;
	return id == CLOCK_REALTIME ? 1700000000000000000ULL + (uint64_t)sim.stepped_ns + ns : ns;
}

static uint64_t sim_clock_ns(clockid_t id)
{
	return sim_clock_at(id, tsc_after());
}

/* One exchange: sent_tsc and received_tsc are the true instants of the stamps. */
struct exchange {
	struct stamp_bracket bracket;
	uint64_t sent_tsc, received_tsc;
	int64_t sent_ns, received_ns;
};

static void sim_start(uint64_t tick_ns)
{
	double ns_per_cycle = sim.ns_per_cycle;

	memset(&sim, 0, sizeof(sim));
	sim.ns_per_cycle = ns_per_cycle;
	sim.tick_ns = tick_ns;
	sim.zero_tsc = tsc_raw();
}

/* user_ns of system call on each side, flight_ns between the stamps. */
static struct exchange sim_exchange(uint64_t user_ns, uint64_t flight_ns, int64_t step_ns)
{
	struct exchange e;

	stamp_bracket_open(&e.bracket);
	test_spin(user_ns);
	e.sent_tsc = tsc_after();
	e.sent_ns = (int64_t)sim_clock_at(CLOCK_REALTIME, e.sent_tsc);
	test_spin(flight_ns / 2);
	sim.stepped_ns += step_ns;
	test_spin(flight_ns / 2);
	e.received_tsc = tsc_after();
	e.received_ns = (int64_t)sim_clock_at(CLOCK_REALTIME, e.received_tsc);
	test_spin(user_ns);
	stamp_bracket_close(&e.bracket, 0);
	return e;
}

/* What is inside of the stamps stays inside of the bracket, and nothing was lost by narrowing. */
static void check_holds(struct exchange *e, bool trusted)
{
	struct stamp_bracket before = e->bracket;

	assert_int_equal(stamp_bracket_sent(&e->bracket, e->sent_ns), trusted);
	assert_int_equal(stamp_bracket_received(&e->bracket, e->received_ns), trusted);
	assert_true(e->bracket.tsc_lo >= before.tsc_lo && e->bracket.tsc_lo <= e->sent_tsc);
	assert_true(e->bracket.tsc_hi <= before.tsc_hi && e->bracket.tsc_hi >= e->received_tsc);
}

static double width_ns(const struct exchange *e)
{
	return (double)(e->bracket.tsc_hi - e->bracket.tsc_lo) * sim.ns_per_cycle;
}

static double true_ns(const struct exchange *e)
{
	return (double)(e->received_tsc - e->sent_tsc) * sim.ns_per_cycle;
}

/* 20 us of system calls on each side are taken out, but for some 100 ns. */
static void test_narrows(void **state)
{
	double excess_ns = INFINITY;

	(void)state;
	sim_start(1);
	for (int i = 0; i < 200; i++) {
		struct exchange e = sim_exchange(20000, 5000, 0);

		check_holds(&e, true);
		excess_ns = fmin(excess_ns, width_ns(&e) - true_ns(&e));
	}
	assert_true(excess_ns >= 0 && excess_ns < 2000);
}

/* Ticks as of an HPET, of the PM timer, and of jiffies: held, and refused where it ticks coarser than the reads. */
static void test_coarse_clock(void **state)
{
	static const uint64_t ticks_ns[] = { 70, 279, 4000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(ticks_ns) / sizeof(ticks_ns[0]); i++) {
		sim_start(ticks_ns[i]);
		for (int k = 0; k < 100; k++) {
			struct exchange e = sim_exchange(3000, 3000, 0);
			bool steps = e.bracket.a.step_ns && e.bracket.b.step_ns;

			check_holds(&e, steps && e.bracket.b.clock.value > e.bracket.a.clock.value);
		}
	}
}

static void test_stepped(void **state)
{
	static const int64_t steps_ns[] = { -1000000, -5000, 5000, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		unsigned refused = 0;

		sim_start(1);
		for (int k = 0; k < 100; k++) {
			struct exchange e = sim_exchange(2000, 5000, steps_ns[i]);

			if (stamp_anchor_stepped(&e.bracket.a, &e.bracket.b)) {
				check_holds(&e, false);
				refused++;
			}
		}
		/* A preempted anchor is too wide to see 5 us; that all of them are is out of the question. */
		assert_true(refused > 0);
	}
}

/* NTP changes the rate by as much as it can in the middle of 20 ms. */
static void test_rate_changes(void **state)
{
	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int k = 0; k < 10; k++) {
			struct exchange e;

			sim_start(1);
			sim.change_ppm = sign * 1000;
			sim.change_tsc = sim.zero_tsc + (uint64_t)(1e6 * (2 * k + 1) / sim.ns_per_cycle);
			e = sim_exchange(300000, 20000000, 0);
			check_holds(&e, true);
			/* 0.3 us for each of the 300 us outside, and the reads. */
			assert_true(e.sent_tsc - e.bracket.tsc_lo <=
				    (uint64_t)(0.9 * (double)(e.sent_tsc - e.bracket.a.clock.tsc_lo)));
		}
	}
}

/* Stamps from before the first anchor, after the last, or from elsewhere change nothing. */
static void test_stamps_outside(void **state)
{
	static const int64_t shifts_ns[] = { -1000000000, -100000, 100000, 1000000000, INT64_MAX / 4 };
	struct exchange e;

	(void)state;
	sim_start(1);
	e = sim_exchange(3000, 3000, 0);
	for (size_t i = 0; i < sizeof(shifts_ns) / sizeof(shifts_ns[0]); i++) {
		struct stamp_bracket bracket = e.bracket;
		int64_t base = shifts_ns[i] < 0 ? (int64_t)e.bracket.a.clock.value
						: (int64_t)e.bracket.b.clock.value;

		assert_false(stamp_bracket_sent(&bracket, base + shifts_ns[i]));
		assert_false(stamp_bracket_received(&bracket, base + shifts_ns[i]));
		assert_int_equal(bracket.tsc_lo, e.bracket.tsc_lo);
		assert_int_equal(bracket.tsc_hi, e.bracket.tsc_hi);
	}
	assert_false(stamp_bracket_sent(&e.bracket, INT64_MIN));
}

static void test_given_tsc(void **state)
{
	struct stamp_bracket bracket;
	uint64_t now;

	(void)state;
	sim_start(1);
	stamp_bracket_open(&bracket);
	now = tsc_after();
	test_spin(1000);
	stamp_bracket_close(&bracket, now);
	assert_int_equal(bracket.tsc_hi, now);
	assert_true(bracket.tsc_lo < now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrows),
		cmocka_unit_test(test_coarse_clock),
		cmocka_unit_test(test_stepped),
		cmocka_unit_test(test_rate_changes),
		cmocka_unit_test(test_stamps_outside),
		cmocka_unit_test(test_given_tsc),
	};

	tsc_init();
	sim.ns_per_cycle = NS_PER_SEC / test_tsc_hz();
	return cmocka_run_group_tests_name("probes/stamp_line", tests, NULL, NULL);
}
