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
 *   load = class=cpu share=90    what is done to the machine meanwhile: any of 'clkdrift list
 *   cstate = toggle rate=10      disturbances', each at most once; none: an idle phase
 *   recovery = 5s                an idle phase "after-NAME" follows, unless NAME cannot be done here
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include <limits.h>

#include "bench/disturbance.h"
#include "results/error.h"
#include "results/run.h"

#define SCENARIO_PHASES_MAX 256

struct scenario_phase {
	char name[PHASE_NAME_MAX];
	double duration_s;
	double recovery_s;   /* of the phase behind it; 0: none */
	bool is_recovery;    /* from the phase before it */
	struct asked *asked; /* owned */
	size_t asked_count;
	const struct asked
		*obstacle; /* of these, what this machine cannot do; NULL: none, see stage_survey() */
	char why[400];	   /* it cannot */
};

struct scenario {
	char name[64];
	char summary[160];
	double interval_s;
	unsigned burst;
	char clocks[512], cpus[256], reference[CLOCK_NAME_MAX], limits[24]; /* empty: not said */
	int clocks_line, cpus_line, reference_line, limits_line;	    /* of the file; 0: not said */
	char path[PATH_MAX];						    /* of the file */
	struct scenario_phase phases[SCENARIO_PHASES_MAX];
	size_t phase_count;
};

/*
 * Loads a scenario by name, or by path if the text holds a slash or ends in .ini.
 * Returns 0 or -errno with file:line in err.  Free with scenario_free() in any case.
 */
int scenario_load(const char *name, struct scenario *scenario, struct error *err);
void scenario_free(struct scenario *scenario);

/* The path of a scenario's file: by name or by path, as scenario_load() takes it.  0 or -errno. */
int scenario_find(const char *name, char path[PATH_MAX], struct error *err);

/* The phase is left out: it cannot be done here, or it is the recovery of one that cannot. */
bool scenario_leaves_out(const struct scenario *scenario, size_t phase);

/* Sum of the durations in s of the phases that are not left out. */
double scenario_duration(const struct scenario *scenario);

/* Stretches or shrinks all phases alike, so that those not left out last duration_s together. */
void scenario_scale(struct scenario *scenario, double duration_s);

#endif
