/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/phase_result.c"

#include "analysis/synthetic_test.h"

struct book {
	struct synthetic s;
	struct estimates e;
};

/* Two idle phases of 10 s and a disturbed one of 20 s; stable rows of hpet and realtime against raw in each. */
static void book_open(struct book *b, const char *disturbance, enum observed observed)
{
	static const char *const phases[] = { "before", "busy", "after" };

	*b = (struct book){ 0 };
	synthetic_init(&b->s);
	synthetic_ns_clock(&b->s, "hpet", "platform");
	synthetic_ns_clock(&b->s, "realtime", "tsc");
	synthetic_phase(&b->s, phases[0], 0, 10);
	synthetic_phase(&b->s, phases[1], 10, 30);
	synthetic_disturbed(&b->s, disturbance, "share=90", observed);
	synthetic_phase(&b->s, phases[2], 30, 40);
	b->e.drift = calloc(6, sizeof(*b->e.drift));
	for (int i = 0; i < 6; i++) {
		struct drift *row = &b->e.drift[b->e.drift_count++];

		*row = (struct drift){ .drift_ppm = 20 + i,
			.ci_low_ppm = 19 + i,
			.ci_high_ppm = 21 + i,
			.n = 100,
			.reference = "raw",
			.status = "stable" };
		strcpy(row->phase, phases[i / 2]);
		strcpy(row->clock, i % 2 ? "realtime" : "hpet");
	}
}

static const struct phase_result *find(struct book *b)
{
	struct error err = { "" };

	free(b->e.phases);
	assert_int_equal(phase_results_find(&b->s.run, &b->s.samples, &b->e, &err), 0);
	assert_int_equal(b->e.phase_count, 3);
	return b->e.phases;
}

static void book_close(struct book *b)
{
	estimates_free(&b->e);
	synthetic_free(&b->s);
}

static void says(const struct phase_result *r, const char *status, const char *text)
{
	if (strcmp(r->status, status) || strcmp(r->text, text))
		fail_msg("%s: %s: \"%s\"", r->phase, r->status, r->text);
}

static void step(struct book *b, const char *cause, const char *injected)
{
	struct step *s;

	b->e.steps = synthetic_grow(b->e.steps, &b->e.step_count, sizeof(*s));
	s = &b->e.steps[b->e.step_count - 1];
	s->step_ns = -1e6;
	strcpy(s->phase, "busy");
	strcpy(s->clock, "realtime");
	strcpy(s->cause, cause);
	strcpy(s->injected, injected);
}

static void effect(struct book *b, const char *clock, double ppm, double half, const char *significant)
{
	struct effect *e;

	b->e.effects = synthetic_grow(b->e.effects, &b->e.effect_count, sizeof(*e));
	e = &b->e.effects[b->e.effect_count - 1];
	*e = (struct effect){ .effect_ppm = ppm, .ci_low_ppm = ppm - half, .ci_high_ppm = ppm + half };
	strcpy(e->phase, "busy");
	strcpy(e->clock, clock);
	strcpy(e->significant, significant);
}

static void what_was_done_and_how_long(void **state)
{
	const struct phase_result *r;
	struct book b;

	(void)state;
	book_open(&b, "load", OBSERVED_YES);
	r = find(&b);
	assert_string_equal(r[0].disturbances, "");
	assert_string_equal(r[0].observed, "idle");
	assert_true(fabs(r[0].duration_s - 10) < 1e-9 && fabs(r[1].duration_s - 20) < 1e-9);
	assert_string_equal(r[1].disturbances, "load share=90");
	assert_string_equal(r[1].observed, "yes");
	says(&r[0], "stable", "undisturbed; the largest drift is +21.0 ± 1.0 ppm of realtime against raw");
	says(&r[1], "stable", "no effect can be told: no idle phase to hold it against");
	/* Neither begin nor end: from the first reading to the last. */
	b.s.run.phases[2].tsc_lo = 0;
	b.s.run.phases[2].tsc_hi = UINT64_MAX;
	synthetic_series(&b.s, 0, 0, 2)->count = 2;
	b.s.samples.series[0].readings[0].tsc_lo = synthetic_tsc(31);
	b.s.samples.series[0].readings[1].tsc_lo = synthetic_tsc(34);
	r = find(&b);
	assert_true(fabs(r[2].duration_s - 3) < 1e-9);
	book_close(&b);
}

static void several_disturbances(void **state)
{
	struct phase *phase;
	struct book b;
	const struct phase_result *r;
	struct phase_disturbance *d;

	(void)state;
	book_open(&b, "load", OBSERVED_YES);
	phase = &b.s.run.phases[1];
	d = synthetic_grow(phase->disturbances, &phase->disturbance_count, sizeof(*d));
	phase->disturbances = d;
	strcpy(d[1].name, "cstate");
	strcpy(d[1].evidence, "0 entries");
	d[1].observed = OBSERVED_UNKNOWN;
	r = find(&b);
	assert_string_equal(r[1].disturbances, "load share=90; cstate");
	assert_string_equal(r[1].observed, "unknown");
	says(&r[1], "none", "cstate may or may not have happened (0 entries)");
	d[0].observed = OBSERVED_NO;
	r = find(&b);
	assert_string_equal(r[1].observed, "no");
	says(&r[1], "none", "load was not observed; cstate may or may not have happened (0 entries)");
	/* What does not fit is cut between characters. */
	d[1].observed = OBSERVED_NO;
	for (size_t i = 0; i + 3 < sizeof(d[1].evidence); i += 2)
		strcpy(d[1].evidence + i, "±");
	for (int odd = 0; odd < 2; odd++) {
		strcpy(d[0].evidence, odd ? "x" : "xy");
		r = find(&b);
		assert_true(text_is_plain(r[1].text, strlen(r[1].text)));
		assert_true(strlen(r[1].text) > 390);
	}
	book_close(&b);
}

static void the_worst_row_counts(void **state)
{
	static const char *const order[] = { "injected", "consistent", "stable", "inconclusive", "unstable" };
	const struct phase_result *r;
	struct book b;

	(void)state;
	book_open(&b, "load", OBSERVED_YES);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++) {
			strcpy(b.e.drift[2].status, order[i]);
			strcpy(b.e.drift[3].status, order[k]);
			assert_string_equal(find(&b)[1].status, order[i > k ? i : k]);
		}
	book_close(&b);
	/* A CPU that was taken away on purpose is not missed; by itself it is. */
	book_open(&b, "hotplug", OBSERVED_YES);
	for (int i = 2; i < 4; i++) {
		b.e.drift[i].n = 0;
		strcpy(b.e.drift[i].status, "inconclusive");
	}
	b.e.drift[3].cpu = 1;
	b.e.drift[2].n = 50;
	strcpy(b.e.drift[2].status, "stable");
	assert_string_equal(find(&b)[1].status, "stable");
	strcpy(b.s.run.phases[1].disturbances[0].name, "load");
	assert_string_equal(find(&b)[1].status, "inconclusive");
	b.e.drift_count = 2;
	r = find(&b);
	assert_string_equal(r[1].status, "inconclusive");
	says(&r[2], "inconclusive", "undisturbed; no drift can be told");
	book_close(&b);
}

static void steps_and_readings_backward(void **state)
{
	const struct phase_result *r;
	struct book b;

	(void)state;
	book_open(&b, "settime", OBSERVED_YES);
	step(&b, "settime: back", "yes");
	assert_int_equal(run_event_add(&b.s.run, synthetic_tsc(15), "settime", true, "back"), 0);
	b.e.drift[3].backward = 1;
	r = find(&b);
	assert_true(r[1].steps == 1 && r[1].steps_explained == 1 && r[1].backward == 1);
	says(&r[1], "stable",
		"1 reading went backward; 1 step: 1 as asked for; no effect can be told: no idle phase to "
		"hold it against");
	assert_true(r[0].steps == 0 && r[2].backward == 0);
	/* The phase's own counts stand over the rows'; two are more than one setting explains. */
	b.s.run.phases[1].backward = calloc(1, sizeof(struct phase_backward));
	b.s.run.phases[1].backward[0] = (struct phase_backward){ 0, 1, 2 };
	b.s.run.phases[1].backward_count = 1;
	r = find(&b);
	assert_true(r[1].backward == 2);
	assert_string_equal(r[1].status, "unstable");
	book_close(&b);
	book_open(&b, "clocksource", OBSERVED_YES);
	step(&b, "unknown", "no");
	step(&b, "clocksource: tsc to hpet", "no");
	step(&b, "clocksource: hpet to tsc", "no");
	r = find(&b);
	assert_true(r[1].steps == 3 && r[1].steps_explained == 2);
	assert_string_equal(r[1].status, "unstable");
	assert_non_null(strstr(r[1].text, "no clock went backward; monotonic was not read; 3 steps: 2 with "
					  "an event (clocksource), 1 unexplained"));
	b.s.run.phases[1].disturbances[0].observed = OBSERVED_NO;
	assert_string_equal(find(&b)[1].status, "none");
	book_close(&b);
}

/* Many of a kind become a sentence, and of monotonic it is said whether it went backward. */
static void switches_of_the_clocksource(void **state)
{
	struct book b;

	(void)state;
	book_open(&b, "clocksource", OBSERVED_YES);
	synthetic_ns_clock(&b.s, "monotonic", "tsc");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(
			run_event_add(&b.s.run, synthetic_tsc(11 + i), "clocksource", false, "s"), 0);
		if (i == 5)
			step(&b, "unknown", "no");
		step(&b, "clocksource: s", "no");
		b.e.steps[b.e.step_count - 1].step_ns = i == 2 ? 1e6 : 240 + i;
		strcpy(b.e.steps[b.e.step_count - 1].reference, "raw");
		b.e.steps[b.e.step_count - 1].ci_low_ns = -3;
		b.e.steps[b.e.step_count - 1].ci_high_ns = 3;
	}
	/* Another phase's, and one that says that there are more, are none of them. */
	assert_int_equal(run_event_add(&b.s.run, synthetic_tsc(31), "clocksource", false, "s"), 0);
	assert_int_equal(run_event_add(&b.s.run, synthetic_tsc(29), "clocksource", false, "further s"), 0);
	strcpy(b.e.steps[0].clock, "hpet");
	says(&find(&b)[1], "unstable",
		"neither monotonic nor another clock went backward; hpet, realtime stepped against raw at 1 "
		"to 5 of 6 clocksource switches: +244 ± 3 ns in the median, +1.000000 ± 0.000003 ms at most; "
		"1 other step: 1 unexplained; no effect can be told: no idle phase to hold it against");
	b.s.run.phases[1].backward = calloc(2, sizeof(struct phase_backward));
	b.s.run.phases[1].backward[0] = (struct phase_backward){ 0, 0, 1 };
	b.s.run.phases[1].backward_count = 1;
	assert_non_null(strstr(
		find(&b)[1].text, "1 reading of other clocks went backward, none of monotonic; hpet,"));
	b.s.run.phases[1].backward[1] = (struct phase_backward){ 0, 2, 3 };
	b.s.run.phases[1].backward_count = 2;
	assert_non_null(strstr(find(&b)[1].text,
		"monotonic went backward 3 times; 1 reading of other clocks went backward; hpet,"));
	book_close(&b);
}

static void effects_in_words(void **state)
{
	struct book b;

	(void)state;
	book_open(&b, "load", OBSERVED_YES);
	effect(&b, "hpet", 0.002, 0.0003, "no");
	effect(&b, "realtime", -0.003, 0.0004, "no");
	effect(&b, "tai", NAN, NAN, "unknown");
	says(&find(&b)[1], "stable",
		"no significant effect on a drift; the largest is -3.0 ± 0.4 ppb on realtime");
	/* Significant ones stand over larger ones; alike is named together, once. */
	effect(&b, "monotonic", -0.0025, 0.0002, "yes");
	effect(&b, "tai", -0.0024, 0.0002, "yes");
	effect(&b, "tai", -0.0023, 0.0002, "yes");
	effect(&b, "rtc", 0.0002, 0.0001, "yes");
	says(&find(&b)[1], "stable", "monotonic, tai: -2.50 ± 0.20 ppb, significant (4 of 6 effects are)");
	book_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_done_and_how_long),
		cmocka_unit_test(several_disturbances),
		cmocka_unit_test(the_worst_row_counts),
		cmocka_unit_test(steps_and_readings_backward),
		cmocka_unit_test(switches_of_the_clocksource),
		cmocka_unit_test(effects_in_words),
	};

	return cmocka_run_group_tests_name("analysis/phase_result", tests, NULL, NULL);
}
