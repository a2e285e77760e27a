/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Steps of an offset at instants that are known: those of events.
 *
 * The events cut the points into segments.  A segment with less than two points is
 * none: the events on both of its sides then count as one.
 *
 * Short segments (a clocksource that is switched ten times a second): one least-squares
 * fit, offset = slope * t + level of the segment.  A step is the difference of two levels;
 * its error is that of two means, and that of the slope times the distance of the means.
 * As every level is free, the slope knows only what happens inside the segments.
 * Long segments: lines through up to 256 points on each side are carried to the event, so
 * that a drift that bends over the phase makes no step.  Where points beside the event are
 * on the wrong side, its instant is not what it seems, and the search of steps.h has to find it.
 *
 * A clock that wanders moves between two segments without any step.  How far is told by
 * the same difference taken in the middle of the segments, where no event is.
 */
#ifndef ANALYSIS_EVENT_STEPS_H
#define ANALYSIS_EVENT_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/steps.h"
#include "results/error.h"

/* An event is not known better than this; points so near to it are on neither side. */
#define EVENT_GUARD_S 1e-3

struct event_steps_input {
	const double *t_s; /* ascending */
	const double *offset_ns;
	const double *half_ns; /* inverted brackets (negative) are not used */
	const double *apart_s; /* from t_s to the instant of the other clock's reading; NULL: none is apart */
	size_t count;
	const double *at_s; /* instants of the events, ascending */
	size_t event_count;
	double end_s;	 /* there may be events beyond it that are not listed; INFINITY: there are none */
	double floor_ns; /* least standard deviation of a point */
	double granularity_ns; /* of the TSC */
};

struct event_step {
	struct step_found found; /* se_ns * 1.96 is half the 95 % interval */
	size_t first, events;	 /* the group of events: index of the first of them, and how many */
	bool significant; /* in the brackets as in the noise: else it is taken out, and nobody is told of a step */
};

struct event_steps {
	bool real; /* stepping at the events is proven; else nothing of what follows is to be taken out */
	struct event_step *steps; /* owned, by time; all are to be taken out */
	size_t count;
	size_t significant;
	size_t *outliers; /* owned; indices of points that stand apart from the rest of their segment: not to be used */
	size_t outlier_count;
	double first_s, last_s; /* points outside are beyond an event whose step is not known */
	/*
	 * For the drift of what is left.  One fit: the standard error of a slope that takes the
	 * steps as known is to be widened by that factor, and is then at least slope_se (ns/s).
	 * Lines at each event: widen is 1, slope_se 0, and the steps' errors are to be added.
	 */
	bool joint;
	double widen, slope_se;
	size_t levels; /* free levels of the one fit */
};

/* Returns 0 or -ENOMEM.  Free with event_steps_free(), also after an error. */
int event_steps_find(const struct event_steps_input *input, struct event_steps *out, struct error *err);
void event_steps_free(struct event_steps *steps);

#endif
