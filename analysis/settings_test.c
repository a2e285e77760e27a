/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/settings.c"

#include "analysis/analyze.h"
#include "analysis/synthetic_test.h"

#define SEED  1967u
#define N     1500
#define EVERY 0.02
#define PAUSE ":step=-2e9@10"

enum { PEER, PEER_REALTIME, RAW, BOOTTIME, REALTIME, CLOCKS };

/* A guest that is read with its host: what happens to its two steered clocks is told. */
static void guest(struct synthetic *s, const char *boottime, const char *realtime)
{
	static const char *const names[] = { "peer", "peer_realtime", "monotonic_raw", "boottime",
		"realtime" };
	const char *const options[] = { "delay=600:noise=20", "delay=600:noise=20", "delay=12:noise=2" PAUSE,
		boottime, realtime };

	print_message("seed %u\n", SEED);
	synthetic_init(s);
	for (unsigned c = 0; c < CLOCKS; c++)
		synthetic_ns_clock(s, names[c], c < RAW ? OSCILLATOR_LABEL_HOST : "tsc");
	s->run.clocks[PEER_REALTIME].steered = s->run.clocks[BOOTTIME].steered =
		s->run.clocks[REALTIME].steered = true;
	s->run.interval_s = EVERY;
	synthetic_phase(s, "all", 0, 1e6);
	for (unsigned c = 0; c < CLOCKS; c++) {
		struct sim_model m = synthetic_model(options[c], SEED + c);

		/* The steered ones 0.2 ms apart, as under emulation, the host's ones in between. */
		synthetic_sampled(s, 0, c, &m, N, c < RAW ? 0.005 : 0.5 + 2e-4 * c, EVERY);
	}
	assert_int_equal(run_event_add(&s->run, synthetic_tsc(10), "pause", true, "for 2 s"), 0);
	s->run.environment_before = json_pack("{s:{s:[{s:s}]},s:{s:f,s:i}}", "time_daemon", "running", "name",
		"chronyd", "adjtimex", "freq_ppm", 0., "tick_us", 10000);
}

static struct settings find(struct synthetic *s, int clock, int reference)
{
	struct error err = { "" };
	struct pair_source *source = pair_source_new(&s->run, &s->samples, &err);
	struct settings found;
	enum pair_absence absence;
	struct pair pair;

	assert_non_null(source);
	assert_int_equal(pair_make(source, 0, clock, reference, 0, &pair, &absence, &err), 0);
	assert_int_equal(settings_find(&s->run, source, &pair, &found, &err), 0);
	pair_free(&pair);
	pair_source_free(source);
	return found;
}

static void expect(const struct step_found *s, double at_s, double step_ns)
{
	/* Times count from the first reading, at 5 ms. */
	assert_true(
		s->from_s <= at_s - 0.005 && s->to_s >= at_s - 0.005 && s->to_s - s->from_s < 1.5 * EVERY);
	if (!(fabs(s->step_ns - step_ns) <= SIGMAS * s->se_ns && SIGMAS * s->se_ns < 1e5))
		fail_msg("%.0f +- %.0f ns at %g s is not %.0f", s->step_ns, SIGMAS * s->se_ns, s->at_s,
			step_ns);
}

static void known_settings(void **state)
{
	struct settings found;
	struct synthetic s;

	(void)state;
	/* Steered by 8 % for a while, which is no setting, and set twice meanwhile. */
	guest(&s, "delay=12:noise=2" PAUSE ":rate=80000@11:rate=-80000@13",
		"delay=12:noise=2" PAUSE ":rate=80000@11:rate=-80000@13:step=1.25e9@11.3:step=-3e5@12.011");
	found = find(&s, REALTIME, PEER);
	assert_int_equal(found.count, 2);
	expect(&found.found[0], 11.3, 1.25e9);
	expect(&found.found[1], 12.011, -3e5);
	settings_free(&found);
	/* The other way round, and where the setting moves none of both. */
	found = find(&s, PEER, REALTIME);
	assert_int_equal(found.count, 2);
	assert_true(fabs(found.found[0].step_ns + 1.25e9) < 1e5);
	settings_free(&found);
	found = find(&s, BOOTTIME, PEER);
	assert_int_equal(found.count, 0);
	settings_free(&found);
	/* One that the run knows of is left to what is known of it. */
	assert_int_equal(run_event_add(&s.run, synthetic_tsc(11.31), "settime", true, "by 1.25 s"), 0);
	found = find(&s, REALTIME, PEER);
	assert_int_equal(found.count, 1);
	expect(&found.found[0], 12.011, -3e5);
	settings_free(&found);
	synthetic_free(&s);
}

static struct settings find_of_tai(const char *realtime, const char *options)
{
	struct sim_model m = synthetic_model(options, SEED + CLOCKS);
	struct settings found;
	struct synthetic s;

	guest(&s, "delay=12:noise=2", realtime);
	synthetic_ns_clock(&s, "tai", "tsc");
	synthetic_sampled(&s, 0, CLOCKS, &m, N, 0.5 + 2e-4 * CLOCKS, EVERY);
	found = find(&s, CLOCKS, PEER);
	synthetic_free(&s);
	return found;
}

/* A leap second moves realtime alone, and who tells the kernel how many there were moves TAI alone. */
static void tai_is_its_own(void **state)
{
	struct settings found = find_of_tai("delay=12:noise=2:step=-1e9@11.3", "delay=12:noise=2");

	(void)state;
	assert_int_equal(found.count, 0);
	settings_free(&found);
	found = find_of_tai("delay=12:noise=2", "delay=12:noise=2:step=37e9@11.3");
	assert_int_equal(found.count, 1);
	expect(&found.found[0], 11.3, 37e9);
	settings_free(&found);
}

static void no_setting(void **state)
{
	struct settings found;
	struct synthetic s;

	(void)state;
	guest(&s, "delay=12:noise=2" PAUSE, "delay=12:noise=2" PAUSE);
	/* Too little for a setting. */
	for (size_t i = 900; i < N; i++)
		s.samples.series[REALTIME].readings[i].value += 5000;
	/* A reading that went wrong. */
	s.samples.series[REALTIME].readings[700].value += 5000000;
	found = find(&s, REALTIME, PEER);
	assert_int_equal(found.count, 0);
	settings_free(&found);
	synthetic_free(&s);
}

static const struct step *step_of(
	const struct estimates *e, const char *clock, const char *kind, size_t which)
{
	for (size_t i = 0; i < e->step_count; i++)
		if (strcmp(e->steps[i].clock, clock) == 0 &&
			strncmp(e->steps[i].cause, kind, strlen(kind)) == 0 && which-- == 0)
			return &e->steps[i];
	return NULL;
}

static struct estimates analyze(const struct synthetic *s)
{
	static struct limit rows[] = { { "guest", 1, "" }, { "crystal", 50, "" }, { "arithmetic", 0.1, "" } };
	const struct limits limits = { rows, 3 };
	struct judging judging = { .limit_ppm = 0 };
	struct error err = { "" };
	struct estimates e;

	if (analyze_run(&s->run, &s->samples, &limits, &judging, &e, &err))
		fail_msg("%s", err.text);
	return e;
}

/* A pause, and a daemon that sets the clock in two steps: each has its cause and its size, and the clock is back. */
static void a_daemon_brings_the_clock_back(void **state)
{
	const struct step *pause, *first, *second;
	struct synthetic s;
	struct estimates e;

	(void)state;
	guest(&s, "delay=12:noise=2" PAUSE, "delay=12:noise=2" PAUSE ":step=1.2e9@10.25:step=8e8@11.5");
	e = analyze(&s);
	pause = step_of(&e, "realtime", "pause", 0);
	first = step_of(&e, "realtime", "settime", 0);
	second = step_of(&e, "realtime", "settime", 1);
	assert_true(pause && first && second);
	assert_true(pause->ci_low_ns <= -2e9 && pause->ci_high_ns >= -2e9);
	assert_string_equal(pause->injected, "yes");
	assert_true(first->ci_low_ns <= 1.2e9 && first->ci_high_ns >= 1.2e9);
	assert_true(second->ci_low_ns <= 8e8 && second->ci_high_ns >= 8e8);
	assert_string_equal(first->injected, "no");
	assert_string_equal(
		first->cause, "settime: somebody set the time, not this run; a time daemon runs: chronyd");
	assert_string_equal(first->recovered, "");
	assert_string_equal(pause->recovered, "yes");
	assert_true(pause->recovery_s >= 1.5 && pause->recovery_s - pause->recovery_resolution_s <= 1.5);
	assert_null(step_of(&e, "realtime", "unknown", 0));
	/* What cannot be set is not said to come back. */
	assert_string_equal(step_of(&e, "boottime", "pause", 0)->recovered, "");
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	estimates_free(&e);
	synthetic_free(&s);
}

/* Nobody brings it back. */
static void without_a_daemon(void **state)
{
	const struct step *pause;
	struct synthetic s;
	struct estimates e;

	(void)state;
	guest(&s, "delay=12:noise=2" PAUSE, "delay=12:noise=2" PAUSE);
	e = analyze(&s);
	pause = step_of(&e, "realtime", "pause", 0);
	assert_non_null(pause);
	assert_string_equal(pause->recovered, "no");
	assert_true(isnan(pause->recovery_s) && pause->recovery_bound_ns == 1e6);
	assert_null(step_of(&e, "realtime", "settime", 0));
	estimates_free(&e);
	synthetic_free(&s);
}

/* It runs 10 % fast until it is back; the host's realtime is not read, at all or there: the reference tells it. */
static void slewed_against_reference(bool declared)
{
	const struct step *pause;
	struct synthetic s;
	struct estimates e;

	guest(&s, "delay=12:noise=2" PAUSE ":rate=200000@12:rate=-200000@22",
		"delay=12:noise=2" PAUSE ":rate=200000@12:rate=-200000@22");
	if (declared)
		s.samples.series[PEER_REALTIME].count = 0;
	else
		strcpy(s.run.clocks[PEER_REALTIME].name, "other");
	e = analyze(&s);
	pause = step_of(&e, "realtime", "pause", 0);
	assert_non_null(pause);
	assert_true(pause->ci_low_ns <= -2e9 && pause->ci_high_ns >= -2e9);
	assert_string_equal(pause->recovered, "yes");
	/* 1 ms before the slew's end, at 0.2 s a second. */
	assert_true(
		pause->recovery_s >= 11.995 && pause->recovery_s - pause->recovery_resolution_s <= 11.995);
	estimates_free(&e);
	synthetic_free(&s);
}

static void slewed_against_the_reference(void **state)
{
	(void)state;
	slewed_against_reference(false);
	slewed_against_reference(true);
}

/* A correction of some us in a moment is a step of what the daemon steers, and of nothing else. */
static void a_correction_by_steering(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	guest(&s, "delay=12:noise=2" PAUSE ":step=20000@20", "delay=12:noise=2" PAUSE ":step=20000@20");
	e = analyze(&s);
	assert_non_null(step_of(&e, "realtime", "steering: monotonic_raw did not step", 0));
	assert_non_null(step_of(&e, "boottime", "steering: monotonic_raw did not step", 0));
	assert_string_equal(step_of(&e, "boottime", "steering", 0)->injected, "no");
	estimates_free(&e);
	/* Without a daemon nobody knows. */
	json_object_del(s.run.environment_before, "time_daemon");
	e = analyze(&s);
	assert_null(step_of(&e, "realtime", "steering", 0));
	assert_non_null(step_of(&e, "realtime", "unknown", 0));
	estimates_free(&e);
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_settings),
		cmocka_unit_test(tai_is_its_own),
		cmocka_unit_test(no_setting),
		cmocka_unit_test(a_daemon_brings_the_clock_back),
		cmocka_unit_test(without_a_daemon),
		cmocka_unit_test(slewed_against_the_reference),
		cmocka_unit_test(a_correction_by_steering),
	};

	return cmocka_run_group_tests_name("analysis/settings", tests, NULL, NULL);
}
