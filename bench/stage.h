/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The stage: carries out what a scenario's phases ask for, one phase after the
 * other, and writes down what was seen.
 *
 *   stage_survey   which phases this machine can do
 *   stage_open     after session_open(), before any thread: takes the journal where it is needed
 *   stage_start    once run->dir exists
 *   stage_begin    starts a phase's disturbances and opens the phase
 *   stage_observe  now and then while it goes on
 *   stage_end      closes the phase, ends the disturbances, puts the machine back
 *   stage_close    in any case
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "bench/disturbance.h"
#include "bench/scenario.h"
#include "bench/session.h"

struct stage;

/*
 * Marks the phases that this machine cannot do; nothing is changed.  Call it before scenario_scale().
 * -ENOTSUP with err set where none is left.
 */
int stage_survey(struct scenario *scenario, struct placement *placement, const int *cpus, size_t cpu_count,
	struct error *err);

/*
 * Takes the journal if a phase changes the machine; what is left out goes into run->skipped.
 * Returns 0 or -errno with err set; stage_close() in any case.
 */
int stage_open(struct stage **stage, const struct scenario *scenario, struct session *session,
	struct error *err);

int stage_start(struct stage *stage, struct error *err);

/* 1: the phase is left out; 0: it is on its way; -errno: the run must end. */
int stage_begin(struct stage *stage, size_t phase, struct error *err);
void stage_observe(struct stage *stage);
/* -errno: the machine could not be put back, the run must end. */
int stage_end(struct stage *stage, struct error *err);
int stage_close(struct stage *stage, struct error *err);

/* For --dry-run: what each phase would do, on stdout. */
int stage_print_plan(const struct scenario *scenario, struct placement *placement, const int *cpus,
	size_t cpu_count, bool json);

#endif
