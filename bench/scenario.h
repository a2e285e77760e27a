/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Scenarios: text files in bench/scenarios/NAME.ini, or a user's own by path.
 *
 *   [scenario]
 *   summary = one line for 'clkdrift list scenarios'
 *   interval = 20ms          defaults of the options of the same names, all optional
 *   burst = 8
 *   clocks = monotonic,monotonic_raw
 *   cpus = 0-3
 *   reference = tsc
 *   limits = crystal
 *
 *   [phase NAME]             one or more, in order
 *   duration = 30s
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "results/error.h"
#include "results/run.h"

#define SCENARIO_PHASES_MAX 256

struct scenario_phase {
	char name[PHASE_NAME_MAX];
	double duration_s;
};

struct scenario {
	char name[64];
	char summary[160];
	double interval_s;
	unsigned burst;
	char clocks[512], cpus[256], reference[CLOCK_NAME_MAX], limits[24]; /* empty: not said */
	struct scenario_phase phases[SCENARIO_PHASES_MAX];
	size_t phase_count;
};

/*
 * Loads a scenario by name, or by path if the text holds a slash or ends in .ini.
 * Returns 0 or -errno with file:line in err.
 */
int scenario_load(const char *name, struct scenario *scenario, struct error *err);

/* Sum of the phases' durations in s. */
double scenario_duration(const struct scenario *scenario);

/* Stretches or shrinks all phases alike, so that they last duration_s together. */
void scenario_scale(struct scenario *scenario, double duration_s);

#endif
