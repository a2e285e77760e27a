/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Which event explains a step, and whether it was one that this run made on purpose.
 */
#ifndef ANALYSIS_CAUSE_H
#define ANALYSIS_CAUSE_H

#include "analysis/pair.h"
#include "results/estimate.h"
#include "results/run.h"

/*
 * Sets cause and injected of the step from its clock, reference and at_s: the event nearest to at_s that is
 * at most 50 ms, or two sampling intervals, away from it or lies inside the gap [from_s, to_s] of the step.
 * An injected event explains only what it can do to these two clocks; see the table in cause.c.
 */
void cause_find(const struct run *run, const struct pair_source *source, double from_s, double to_s,
	struct step *step);

/*
 * How many times the clock may have gone backward on each CPU because it was set on purpose, in that phase
 * and until the next, or in the whole run where phase is NULL.  What a phase sets it puts back when it is
 * over, which has no event: of the two exactly one goes backward.
 */
uint64_t cause_excused_backward(const struct run *run, const struct phase *phase, const char *clock);

#endif
