/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Matrices on disk whose truth is known, for the tests of analysis/matrix*.c and its report. */
#ifndef ANALYSIS_MATRIX_FIXTURE_H
#define ANALYSIS_MATRIX_FIXTURE_H

#include "results/results_test.h"

#include <math.h>

#include "analysis/matrix.h"
#include "results/run.h"
#include "results/samples.h"

#define FIXTURE_HZ	 2e9
#define FIXTURE_ORIGIN	 1000000000000
#define FIXTURE_S	 10
#define FIXTURE_READINGS 1000
#define FIXTURE_NULL	 20 /* cycles of an empty bracket */

/* What a guest is to show.  Zero: a clock that agrees with its host. */
struct guest {
	double drift_ppm;		 /* of monotonic against peer */
	double tsc_ppm;			 /* of the raw counter, which decides nothing */
	double step_ns;			 /* of monotonic, in the middle */
	bool on_purpose;		 /* the step */
	const char *clock;		 /* that programs read; NULL: monotonic */
	double read_ns;			 /* cost of a read, 0: 100 ns */
	const char *clocksource, *later; /* later: at the end; NULL: as before */
	const char *parameter, *value;	 /* of the command line */
	const char *kernel_said;
	bool no_peer;
	bool known_freq; /* the hypervisor tells the TSC's frequency */
};

struct fixture {
	struct matrix m;
	struct limits limits;
	struct matrix_result r;
};

static struct limit fixture_limits[] = { { "guest", 1, "" }, { "arithmetic", 0.1, "" }, { "crystal", 50, "" },
	{ "ntp", 500, "" } };

static inline json_t *fixture_facts(const struct guest *g, bool end)
{
	const char *clocksource = end && g->later ? g->later : g->clocksource ? g->clocksource : "tsc";
	json_t *facts = json_pack("{s:{s:s}, s:{s:b}, s:{s:[]}, s:{s:b, s:[]}}", "clocksource", "current",
		clocksource, "hypervisor", "present", 1, "command_line", "parameters", "kernel_log",
		"from_boot", 1, "lines");

	assert_non_null(facts);
	json_object_set_new(facts, "cpu", json_pack("{s:{s:b}}", "flags", "tsc_known_freq", g->known_freq));
	if (g->parameter)
		json_array_append_new(json_object_get(json_object_get(facts, "command_line"), "parameters"),
			json_pack("{s:s, s:s?}", "name", g->parameter, "value", g->value));
	if (g->kernel_said)
		json_array_append_new(json_object_get(json_object_get(facts, "kernel_log"), "lines"),
			json_pack("{s:s}", "text", g->kernel_said));
	return facts;
}

static inline void fixture_clock(struct run *run, size_t i, const char *name, const char *oscillator)
{
	run->clocks[i] = (struct clock_info){ .unit = UNIT_NS, .hz = 1e9, .bits = 64 };
	snprintf(run->clocks[i].name, CLOCK_NAME_MAX, "%s", name);
	snprintf(run->clocks[i].oscillator, CLOCK_OSCILLATOR_MAX, "%s", oscillator);
}

static inline void fixture_samples(const struct run *run, const struct guest *g, struct error *err)
{
	struct samples_writer *w = samples_writer_open(run, 0, err);
	double read_ns = g->read_ns > 0 ? g->read_ns : 100;

	assert_non_null(w);
	for (size_t i = 0; i < FIXTURE_READINGS; i++) {
		double t = FIXTURE_S * (double)i / FIXTURE_READINGS, jitter = (double)(i * 7919 % 13) - 6;
		uint64_t lo = (uint64_t)(FIXTURE_ORIGIN + t * FIXTURE_HZ);
		uint64_t width = (uint64_t)(read_ns * FIXTURE_HZ / 1e9) + FIXTURE_NULL;
		double middle_ns = t * 1e9 + read_ns / 2 + jitter;
		double step = i >= FIXTURE_READINGS / 2 ? g->step_ns : 0;
		const struct reading monotonic = { lo,
			(uint64_t)(5e12 + middle_ns * (1 + g->drift_ppm * 1e-6) + step), lo + width };
		const struct reading tsc = { lo, (uint64_t)(5e12 + middle_ns * (1 + g->tsc_ppm * 1e-6)),
			lo + width };
		const struct reading peer = { lo, (uint64_t)(7e12 + middle_ns), lo + width };

		assert_int_equal(samples_writer_put(w, 0, run->clocks[0].name, &monotonic, err), 0);
		assert_int_equal(samples_writer_put(w, 0, "raw", &tsc, err), 0);
		if (!g->no_peer)
			assert_int_equal(samples_writer_put(w, 0, "peer", &peer, err), 0);
	}
	assert_int_equal(samples_writer_close(w, err), 0);
}

/* A run directory below test_dir. */
static inline void fixture_run(const char *name, const struct guest *g)
{
	struct run run = { .tsc_hz = FIXTURE_HZ, .interval_s = FIXTURE_S / (double)FIXTURE_READINGS };
	struct error err = { "" };
	int rc = run_create_at(&run, test_path(name), &err);

	if (rc)
		fail_msg("%s", err.text);
	strcpy(run.state, "complete");
	run.clock_count = g->no_peer ? 2 : 3;
	run.clocks = calloc(3, sizeof(*run.clocks));
	fixture_clock(&run, 0, g->clock ? g->clock : "monotonic", "tsc");
	fixture_clock(&run, 1, "raw", "tsc");
	fixture_clock(&run, 2, "peer", "host");
	run.phases = calloc(1, sizeof(*run.phases));
	run.phase_count = 1;
	strcpy(run.phases[0].name, "idle");
	run.phases[0].tsc_hi = UINT64_MAX;
	run.phases[0].steering_ppm = 0;
	run.places = calloc(1, sizeof(*run.places));
	run.place_count = 1;
	run.places[0].null_bracket_cycles = FIXTURE_NULL;
	run.places[0].cpu_share = NAN;
	if (g->on_purpose)
		run_event_add(&run, (uint64_t)(FIXTURE_ORIGIN + FIXTURE_S / 2.0 * FIXTURE_HZ), "settime",
			true, "the clock was set");
	run.environment_before = fixture_facts(g, false);
	run.environment_after = fixture_facts(g, true);
	rc = run_store(&run, &err);
	if (!rc)
		fixture_samples(&run, g, &err);
	if (rc)
		fail_msg("%s", err.text);
	run_free(&run);
}

static inline void fixture_begin(struct fixture *f)
{
	*f = (struct fixture){ .limits = { fixture_limits, 4 } };
	f->m.dir = strdup(test_dir);
	f->m.configurations = json_array();
	f->m.profiles = json_array();
	f->m.duration_s = FIXTURE_S;
	f->m.seed = 1;
	strcpy(f->m.host, "host");
	strcpy(f->m.started, "2026-11-28T12:00:00Z");
	strcpy(f->m.finished, "2026-11-28T12:10:00Z");
}

static inline void fixture_profile(struct fixture *f, const char *id, int side_effects)
{
	json_array_append_new(f->m.profiles,
		json_pack("{s:s, s:i, s:s}", "id", id, "side_effects", side_effects, "cost", "some"));
}

static inline struct matrix_cell *fixture_place(
	struct fixture *f, const char *configuration, const char *profile, unsigned repeat)
{
	struct matrix_cell *c;

	if (!matrix_configuration(&f->m, configuration))
		json_array_append_new(f->m.configurations, json_pack("{s:s}", "name", configuration));
	f->m.cells = reallocarray(f->m.cells, f->m.count + 1, sizeof(*f->m.cells));
	assert_non_null(f->m.cells);
	c = &f->m.cells[f->m.count];
	*c = (struct matrix_cell){ .order = (unsigned)f->m.count, .repeat = repeat, .seconds = 12 };
	f->m.count++;
	snprintf(c->configuration, sizeof(c->configuration), "%s", configuration);
	snprintf(c->profile, sizeof(c->profile), "%s", profile);
	return c;
}

/* A cell that was measured. */
static inline void fixture_cell(struct fixture *f, const char *configuration, const char *profile,
	unsigned repeat, const struct guest *g)
{
	struct matrix_cell *c = fixture_place(f, configuration, profile, repeat);

	strcpy(c->state, MATRIX_DONE);
	if (g->parameter)
		snprintf(c->parameters, sizeof(c->parameters), "%s%s%s", g->parameter, g->value ? "=" : "",
			g->value ? g->value : "");
	snprintf(c->run, sizeof(c->run), "run-%u", c->order);
	fixture_run(c->run, g);
}

static inline void fixture_no_result(struct fixture *f, const char *configuration, const char *profile,
	unsigned repeat, const char *reason)
{
	struct matrix_cell *c = fixture_place(f, configuration, profile, repeat);

	strcpy(c->state, MATRIX_NO_RESULT);
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

static inline void fixture_analyze(struct fixture *f)
{
	static const struct judging no_wish;
	struct error err = { "" };

	if (matrix_analyze(&f->m, &f->limits, &no_wish, NULL, NULL, &f->r, &err))
		fail_msg("%s", err.text);
}

static inline void fixture_end(struct fixture *f)
{
	matrix_result_free(&f->r);
	matrix_free(&f->m);
}

#endif
