/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Offsets, fits and residuals as they are drawn, against a clock of known drift and steps. */
#include "analysis/report_time.c"

#include "analysis/report_fixture.h"

#define READINGS 1000
#define NOISE_NS 12.0 /* rounding to whole ns, and brackets that vary by 12 cycles of 0.5 ns */

static const char *const clocks[] = { "reference", "target", NULL };
static const char *const phases[] = { "one", "two", NULL };

struct bench {
	struct machine m;
	struct report r;
	int cpu;
	const struct drift *rows[2];
};

static void bench_make(struct bench *b)
{
	struct error err = { 0 };

	machine_make(&b->m, clocks, phases, 1, READINGS);
	b->cpu = 0;
	for (size_t i = 0; i < 2; i++) {
		b->rows[i] = &b->m.estimates.drift[i];
		b->m.estimates.drift[i].drift_ppm = 10;
	}
	b->r = (struct report){ .run = &b->m.run,
		.samples = &b->m.samples,
		.estimates = &b->m.estimates,
		.reference = 0,
		.reference_name = "reference",
		.cpus = &b->cpu,
		.cpu_count = 1,
		.length_s = 10,
		.rows = b->rows };
	b->r.source = pair_source_new(&b->m.run, &b->m.samples, &err);
	assert_non_null(b->r.source);
}

static void bench_free(struct bench *b)
{
	pair_source_free(b->r.source);
	machine_free(&b->m);
}

/* The target jumps by that much from t_s on. */
static void step_target(struct bench *b, double t_s, double step_ns)
{
	struct series *s = &b->m.samples.series[1];

	for (size_t i = 0; i < s->count; i++)
		if ((double)(s->readings[i].tsc_lo - ORIGIN) / TSC_HZ >= t_s)
			s->readings[i].value += (uint64_t)(int64_t)step_ns;
}

static void panel_of(struct bench *b, bool residuals, struct panel *panel)
{
	struct error err = { 0 };

	assert_int_equal(panel_make(&b->r, 1, 100, residuals, panel, &err), 0);
	assert_int_equal(panel->curve_count, 1);
	assert_int_equal(panel->curves[0].piece_count, 2);
	assert_in_range(panel->points, 98, 102);
}

static void test_offsets_start_at_zero_and_drift(void **state)
{
	struct panel panel;
	struct bench b;

	(void)state;
	bench_make(&b);
	/* A first reading that was slow moves the zero of the whole series. */
	b.m.samples.series[1].readings[0].value += 50000;
	panel_of(&b, false, &panel);
	for (size_t k = 0; k < 2; k++) {
		const struct piece *p = &panel.curves[0].pieces[k];

		for (size_t i = 0; i < p->count; i++)
			assert_true(fabs(p->bins[i].median - 10e3 * p->bins[i].t) < 10e3 * 0.05 + NOISE_NS);
		/* 10 ppm are 10 000 ns a second; the fit runs through the middle of its phase. */
		assert_true(fabs(p->centre_ns - 10e3 * p->centre_s) < NOISE_NS);
		assert_true(fabs(p->centre_s - (k ? 7.5 : 2.5)) < 0.02);
	}
	assert_true(panel.axis.high > 100e3 && panel.axis.low < 0);
	panel_free(&panel);
	bench_free(&b);
}

static void test_residuals_are_what_is_left(void **state)
{
	struct panel panel;
	struct bench b;

	(void)state;
	bench_make(&b);
	panel_of(&b, true, &panel);
	assert_true(panel.seen.low > -NOISE_NS && panel.seen.high < NOISE_NS);
	panel_free(&panel);
	/* A wrong slope shows: 1 ppm over half a phase of 5 s is 2.5 µs. */
	b.m.estimates.drift[0].drift_ppm = 11;
	panel_of(&b, true, &panel);
	assert_true(fabs(panel.seen.high - 2500) < 50 && fabs(panel.seen.low + 2500) < 50);
	panel_free(&panel);
	bench_free(&b);
}

static void test_steps_are_taken_out_of_residuals_only(void **state)
{
	struct panel panel;
	struct bench b;

	(void)state;
	bench_make(&b);
	step_target(&b, 3, 5e6);
	step_target(&b, 4, -2e6);
	b.m.estimates.steps = calloc(2, sizeof(*b.m.estimates.steps));
	b.m.estimates.step_count = 2;
	/* Not in time's order. */
	b.m.estimates.steps[0] =
		(struct step){ .clock = "target", .phase = "one", .at_s = 3.996, .step_ns = -2e6 };
	b.m.estimates.steps[1] =
		(struct step){ .clock = "target", .phase = "one", .at_s = 2.996, .step_ns = 5e6 };
	panel_of(&b, true, &panel);
	assert_int_equal(panel.step_count, 2);
	assert_true(panel.seen.low > -NOISE_NS && panel.seen.high < NOISE_NS);
	assert_true(piece_stepped_ns(&panel.curves[0].pieces[0], 2) == 0);
	assert_true(piece_stepped_ns(&panel.curves[0].pieces[0], 3.5) == 5e6);
	assert_true(piece_stepped_ns(&panel.curves[0].pieces[0], 4.5) == 3e6);
	assert_int_equal(panel.curves[0].pieces[1].step_count, 0);
	panel_free(&panel);
	panel_of(&b, false, &panel);
	assert_true(panel.seen.high > 4.9e6);
	assert_true(panel.axis.high > panel.seen.high);
	panel_free(&panel);
	bench_free(&b);
}

static void test_no_drift_no_residuals(void **state)
{
	struct error err = { 0 };
	struct panel panel;
	struct bench b;

	(void)state;
	bench_make(&b);
	b.m.estimates.drift[0].drift_ppm = b.m.estimates.drift[1].drift_ppm = NAN;
	assert_int_equal(panel_make(&b.r, 1, 100, true, &panel, &err), 0);
	assert_int_equal(panel.points, 0);
	panel_free(&panel);
	assert_int_equal(panel_make(&b.r, 1, 100, false, &panel, &err), 0);
	assert_in_range(panel.points, 98, 102);
	assert_null(panel.curves[0].pieces[0].fit);
	panel_free(&panel);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_start_at_zero_and_drift),
		cmocka_unit_test(test_residuals_are_what_is_left),
		cmocka_unit_test(test_steps_are_taken_out_of_residuals_only),
		cmocka_unit_test(test_no_drift_no_residuals),
	};

	return cmocka_run_group_tests_name("analysis/report_time", tests, NULL, NULL);
}
