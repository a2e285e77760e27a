/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/judge.c"

#include "analysis/synthetic_test.h"

/* A row as it comes out of a fit: 20 s, limit 50 ppm. */
static struct drift row_of(const char *relation, double ppm, double half_ppm)
{
	struct drift row = { .drift_ppm = ppm,
		.ci_low_ppm = ppm - half_ppm,
		.ci_high_ppm = ppm + half_ppm,
		.n = 100,
		.span_s = 20,
		.limit_ppm = 50,
		.phase = "all",
		.clock = "hpet",
		.reference = "raw",
		.limit = "crystal" };

	strcpy(row.relation, relation);
	judge_drift(NULL, 0, &row);
	return row;
}

static void intervals_against_limits(void **state)
{
	static const struct {
		double ppm, half;
		const char *crystal, *arithmetic;
	} cases[] = {
		{ 0, 1, "stable", "consistent" },
		{ 49, 1, "stable", "consistent" },
		{ -49, 1, "stable", "consistent" },
		{ 49.5, 1, "inconclusive", "inconclusive" },
		{ -49.5, 1, "inconclusive", "inconclusive" },
		{ 0, 60, "inconclusive", "inconclusive" },
		{ 52, 1, "unstable", "unstable" },
		{ -52, 1, "unstable", "unstable" },
		{ NAN, NAN, "inconclusive", "inconclusive" },
		{ 0, INFINITY, "inconclusive", "inconclusive" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(row_of("crystal", cases[i].ppm, cases[i].half).status, cases[i].crystal);
		assert_string_equal(
			row_of("arithmetic", cases[i].ppm, cases[i].half).status, cases[i].arithmetic);
	}
}

static void the_systematic_term_widens(void **state)
{
	struct drift row = row_of("crystal", 49, 0.5);

	(void)state;
	row.systematic_ppm = 2;
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "inconclusive");
	row = row_of("crystal", 52, 0.5);
	row.systematic_ppm = 2;
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "inconclusive");
}

static void steering_is_taken_off_for_arithmetic_only(void **state)
{
	struct drift row = row_of("arithmetic", 123.456, 0.01);

	(void)state;
	row.steering_ppm = 123.45;
	row.limit_ppm = 0.1;
	strcpy(row.limit, "arithmetic");
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "consistent");
	strcpy(row.limit, "user");
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "unstable");
	strcpy(row.limit, "arithmetic");
	row.steering_ppm = NAN;
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "unstable");
	row.steering_ppm = -123.45;
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "unstable");
}

static void minutes_that_would_settle_it(void **state)
{
	struct drift row = row_of("crystal", 49, 3);

	(void)state;
	/* 3 ppm must shrink to 1: three times 20 s. */
	assert_true(fabs(judge_minutes(&row, 0) - 1) < 1e-12);
	row = row_of("crystal", -51, 3);
	assert_true(fabs(judge_minutes(&row, 0) - 1) < 1e-12);
	row = row_of("crystal", 50, 3);
	assert_true(judge_minutes(&row, 0) == 0);
	row = row_of("crystal", NAN, NAN);
	assert_true(judge_minutes(&row, 0) == 0);
}

static void the_user_picks_the_limit(void **state)
{
	struct limit rows[] = { { "crystal", 50, "" }, { "arithmetic", 0.1, "" }, { "kvm", 250, "" } };
	struct limits limits = { rows, 3 };
	struct judging none = { "", 0, "" }, ppm = { "", 7, "kvm" }, name = { "", 0, "kvm" },
		       wrong = { "", 0, "qvm" };
	struct error err = { "" };
	struct drift row = { 0 };

	(void)state;
	assert_int_equal(judge_limit(&limits, &none, RELATION_CRYSTAL, &row, &err), 0);
	assert_true(row.limit_ppm == 50);
	assert_int_equal(judge_limit(&limits, &none, RELATION_ARITHMETIC, &row, &err), 0);
	assert_true(row.limit_ppm == 0.1);
	assert_string_equal(row.limit, "arithmetic");
	assert_int_equal(judge_limit(&limits, &ppm, RELATION_CRYSTAL, &row, &err), 0);
	assert_true(row.limit_ppm == 7);
	assert_string_equal(row.limit, "user");
	assert_int_equal(judge_limit(&limits, &name, RELATION_ARITHMETIC, &row, &err), 0);
	assert_true(row.limit_ppm == 250);
	assert_int_equal(judge_limit(&limits, &wrong, RELATION_CRYSTAL, &row, &err), -EINVAL);
	assert_non_null(strstr(err.text, "qvm"));
}

struct court {
	struct synthetic s;
	struct estimates e;
};

/* Two phases with a reading each, and one stable pair on two oscillators. */
static struct court *court_open(void)
{
	struct court *c = calloc(1, sizeof(*c));
	struct reading *r;

	assert_non_null(c);
	synthetic_init(&c->s);
	synthetic_clock(&c->s, "hpet", UNIT_TICKS, 1e7, 32, "platform");
	synthetic_ns_clock(&c->s, "raw", "tsc");
	synthetic_phase(&c->s, "all", 0, 10);
	synthetic_series(&c->s, 0, 0, 2)->count = 1;
	r = c->s.samples.series[0].readings;
	r[0].tsc_lo = synthetic_tsc(1);
	c->e.drift = calloc(10, sizeof(*c->e.drift));
	c->e.drift[c->e.drift_count++] = row_of("crystal", 3, 1);
	return c;
}

static void court_close(struct court *c, enum status expected, const char *reason)
{
	struct error err = { "" };
	bool found = !reason;

	assert_int_equal(judge_run(&c->s.run, &c->s.samples, &c->e, &err), 0);
	for (size_t i = 0; reason && i < c->e.verdict.reason_count; i++)
		found |= strstr(c->e.verdict.reasons[i].text, reason) != NULL;
	for (size_t i = 0; (!found || c->e.verdict.status != expected) && i < c->e.verdict.reason_count; i++)
		print_message("  %s\n", c->e.verdict.reasons[i].text);
	assert_int_equal(c->e.verdict.status, expected);
	if (!found)
		fail_msg("no reason says \"%s\"", reason);
	estimates_free(&c->e);
	synthetic_free(&c->s);
	free(c);
}

static void agreement_of_oscillators_is_stable(void **state)
{
	(void)state;
	court_close(court_open(), STATUS_STABLE, "1 pair on different oscillators is within its limit");
}

static void drift_is_unstable(void **state)
{
	struct court *c = court_open();

	(void)state;
	for (int i = 0; i < 8; i++)
		c->e.drift[c->e.drift_count++] = row_of("crystal", 70, 1);
	court_close(c, STATUS_UNSTABLE, "... and 2 more pairs beyond their limit");
}

static void straddling_is_inconclusive(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.drift[c->e.drift_count++] = row_of("crystal", 49, 3);
	court_close(c, STATUS_INCONCLUSIVE, "a run of about 1 min would settle it");
	c = court_open();
	c->e.drift[c->e.drift_count++] = row_of("crystal", NAN, NAN);
	court_close(c, STATUS_INCONCLUSIVE, "hpet against raw (CPU 0): no drift can be told");
}

static void a_longer_run_is_asked_for_where_it_helps(void **state)
{
	static const struct {
		const char *noise, *says;
	} cases[] = { { "white PM", "a run of about 1 min would settle it" },
		{ "white FM", "a run of about 3 min would settle it" },
		{ "flicker FM", "straddles the limit crystal of 50 ppm" },
		{ "random walk FM", "straddles the limit crystal of 50 ppm" },
		{ "", "straddles the limit crystal of 50 ppm" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct court *c = court_open();
		struct error err = { "" };
		const char *said = NULL;

		c->e.drift[0] = row_of("crystal", 49, 3); /* must shrink to a third */
		c->e.stability = calloc(2, sizeof(*c->e.stability));
		c->e.stability[0] =
			(struct stability){ .tau_s = 1, .clock = "hpet", .reference = "raw", .phase = "all" };
		strcpy(c->e.stability[0].noise, cases[i].noise);
		c->e.stability_count = 1;
		/* The last one: a daemon steers it. */
		if (!cases[i].noise[0]) {
			c->s.run.clocks[0].steered = true;
			c->s.run.environment_before =
				json_pack("{s:{s:[{s:s}]}}", "time_daemon", "running", "name", "ntpd");
		}
		assert_int_equal(judge_run(&c->s.run, &c->s.samples, &c->e, &err), 0);
		for (size_t k = 0; k < c->e.verdict.reason_count; k++)
			if (strstr(c->e.verdict.reasons[k].text, "straddles"))
				said = c->e.verdict.reasons[k].text;
		assert_non_null(said);
		if (strcmp(said + strlen(said) - strlen(cases[i].says), cases[i].says) != 0)
			fail_msg("%s: %s", cases[i].noise, said);
		estimates_free(&c->e);
		synthetic_free(&c->s);
		free(c);
	}
}

static struct drift few_of(const char *clock, double ppm, double half_ppm, uint64_t n)
{
	struct drift row = row_of("crystal", ppm, half_ppm);

	row.n = n;
	strcpy(row.clock, clock);
	judge_drift(NULL, 0, &row);
	return row;
}

/* A line through three readings is as good as any: neither for nor against a clock. */
static void too_few_readings_decide_nothing(void **state)
{
	struct court *c = court_open();

	(void)state;
	assert_string_equal(few_of("rtc", 470979, 358360, 3).status, "inconclusive");
	assert_string_equal(few_of("rtc", 0, 1, 9).status, "inconclusive");
	assert_string_equal(few_of("rtc", 0, 1, 10).status, "stable");
	assert_string_equal(few_of("rtc", 70, 1, 10).status, "unstable");
	c->e.drift[c->e.drift_count++] = few_of("rtc", 470979, 358360, 4);
	c->e.drift[c->e.drift_count++] = few_of("rtc", 49, 3, 9);
	c->e.drift[c->e.drift_count++] = few_of("ptp", NAN, NAN, 2);
	c->e.drift[3].rejected = 4;
	court_close(c, STATUS_STABLE,
		"only 2 to 9 usable readings of rtc, ptp in a phase: a drift decides nothing below 10; pairs "
		"left out: 3");
	/* Nor are they a witness. */
	c = court_open();
	c->e.drift[0] = few_of("hpet", 0, 1, 9);
	court_close(c, STATUS_INCONCLUSIVE, "no two clocks have the readings that a comparison needs");
	c = court_open();
	c->e.drift[0] = few_of("hpet", 0, 1, 9);
	c->e.drift[c->e.drift_count++] = row_of("arithmetic", 0, 1);
	court_close(c, STATUS_INCONCLUSIVE, "no independent reference");
}

static void arithmetic_alone_proves_nothing(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.drift[0] = row_of("arithmetic", 0, 1);
	strcpy(c->e.drift[0].clock, "raw");
	court_close(c, STATUS_INCONCLUSIVE,
		"no independent reference: every clock that was compared follows "
		"the oscillator \"tsc\"");
	/* A witness that never spoke is none. */
	c = court_open();
	c->e.drift[1] = row_of("crystal", NAN, NAN);
	c->e.drift[1].n = 0;
	c->e.drift[0] = row_of("arithmetic", 0, 1);
	c->e.drift_count = 2;
	court_close(c, STATUS_INCONCLUSIVE, "no independent reference");
}

static void an_absent_pair_is_said(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.drift[1] = row_of("crystal", NAN, NAN);
	c->e.drift[1].n = 0;
	c->e.drift_count = 2;
	court_close(c, STATUS_INCONCLUSIVE, "hpet against raw (CPU 0): one of them has no readings");
}

/* They are said, and decide nothing. */
static void parameters_that_changed_nothing(void **state)
{
	struct court *c = court_open();
	struct error err = { "" };

	(void)state;
	c->s.run.environment_before = json_pack("{s:{s:[{s:s, s:s}, {s:s, s:s}]}}", "command_line",
		"parameters", "name", "root", "value", "/dev/vda", "name", "clocksurce", "value", "tsc");
	assert_int_equal(judge_run(&c->s.run, &c->s.samples, &c->e, &err), 0);
	for (size_t i = 0; i < c->e.verdict.reason_count; i++)
		assert_null(strstr(c->e.verdict.reasons[i].text, "root"));
	court_close(
		c, STATUS_STABLE, "kernel parameter clocksurce=tsc: unknown: no parameter of timekeeping");
}

/* What known factors make is taken off before the arithmetic limit is applied, and told. */
static void drift_that_factors_make(void **state)
{
	static const struct {
		const char *clock, *limit;
		enum status status;
		const char *says;
	} cases[] = {
		{ "kvmclock", "arithmetic", STATUS_INCONCLUSIVE,
			"kvmclock against raw: -0.325 ppm are arithmetic: the hypervisor takes the TSC for "
			"2596.129 MHz, the kernel for 2596.128 MHz, each with a rounded factor" },
		{ "kvmclock", "arithmetic", STATUS_INCONCLUSIVE,
			", of which -0.325 ppm are arithmetic, against raw" },
		{ "tsc", "arithmetic", STATUS_INCONCLUSIVE,
			"tsc against raw: -0.325 ppm are arithmetic: the kernel multiplies a TSC of 2596.128 "
			"MHz" },
		{ "kvmclock", "user", STATUS_UNSTABLE, "kvmclock drifts -0.325" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct court *c = court_open();
		struct drift *row = &c->e.drift[0];

		c->s.run.environment_before =
			json_pack("{s:{s:i, s:f}}", "tsc", "khz", 2596128, "pvclock_khz", 2596129.0);
		strcpy(row->clock, cases[i].clock);
		strcpy(row->relation, "arithmetic");
		strcpy(row->limit, cases[i].limit);
		row->limit_ppm = 0.1;
		row->drift_ppm = -0.32505;
		row->ci_low_ppm = -0.3252;
		row->ci_high_ppm = -0.3248;
		row->systematic_ppm = 0.0005;
		row->factors_ppm = -0.32505;
		judge_drift(NULL, 0, row);
		court_close(c, cases[i].status, cases[i].says);
	}
}

static void what_else_keeps_a_verdict_open(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.drift[0].rejected = 34;
	court_close(c, STATUS_INCONCLUSIVE, "34 of 134 readings had to be rejected");
	c = court_open();
	c->e.drift[0].rejected = 33;
	court_close(c, STATUS_STABLE, NULL);
	c = court_open();
	c->e.drift[0].jumps = 2;
	c->e.drift[0].jump_s = 3.25;
	c->e.drift[0].jump_ns = -5e6;
	judge_jumps(&c->e.drift[0]);
	court_close(c, STATUS_INCONCLUSIVE, "as no steady clock does, 2 times, the most by 5 ms at 3.250 s");
	c = court_open();
	c->s.run.environment_changes = json_pack("[s]", "governor: powersave became performance");
	court_close(c, STATUS_INCONCLUSIVE, "the environment changed during the run: governor");
	c = court_open();
	synthetic_phase(&c->s, "later", 20, 30);
	court_close(c, STATUS_INCONCLUSIVE, "phase later has no readings");
	c = court_open();
	c->e.drift_count = 0;
	court_close(c, STATUS_INCONCLUSIVE, "there are no two clocks to compare");
}

static void one_clock_drifts_alike_on_all_cpus(void **state)
{
	static const struct {
		double ppm, half;
		enum status status;
	} cases[] = {
		{ 3, 1, STATUS_STABLE },
		{ 5, 0.95, STATUS_STABLE }, /* apart by 0.05 */
		{ 5.2, 1, STATUS_INCONCLUSIVE },
		{ -20, 1, STATUS_INCONCLUSIVE },
		{ -20, 24, STATUS_STABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct court *c = court_open();

		c->e.drift[1] = row_of("crystal", cases[i].ppm, cases[i].half);
		c->e.drift[1].cpu = 1;
		c->e.drift_count = 2;
		court_close(c, cases[i].status,
			cases[i].status == STATUS_STABLE ? NULL
							 : "(phase all): one and the same clock cannot");
	}
}

static void steps_are_unstable(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.steps = calloc(1, sizeof(*c->e.steps));
	c->e.steps[0] = (struct step){ .at_s = 3.25, .step_ns = 5e6, .ci_low_ns = 4e6, .ci_high_ns = 6e6 };
	strcpy(c->e.steps[0].clock, "hpet");
	strcpy(c->e.steps[0].reference, "raw");
	strcpy(c->e.steps[0].cause, "settime: by hand");
	c->e.step_count = 1;
	court_close(c, STATUS_UNSTABLE, "at 3.250 s (CPU 0); cause: settime: by hand");
}

static void backward_is_unstable(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.backward = calloc(1, sizeof(*c->e.backward));
	c->e.backward[0] = (struct backward){ 3, "hpet", 7, 2000 };
	c->e.backward_count = 1;
	court_close(c, STATUS_UNSTABLE, "hpet went backward 7 times on CPU 3, by up to 2 µs");
	court_close(court_open(), STATUS_STABLE, NULL);
}

static void crosscpu(struct court *c, const char *phase, int a, int b, double offset, double bound)
{
	struct crosscpu *row;

	c->e.crosscpu = synthetic_grow(c->e.crosscpu, &c->e.crosscpu_count, sizeof(*row));
	row = &c->e.crosscpu[c->e.crosscpu_count - 1];
	*row = (struct crosscpu){ .cpu_a = a, .cpu_b = b, .offset_ns = offset, .bound_ns = bound };
	strcpy(row->phase, phase);
}

static void cpus_apart_are_unstable(void **state)
{
	struct court *c = court_open();

	(void)state;
	crosscpu(c, "before", 0, 1, 40, 50);
	crosscpu(c, "before", 0, 2, -49, 50);
	crosscpu(c, "after", 0, 1, -40, 50);
	court_close(c, STATUS_STABLE, NULL);
	c = court_open();
	crosscpu(c, "before", 0, 1, -51, 50);
	court_close(c, STATUS_UNSTABLE, "the TSCs of CPU 0 and CPU 1 are -51 ± 50 ns apart (before)");
	/* Each within its bound, but they cannot both be true. */
	c = court_open();
	crosscpu(c, "before", 0, 1, 49, 50);
	crosscpu(c, "before", 0, 2, 0, 50);
	crosscpu(c, "after", 0, 1, -52, 53);
	court_close(c, STATUS_STABLE, NULL);
	c = court_open();
	crosscpu(c, "before", 0, 1, 29, 30);
	crosscpu(c, "between", 0, 2, 0, 50);
	crosscpu(c, "between", 0, 1, 0, 30);
	crosscpu(c, "after", 0, 1, -32, 32);
	court_close(c, STATUS_STABLE, NULL);
	c = court_open();
	crosscpu(c, "before", 0, 1, 29, 29);
	crosscpu(c, "between", 0, 2, 0, 50);
	crosscpu(c, "between", 0, 1, 0, 30);
	crosscpu(c, "after", 0, 1, -4, 3);
	court_close(
		c, STATUS_UNSTABLE, "CPU 0 and CPU 1 moved from +29 ± 29 ns (before) to -4 ± 3 ns (after)");
}

static void many_cpus_are_judged_in_time(void **state)
{
	struct court *c = court_open();

	(void)state;
	/* 200 CPUs, three times each pair: a search of all against all would take minutes. */
	for (int k = 0; k < 3; k++)
		for (int a = 0; a < 200; a++)
			for (int b = a + 1; b < 200; b++)
				crosscpu(c, "x", a, b, k == 2 && b == 7 ? 40 : 0, k == 2 && b == 7 ? 41 : 30);
	assert_int_equal(c->e.crosscpu_count, 59700);
	court_close(c, STATUS_STABLE, NULL);
}

/* What a daemon did to the rate within the phase is not known: only within the limit is an answer. */
static void a_daemon_that_may_have_steered(void **state)
{
	struct drift row = row_of("arithmetic", 20, 0.01);
	struct court *c;

	(void)state;
	row.limit_ppm = 0.1;
	strcpy(row.limit, "arithmetic");
	judge_drift(NULL, 0, &row);
	assert_string_equal(row.status, "unstable");
	judge_unsteady(&row);
	assert_string_equal(row.status, "inconclusive");
	c = court_open();
	row.steering_ppm = NAN;
	row.n = 100;
	strcpy(row.clock, "hpet");
	strcpy(row.reference, "raw");
	c->e.drift[0] = row;
	court_close(c, STATUS_INCONCLUSIVE, "beyond the limit arithmetic of 0.1 ppm, but a time daemon runs");
	strcpy(row.limit, "guest");
	strcpy(row.status, "unstable");
	judge_unsteady(&row);
	assert_string_equal(row.status, "unstable");
	strcpy(row.limit, "arithmetic");
	strcpy(row.status, "consistent");
	judge_unsteady(&row);
	assert_string_equal(row.status, "consistent");
}

static void steering_and_assumptions_are_said(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.drift[0].steering_ppm = -37.5;
	court_close(c, STATUS_STABLE, "the kernel steers hpet by -37.5 ppm against raw");
	/* The daemon of the machine whose clock it is. */
	c = court_open();
	c->e.drift[0].steering_ppm = -37.5;
	c->s.run.clocks[0].steered = true;
	strcpy(c->s.run.clocks[0].oscillator, OSCILLATOR_LABEL_PEER);
	c->s.run.environment_before = json_pack("{s:{s:[{s:s}]}}", "time_daemon", "running", "name", "ntpd");
	c->s.run.peer_environment = json_pack("{s:{s:[{s:s}]}}", "time_daemon", "running", "name", "chronyd");
	court_close(c, STATUS_STABLE, "a time daemon that may change it runs (chronyd)");
	c = court_open();
	c->s.run.clocks[1].oscillator_assumed = true;
	court_close(c, STATUS_STABLE, "assumed: raw follows tsc");
}

static struct step step_of(const char *clock, double at_s, const char *cause, const char *injected)
{
	struct step s = {
		.at_s = at_s, .step_ns = 5e6, .ci_low_ns = 4e6, .ci_high_ns = 6e6, .reference = "raw"
	};

	strcpy(s.clock, clock);
	strcpy(s.cause, cause);
	strcpy(s.injected, injected);
	return s;
}

static void steps_on_purpose_are_no_fault(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->e.steps = calloc(2, sizeof(*c->e.steps));
	c->e.steps[0] = step_of("realtime", 3.25, "settime: set forward", "yes");
	c->e.step_count = 1;
	court_close(c, STATUS_STABLE,
		"realtime stepped by +5.0 ± 1.0 ms against raw at 3.250 s (CPU 0), as asked for: settime");
	c = court_open();
	c->e.steps = calloc(2, sizeof(*c->e.steps));
	c->e.steps[0] = step_of("realtime", 3.25, "settime: set forward", "yes");
	c->e.steps[1] = step_of("hpet", 3.25, "unknown", "no");
	c->e.step_count = 2;
	court_close(c, STATUS_UNSTABLE,
		"hpet stepped by +5.0 ± 1.0 ms against raw at 3.250 s (CPU 0); cause: unknown");
}

static struct court *court_of_a_settime(uint64_t backward, const char *clock)
{
	struct court *c = court_open();

	c->e.backward = calloc(1, sizeof(*c->e.backward));
	c->e.backward[0] = (struct backward){ .cpu = 0, .count = backward, .largest_ns = 1e7 };
	strcpy(c->e.backward[0].clock, clock);
	c->e.backward_count = 1;
	assert_int_equal(run_event_add(&c->s.run, synthetic_tsc(2), "settime", true, "back"), 0);
	return c;
}

static void one_setting_excuses_one_reading_backward(void **state)
{
	struct court *c;

	(void)state;
	court_close(court_of_a_settime(1, "realtime"), STATUS_STABLE,
		"realtime went backward once on CPU 0, by up to 10 ms: it was set on purpose");
	court_close(court_of_a_settime(2, "realtime"), STATUS_UNSTABLE, "realtime went backward 2 times");
	court_close(court_of_a_settime(1, "hpet"), STATUS_UNSTABLE, "hpet went backward once");
	/* Done by somebody else. */
	c = court_of_a_settime(1, "realtime");
	c->s.run.events[0].injected = false;
	court_close(c, STATUS_UNSTABLE, "realtime went backward once");
}

static struct court *court_of_a_load(enum observed observed, double ppm)
{
	struct court *c = court_open();
	struct phase_disturbance *d = synthetic_disturbed(&c->s, "load", "share=90", observed);

	strcpy(d->evidence, "took 12 % of CPU 0");
	c->e.drift[0] = row_of("crystal", ppm, 1);
	judge_drift(&c->s.run.phases[0], 0, &c->e.drift[0]);
	return c;
}

static void what_was_not_observed_gives_no_verdict(void **state)
{
	struct court *c = court_of_a_load(OBSERVED_NO, 70);
	char long_text[200];

	(void)state;
	assert_string_equal(c->e.drift[0].status, "inconclusive");
	court_close(c, STATUS_INCONCLUSIVE,
		"phase all: \"load share=90\" was asked for and not observed (took 12 % of CPU 0): no "
		"verdict");
	c = court_of_a_load(OBSERVED_NO, 3);
	court_close(c, STATUS_INCONCLUSIVE, "not observed");
	c = court_of_a_load(OBSERVED_UNKNOWN, 3);
	court_close(c, STATUS_INCONCLUSIVE,
		"\"load share=90\" was asked for, and whether it happened is not known");
	court_close(court_of_a_load(OBSERVED_YES, 3), STATUS_STABLE, NULL);
	court_close(court_of_a_load(OBSERVED_YES, 70), STATUS_UNSTABLE, "hpet drifts");
	/* No word about an interval that straddles a limit: it does not. */
	c = court_of_a_load(OBSERVED_NO, 3);
	memset(long_text, 'x', sizeof(long_text));
	long_text[199] = '\0';
	snprintf(c->s.run.phases[0].disturbances[0].evidence, DISTURBANCE_EVIDENCE_MAX, "%s%s", long_text,
		long_text);
	snprintf(c->s.run.phases[0].disturbances[0].asked, 160, "%.150s", long_text);
	assert_int_equal(judge_run(&c->s.run, &c->s.samples, &c->e, &(struct error){ "" }), 0);
	for (size_t i = 0; i < c->e.verdict.reason_count; i++)
		assert_null(strstr(c->e.verdict.reasons[i].text, "straddles"));
	assert_non_null(strstr(c->e.verdict.reasons[0].text, ": no verdict"));
	estimates_free(&c->e);
	synthetic_free(&c->s);
	free(c);
	/* A step in it was measured all the same. */
	c = court_of_a_load(OBSERVED_NO, 3);
	c->e.steps = calloc(1, sizeof(*c->e.steps));
	c->e.steps[0] = step_of("hpet", 3.25, "unknown", "no");
	c->e.step_count = 1;
	court_close(c, STATUS_UNSTABLE, "hpet stepped");
}

static struct court *court_of_a_slew(double asked_ppm, double before_ppm, double drift_ppm, const char *limit)
{
	struct court *c = court_open();
	struct drift *row = &c->e.drift[0];

	synthetic_disturbed(&c->s, "slew", "", OBSERVED_YES);
	c->s.run.phases[0].steering_ppm = asked_ppm;
	c->s.run.clocks[0].steered = true;
	c->s.run.environment_before =
		json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", before_ppm, "tick_us", 10000);
	*row = row_of("crystal", drift_ppm, 0.01);
	strcpy(row->limit, limit);
	row->steering_ppm = steering_ppm(&c->s.run, &c->s.run.phases[0], 0, 1);
	judge_drift(&c->s.run.phases[0], steering_injected_ppm(&c->s.run, &c->s.run.phases[0], 0, 1), row);
	return c;
}

static void a_slew_on_purpose_is_taken_off(void **state)
{
	struct court *c;

	(void)state;
	/* 310 of which 10 were there before: 300 are on purpose. */
	court_close(court_of_a_slew(310, 10, 345, "crystal"), STATUS_STABLE,
		"of which +300 ppm are steered, against");
	court_close(court_of_a_slew(310, 10, 355, "crystal"), STATUS_UNSTABLE,
		"of which +300 ppm are steered, against");
	court_close(court_of_a_slew(310, 10, 0, "user"), STATUS_UNSTABLE, "beyond the limit");
	court_close(court_of_a_slew(310, 10, 355, "arithmetic"), STATUS_STABLE,
		"of which +310 ppm are steered, against");
	/* Arithmetic needs no word of what was before. */
	c = court_of_a_slew(310, 10, 310, "arithmetic");
	json_decref(c->s.run.environment_before);
	c->s.run.environment_before = NULL;
	court_close(c, STATUS_STABLE, NULL);
	/* By how much nobody knows: neither for nor against, and then nothing speaks for the clock. */
	c = court_of_a_slew(NAN, 10, 345, "crystal");
	assert_string_equal(c->e.drift[0].status, "injected");
	court_close(c, STATUS_INCONCLUSIVE, "1 pair has no verdict: a clock was slewed on purpose");
	c = court_of_a_slew(NAN, 10, 345, "crystal");
	c->e.drift[c->e.drift_count++] = row_of("crystal", 3, 1);
	strcpy(c->e.drift[1].clock, "raw");
	court_close(c, STATUS_STABLE, "1 pair has no verdict");
	c = court_of_a_slew(310, 0, 310.0001, "arithmetic");
	strcpy(c->e.drift[0].relation, "arithmetic");
	court_close(c, STATUS_INCONCLUSIVE,
		"phase all steered hpet by +310 ppm against raw on purpose; the measured drift is off that "
		"by 0 ± 10 ppb");
}

/* CPU 1 has no readings in the phase and says so in an event. */
static struct court *court_of_a_lost_cpu(const char *disturbance, enum observed observed)
{
	struct court *c = court_open();

	synthetic_disturbed(&c->s, disturbance, "", observed);
	assert_int_equal(run_event_add(&c->s.run, synthetic_tsc(2), "cpu-lost", false, "CPU 1 is gone"), 0);
	c->e.drift[1] = row_of("crystal", NAN, NAN);
	c->e.drift[1].cpu = 1;
	c->e.drift[1].n = 0;
	c->e.drift_count = 2;
	return c;
}

static void a_cpu_taken_away_is_not_missed(void **state)
{
	struct court *c;

	(void)state;
	court_close(court_of_a_lost_cpu("hotplug", OBSERVED_YES), STATUS_STABLE, NULL);
	court_close(court_of_a_lost_cpu("load", OBSERVED_YES), STATUS_INCONCLUSIVE, "CPU 1 is gone");
	court_close(court_of_a_lost_cpu("load", OBSERVED_YES), STATUS_INCONCLUSIVE,
		"(CPU 1): one of them has no");
	court_close(court_of_a_lost_cpu("hotplug", OBSERVED_NO), STATUS_INCONCLUSIVE, "CPU 1 is gone");
	/* Other clocks were read there: this one is missing for another reason. */
	c = court_of_a_lost_cpu("hotplug", OBSERVED_YES);
	c->e.drift[2] = row_of("crystal", 1, 1);
	c->e.drift[2].cpu = 1;
	c->e.drift_count = 3;
	court_close(c, STATUS_INCONCLUSIVE, "hpet against raw (CPU 1): one of them has no readings");
	/* A hotplug begins before its phase does, but not while the phase before it lasts. */
	for (int i = 0; i < 3; i++) {
		c = court_open();
		synthetic_phase(&c->s, "taken", 12, 20);
		synthetic_disturbed(&c->s, "hotplug", "", i == 2 ? OBSERVED_NO : OBSERVED_YES);
		synthetic_series(&c->s, 1, 0, 2)->count = 1;
		c->s.samples.series[1].readings[0].tsc_lo = synthetic_tsc(13);
		assert_int_equal(run_event_add(&c->s.run, synthetic_tsc(i == 1 ? 9 : 11), "cpu-lost", false,
					 "CPU 1 is gone"),
			0);
		court_close(c, i ? STATUS_INCONCLUSIVE : STATUS_STABLE, i ? "CPU 1 is gone" : NULL);
	}
	/* It did not come back. */
	c = court_of_a_lost_cpu("hotplug", OBSERVED_YES);
	synthetic_phase(&c->s, "later", 0.5, 1.5);
	assert_int_equal(run_event_add(&c->s.run, synthetic_tsc(0.7), "cpu-lost", false, "CPU 2 is gone"), 0);
	court_close(c, STATUS_INCONCLUSIVE, "CPU 2 is gone");
}

static void phases_left_out_are_said(void **state)
{
	struct court *c = court_open();

	(void)state;
	c->s.run.skipped = calloc(1, sizeof(*c->s.run.skipped));
	c->s.run.skipped[0] = (struct skipped){ "fast", "cpufreq", "no cpufreq driver" };
	c->s.run.skipped_count = 1;
	court_close(c, STATUS_STABLE, "phase fast was left out: cpufreq: no cpufreq driver");
}

/* It tells of this pair of machines, and decides nothing. */
static void the_map_of_a_kvm_host_is_said(void **state)
{
	for (int wrong = 0; wrong < 2; wrong++) {
		struct court *c = court_open();
		unsigned clock = synthetic_clock(&c->s, "peer_tsc", UNIT_TICKS, SYNTHETIC_HZ, 64, "host");
		struct series *s = synthetic_series(&c->s, 0, clock, 3);

		for (; s->count < 3; s->count++)
			s->readings[s->count] = (struct reading){ 900 + 1000 * s->count,
				5000 + 1000 * s->count, 1100 + 1000 * s->count };
		c->s.run.peer_environment = json_pack("{s:[{s:i, s:i, s:i, s:i}]}", "kvm_vcpus", "pid", 1,
			"fd", 2, "vcpu", 0, "tsc_offset", wrong ? -7000 : -4000);
		court_close(c, STATUS_STABLE,
			wrong ? "the TSC of CPU 0 is not as KVM maps it: the host says -7000 cycles"
			      : "the TSC of CPU 0 is as KVM maps it: the host says -4000 cycles, not scaled "
				"(vCPU 0 of process 1); measured -4000 ± 100 cycles");
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_against_limits),
		cmocka_unit_test(the_systematic_term_widens),
		cmocka_unit_test(steering_is_taken_off_for_arithmetic_only),
		cmocka_unit_test(a_daemon_that_may_have_steered),
		cmocka_unit_test(minutes_that_would_settle_it),
		cmocka_unit_test(the_user_picks_the_limit),
		cmocka_unit_test(agreement_of_oscillators_is_stable),
		cmocka_unit_test(drift_is_unstable),
		cmocka_unit_test(straddling_is_inconclusive),
		cmocka_unit_test(a_longer_run_is_asked_for_where_it_helps),
		cmocka_unit_test(too_few_readings_decide_nothing),
		cmocka_unit_test(arithmetic_alone_proves_nothing),
		cmocka_unit_test(an_absent_pair_is_said),
		cmocka_unit_test(parameters_that_changed_nothing),
		cmocka_unit_test(drift_that_factors_make),
		cmocka_unit_test(what_else_keeps_a_verdict_open),
		cmocka_unit_test(one_clock_drifts_alike_on_all_cpus),
		cmocka_unit_test(steps_are_unstable),
		cmocka_unit_test(backward_is_unstable),
		cmocka_unit_test(cpus_apart_are_unstable),
		cmocka_unit_test(many_cpus_are_judged_in_time),
		cmocka_unit_test(steering_and_assumptions_are_said),
		cmocka_unit_test(steps_on_purpose_are_no_fault),
		cmocka_unit_test(one_setting_excuses_one_reading_backward),
		cmocka_unit_test(what_was_not_observed_gives_no_verdict),
		cmocka_unit_test(a_slew_on_purpose_is_taken_off),
		cmocka_unit_test(a_cpu_taken_away_is_not_missed),
		cmocka_unit_test(phases_left_out_are_said),
		cmocka_unit_test(the_map_of_a_kvm_host_is_said),
	};

	return cmocka_run_group_tests_name("analysis/judge", tests, NULL, NULL);
}
