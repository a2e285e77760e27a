/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/analyze.c"

#include "analysis/synthetic_test.h"

#define SEED 1701u

static struct limit limit_rows[] = { { "crystal", 50, "" }, { "arithmetic", 0.1, "" } };
static const struct limits limits = { limit_rows, 2 };

static struct estimates analyze(const struct synthetic *s, const char *reference)
{
	struct judging judging = { .limit_ppm = 0 };
	struct estimates e;
	struct error err = { "" };

	strcpy(judging.reference, reference);
	if (analyze_run(&s->run, &s->samples, &limits, &judging, &e, &err))
		fail_msg("%s", err.text);
	return e;
}

/* raw, hpet at +20 ppm, monotonic as told; on that many CPUs, n readings each. */
static void machine(struct synthetic *s, int cpus, size_t n, double interval_s, const char *monotonic)
{
	static const char *const raw = "delay=12:noise=2:granularity=26";
	static const char *const hpet = "drift=20:delay=600:noise=2:granularity=26";
	struct sim_model models[3];

	print_message("seed %u\n", SEED);
	synthetic_init(s);
	synthetic_ns_clock(s, "monotonic_raw", "tsc");
	synthetic_ns_clock(s, "hpet", "platform");
	synthetic_ns_clock(s, "monotonic", "tsc");
	synthetic_phase(s, "all", 0, 1e6);
	s->run.interval_s = interval_s;
	models[0] = synthetic_model(raw, SEED);
	models[1] = synthetic_model(hpet, SEED + 1);
	models[2] = synthetic_model(monotonic, SEED + 2);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned c = 0; c < 3; c++)
			synthetic_sampled(s, cpu, c, &models[c], n, 0.5 + 1e-6 * c, interval_s);
}

static const struct drift *row(const struct estimates *e, int cpu, const char *clock)
{
	for (size_t i = 0; i < e->drift_count; i++)
		if (e->drift[i].cpu == cpu && strcmp(e->drift[i].clock, clock) == 0)
			return &e->drift[i];
	fail_msg("no row of %s on CPU %d", clock, cpu);
	return NULL;
}

static void assert_drift(const struct drift *d, double ppm, const char *status)
{
	double wide = (d->ci_high_ppm - d->ci_low_ppm) / 2;

	/* Twice the interval: 1 in 10000 would fail by chance, and the seed is fixed. */
	if (fabs(d->drift_ppm - ppm) > 2 * wide || strcmp(d->status, status) != 0)
		fail_msg("%s: %.6f +- %.6f ppm, %s; not %.6f ppm, %s", d->clock, d->drift_ppm, wide,
			d->status, ppm, status);
}

#define QUIET "drift=0.02:delay=12:noise=2:granularity=26"

static void known_drifts_come_out(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	machine(&s, 2, 1000, 0.03, QUIET);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 4);
	for (int cpu = 0; cpu < 2; cpu++) {
		assert_drift(row(&e, cpu, "hpet"), 20, "stable");
		assert_drift(row(&e, cpu, "monotonic"), 0.02, "consistent");
		assert_int_equal(row(&e, cpu, "hpet")->n, 1000);
		assert_true(fabs(row(&e, cpu, "hpet")->span_s - 29.97) < 1e-3);
		assert_true(row(&e, cpu, "hpet")->hull_low_ppm <= 20 &&
			    row(&e, cpu, "hpet")->hull_high_ppm >= 20);
	}
	assert_int_equal(e.step_count, 0);
	assert_true(e.stability_count > 4 * 5);
	assert_int_equal(e.verdict.status, STATUS_STABLE);
	assert_int_equal(json_integer_value(json_object_get(e.losses, "stored")), 6000);
	estimates_free(&e);
	synthetic_free(&s);
}

static void the_tsc_can_be_the_reference(void **state)
{
	struct synthetic s;
	struct estimates e;
	struct judging wrong = { .reference = "sundial" };
	struct error err = { "" };

	(void)state;
	machine(&s, 1, 1000, 0.03, QUIET);
	s.run.tsc_hz *= 1 + 100e-6;
	e = analyze(&s, "tsc");
	assert_int_equal(e.drift_count, 3);
	/* A nominal rate 100 ppm too high makes TSC seconds too few: every clock seems to run fast. */
	assert_drift(row(&e, 0, "monotonic_raw"), 100, "unstable");
	assert_true(fabs(row(&e, 0, "hpet")->drift_ppm - 120.002) < 0.001);
	assert_string_equal(e.drift[0].reference, "tsc");
	estimates_free(&e);
	e = analyze(&s, "hpet");
	assert_drift(row(&e, 0, "monotonic_raw"), ((1 / (1 + 20e-6)) - 1) / PPM, "stable");
	estimates_free(&e);
	assert_int_equal(analyze_run(&s.run, &s.samples, &limits, &wrong, &e, &err), -EINVAL);
	assert_non_null(strstr(err.text, "sundial"));
	synthetic_free(&s);
}

static void the_same_run_gives_the_same_bits(void **state)
{
	struct synthetic s;
	char *text[2];

	(void)state;
	machine(&s, 2, 3000, 0.01, QUIET ":step=500@10");
	for (int i = 0; i < 2; i++) {
		struct estimates e = analyze(&s, "");
		json_t *json = estimates_to_json(&e, "run");

		text[i] = json_dumps(json, JSON_REAL_PRECISION(17));
		assert_non_null(text[i]);
		json_decref(json);
		estimates_free(&e);
	}
	assert_string_equal(text[0], text[1]);
	free(text[0]);
	free(text[1]);
	synthetic_free(&s);
}

static void steps_are_taken_out_and_explained(void **state)
{
	struct synthetic s;
	struct estimates e;
	const struct drift *d;

	(void)state;
	machine(&s, 1, 3000, 0.01, QUIET ":step=-2e7@10.2:step=1000@25");
	assert_int_equal(run_event_add(&s.run, synthetic_tsc(10.21), "settime", false, "by hand"), 0);
	assert_int_equal(run_event_add(&s.run, synthetic_tsc(15), "other", false, "far away"), 0);
	e = analyze(&s, "");
	assert_int_equal(e.step_count, 2);
	assert_true(fabs(e.steps[0].at_s - (10.2 - 0.5)) < 0.02);
	assert_true(e.steps[0].ci_low_ns <= -2e7 + 5 && e.steps[0].ci_high_ns >= -2e7 - 5);
	assert_string_equal(e.steps[0].cause, "settime: by hand");
	assert_string_equal(e.steps[1].cause, "unknown");
	d = row(&e, 0, "monotonic");
	assert_drift(d, 0.02, "consistent");
	assert_non_null(strstr(d->method, ", 2 steps out"));
	assert_int_equal(d->backward, 1);
	assert_true(fabs(d->max_backward_ns - 1e7) < 100);
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	/* Without tallies the stored readings must do; with them, ticks become time. */
	assert_int_equal(e.backward_count, 1);
	assert_string_equal(e.backward[0].clock, "monotonic");
	assert_true(e.backward[0].count == 1 && fabs(e.backward[0].largest_ns - 1e7) < 100);
	estimates_free(&e);
	s.run.tallies = calloc(1, sizeof(*s.run.tallies));
	s.run.tallies[0] = (struct tally){ .cpu = 3, .clock = 0, .backward = 7, .max_backward = 20 };
	s.run.tally_count = 1;
	e = analyze(&s, "");
	assert_int_equal(e.backward_count, 2); /* a tally of one CPU does not hide another's readings */
	assert_int_equal(e.backward[1].cpu, 0);
	assert_int_equal(e.backward[0].cpu, 3);
	assert_true(e.backward[0].count == 7);
	assert_true(fabs(e.backward[0].largest_ns - 20e9 / s.run.clocks[0].hz) < 1e-6);
	estimates_free(&e);
	synthetic_free(&s);
}

/* The steps' own errors must widen the interval of what is left. */
static void intervals_without_the_steps_cover(void **state)
{
	unsigned covered = 0, trials = 200;

	(void)state;
	for (unsigned k = 0; k < trials; k++) {
		struct sim_model m =
			synthetic_model("drift=0.5:noise=10:delay=100:step=5000@12:step=-900@21", SEED + k);
		struct synthetic s;
		struct estimates e;
		const struct drift *d;

		synthetic_init(&s);
		synthetic_ns_clock(&s, "own", "own");
		synthetic_phase(&s, "all", 0, 1e6);
		synthetic_sampled(&s, 0, 0, &m, 1500, 0, 0.02);
		e = analyze(&s, "tsc");
		d = row(&e, 0, "own");
		assert_int_equal(e.step_count, 2);
		covered += d->ci_low_ppm <= 0.5 && d->ci_high_ppm >= 0.5;
		estimates_free(&e);
		synthetic_free(&s);
	}
	print_message("seed %u: two steps taken out: covered %u of %u\n", SEED, covered, trials);
	assert_true(covered >= 0.9 * trials);
}

/* A clock that steps at each of many events: the rest drifts as it does between them. */
static void steps_at_events(void **state)
{
	unsigned covered = 0, steps = 0, held = 0, trials = 40;
	char options[900];

	(void)state;
	for (unsigned k = 0; k < trials; k++) {
		struct synthetic s;
		struct estimates e;
		struct sim_model m;
		const struct drift *d;
		char *end = options + sprintf(options, "drift=0.5:noise=5:delay=100");

		for (int i = 1; i < 16; i++)
			end += sprintf(end, ":step=%d@%g", i == 9 ? 170000 : 240 + i, 0.1 * i + 0.01);
		m = synthetic_model(options, SEED + k);
		synthetic_init(&s);
		synthetic_ns_clock(&s, "own", "own");
		synthetic_phase(&s, "all", 0, 1e6);
		synthetic_sampled(&s, 0, 0, &m, 80, 0, 0.02);
		for (int i = 1; i < 16; i++)
			assert_int_equal(run_event_add(&s.run, synthetic_tsc(0.1 * i + 0.01), "clocksource",
						 false, "switched"),
				0);
		e = analyze(&s, "tsc");
		d = row(&e, 0, "own");
		assert_int_equal(e.step_count, 15);
		assert_non_null(strstr(d->method, ", 15 steps out"));
		for (int i = 1; i < 16; i++) {
			const struct step *st = &e.steps[i - 1];

			assert_string_equal(st->cause, "clocksource: switched");
			held += st->ci_low_ns <= (i == 9 ? 170000 : 240 + i) &&
				st->ci_high_ns >= (i == 9 ? 170000 : 240 + i);
			steps++;
		}
		covered += d->ci_low_ppm <= 0.5 && d->ci_high_ppm >= 0.5;
		assert_true(d->ci_high_ppm - d->ci_low_ppm < 0.2);
		estimates_free(&e);
		synthetic_free(&s);
	}
	print_message(
		"seed %u: covered %u of %u drifts, %u of %u steps\n", SEED, covered, trials, held, steps);
	assert_true(covered >= 0.85 * trials && held >= 0.93 * steps);
}

static void each_phase_is_judged_for_itself(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	/* The rate changes, and the clock steps, just between the phases. */
	machine(&s, 1, 3000, 0.01, QUIET ":rate=200@15:step=1e6@15");
	s.run.phase_count = 0;
	synthetic_phase(&s, "first", 0, 15);
	synthetic_phase(&s, "second", 15, 40);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 4);
	assert_int_equal(e.step_count, 1);
	assert_string_equal(e.steps[0].phase, "first");
	assert_drift(&e.drift[1], 0.02, "consistent");
	assert_string_equal(e.drift[1].phase, "first");
	assert_drift(&e.drift[3], 200.02, "unstable");
	assert_string_equal(e.drift[3].phase, "second");
	estimates_free(&e);
	synthetic_free(&s);
}

/* Two idle phases of 15 s, the second of which begins gap_s later. */
static void two_phases(struct synthetic *s, double gap_s, const char *monotonic)
{
	machine(s, 1, 3000, 0.01, monotonic);
	s->run.phase_count = 0;
	synthetic_phase(s, "first", 0, 15);
	synthetic_phase(s, "second", 15 + gap_s, 40);
}

static void assert_between(const struct estimates *e, const char *cause, const char *injected)
{
	const struct step *step = e->steps;

	assert_int_equal(e->step_count, 1);
	assert_string_equal(step->phase, "first");
	assert_string_equal(step->clock, "monotonic");
	assert_string_equal(step->cause, cause);
	assert_string_equal(step->injected, injected);
	assert_true(step->ci_low_ns < 1e6 && step->ci_high_ns > 1e6);
	assert_true(step->ci_high_ns - step->ci_low_ns < 100);
	assert_int_equal(e->verdict.status, *injected == 'y' ? STATUS_STABLE : STATUS_UNSTABLE);
	assert_true(e->phases[0].steps == 1 && e->phases[1].steps == 0);
}

static void steps_between_phases(void **state)
{
	static const struct {
		double gap_s;
		const char *kind; /* of an event at the step */
		bool injected;
		const char *cause, *told;
	} cases[] = {
		{ 0, NULL, false, "unknown", "no" },
		{ 0.5, NULL, false, "unknown", "no" },
		{ 0.5, "settime", false, "settime: by hand", "no" },
		{ 0.5, "clocksource", false, "clocksource: by hand", "no" },
		{ 0.5, "clocksource", true, "clocksource: by hand", "yes" },
		{ 0.5, "other", true, "other: by hand", "no" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double at_s = 15 + cases[i].gap_s / 2;
		struct synthetic s;
		struct estimates e;
		char model[80];

		snprintf(model, sizeof(model), QUIET ":step=1e6@%g", at_s);
		two_phases(&s, cases[i].gap_s, model);
		if (cases[i].kind)
			assert_int_equal(run_event_add(&s.run, synthetic_tsc(at_s), cases[i].kind,
						 cases[i].injected, "by hand"),
				0);
		e = analyze(&s, "");
		assert_between(&e, cases[i].cause, cases[i].told);
		assert_true(fabs(e.steps[0].at_s - (at_s - 0.5)) < 0.02);
		estimates_free(&e);
		synthetic_free(&s);
	}
}

static void steps_stand_with_their_phase(void **state)
{
	static const double at_s[] = { 5, 15.25, 25 };
	struct synthetic s;
	struct estimates e;

	(void)state;
	two_phases(&s, 0.5, QUIET ":step=1e5@5:step=1e6@15.25:step=-4e5@25");
	e = analyze(&s, "");
	assert_int_equal(e.step_count, 3);
	for (size_t i = 0; i < e.step_count; i++) {
		assert_true(fabs(e.steps[i].at_s - (at_s[i] - 0.5)) < 0.02);
		assert_string_equal(e.steps[i].phase, i < 2 ? "first" : "second");
	}
	estimates_free(&e);
	synthetic_free(&s);
}

/* An injected setting moves the realtime; what a phase sets and puts back is not told. */
static void own_steps_between_phases(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	two_phases(&s, 0.5, QUIET ":step=1e6@15.2");
	strcpy(s.run.clocks[2].name, "realtime");
	s.run.clocks[2].steered = true;
	assert_int_equal(run_event_add(&s.run, synthetic_tsc(15.2), "settime", true, "on purpose"), 0);
	e = analyze(&s, "");
	assert_int_equal(e.step_count, 1);
	assert_string_equal(e.steps[0].cause, "settime: on purpose");
	assert_string_equal(e.steps[0].injected, "yes");
	assert_int_equal(e.verdict.status, STATUS_STABLE);
	estimates_free(&e);
	s.run.event_count = 0;
	e = analyze(&s, "");
	assert_int_equal(e.step_count, 1);
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	estimates_free(&e);
	synthetic_disturbed(&s, "slew", "step=10ms", OBSERVED_YES);
	e = analyze(&s, "");
	assert_int_equal(e.step_count, 0);
	estimates_free(&e);
	synthetic_free(&s);
}

/* A counter of 24 bits turns 4.7 s long, over a gap of 20 s: readings of it there are left out. */
static void a_counter_that_wraps_between_phases(void **state)
{
	static const struct {
		const char *model;
		double step_ns; /* 0: none */
	} cases[] = {
		{ "drift=20:delay=600:noise=2:granularity=26", 0 },
		{ "drift=20:delay=600:noise=2:granularity=26:step=1e6@25", 1e6 },
		/* A whole turn cannot be told from none. */
		{ "drift=20:delay=600:noise=2:granularity=26:step=4686925602.8@25", 0 },
	};
	double hz = 3579545;

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct sim_model raw = synthetic_model("delay=12:noise=2:granularity=26", SEED),
				 timer = synthetic_model(cases[k].model, SEED + 1);
		struct synthetic s;
		struct estimates e;

		synthetic_init(&s);
		synthetic_ns_clock(&s, "monotonic_raw", "tsc");
		synthetic_clock(&s, "acpi_pm", UNIT_TICKS, hz, 24, "platform");
		synthetic_phase(&s, "first", 0, 15);
		synthetic_phase(&s, "second", 35, 60);
		for (unsigned c = 0; c < 2; c++) {
			struct series *series =
				synthetic_sampled(&s, 0, c, c ? &timer : &raw, 5000, 0.5 + 1e-6 * c, 0.01);
			size_t kept = 0;

			for (size_t i = 0; i < series->count; i++) {
				struct reading r = series->readings[i];

				if (c)
					r.value = (uint64_t)((double)(r.value - SYNTHETIC_EPOCH) * hz / 1e9) &
						  0xffffff;
				if (r.tsc_lo < synthetic_tsc(15) || r.tsc_lo >= synthetic_tsc(35))
					series->readings[kept++] = r;
			}
			series->count = kept;
		}
		e = analyze(&s, "");
		assert_int_equal(e.step_count, cases[k].step_ns > 0);
		if (e.step_count)
			assert_true(fabs(e.steps[0].step_ns - cases[k].step_ns) < 3000);
		estimates_free(&e);
		synthetic_free(&s);
	}
}

static void steering_is_read_from_the_environment(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	machine(&s, 1, 1000, 0.03, "drift=123.456:delay=12:noise=2:granularity=26");
	s.run.clocks[2].steered = true;
	s.run.environment_before =
		json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", 23.456, "tick_us", 10001);
	e = analyze(&s, "");
	assert_true(fabs(row(&e, 0, "monotonic")->steering_ppm - 123.456) < 1e-9);
	assert_drift(row(&e, 0, "monotonic"), 123.456, "consistent");
	estimates_free(&e);
	e = analyze(&s, "monotonic");
	assert_true(fabs(row(&e, 0, "monotonic_raw")->steering_ppm + 123.456) < 1e-9);
	estimates_free(&e);
	synthetic_free(&s);
}

static void granularity_is_the_divisor_of_all_differences(void **state)
{
	struct synthetic s;
	struct reading *r;

	(void)state;
	machine(&s, 2, 500, 0.01, QUIET);
	assert_true(analyze_granularity(&s.run, &s.samples) == 26);
	/* An inverted bracket, and a CPU whose TSC stands elsewhere and starts earlier. */
	r = s.samples.series[1].readings;
	r[7].tsc_hi = r[7].tsc_lo - 52;
	r = s.samples.series[3].readings;
	for (int i = 0; i < 500; i++) {
		r[i].tsc_lo -= 3 * SYNTHETIC_START / 4 + 7;
		r[i].tsc_hi -= 3 * SYNTHETIC_START / 4 + 7;
	}
	assert_true(analyze_granularity(&s.run, &s.samples) == 26);
	s.run.tsc_granularity_cycles = 13;
	assert_true(analyze_granularity(&s.run, &s.samples) == 13);
	synthetic_free(&s);
}

static void crosscpu_rows_follow_the_exchange(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	machine(&s, 1, 50, 0.01, QUIET);
	s.samples.exchanges = calloc(1, sizeof(*s.samples.exchanges));
	s.samples.exchanges[0] = (struct exchange){ "before", 0, 1, 2600, -260 };
	s.samples.exchange_count = 1;
	e = analyze(&s, "");
	/* CPU 1 ahead: its stamps come late one way and early the other. */
	assert_true(fabs(e.crosscpu[0].offset_ns - 550) < 1e-9 && fabs(e.crosscpu[0].bound_ns - 450) < 1e-9);
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	estimates_free(&e);
	synthetic_free(&s);
}

static void one_clock_is_held_against_the_tsc(void **state)
{
	struct sim_model m = synthetic_model(QUIET, SEED);
	struct synthetic s;
	struct estimates e;

	(void)state;
	synthetic_init(&s);
	synthetic_ns_clock(&s, "monotonic", "tsc");
	synthetic_phase(&s, "all", 0, 1e6);
	synthetic_sampled(&s, 0, 0, &m, 300, 0, 0.1);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 1);
	assert_drift(&e.drift[0], 0.02, "consistent");
	assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
	estimates_free(&e);
	/* The TSC alone has nobody. */
	strcpy(s.run.clocks[0].name, "tsc");
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 0);
	assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
	estimates_free(&e);
	synthetic_free(&s);
}

static void an_empty_run_is_inconclusive(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	synthetic_init(&s);
	synthetic_ns_clock(&s, "monotonic", "tsc");
	synthetic_ns_clock(&s, "hpet", "platform");
	synthetic_phase(&s, "all", 0, 1e6);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 0);
	assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
	assert_true(e.verdict.reason_count >= 2);
	estimates_free(&e);
	synthetic_free(&s);
}

static void many_clocks_and_many_cpus(void **state)
{
	struct sim_model m[RUN_CLOCKS_MAX];
	struct synthetic s;
	struct estimates e;

	(void)state;
	synthetic_init(&s);
	for (unsigned c = 0; c < RUN_CLOCKS_MAX; c++) {
		char name[CLOCK_NAME_MAX], options[64];

		snprintf(name, sizeof(name), "clock%u", c);
		snprintf(options, sizeof(options), "drift=%u:delay=100:noise=3", c);
		synthetic_ns_clock(&s, name, name);
		m[c] = synthetic_model(options, SEED + c);
	}
	synthetic_phase(&s, "all", 0, 1e6);
	for (unsigned c = 0; c < RUN_CLOCKS_MAX; c++)
		synthetic_sampled(&s, 0, c, &m[c], 60, c * 1e-6, 0.1);
	e = analyze(&s, "clock3");
	assert_int_equal(e.drift_count, RUN_CLOCKS_MAX - 1);
	assert_drift(row(&e, 0, "clock40"), 37, "stable");
	assert_drift(row(&e, 0, "clock60"), 57, "unstable");
	estimates_free(&e);
	synthetic_free(&s);
	machine(&s, 256, 40, 0.1, QUIET);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 512);
	assert_drift(row(&e, 255, "hpet"), 20, "stable");
	assert_int_equal(e.verdict.status, STATUS_STABLE);
	estimates_free(&e);
	synthetic_free(&s);
}

/* idle, slewed by +200 ppm, idle, clocksource hpet, and set by 20 ms and back; 10 s each. */
static void disturbed_machine(struct synthetic *s, enum observed observed)
{
	static const char *const names[] = { "before", "slew", "between", "clocksource", "settime", "after" };

	machine(s, 1, 6000, 0.01, QUIET ":rate=200@10:rate=-200@20:step=2e7@43:step=-2e7@47");
	strcpy(s->run.clocks[2].name, "realtime");
	s->run.clocks[2].steered = true;
	s->run.clocks[0].clocksource = s->run.clocks[2].clocksource = true;
	s->run.environment_before = json_pack("{s:{s:f,s:i}}", "adjtimex", "freq_ppm", 0.0, "tick_us", 10000);
	s->run.phase_count = 0;
	for (int i = 0; i < 6; i++) {
		synthetic_phase(s, names[i], 10. * i, 10. * i + 10);
		if (i == 1)
			s->run.phases[i].steering_ppm = 200;
		if (i == 3)
			strcpy(s->run.phases[i].oscillator, "platform");
		if (i == 1 || i == 3 || i == 4)
			synthetic_disturbed(s, names[i], "x=1", observed);
	}
	assert_int_equal(run_event_add(&s->run, synthetic_tsc(43), "settime", true, "forward"), 0);
	assert_int_equal(run_event_add(&s->run, synthetic_tsc(47), "settime", true, "back"), 0);
}

static void what_was_done_on_purpose_is_no_fault(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	disturbed_machine(&s, OBSERVED_YES);
	e = analyze(&s, "");
	assert_int_equal(e.drift_count, 12);
	assert_drift(&e.drift[3], 200.02, "consistent");
	assert_true(e.drift[3].steering_ppm == 200);
	assert_int_equal(e.effect_count, 6);
	assert_string_equal(e.effects[1].clock, "realtime");
	assert_string_equal(e.effects[1].significant, "yes");
	assert_true(fabs(e.effects[1].effect_ppm - 200) < 0.01);
	assert_string_equal(e.effects[0].significant, "no");
	/* With its clocksource on the platform's crystal, the kernel's clock and the HPET are one. */
	assert_string_equal(e.drift[0].relation, "crystal");
	assert_string_equal(e.drift[6].relation, "arithmetic");
	assert_int_equal(e.step_count, 2);
	assert_string_equal(e.steps[0].injected, "yes");
	assert_string_equal(e.steps[1].injected, "yes");
	assert_int_equal(e.backward_count, 1);
	assert_int_equal(e.phase_count, 6);
	assert_string_equal(e.phases[4].phase, "settime");
	assert_string_equal(e.phases[4].status, "stable");
	assert_true(e.phases[4].backward == 1);
	/* The HPET drifts by 20 ppm, which is too much where it should be the kernel's own crystal. */
	assert_string_equal(e.phases[3].status, "unstable");
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	estimates_free(&e);
	s.run.phases[3].oscillator[0] = '\0';
	e = analyze(&s, "");
	for (size_t i = 0; e.verdict.status != STATUS_STABLE && i < e.verdict.reason_count; i++)
		print_message("  %s\n", e.verdict.reasons[i].text);
	assert_int_equal(e.verdict.status, STATUS_STABLE);
	estimates_free(&e);
	/* The same without a word of who did it. */
	s.run.events[1].injected = false;
	e = analyze(&s, "");
	assert_string_equal(e.steps[1].injected, "no");
	assert_int_equal(e.verdict.status, STATUS_UNSTABLE);
	estimates_free(&e);
	synthetic_free(&s);
}

static void what_was_not_observed_is_not_judged(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	disturbed_machine(&s, OBSERVED_NO);
	e = analyze(&s, "");
	assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
	assert_string_equal(e.drift[3].status, "inconclusive");
	assert_string_equal(e.drift[1].status, "consistent");
	assert_string_equal(e.phases[1].status, "none");
	assert_string_equal(e.phases[0].status, "stable");
	estimates_free(&e);
	synthetic_free(&s);
}

static bool says(const struct estimates *e, const char *words)
{
	for (size_t i = 0; i < e->verdict.reason_count; i++)
		if (strstr(e->verdict.reasons[i].text, words))
			return true;
	return false;
}

/* hpet, then monotonic_raw as the reference, ends after 12 of 30 s: what was read is within the limits. */
static void a_clock_that_ends_in_mid_run_leaves_it_open(void **state)
{
	struct synthetic s;
	struct estimates e;

	(void)state;
	machine(&s, 1, 1000, 0.03, QUIET);
	s.samples.series[1].count = 400;
	e = analyze(&s, "");
	assert_drift(row(&e, 0, "hpet"), 20, "inconclusive");
	assert_float_equal(row(&e, 0, "hpet")->unread_s, 18, 0.1);
	assert_drift(row(&e, 0, "monotonic"), 0.02, "consistent");
	assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
	assert_true(says(&e, "hpet (CPU 0) was read for 12 s of the 30 s of phase all only: nothing is known "
			     "of the rest"));
	assert_false(says(&e, "straddles"));
	estimates_free(&e);
	s.samples.series[0].count = 400;
	s.samples.series[1].count = 1000;
	e = analyze(&s, "");
	assert_drift(row(&e, 0, "hpet"), 20, "inconclusive");
	assert_drift(row(&e, 0, "monotonic"), 0.02, "inconclusive");
	assert_true(says(&e, "monotonic_raw (CPU 0) was read for 12 s of the 30 s"));
	estimates_free(&e);
	synthetic_free(&s);
}

/* Two of 1000 readings far off: too few for a step, and no line's fault; a mean rate is no proof. */
static void a_clock_that_jumps_out_and_back_is_not_stable(void **state)
{
	static const unsigned clocks[] = { 1, 2 };
	static const char *const names[] = { "hpet", "monotonic" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct synthetic s;
		struct estimates e;

		machine(&s, 1, 1000, 0.03, QUIET);
		for (size_t k = 500; k < 502; k++)
			s.samples.series[clocks[i]].readings[k].value += 5000000;
		e = analyze(&s, "");
		assert_string_equal(row(&e, 0, names[i])->status, "inconclusive");
		assert_int_equal(row(&e, 0, names[i])->jumps, 2);
		assert_int_equal(row(&e, 0, names[1 - i])->jumps, 0);
		assert_int_equal(e.verdict.status, STATUS_INCONCLUSIVE);
		assert_true(says(&e, "as no steady clock does, 2 times, the most by "));
		estimates_free(&e);
		synthetic_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_drifts_come_out),
		cmocka_unit_test(the_tsc_can_be_the_reference),
		cmocka_unit_test(the_same_run_gives_the_same_bits),
		cmocka_unit_test(steps_are_taken_out_and_explained),
		cmocka_unit_test(intervals_without_the_steps_cover),
		cmocka_unit_test(steps_at_events),
		cmocka_unit_test(each_phase_is_judged_for_itself),
		cmocka_unit_test(steps_between_phases),
		cmocka_unit_test(steps_stand_with_their_phase),
		cmocka_unit_test(own_steps_between_phases),
		cmocka_unit_test(a_counter_that_wraps_between_phases),
		cmocka_unit_test(steering_is_read_from_the_environment),
		cmocka_unit_test(granularity_is_the_divisor_of_all_differences),
		cmocka_unit_test(crosscpu_rows_follow_the_exchange),
		cmocka_unit_test(one_clock_is_held_against_the_tsc),
		cmocka_unit_test(an_empty_run_is_inconclusive),
		cmocka_unit_test(many_clocks_and_many_cpus),
		cmocka_unit_test(what_was_done_on_purpose_is_no_fault),
		cmocka_unit_test(what_was_not_observed_is_not_judged),
		cmocka_unit_test(a_clock_that_ends_in_mid_run_leaves_it_open),
		cmocka_unit_test(a_clock_that_jumps_out_and_back_is_not_stable),
	};

	return cmocka_run_group_tests_name("analysis/analyze", tests, NULL, NULL);
}
