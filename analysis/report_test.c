/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Whole reports of runs made in memory: what must be in them, and what must never be. */
#include "analysis/report.c"

#include "analysis/report_fixture.h"

static const char *const plain_clocks[] = { "reference", "first", "second", NULL };
static const char *const one_phase[] = { "all", NULL };

static void test_a_plain_run(void **state)
{
	static const char *const plots[] = { "offset", "residual", "drift", "stability", "cost", "crosscpu",
		"brackets" };
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 2, 300);
	add_stability(&m);
	add_exchanges(&m, 2);
	report(&m);
	assert_well_formed(m.page);
	assert_ids_unique(m.page);
	has(&m, "<h1>Stable</h1>");
	has(&m, "✓");
	has(&m, "all is well");
	has(&m, "Largest drift: second on CPU 1, +20.010\u00a0± 0.004\u00a0ppm against reference.");
	has(&m, "Largest offset: CPU 1 against CPU 0, +1\u00a0± 40\u00a0ns (phase before). Every offset is "
		"within");
	/* Losses are there whether or not somebody knows their kind. */
	has(&m, "Lost readings: 17 (");
	has(&m, "<td class=\"k\">Rejected readings</td><td class=\"n\">23</td>");
	has(&m, "<td class=\"k\">Backward steps</td><td class=\"n\">0</td>");
	has(&m, "<td class=\"k\">other_kind</td><td class=\"n\">5</td>");
	for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
		char id[80];

		snprintf(id, sizeof(id), "id=\"%s-gnuplot_canvas\"", plots[i]);
		has(&m, id);
		assert_redraws(&m, plots[i]);
	}
	/* Nothing from outside, nothing that runs. */
	lacks(&m, "<script");
	lacks(&m, "<link");
	lacks(&m, "src=");
	lacks(&m, "url(http");
	lacks(&m, "href=\"http");
	machine_free(&m);
}

static void test_the_verdict_in_words(void **state)
{
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 1, 50);
	m.estimates.verdict.status = STATUS_UNSTABLE;
	strcpy(m.run.state, "running");
	report(&m);
	has(&m, "<h1>Unstable</h1>");
	has(&m, "✗");
	has(&m, "(state: running)");
	m.estimates.verdict.status = STATUS_INCONCLUSIVE;
	report(&m);
	has(&m, "<h1>Inconclusive</h1>");
	lacks(&m, "<h1>Unstable</h1>");
	machine_free(&m);
}

/* A sentence stands where there is nothing to draw, and a plot of an earlier report is gone. */
static void test_what_is_absent_is_said(void **state)
{
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 1, 50);
	add_stability(&m);
	add_exchanges(&m, 2);
	report(&m);
	assert_true(exists(&m, "plots/stability.png"));
	assert_true(exists(&m, "plots/crosscpu.gp"));
	m.estimates.stability_count = 0;
	m.estimates.crosscpu_count = 0;
	m.run.unavailable = calloc(1, sizeof(*m.run.unavailable));
	m.run.unavailable_count = 1;
	strcpy(m.run.unavailable[0].name, "hpet");
	strcpy(m.run.unavailable[0].reason, "no /dev/hpet");
	report(&m);
	assert_well_formed(m.page);
	has(&m, "no series is long and even enough for stability statistics");
	has(&m, "only one CPU was measured");
	has(&m, "<td class=\"k\">hpet</td><td class=\"w\">no /dev/hpet</td>");
	has(&m, "No sudden change of an offset was found.");
	has(&m, "The run has no snapshot of its environment.");
	assert_false(exists(&m, "plots/stability.png"));
	assert_false(exists(&m, "plots/crosscpu.gp"));
	machine_free(&m);
}

static void test_a_run_without_anything(void **state)
{
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 0, 0);
	json_decref(m.estimates.losses);
	m.estimates.losses = NULL;
	m.estimates.verdict.status = STATUS_INCONCLUSIVE;
	report(&m);
	assert_well_formed(m.page);
	has(&m, "No clock could be compared with the reference.");
	has(&m, "no clock has readings that span time");
	has(&m, "no clock was read");
	assert_false(exists(&m, "plots/offset.svg"));
	machine_free(&m);
}

static void test_names_are_only_names(void **state)
{
	static const char *const clocks[] = { "re'f", "<script>alert(1)</script>", "%d\\_^{x}@`ls`$y\"",
		NULL };
	static const char *const phases[] = { "</style><b>", "it's \"%s\" &amp;", "\\n", NULL };
	struct machine m;
	json_t *evil;

	(void)state;
	machine_make(&m, clocks, phases, 2, 100);
	add_stability(&m);
	strcpy(m.estimates.stability[0].clock, clocks[1]);
	strcpy(m.run.host, "<img src=x onerror=alert(1)>");
	strcpy(m.run.tsc_hz_source, "<i>");
	m.run.events = calloc(1, sizeof(*m.run.events));
	m.run.event_count = 1;
	m.run.events[0] = (struct event){ .tsc = ORIGIN + 100, .kind = "<u>", .text = "</td>\xff" };
	m.estimates.steps = calloc(1, sizeof(*m.estimates.steps));
	m.estimates.step_count = 1;
	m.estimates.steps[0] = (struct step){ .at_s = 5,
		.step_ns = -1500,
		.ci_low_ns = -1600,
		.ci_high_ns = -1400,
		.cause = "<em>",
		.recovered = "yes",
		.recovery_s = 1.5,
		.recovery_bound_ns = 1e6 };
	strcpy(m.estimates.steps[0].clock, clocks[1]);
	strcpy(m.estimates.steps[0].phase, phases[1]);
	evil = json_pack("{s:s, s:{s:s}, s:[s]}", "<k>", "<v>", "cpu", "model_name", "<cpu>", "list", "<l>");
	m.run.environment_before = evil;
	m.run.environment_changes = json_pack("[s]", "<change>");
	verdict_add(&m.estimates.verdict, "<reason> & \"more\"");
	report(&m);
	assert_well_formed(m.page);
	has(&m, "<text>&lt;script&gt;alert(1)&lt;/script&gt;</text>"); /* in a plot */
	has(&m, "<td class=\"w\">&lt;em&gt;; back within 1 ms after 1.5 s</td>");
	has(&m, "<text>%d\\_^{x}@`ls`$y\"</text>");
	has(&m, "&lt;img src=x onerror=alert(1)&gt;");
	has(&m, "&lt;reason&gt; &amp; &quot;more&quot;");
	has(&m, "<td class=\"w\">&lt;/td&gt;\ufffd</td>");
	has(&m, "<li>&lt;change&gt;</li>");
	lacks(&m, "<script");
	lacks(&m, "<img");
	lacks(&m, "<cpu>");
	lacks(&m, "<v>");
	assert_redraws(&m, "offset");
	assert_redraws(&m, "cost");
	machine_free(&m);
}

/* As many rows as the file of a plot has in its longest block. */
static size_t longest_block(const char *data)
{
	size_t longest = 0, rows = 0;

	for (const char *line = data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line == '#')
			rows = 0;
		else if (*line && *line != '\n')
			rows++;
		longest = rows > longest ? rows : longest;
		if (!*line)
			break;
	}
	return longest;
}

static void test_a_long_run_stays_small(void **state)
{
	struct machine m;
	char *data;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 4, 100000);
	/* One bad reading in a hundred thousand has to be seen. */
	m.samples.series[1].readings[50000].value += 7000000;
	report(&m);
	data = content(&m, "plots/residual.dat");
	assert_in_range(longest_block(data), 200, 2000);
	assert_non_null(strstr(data, " 7e+06"));
	assert_true(strlen(m.page) < 2 << 20);
	has(&m, "extreme +7 ms");
	free(data);
	machine_free(&m);
}

static void test_many_cpus_stay_readable(void **state)
{
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 256, 20);
	add_exchanges(&m, 256);
	strcpy(m.estimates.drift[2 * 77].status, "unstable");
	m.estimates.drift[2 * 77].drift_ppm = -3;
	report(&m);
	assert_well_formed(m.page);
	has(&m, "256 (0-255)");
	has(&m, "✗ unstable</span> <span class=\"also\">1 of 256</span>");
	has(&m, "<th class=\"n\">Median</th>");
	has(&m, " CPU 77</span>");
	lacks(&m, "<th class=\"n\">CPU 77</th>");
	has(&m, "<summary>All drifts (512)</summary>");
	assert_true(strlen(m.page) < 5 << 20);
	assert_redraws(&m, "crosscpu");
	machine_free(&m);
}

static void test_cpus_that_stand_for_all(void **state)
{
	struct machine m;
	struct report r;
	struct error err = { 0 };
	int cpus[CPUS_SHOWN] = { -1 };

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 9, 10);
	r = (struct report){ .run = &m.run, .samples = &m.samples, .estimates = &m.estimates };
	assert_int_equal(report_gather(&r, &err), 0);
	assert_int_equal(r.cpu_count, 9);
	assert_int_equal(r.clock_count, 2);
	assert_int_equal(report_cpus_shown(&r, "first", cpus), 3);
	assert_int_equal(cpus[0], 0);
	assert_int_equal(cpus[1], 4);
	assert_int_equal(cpus[2], 8);
	assert_int_equal(report_drift(&r, "second", 7, "all")->cpu, 7);
	assert_string_equal(report_drift(&r, "second", 7, "all")->clock, "second");
	assert_null(report_drift(&r, "second", 9, "all"));
	assert_null(report_drift(&r, "second", 7, "other"));
	report_release(&r);
	machine_free(&m);
}

/* The reader still gets all words and tables, and the caller is told. */
static void test_without_gnuplot(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct error err = { 0 };
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 1, 50);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(report_write(&m.run, &m.samples, &m.estimates, 0, &err), -ENOENT);
	setenv("PATH", path, 1);
	free(path);
	assert_non_null(strstr(err.text, "gnuplot"));
	m.page = content(&m, "report.html");
	assert_well_formed(m.page);
	has(&m, "<h1>Stable</h1>");
	has(&m, "This plot could not be drawn: gnuplot: cannot run");
	assert_true(exists(&m, "plots/offset.gp"));
	machine_free(&m);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
	struct error err = { 0 };
	struct machine m;

	(void)state;
	machine_make(&m, plain_clocks, one_phase, 1, 50);
	nftw(m.run.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(report_write(&m.run, &m.samples, &m.estimates, 0, &err), -ENOENT);
	assert_non_null(strstr(err.text, "plots: cannot make it"));
	machine_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plain_run),
		cmocka_unit_test(test_the_verdict_in_words),
		cmocka_unit_test(test_what_is_absent_is_said),
		cmocka_unit_test(test_a_run_without_anything),
		cmocka_unit_test(test_names_are_only_names),
		cmocka_unit_test(test_a_long_run_stays_small),
		cmocka_unit_test(test_many_cpus_stay_readable),
		cmocka_unit_test(test_cpus_that_stand_for_all),
		cmocka_unit_test(test_without_gnuplot),
		cmocka_unit_test(test_a_directory_that_cannot_be_written),
	};

	return cmocka_run_group_tests_name("analysis/report", tests, NULL, NULL);
}
