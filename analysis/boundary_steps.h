/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A step of an offset between two phases.
 *
 * Steps are searched for inside of each phase.  What happens in the gap between two of them, or so near to it that one
 * side has too few points, shows only where the end of one is held against the begin of the next: a line through the
 * last points and one through the first points are carried to the middle of the gap.  They may miss each other there by
 *
 *   - what the brackets on both sides leave open, and the resolution of the clocks,
 *   - a change from the one rate to the other anywhere in the gap, and what a time daemon can slew in it,
 *   - chance.  How far chance goes is told by the same lines inside of the phases, as far apart, where no gap is: so
 *     a clock that wanders makes no step.  A few such places tell little, and a larger miss is asked for then.
 *
 * A larger miss is a step.
 */
#ifndef ANALYSIS_BOUNDARY_STEPS_H
#define ANALYSIS_BOUNDARY_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/pair.h"
#include "analysis/steps.h"
#include "results/error.h"

#define BOUNDARY_POINTS 1024 /* next to the boundary that are kept of a phase */

/* The points of one pair next to a boundary, without those of wide brackets. */
struct boundary_side {
	size_t phase;
	double *t_s, *offset_ns; /* by time; owned */
	size_t count;
	double half_ns; /* median half width of the brackets */
};

struct boundary_input {
	const struct boundary_side *before, *after;
	double floor_ns; /* least standard deviation of a point */
	double slew; /* rate at which one of the clocks may be slewed where it is not read; 0: it is not */
	double turn_ns[2]; /* of the two counters: a step is known modulo these; INFINITY: it does not wrap */
};

/*
 * The first points of the pair, or its last ones.  raise_ns is added to each offset.  Returns 0 or -ENOMEM.
 * Free with boundary_side_free(), also after an error.
 */
int boundary_begin_make(
	const struct pair *pair, double slack_ns, struct boundary_side *side, struct error *err);
int boundary_end_make(const struct pair *pair, double raise_ns, double slack_ns, struct boundary_side *side,
	struct error *err);
void boundary_side_free(struct boundary_side *side);

/*
 * *is_step: there is one, and it is in *found.  Needs 16 points on each side, and 32 on one of them.  Returns 0 or
 * -ENOMEM.
 */
int boundary_step_find(
	const struct boundary_input *input, bool *is_step, struct step_found *found, struct error *err);

#endif
