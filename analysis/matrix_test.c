/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/matrix_fixture.h"

#include "analysis/matrix.c"

static void assert_choice(const struct fixture *f, const char *configuration, const char *profile,
	const char *status, const char *role)
{
	const struct matrix_choice *g = matrix_choice_find(&f->r, configuration, profile);

	assert_non_null(g);
	if (strcmp(g->status, status) != 0 || strcmp(g->role, role) != 0)
		fail_msg("%s, %s: %s, %s (%s), not %s, %s", configuration, profile, g->status, g->role,
			g->why, status, role);
}

static const char *why(const struct fixture *f, const char *profile)
{
	const struct matrix_choice *g = matrix_choice_find(&f->r, "c", profile);

	assert_non_null(g);
	return g->why;
}

static void assert_near(double got, double wanted, double allowed)
{
	if (!(fabs(got - wanted) <= allowed))
		fail_msg("%.9g, wanted %.9g +- %.2g", got, wanted, allowed);
}

static void a_cell_has_its_verdict(void **state)
{
	static const struct guest stable = { .drift_ppm = 0.02 }, unstable = { .drift_ppm = 5.9 },
				  straddling = { .drift_ppm = 0.999, .read_ns = 2000 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "stable", 0, &stable);
	fixture_cell(&f, "c", "unstable", 0, &unstable);
	fixture_cell(&f, "c", "straddling", 0, &straddling);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].status, "stable");
	assert_string_equal(f.r.cells[1].status, "unstable");
	assert_string_equal(f.r.cells[2].status, "inconclusive");
	for (size_t i = 0; i < 3; i++) {
		const struct matrix_result_cell *c = &f.r.cells[i];
		double truth = (i == 0	 ? stable.drift_ppm
				: i == 1 ? unstable.drift_ppm
					 : straddling.drift_ppm);

		assert_string_equal(c->clock, "monotonic");
		assert_near(c->drift_ppm, truth,
			fmax(c->ci_high_ppm - c->drift_ppm, c->drift_ppm - c->ci_low_ppm) +
				c->systematic_ppm);
		assert_near(c->limit_ppm, 1, 0);
		assert_string_equal(c->limit, "guest");
	}
	assert_true(f.r.cells[2].settle_min > 0);
	assert_true(f.r.cells[1].settle_min == 0);
	assert_holds(f.r.cells[1].reason, "beyond the limit guest of 1 ppm");
	assert_holds(why(&f, "unstable"), "+5.9");
	assert_holds(why(&f, "unstable"), "ppm against 1 ppm");
	assert_holds(why(&f, "straddling"), "straddles");
	fixture_end(&f);
}

/* A raw counter may drift as it likes: programs do not get it. */
static void raw_counters_do_not_decide(void **state)
{
	static const struct guest guest = { .tsc_ppm = 80 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "p", 0, &guest);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].status, "stable");
	assert_string_equal(f.r.cells[0].clock, "monotonic");
	fixture_end(&f);
}

/* Nothing that programs get was read: there is no verdict for them. */
static void without_a_clock_of_programs_it_is_open(void **state)
{
	static const struct guest guest = { .clock = "hpet" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "p", 0, &guest);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].status, "inconclusive");
	assert_string_equal(f.r.cells[0].clock, "");
	assert_true(isnan(f.r.cells[0].drift_ppm));
	assert_string_equal(why(&f, "p"), "drift not known, but there are no two clocks to compare");
	fixture_end(&f);
}

static void no_result_is_never_stable(void **state)
{
	static const struct guest no_peer = { .no_peer = true };
	struct matrix_cell *c;
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_no_result(&f, "c", "boot", 0, "the guest did not boot within 60 s");
	strcpy(fixture_place(&f, "c", "waiting", 0)->state, MATRIX_WAITING);
	c = fixture_place(&f, "c", "gone", 0);
	strcpy(c->state, MATRIX_DONE);
	strcpy(c->run, "not-there");
	fixture_cell(&f, "c", "no-peer", 0, &no_peer);
	f.m.finished[0] = '\0';
	fixture_analyze(&f);
	assert_int_equal(f.r.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(f.r.cells[i].status, "no result");
	assert_string_equal(f.r.cells[0].reason, "the guest did not boot within 60 s");
	assert_string_equal(f.r.cells[1].reason, "it was not measured yet");
	assert_holds(f.r.cells[2].reason, "not-there: No such file");
	assert_holds(f.r.cells[3].reason, "no clock \"peer\"");
	assert_choice(&f, "c", "boot", "no result", "no result");
	assert_int_equal(f.r.status, STATUS_INCONCLUSIVE);
	assert_string_equal(f.r.advice[0].status, "inconclusive");
	assert_int_equal(f.r.advice[0].choice, -1);
	assert_holds(f.r.notes[0].text, "--resume");
	fixture_end(&f);
}

static void steps_and_backward_readings(void **state)
{
	static const struct guest ahead = { .step_ns = 1e6 }, back = { .step_ns = -2e7 },
				  asked = { .step_ns = 1e6, .on_purpose = true, .clock = "realtime" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "ahead", 0, &ahead);
	fixture_cell(&f, "c", "back", 0, &back);
	fixture_cell(&f, "c", "asked", 0, &asked);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].status, "unstable");
	assert_int_equal(f.r.cells[0].steps, 1);
	assert_near(f.r.cells[0].step_ns, 1e6, 200);
	assert_near(f.r.cells[0].step_at_s, FIXTURE_S / 2.0, 0.05);
	assert_string_equal(f.r.cells[0].step_clock, "monotonic");
	assert_holds(why(&f, "ahead"), ", but monotonic stepped");
	assert_string_equal(f.r.cells[1].status, "unstable");
	assert_int_equal(f.r.cells[1].backward, 1);
	assert_near(f.r.cells[1].max_backward_ns, 1e7, 1000);
	assert_string_equal(f.r.cells[2].status, "stable");
	assert_int_equal(f.r.cells[2].steps, 0);
	fixture_end(&f);
}

static void what_the_guest_said_is_told(void **state)
{
	static const struct guest guest = { .clocksource = "tsc",
		.later = "hpet",
		.read_ns = 400,
		.kernel_said = "tsc: Marking TSC unstable due to TSC halts in idle" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "p", 0, &guest);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].clocksource_before, "tsc");
	assert_string_equal(f.r.cells[0].clocksource_after, "hpet");
	assert_string_equal(f.r.cells[0].complaints, guest.kernel_said);
	assert_int_equal(f.r.cells[0].said_count, 1);
	assert_true(f.r.cells[0].said[0].risk);
	/* The histogram's buckets are 3 % wide. */
	assert_near(f.r.cells[0].read_ns, 400, 13);
	assert_true(f.r.cells[0].read_low_ns <= 400 && f.r.cells[0].read_high_ns >= 400);
	assert_string_equal(matrix_choice_find(&f.r, "c", "p")->clocksource, "tsc to hpet");
	fixture_end(&f);
}

/* Each boot is within the limit by itself; what counts is where the next one may land. */
static void repeats_that_disagree(void **state)
{
	static const double near[] = { 0.05, -0.05, 0.02 }, far[] = { 0.6, -0.6, 0.1 };
	struct fixture f;
	const struct matrix_choice *g;

	(void)state;
	fixture_begin(&f);
	for (unsigned i = 0; i < 3; i++) {
		const struct guest a = { .drift_ppm = near[i] }, b = { .drift_ppm = far[i] }, same = { 0 };

		fixture_cell(&f, "c", "near", i, &a);
		fixture_cell(&f, "c", "far", i, &b);
		fixture_cell(&f, "c", "same", i, &same);
	}
	fixture_analyze(&f);
	for (size_t i = 0; i < f.r.count; i++)
		assert_string_equal(f.r.cells[i].status, "stable");
	g = matrix_choice_find(&f.r, "c", "near");
	assert_true(g->disagree);
	assert_near(g->spread_ppm, 0.1, 0.01);
	/* s = 0.0513, t(2) = 4.303, sqrt(4 / 3) = 1.155 */
	assert_near(g->next_mean_ppm, 0.02 / 3, 0.005);
	assert_near(g->next_half_ppm, 4.303 * 0.05132 * 1.1547, 0.01);
	assert_string_equal(g->status, "stable");
	g = matrix_choice_find(&f.r, "c", "far");
	assert_string_equal(g->status, "inconclusive");
	assert_holds(g->why, "another one lands at");
	g = matrix_choice_find(&f.r, "c", "same");
	assert_string_equal(g->status, "stable");
	assert_false(g->disagree);
	assert_holds(g->why, "3 boots agree");
	fixture_end(&f);
}

/* A boot that hit the rate of the TSC says little where another one missed it; three do. */
static void one_lucky_calibration_is_no_proof(void **state)
{
	static const struct guest hit = { .clocksource = "tsc" },
				  told = { .clocksource = "tsc", .known_freq = true },
				  missed = { .drift_ppm = 10, .clocksource = "tsc" },
				  other = { .clocksource = "hpet", .read_ns = 1000 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_profile(&f, "once", 0);
	fixture_profile(&f, "thrice", 1);
	fixture_profile(&f, "hpet", 2);
	fixture_profile(&f, "mixed", 0);
	fixture_profile(&f, "told", 3);
	fixture_cell(&f, "c", "once", 0, &hit);
	fixture_cell(&f, "c", "told", 0, &told);
	/* Boots on another clocksource are no draws. */
	fixture_cell(&f, "c", "mixed", 0, &hit);
	fixture_cell(&f, "c", "mixed", 1, &other);
	fixture_cell(&f, "c", "mixed", 2, &other);
	fixture_cell(&f, "c", "hpet", 0, &other);
	for (unsigned i = 0; i < 3; i++)
		fixture_cell(&f, "c", "thrice", i, &hit);
	fixture_analyze(&f);
	assert_choice(&f, "c", "once", "inconclusive", "undecided");
	assert_holds(why(&f, "once"), "calibrates the TSC anew: --repeat 3 tells");
	assert_choice(&f, "c", "mixed", "inconclusive", "undecided");
	assert_choice(&f, "c", "told", "stable", "more intrusive");
	assert_int_equal(f.r.status, STATUS_STABLE);
	matrix_result_free(&f.r);
	fixture_cell(&f, "d", "default", 0, &missed);
	fixture_analyze(&f);
	assert_string_equal(f.r.cells[0].status, "stable");
	assert_choice(&f, "c", "once", "inconclusive", "undecided");
	assert_holds(why(&f, "once"), "with default on d it drifts +10.0");
	assert_choice(&f, "c", "thrice", "stable", "recommended");
	assert_choice(&f, "c", "hpet", "stable", "more intrusive");
	assert_choice(&f, "d", "default", "unstable", "fails");
	fixture_end(&f);
}

static void all_repeats_must_hold(void **state)
{
	static const struct guest good = { 0 }, bad = { .drift_ppm = 3 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "one-bad", 0, &good);
	fixture_cell(&f, "c", "one-bad", 1, &bad);
	fixture_cell(&f, "c", "one-lost", 0, &good);
	fixture_no_result(&f, "c", "one-lost", 1, "it hung");
	fixture_analyze(&f);
	assert_choice(&f, "c", "one-bad", "unstable", "fails");
	assert_choice(&f, "c", "one-lost", "inconclusive", "undecided");
	assert_holds(why(&f, "one-lost"), "1 of 2 boots without a result: it hung");
	assert_int_equal(f.r.status, STATUS_INCONCLUSIVE);
	fixture_end(&f);
}

static void the_least_intrusive_is_recommended(void **state)
{
	static const struct guest bad = { .drift_ppm = 9.9 },
				  slow = { .read_ns = 2000, .clocksource = "acpi_pm" },
				  quick = { .read_ns = 300, .clocksource = "hpet" },
				  cheap = { .read_ns = 40, .clocksource = "x" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_profile(&f, "default", 0);
	fixture_profile(&f, "slow", 1);
	fixture_profile(&f, "quick", 1);
	fixture_profile(&f, "cheap", 5);
	fixture_cell(&f, "c", "cheap", 0, &cheap);
	fixture_cell(&f, "c", "quick", 0, &quick);
	fixture_cell(&f, "c", "default", 0, &bad);
	fixture_cell(&f, "c", "slow", 0, &slow);
	fixture_analyze(&f);
	assert_choice(&f, "c", "default", "unstable", "fails");
	assert_choice(&f, "c", "slow", "stable", "dearer");
	assert_choice(&f, "c", "quick", "stable", "recommended");
	assert_choice(&f, "c", "cheap", "stable", "more intrusive");
	assert_string_equal(f.r.choices[f.r.advice[0].choice].profile, "quick");
	/* In the order of the catalogue, not of the boots. */
	assert_string_equal(f.r.choices[0].profile, "default");
	assert_holds(f.r.advice[0].text, "quick is the least intrusive profile that is stable");
	assert_holds(f.r.advice[0].text, "slow is stable too, and a read costs 1.9");
	assert_int_equal(f.r.status, STATUS_STABLE);
	fixture_end(&f);
}

/* On one clocksource the cost of a read differs from boot to boot by that much: no profile is cheaper. */
static void costs_that_cannot_be_told_apart(void **state)
{
	static const struct guest first = { .read_ns = 520, .clocksource = "hpet" },
				  second = { .read_ns = 500, .clocksource = "hpet" },
				  straddling = { .drift_ppm = 0.9999, .read_ns = 3000, .clocksource = "tsc" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_profile(&f, "open", 0);
	fixture_profile(&f, "first", 1);
	fixture_profile(&f, "second", 1);
	fixture_cell(&f, "c", "open", 0, &straddling);
	fixture_cell(&f, "c", "second", 0, &second);
	fixture_cell(&f, "c", "first", 0, &first);
	fixture_analyze(&f);
	assert_choice(&f, "c", "first", "stable", "recommended");
	assert_choice(&f, "c", "second", "stable", "as good");
	assert_choice(&f, "c", "open", "inconclusive", "undecided");
	assert_holds(f.r.advice[0].text, "second is as good");
	assert_holds(f.r.advice[0].text, "open is less intrusive still, and undecided");
	fixture_end(&f);
}

/* What did nothing is one more boot without it: that it was stable once is luck. */
static void an_inert_profile_is_not_recommended(void **state)
{
	static const struct guest bad = { .drift_ppm = 9.9 }, misspelt = {
		.parameter = "clocksurce", .value = "acpi_pm", .clocksource = "hpet"
	};
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "default", 0, &bad);
	fixture_cell(&f, "c", "misspelt", 0, &misspelt);
	fixture_analyze(&f);
	assert_true(f.r.cells[1].inert);
	assert_holds(f.r.cells[1].effects, "clocksurce=acpi_pm: unknown");
	assert_choice(&f, "c", "misspelt", "stable", "inert");
	assert_holds(why(&f, "misspelt"), "its parameters did nothing");
	assert_int_equal(f.r.advice[0].choice, -1);
	assert_int_equal(f.r.status, STATUS_UNSTABLE);
	fixture_end(&f);
}

/* A parameter that takes in some boots only. */
static void parameters_that_do_nothing_at_times(void **state)
{
	static const struct guest bad = { .drift_ppm = 9.9 },
				  in_force = { .parameter = "clocksource",
					  .value = "acpi_pm",
					  .clocksource = "acpi_pm" },
				  ignored = { .parameter = "clocksource",
					  .value = "acpi_pm",
					  .clocksource = "hpet",
					  .drift_ppm = 0.1 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "default", 0, &bad);
	for (unsigned i = 0; i < 3; i++) {
		fixture_cell(&f, "c", "seldom", i, i == 1 ? &in_force : &ignored);
		fixture_cell(&f, "c", "mostly", i, i == 1 ? &ignored : &in_force);
	}
	/* What did nothing in one boot and has no result in the other is not known. */
	fixture_cell(&f, "d", "default", 0, &bad);
	fixture_cell(&f, "d", "lost", 0, &ignored);
	fixture_no_result(&f, "d", "lost", 1, "it hung");
	fixture_analyze(&f);
	assert_choice(&f, "c", "seldom", "inconclusive", "undecided");
	assert_holds(why(&f, "seldom"), "in 2 of 3 boots its parameters did nothing");
	assert_choice(&f, "c", "mostly", "inconclusive", "undecided");
	assert_holds(why(&f, "mostly"), "in 1 of 3 boots");
	assert_string_equal(f.r.advice[0].status, "inconclusive");
	assert_string_equal(f.r.advice[1].status, "inconclusive");
	fixture_end(&f);
}

static void what_was_not_measured_leaves_it_open(void **state)
{
	static const struct guest good = { .clocksource = "hpet" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_profile(&f, "default", 0);
	fixture_profile(&f, "hpet", 1);
	fixture_cell(&f, "c", "hpet", 0, &good);
	fixture_analyze(&f);
	assert_int_equal(f.r.status, STATUS_STABLE);
	matrix_result_free(&f.r);
	fixture_no_result(&f, "c", "default", 0, "");
	strcpy(f.m.cells[1].state, MATRIX_WAITING);
	fixture_analyze(&f);
	assert_int_equal(f.r.status, STATUS_INCONCLUSIVE);
	assert_holds(f.r.advice[0].text, "default is less intrusive still, and has no result");
	strcpy(f.m.cells[1].state, MATRIX_NO_RESULT);
	matrix_result_free(&f.r);
	json_array_append_new(f.m.configurations, json_pack("{s:s}", "name", "forgotten"));
	fixture_analyze(&f);
	assert_int_equal(f.r.status, STATUS_INCONCLUSIVE);
	assert_holds(f.r.notes[0].text, "no cell of forgotten");
	fixture_end(&f);
}

static void one_configuration_without_a_profile_decides(void **state)
{
	static const struct guest good = { .clocksource = "hpet" }, bad = { .drift_ppm = -7 };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "a", "p", 0, &good);
	fixture_cell(&f, "b", "p", 0, &bad);
	fixture_analyze(&f);
	assert_string_equal(f.r.advice[0].status, "stable");
	assert_string_equal(f.r.advice[1].status, "unstable");
	assert_holds(f.r.advice[1].text, "No profile of this matrix is stable");
	assert_int_equal(f.r.status, STATUS_UNSTABLE);
	assert_null(matrix_choice_find(&f.r, "a", "q"));
	fixture_end(&f);
}

static void the_user_may_set_the_limit(void **state)
{
	static const struct guest guest = { .drift_ppm = 5 };
	struct judging wish = { .limit_ppm = 10 };
	struct error err = { "" };
	struct fixture f;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "p", 0, &guest);
	assert_int_equal(matrix_analyze(&f.m, &f.limits, &wish, NULL, NULL, &f.r, &err), 0);
	assert_string_equal(f.r.cells[0].status, "stable");
	matrix_result_free(&f.r);
	wish = (struct judging){ .limits = "nonsense" };
	assert_int_equal(matrix_analyze(&f.m, &f.limits, &wish, NULL, NULL, &f.r, &err), -EINVAL);
	assert_holds(err.text, "limit preset \"nonsense\" is not known");
	fixture_end(&f);
}

static void what_is_stored(void **state)
{
	static const struct guest good = { .clocksource = "hpet" };
	struct error err = { "" };
	struct fixture f;
	json_t *json;
	char *text;
	size_t lines = 0;

	(void)state;
	fixture_begin(&f);
	fixture_cell(&f, "c", "good", 0, &good);
	fixture_no_result(&f, "c", "lost", 0, "it hung");
	fixture_analyze(&f);
	assert_int_equal(matrix_result_store(&f.r, &err), 0);
	text = test_read("matrix.csv");
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 3);
	assert_int_equal(strncmp(text, "order,configuration,profile,repeat,", 35), 0);
	assert_holds(text, "\n1,c,lost,0,,no result,it hung,");
	free(text);
	json = json_load_file(test_path("verdict.json"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "status")), "stable");
	assert_int_equal(json_array_size(json_object_get(json, "cells")), 2);
	json_decref(json);
	/* A file in the way: neither is written. */
	assert_int_equal(unlink(test_path("matrix.csv")), 0);
	assert_int_equal(unlink(test_path("verdict.json")), 0);
	assert_int_equal(mkdir(test_path("verdict.json"), 0777), 0);
	assert_true(matrix_result_store(&f.r, &err) < 0);
	assert_int_equal(access(test_path("matrix.csv"), F_OK), -1);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(a_cell_has_its_verdict),
		on_disk(raw_counters_do_not_decide),
		on_disk(without_a_clock_of_programs_it_is_open),
		on_disk(no_result_is_never_stable),
		on_disk(steps_and_backward_readings),
		on_disk(what_the_guest_said_is_told),
		on_disk(repeats_that_disagree),
		on_disk(one_lucky_calibration_is_no_proof),
		on_disk(all_repeats_must_hold),
		on_disk(the_least_intrusive_is_recommended),
		on_disk(costs_that_cannot_be_told_apart),
		on_disk(an_inert_profile_is_not_recommended),
		on_disk(parameters_that_do_nothing_at_times),
		on_disk(what_was_not_measured_leaves_it_open),
		on_disk(one_configuration_without_a_profile_decides),
		on_disk(the_user_may_set_the_limit),
		on_disk(what_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
