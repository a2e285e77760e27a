/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/steering.c"

#include "analysis/synthetic_test.h"

static void near(double value, double expected)
{
	if (!(fabs(value - expected) < 1e-9))
		fail_msg("%.12g is not %.12g", value, expected);
}

static void init(struct synthetic *s)
{
	synthetic_init(s);
	synthetic_ns_clock(s, "monotonic", "tsc");
	synthetic_ns_clock(s, "raw", "tsc");
	synthetic_ns_clock(s, "realtime", "tsc");
	s->run.clocks[0].steered = s->run.clocks[2].steered = true;
	synthetic_phase(s, "all", 0, 1);
	s->run.environment_before = json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", 10., "tick_us", 10001);
	s->run.environment_after = json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", 12., "tick_us", 10001);
}

static void the_phase_stands_over_the_environment(void **state)
{
	struct synthetic s;
	struct phase *phase;

	(void)state;
	init(&s);
	phase = &s.run.phases[0];
	near(steering_ppm(&s.run, phase, 0, 1), 111);
	near(steering_ppm(&s.run, phase, 1, 0), -111);
	near(steering_ppm(&s.run, phase, 0, PAIR_TSC), 111);
	near(steering_ppm(&s.run, phase, 0, 2), 0);
	near(steering_ppm(&s.run, phase, 1, PAIR_TSC), 0);
	phase->steering_ppm = -50;
	near(steering_ppm(&s.run, phase, 0, 1), -50);
	near(steering_ppm(&s.run, phase, 1, 2), 50);
	near(steering_ppm(&s.run, phase, 0, 2), 0);
	/* Not on purpose: a daemon did it. */
	near(steering_injected_ppm(&s.run, phase, 0, 1), 0);
	synthetic_free(&s);
}

static void a_slew_on_purpose(void **state)
{
	struct synthetic s;
	struct phase *phase;

	(void)state;
	init(&s);
	phase = &s.run.phases[0];
	synthetic_disturbed(&s, "slew", "offset=1ms", OBSERVED_YES);
	assert_true(isnan(steering_ppm(&s.run, phase, 0, 1)));
	assert_true(isnan(steering_injected_ppm(&s.run, phase, 0, 1)));
	near(steering_injected_ppm(&s.run, phase, 0, 2), 0);
	near(steering_injected_ppm(&s.run, phase, 1, PAIR_TSC), 0);
	/* 110 were there before. */
	phase->steering_ppm = 410;
	near(steering_ppm(&s.run, phase, 0, 1), 410);
	near(steering_injected_ppm(&s.run, phase, 0, 1), 300);
	near(steering_injected_ppm(&s.run, phase, 1, 0), -300);
	json_decref(s.run.environment_before);
	s.run.environment_before = NULL;
	assert_true(isnan(steering_injected_ppm(&s.run, phase, 0, 1)));
	near(steering_ppm(&s.run, phase, 0, 1), 410);
	synthetic_free(&s);
}

/* Each machine's adjtimex steers its own clocks. */
static void another_machine_steers_its_own(void **state)
{
	struct synthetic s;
	struct phase *phase;

	(void)state;
	init(&s);
	phase = &s.run.phases[0];
	synthetic_ns_clock(&s, "peer", OSCILLATOR_LABEL_HOST);
	synthetic_ns_clock(&s, "peer_monotonic", OSCILLATOR_LABEL_HOST);
	s.run.clocks[4].steered = true;
	/* Nobody told what the other machine does. */
	assert_true(isnan(steering_ppm(&s.run, phase, 4, 3)));
	near(steering_ppm(&s.run, phase, 0, 3), 111);
	s.run.peer_environment = json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", -20., "tick_us", 10000);
	near(steering_ppm(&s.run, phase, 4, 3), -20);
	near(steering_ppm(&s.run, phase, 0, 4), 131);
	near(steering_ppm(&s.run, phase, 3, PAIR_TSC), 0);
	phase->steering_ppm = 5;
	near(steering_ppm(&s.run, phase, 0, 4), 25);
	/* A slew here is none of the other machine's. */
	synthetic_disturbed(&s, "slew", "freq=5", OBSERVED_YES);
	near(steering_injected_ppm(&s.run, phase, 4, 3), 0);
	near(steering_injected_ppm(&s.run, phase, 0, 4), 5 - 110);
	json_decref(s.run.peer_environment);
	s.run.peer_environment = NULL;
	synthetic_free(&s);
}

/* A daemon steers as it likes, but not in a phase of ours, and not two clocks apart that it moves together. */
static void a_daemon_may_change_it(void **state)
{
	struct synthetic s;
	struct phase *phase;

	(void)state;
	init(&s);
	phase = &s.run.phases[0];
	synthetic_ns_clock(&s, "peer", OSCILLATOR_LABEL_HOST);
	synthetic_ns_clock(&s, "peer_monotonic", OSCILLATOR_LABEL_HOST);
	s.run.clocks[4].steered = true;
	assert_false(steering_may_change(&s.run, phase, 0, 1));
	json_object_set_new(s.run.environment_before, "time_daemon",
		json_pack("{s:[{s:s},{s:s}]}", "running", "name", "chronyd", "name", "phc2sys"));
	assert_string_equal(daemons_of(s.run.environment_before).text, "chronyd, phc2sys");
	assert_true(steering_may_change(&s.run, phase, 0, 1));
	assert_true(steering_may_change(&s.run, phase, 1, 0));
	assert_true(steering_may_change(&s.run, phase, 2, PAIR_TSC));
	assert_true(steering_may_change(&s.run, phase, 0, 4));
	assert_false(steering_may_change(&s.run, phase, 0, 2));
	assert_false(steering_may_change(&s.run, phase, 1, PAIR_TSC));
	/* The other machine has none. */
	assert_false(steering_may_change(&s.run, phase, 4, 3));
	synthetic_disturbed(&s, "slew", "freq=5", OBSERVED_YES);
	assert_false(steering_may_change(&s.run, phase, 0, 1));
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_phase_stands_over_the_environment),
		cmocka_unit_test(a_slew_on_purpose),
		cmocka_unit_test(another_machine_steers_its_own),
		cmocka_unit_test(a_daemon_may_change_it),
	};

	return cmocka_run_group_tests_name("analysis/steering", tests, NULL, NULL);
}
