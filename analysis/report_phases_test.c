/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Whole reports of runs whose phases were disturbed. */
#include "analysis/report.c"

#include "analysis/report_fixture.h"

static const char *const clocks[] = { "reference", "first", "second", NULL };
static const char *const phases[] = { "idle", "loaded", "slept", NULL };

static void disturb(struct machine *m, size_t phase, const char *name, enum observed observed)
{
	struct phase *p = &m->run.phases[phase];
	struct phase_disturbance *d;

	p->disturbances = reallocarray(p->disturbances, p->disturbance_count + 1, sizeof(*d));
	d = &p->disturbances[p->disturbance_count++];
	*d = (struct phase_disturbance){ .observed = observed };
	strcpy(d->name, name);
	strcpy(d->asked, "share=<90>");
	strcpy(d->plan, "keep CPUs busy");
	strcpy(d->evidence, observed == OBSERVED_YES ? "busy 90.1 %" : "no entry & no exit");
}

static void add_effect(struct machine *m, const char *phase, const char *clock, int cpu, double ppm, bool yes)
{
	struct effect *e = &m->estimates.effects[m->estimates.effect_count++];

	*e = (struct effect){
		.cpu = cpu, .effect_ppm = ppm, .ci_low_ppm = ppm - 0.01, .ci_high_ppm = ppm + 0.01
	};
	strcpy(e->phase, phase);
	strcpy(e->clock, clock);
	strcpy(e->significant, yes ? "yes" : "no");
}

static void add_results(struct machine *m)
{
	static const char *const status[] = { "consistent", "unstable", "none" };

	m->estimates.phases = calloc(3, sizeof(*m->estimates.phases));
	m->estimates.phase_count = 3;
	for (size_t i = 0; i < 3; i++) {
		struct phase_result *p = &m->estimates.phases[i];

		strcpy(p->phase, phases[i]);
		strcpy(p->status, status[i]);
		snprintf(p->text, sizeof(p->text), "Sentence <%zu>.", i);
		p->duration_s = 3;
		p->steps = 7 * i;
		p->steps_explained = 5 * i;
		p->backward = 1234 * i;
	}
}

static void write_evidence(const struct machine *m)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/" EVIDENCE_FILE, m->run.dir);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs("phase,disturbance,series,unit,tsc,value\n", out);
	for (int i = 0; i < 30; i++) {
		unsigned long long at = ORIGIN + (unsigned long long)((3.4 + 0.1 * i) * TSC_HZ);

		fprintf(out, "loaded,load,busy CPU 0,%%,%llu,%d\nloaded,load,busy CPU 1,%%,%llu,50\n", at,
			90 - i % 2, at);
	}
	fclose(out);
}

static void disturbed_make(struct machine *m, int cpus)
{
	machine_make(m, clocks, phases, cpus, 300);
	m->estimates.effects = calloc(16, sizeof(*m->estimates.effects));
	disturb(m, 1, "load", OBSERVED_YES);
	disturb(m, 2, "cstate", OBSERVED_NO);
	add_results(m);
	write_evidence(m);
}

static void test_what_was_done_seen_and_found(void **state)
{
	struct machine m;

	(void)state;
	disturbed_make(&m, 2);
	add_effect(&m, "loaded", "first", 0, 0.5, true);
	add_effect(&m, "loaded", "first", 1, 500, true);
	add_effect(&m, "loaded", "second", 0, 0.002, false);
	add_effect(&m, "slept", "first", 0, -0.001, false);
	m.run.skipped = calloc(1, sizeof(*m.run.skipped));
	m.run.skipped_count = 1;
	m.run.skipped[0] = (struct skipped){ "turbo", "turbo-switch", "there is no <turbo>" };
	report(&m);
	assert_well_formed(m.page);
	assert_ids_unique(m.page);
	has(&m, "<h2>Phases</h2>");
	has(&m, "<strong>load</strong> share=&lt;90&gt;");
	has(&m, "busy 90.1 %");
	has(&m, "✗ not observed</span><div class=\"also\">no entry &amp; no exit");
	has(&m, "no verdict</span>: not observed");
	has(&m, "Sentence &lt;1&gt;.");
	has(&m, "<td class=\"n\">14 <span class=\"also\">(10)</span></td><td class=\"n\">2468</td>");
	has(&m, "<td class=\"k\">turbo</td><td>turbo-switch</td><td class=\"w\">there is no "
		"&lt;turbo&gt;</td>");
	/* The CPU with the larger effect stands for both. */
	has(&m, "effect +500.000\u00a0± 0.010\u00a0ppm <strong class=\"sig\">significant</strong>");
	has(&m, "<td class=\"c stable\"><span class=\"s stable\" title=\"stable\">✓</span>");
	has(&m, "<td class=\"c none\"><span class=\"s none\">no verdict</span>");
	has(&m, "2 of the 4 effects of the run are significant. Largest of them: phase loaded on first, CPU 1: "
		"+500.000\u00a0± ");
	has(&m, "<text>load: busy, CPU 0, 1</text>");
	has(&m, "<text>50 … 90 %</text>");
	has(&m, "<text>slept: not observed</text>");
	assert_redraws(&m, "offset");
	assert_redraws(&m, "effects");
	assert_redraws(&m, "evidence");
	machine_free(&m);
}

static void test_the_worst_status_stands_for_all_cpus(void **state)
{
	struct error err = { 0 };
	struct report r;
	struct machine m;
	size_t size;
	FILE *out;

	(void)state;
	disturbed_make(&m, 6);
	for (size_t i = 0; i < m.estimates.drift_count; i++) {
		struct drift *d = &m.estimates.drift[i];

		if (d->cpu == 4 && strcmp(d->phase, "loaded") == 0 && strcmp(d->clock, "first") == 0)
			strcpy(d->status, "unstable");
	}
	add_effect(&m, "loaded", "first", 0, 5, true);
	add_effect(&m, "loaded", "first", 4, 0.001, false);
	r = (struct report){ .run = &m.run, .samples = &m.samples, .estimates = &m.estimates };
	assert_int_equal(report_gather(&r, &err), 0);
	out = open_memstream(&m.page, &size);
	html_grid(out, &r);
	fclose(out);
	report_release(&r);
	has(&m, "title=\"unstable\">✗</span> +10.040\u00a0± 0.004\u00a0ppm <span class=\"also\">CPU "
		"4</span>");
	has(&m, "of all CPUs the worst one is shown");
	machine_free(&m);
}

/* 100 switches in a phase are ticks, and the caption counts them; steps too. */
static void test_many_switches(void **state)
{
	struct machine m;

	(void)state;
	disturbed_make(&m, 1);
	m.run.events = calloc(100, sizeof(*m.run.events));
	m.estimates.steps = calloc(100, sizeof(*m.estimates.steps));
	m.run.event_count = m.estimates.step_count = 100;
	for (size_t i = 0; i < 100; i++) {
		double at_s = 3.4 + 0.01 * (double)i;

		m.run.events[i] = (struct event){
			.tsc = (uint64_t)(ORIGIN + at_s * TSC_HZ), .kind = "settime", .injected = true
		};
		m.estimates.steps[i] = (struct step){ .at_s = at_s,
			.step_ns = 10,
			.ci_low_ns = 9,
			.ci_high_ns = 11,
			.clock = "first",
			.phase = "loaded",
			.cause = "settime",
			.injected = "yes" };
	}
	report(&m);
	assert_well_formed(m.page);
	has(&m, "ticks at the foot of each panel: 100 settime (made on purpose).");
	has(&m, "settime <span class=\"also\">made on purpose</span>");
	has(&m, "<text>events: settime (made on purpose)</text>");
	machine_free(&m);
}

static void test_nothing_was_disturbed(void **state)
{
	char path[PATH_MAX];
	struct machine m;

	(void)state;
	disturbed_make(&m, 2);
	add_effect(&m, "loaded", "first", 0, 0.5, true);
	report(&m);
	assert_true(exists(&m, "plots/evidence.png"));
	assert_true(exists(&m, "plots/effects.gp"));
	/* The same run without: the sections and their files are gone. */
	m.estimates.effect_count = 0;
	for (size_t i = 0; i < 3; i++)
		m.run.phases[i].disturbance_count = 0;
	snprintf(path, sizeof(path), "%s/" EVIDENCE_FILE, m.run.dir);
	assert_int_equal(unlink(path), 0);
	report(&m);
	assert_well_formed(m.page);
	lacks(&m, "id=\"phases\"");
	lacks(&m, "id=\"grid\"");
	lacks(&m, "id=\"effects\"");
	lacks(&m, "id=\"evidence\"");
	lacks(&m, "evidence.csv");
	lacks(&m, "no verdict");
	assert_false(exists(&m, "plots/evidence.png"));
	assert_false(exists(&m, "plots/effects.gp"));
	machine_free(&m);
}

/* The rest of the report is there, and the caller is told. */
static void test_evidence_that_cannot_be_read(void **state)
{
	struct error err = { 0 };
	char path[PATH_MAX];
	struct machine m;
	FILE *out;

	(void)state;
	disturbed_make(&m, 1);
	snprintf(path, sizeof(path), "%s/" EVIDENCE_FILE, m.run.dir);
	out = fopen(path, "a");
	assert_non_null(out);
	fputs("loaded,load,busy,%,not a number,3\n", out);
	fclose(out);
	assert_true(report_write(&m.run, &m.samples, &m.estimates, 0, &err) < 0);
	assert_non_null(strstr(err.text, EVIDENCE_FILE));
	m.page = content(&m, "report.html");
	assert_well_formed(m.page);
	has(&m, "There is no plot: ");
	has(&m, "<h2>Phases</h2>");
	machine_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_done_seen_and_found),
		cmocka_unit_test(test_the_worst_status_stands_for_all_cpus),
		cmocka_unit_test(test_many_switches),
		cmocka_unit_test(test_nothing_was_disturbed),
		cmocka_unit_test(test_evidence_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("analysis/report_phases", tests, NULL, NULL);
}
