/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/steps.c"

#include <stdio.h>

#include "analysis/synthetic_test.h"

#define SEED  4242u
#define N     3000
#define N_BIG 1000000

static double t[N_BIG], x[N_BIG], half[N_BIG];
static struct step_found found[STEPS_MAX];

static size_t find(size_t n, double floor_ns, double slack_ns)
{
	struct step_input in = { t, x, half, n, floor_ns, slack_ns };
	struct error err = { "" };
	size_t count = 99;

	assert_int_equal(steps_find(&in, found, &count, &err), 0);
	return count;
}

static size_t find_in(const char *options, uint64_t seed, size_t n, double span_s)
{
	struct sim_model m = synthetic_model(options, seed);

	synthetic_points(&m, n, span_s, t, x, half);
	return find(n, fmax(0.3, m.granularity / 2.6 / sqrt(12)), 2 * m.granularity / 2.6);
}

/* Runs without a step in which one was seen. */
static unsigned false_alarms(const char *options, unsigned trials, size_t n, double span_s)
{
	unsigned alarms = 0;

	for (unsigned i = 0; i < trials; i++)
		alarms += find_in(options, SEED + 104729 * i, n, span_s) > 0;
	print_message(
		"seed %u: %s: %u false alarms in %u runs of %zu points\n", SEED, options, alarms, trials, n);
	return alarms;
}

static void quiet_clocks_do_not_step(void **state)
{
	static const char *const options[] = {
		"drift=0.031:noise=15:delay=100",
		"drift=20:noise=5:delay=10",
		"drift=5:granularity=26:forward=13:backward=12",
		"drift=0.02:granularity=26:forward=13:backward=12:noise=1",
		"drift=0:granularity=26:forward=13:backward=12",
		"drift=38600:delay=20:noise=3",
		"noise=15:forward=5000:backward=5000:forward_pareto=1000:backward_exp=400:spike_share=0.02:"
		"spike=200000",
		"noise=15:forward=5000:backward=5000:forward_pareto=1000:backward_exp=400:spike_share=0.02:"
		"spike=200000:ramp=4:ramp_period=20",
		"noise=15:forward=5000:backward=5000:forward_pareto=1000:early_share=0.002:early=1500",
		"delay=30:resolution=1000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_int_equal(false_alarms(options[i], 40, N, 30), 0);
}

static void bends_are_no_steps(void **state)
{
	static const char *const options[] = {
		"noise=10:delay=20:rate=1@10",
		"noise=10:delay=20:rate=50@10:rate=-90@20",
		"noise=10:delay=20:rate=1000@15",
		"noise=1:delay=20:rate=38600@15.003",
		"noise=10:delay=20:granularity=26:rate=-5000@7:rate=5000@22",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_int_equal(false_alarms(options[i], 40, N, 30), 0);
}

static void a_random_walk_is_no_step(void **state)
{
	unsigned alarms = 0;

	(void)state;
	for (unsigned k = 0; k < 40; k++) {
		struct sim_model m = synthetic_model("noise=10:delay=20", SEED + k);

		synthetic_points(&m, N, 30, t, x, half);
		for (size_t i = 1; i < N; i++)
			x[i] += x[i - 1];
		alarms += find(N, 0.3, 0) > 0;
	}
	print_message("seed %u: random walk: %u false alarms in 40 runs\n", SEED, alarms);
	assert_true(alarms <= 1);
}

static void nearest(double at_s, struct step_found *best)
{
	assert_true(found[0].se_ns > 0);
	*best = found[0];
	for (size_t i = 1; i < STEPS_MAX && found[i].se_ns > 0; i++)
		if (fabs(found[i].at_s - at_s) < fabs(best->at_s - at_s))
			*best = found[i];
}

static void steps_are_found_with_their_size(void **state)
{
	static const struct {
		const char *options;
		double at_s, step_ns;
	} cases[] = {
		{ "noise=10:delay=20:drift=3:step=200@12.3", 12.3, 200 },
		{ "noise=10:delay=20:drift=-3:step=-200@12.3", 12.3, -200 },
		{ "noise=10:delay=20:drift=3:step=1e6@0.2", 0.2, 1e6 },
		{ "noise=10:delay=20:drift=3:step=-5e7@29.8", 29.8, -5e7 },
		{ "noise=2:delay=20:granularity=26:drift=-3:step=100@15", 15, 100 },
		{ "noise=10:delay=20:step=52.6e6@20", 20, 52.6e6 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		unsigned seen = 0, covered = 0, extra = 0;

		for (unsigned i = 0; i < 60; i++) {
			size_t count = find_in(cases[k].options, SEED + 31 * i, N, 30);
			struct step_found s = { 0 };

			if (count) {
				memset(found + count, 0, (STEPS_MAX - count) * sizeof(*found));
				nearest(cases[k].at_s, &s);
			}
			extra += count > 1;
			if (fabs(s.at_s - cases[k].at_s) > 0.06)
				continue;
			seen++;
			covered += fabs(s.step_ns - cases[k].step_ns) <= 1.96 * s.se_ns;
		}
		print_message("seed %u: %s: seen %u, covered %u, more than one %u of 60\n", SEED,
			cases[k].options, seen, covered, extra);
		assert_int_equal(seen, 60);
		assert_int_equal(extra, 0);
		assert_true(covered >= 52);
	}
}

/* Far below the noise of one reading: seen on the means of many. */
static void small_steps_show_at_coarser_scales(void **state)
{
	unsigned seen = 0, covered = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		size_t count = find_in("noise=10:delay=20:drift=1:step=30@150", SEED + 31 * i, 30000, 300);

		for (size_t k = 0; k < count; k++)
			if (fabs(found[k].at_s - 150) < 1.5) {
				seen++;
				covered += fabs(found[k].step_ns - 30) <= 1.96 * found[k].se_ns;
			}
	}
	print_message("seed %u: 30 ns under noise of 12: seen %u, covered %u of 40\n", SEED, seen, covered);
	assert_true(seen >= 36 && seen <= 40);
	assert_true(covered >= 0.8 * seen);
}

/* It may come from inside the brackets: half of one is 20 ns here. */
static void less_than_half_a_bracket_is_no_step(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
			find_in("noise=2:delay=20:drift=1:step=12@150", SEED + 31 * i, 30000, 300), 0);
}

static void several_steps_are_told_apart(void **state)
{
	size_t count = find_in(
		"noise=5:delay=20:drift=2:step=1000@5:step=-300@5.5:step=1e7@12:step=250@20", SEED, N, 30);
	static const double at[] = { 5, 5.5, 12, 20 }, size[] = { 1000, -300, 1e7, 250 };

	(void)state;
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_true(fabs(found[i].at_s - at[i]) < 0.02);
		assert_true(fabs(found[i].step_ns - size[i]) < 5 * found[i].se_ns);
	}
}

/* A large step, which the finest scale sees, and a small one, which only a coarser one does. */
static void a_large_step_does_not_hide_a_small_one(void **state)
{
	size_t count = find_in("noise=10:delay=20:step=1e6@100:step=20@150", SEED, 30000, 300);

	(void)state;
	assert_int_equal(count, 2);
	assert_true(fabs(found[0].at_s - 100) < 0.02 && fabs(found[0].step_ns - 1e6) < 10);
	assert_true(fabs(found[1].at_s - 150) < 1.5 && fabs(found[1].step_ns - 20) < 6);
}

static void short_series_have_no_steps(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 2 * WINDOW; n++) {
		for (size_t i = 0; i < n; i++) {
			t[i] = (double)i;
			x[i] = i < n / 2 ? 0 : 1e6;
			half[i] = i % 5 == 4 ? -1 : 10;
		}
		assert_int_equal(find(n, 0.3, 0), 0);
	}
}

/* A clock that steps, and that a daemon then begins to slew, faster and faster: the step is what it was. */
static void a_step_beside_a_bend(void **state)
{
	const size_t n = 1500, at = 500;

	(void)state;
	for (unsigned trial = 0; trial < 20; trial++) {
		double since_s = 0.2 + 0.02 * trial;
		struct step_found *s = NULL;
		size_t count;

		for (size_t i = 0; i < n; i++) {
			double late_s = ((double)i - (double)at) * 0.02 - since_s;

			t[i] = 0.02 * (double)i;
			x[i] = (i < at ? 0 : -2e9) + 10.0 * (double)(i * 7919 % 13);
			/* Up to 80 ms a second, which comes within half a second. */
			if (late_s > 0)
				x[i] += 80e6 * (late_s < 0.5 ? late_s * late_s : late_s - 0.25);
			half[i] = 1000;
		}
		count = find(n, 10, 10);
		for (size_t k = 0; k < count; k++)
			if (found[k].from_s <= t[at] && found[k].to_s >= t[at - 1])
				s = &found[k];
		assert_non_null(s);
		if (!(fabs(s->step_ns + 2e9) <= 1.96 * s->se_ns && s->se_ns < 2e7))
			fail_msg("slewed after %g s: %.0f +- %.0f ns", since_s, s->step_ns, 1.96 * s->se_ns);
	}
}

static void a_million_points_take_no_ages(void **state)
{
	size_t count;

	(void)state;
	/* Not timed: with a quadratic search the test would not end. */
	count = find_in("noise=10:delay=20:drift=1:step=500@50:step=-500@70", SEED, N_BIG, 100);
	assert_int_equal(count, 2);
	assert_true(fabs(found[0].at_s - 50) < 1e-3 && fabs(found[0].step_ns - 500) < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_clocks_do_not_step),
		cmocka_unit_test(bends_are_no_steps),
		cmocka_unit_test(a_random_walk_is_no_step),
		cmocka_unit_test(steps_are_found_with_their_size),
		cmocka_unit_test(small_steps_show_at_coarser_scales),
		cmocka_unit_test(less_than_half_a_bracket_is_no_step),
		cmocka_unit_test(several_steps_are_told_apart),
		cmocka_unit_test(a_large_step_does_not_hide_a_small_one),
		cmocka_unit_test(short_series_have_no_steps),
		cmocka_unit_test(a_step_beside_a_bend),
		cmocka_unit_test(a_million_points_take_no_ages),
	};

	return cmocka_run_group_tests_name("analysis/steps", tests, NULL, NULL);
}
