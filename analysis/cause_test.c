/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/cause.c"

#include "analysis/synthetic_test.h"

struct scene {
	struct synthetic s;
	struct pair_source *source;
};

/* A run of 100 s from 0 on; times are in s of it. */
static void scene_open(struct scene *c)
{
	struct sim_model m = synthetic_model("delay=10", 1);
	struct error err = { "" };

	synthetic_init(&c->s);
	synthetic_ns_clock(&c->s, "realtime", "tsc");
	synthetic_phase(&c->s, "first", 0, 40);
	synthetic_phase(&c->s, "second", 50, 100);
	synthetic_sampled(&c->s, 0, 0, &m, 100, 0, 1);
	c->source = pair_source_new(&c->s.run, &c->s.samples, &err);
	assert_non_null(c->source);
}

static void scene_close(struct scene *c)
{
	pair_source_free(c->source);
	synthetic_free(&c->s);
}

static void event(struct scene *c, double at_s, const char *kind, bool injected)
{
	assert_int_equal(run_event_add(&c->s.run, synthetic_tsc(at_s), kind, injected, "text"), 0);
}

static void expect_in(struct scene *c, double from_s, double to_s, const char *clock, const char *reference,
	const char *cause, const char *injected)
{
	struct step step = { .at_s = (from_s + to_s) / 2 };

	strcpy(step.clock, clock);
	strcpy(step.reference, reference);
	cause_find(&c->s.run, c->source, from_s, to_s, &step);
	if (strcmp(step.cause, cause) || strcmp(step.injected, injected))
		fail_msg("%s against %s at %g s: %s, injected %s", clock, reference, step.at_s, step.cause,
			step.injected);
}

static void expect(struct scene *c, double at_s, const char *clock, const char *reference, const char *cause,
	const char *injected)
{
	expect_in(c, at_s - 0.005, at_s + 0.005, clock, reference, cause, injected);
}

static void the_nearest_event_in_reach(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	event(&c, 10, "clocksource", false);
	event(&c, 10.03, "cpufreq", false);
	expect(&c, 10.01, "hpet", "raw", "clocksource: text", "no");
	expect(&c, 10.06, "hpet", "raw", "cpufreq: text", "no");
	expect(&c, 10.09, "hpet", "raw", "unknown", "no");
	c.s.run.interval_s = 0.1;
	expect(&c, 10.2, "hpet", "raw", "cpufreq: text", "no");
	/* Out of reach of the middle, but within the gap. */
	expect_in(&c, 9.9, 30, "hpet", "raw", "cpufreq: text", "no");
	expect_in(&c, 10.5, 30, "hpet", "raw", "unknown", "no");
	scene_close(&c);
}

static void settime_moves_two_clocks_only(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	event(&c, 10, "settime", true);
	expect(&c, 10, "realtime", "monotonic_raw", "settime: text", "yes");
	expect(&c, 10, "tai", "tsc", "settime: text", "yes");
	expect(&c, 10, "hpet", "realtime", "settime: text", "yes");
	expect(&c, 10, "hpet", "monotonic_raw", "unknown", "no");
	expect(&c, 10, "monotonic", "monotonic_raw", "unknown", "no");
	/* Both move alike: a step between them is another thing. */
	expect(&c, 10, "tai", "realtime", "unknown", "no");
	/* What is further off may be what moved the others. */
	event(&c, 10.02, "clocksource", false);
	expect(&c, 10, "monotonic", "monotonic_raw", "clocksource: text", "no");
	expect(&c, 10, "realtime", "monotonic_raw", "settime: text", "yes");
	/* Somebody else's settime is a cause and no excuse. */
	event(&c, 20, "settime", false);
	expect(&c, 20, "realtime", "monotonic_raw", "settime: text", "no");
	expect(&c, 20, "remote", "monotonic_raw", "settime: text", "no");
	/* Nor is one of a kind that nobody knows. */
	event(&c, 30, "magic", true);
	expect(&c, 30, "realtime", "monotonic_raw", "magic: text", "no");
	scene_close(&c);
}

static void suspend_parts_what_stops_from_what_goes_on(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	event(&c, 10, "suspend", true);
	expect_in(&c, 9.9, 70, "boottime", "monotonic_raw", "suspend: text", "yes");
	expect(&c, 10, "realtime", "monotonic", "suspend: text", "yes");
	expect(&c, 10, "rtc", "monotonic", "suspend: text", "yes");
	expect(&c, 10, "tsc", "monotonic_raw", "suspend: text", "yes");
	expect(&c, 10, "hpet", "realtime", "suspend: text", "yes");
	expect(&c, 10, "boottime", "realtime", "unknown", "no");
	expect(&c, 10, "monotonic", "monotonic_raw", "unknown", "no");
	scene_close(&c);
}

/* QEMU stops, or sets back, all that the guest counts with; its RTC follows the host. */
static void the_host_parts_its_clocks_from_the_guests(void **state)
{
	static const char *const kinds[] = { "pause", "migrate", "snapshot" };
	struct event e = { .injected = true };
	struct scene c;

	(void)state;
	scene_open(&c);
	for (size_t i = 0; i < 3; i++) {
		char cause[32];

		snprintf(cause, sizeof(cause), "%s: text", kinds[i]);
		strcpy(e.kind, kinds[i]);
		event(&c, 10 * (double)(i + 1), kinds[i], true);
		expect(&c, 10 * (double)(i + 1), "tsc", "peer", cause, "yes");
		expect(&c, 10 * (double)(i + 1), "peer_realtime", "monotonic", cause, "yes");
		expect(&c, 10 * (double)(i + 1), "rtc", "peer", cause, "yes");
		expect(&c, 10 * (double)(i + 1), "rtc", "monotonic", cause, "yes");
		/* It is no excuse for clocks that are stopped alike. */
		expect(&c, 10 * (double)(i + 1), "monotonic", "tsc", "unknown", "no");
		/* Those that went on drifted apart in a time that the guest does not know. */
		expect(&c, 10 * (double)(i + 1), "peer_tsc", "peer", cause, "yes");
		assert_true(cause_may_step(&e, "tsc", "peer"));
		assert_true(cause_may_step(&e, "peer_tsc", "peer"));
		assert_false(cause_may_step(&e, "tsc", "hpet"));
	}
	assert_int_equal(cause_excused_backward(&c.s.run, NULL, "tsc"), 0);
	scene_close(&c);
}

static void what_is_excused_backward(void **state)
{
	struct scene c;
	struct phase *p;

	(void)state;
	scene_open(&c);
	p = c.s.run.phases;
	event(&c, 10, "settime", true);
	event(&c, 45, "settime", true); /* on the way to the second phase */
	event(&c, 46, "settime", false);
	event(&c, 47, "suspend", true);
	assert_int_equal(cause_excused_backward(&c.s.run, NULL, "realtime"), 2);
	assert_int_equal(cause_excused_backward(&c.s.run, &p[0], "tai"), 2);
	assert_int_equal(cause_excused_backward(&c.s.run, &p[1], "realtime"), 0);
	assert_int_equal(cause_excused_backward(&c.s.run, NULL, "monotonic"), 0);
	/* A slew by frequency is not taken back, one by an offset is. */
	synthetic_disturbed(&c.s, "slew", "offset=1ms", OBSERVED_YES);
	p[1].steering_ppm = 50;
	assert_int_equal(cause_excused_backward(&c.s.run, &p[1], "realtime"), 0);
	p[1].steering_ppm = NAN;
	assert_int_equal(cause_excused_backward(&c.s.run, &p[1], "realtime"), 1);
	assert_int_equal(cause_excused_backward(&c.s.run, &p[0], "realtime"), 2);
	assert_int_equal(cause_excused_backward(&c.s.run, NULL, "tai"), 3);
	assert_int_equal(cause_excused_backward(&c.s.run, NULL, "hpet"), 0);
	scene_close(&c);
}

static void events_that_make_steps(void **state)
{
	const struct event set = { 0, "settime", "to noon", true },
			   found = { 0, "settime", "by hand", false };
	const struct event change = { 0, "clocksource", "to hpet", false };
	const struct event more = { 0, "clocksource", "further switches are not listed", false };
	const struct event other = { 0, "watchdog", "marked unstable", false };
	struct step step = { .clock = "realtime", .reference = "tsc" };

	(void)state;
	assert_true(
		cause_may_step(&set, "realtime", "monotonic") && !cause_may_step(&set, "tsc", "monotonic"));
	assert_true(
		cause_may_step(&found, "tsc", "monotonic") && cause_may_step(&change, "tsc", "monotonic"));
	assert_false(cause_may_step(&other, "tsc", "monotonic"));
	assert_true(cause_ends_list(&more) && !cause_ends_list(&change));
	cause_of_events((const struct event *[]){ &set }, 1, &step);
	assert_string_equal(step.cause, "settime: to noon");
	assert_string_equal(step.injected, "yes");
	cause_of_events((const struct event *[]){ &set, &change }, 2, &step);
	assert_string_equal(step.cause, "clocksource: 2 events, the last: to hpet");
	assert_string_equal(step.injected, "no");
	assert_int_equal(cause_kind_length(step.cause), 11);
	assert_int_equal(cause_kind_length("unknown"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_event_in_reach),
		cmocka_unit_test(settime_moves_two_clocks_only),
		cmocka_unit_test(suspend_parts_what_stops_from_what_goes_on),
		cmocka_unit_test(the_host_parts_its_clocks_from_the_guests),
		cmocka_unit_test(what_is_excused_backward),
		cmocka_unit_test(events_that_make_steps),
	};

	return cmocka_run_group_tests_name("analysis/cause", tests, NULL, NULL);
}
