/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the parts of event_steps share.  Private to analysis/event_steps*.c.
 */
#ifndef ANALYSIS_EVENT_STEPS_PARTS_H
#define ANALYSIS_EVENT_STEPS_PARTS_H

#include "analysis/event_steps.h"

/* Standard deviations of chance by which the scatter inside of segments may be larger than white noise has it. */
#define EVENT_GATE 3.0

struct event_segment {
	size_t n;	    /* points used */
	size_t first;	    /* index of the first of them */
	double t, x;	    /* means */
	double from, to;    /* extent of all points that are clear of events */
	size_t event_after; /* index of the first event that ends it */
};

struct event_points {
	const struct event_steps_input *in;
	double *t, *x; /* the points clear of events, x without its first value */
	double *width; /* of their brackets */
	size_t *place; /* how many events are before the point; ascending */
	bool *use;
	size_t *index; /* of the point in the input */
	size_t n;
	double *spare; /* room for a value a point */
	struct event_segment *segments;
	size_t count;
	double median_half;
};

/* Makes the segments of the points in use. */
void event_cut(struct event_points *w);
/* One past the last point of the segment, used or not. */
size_t event_segment_end(const struct event_points *w, const struct event_segment *s);
/* Points in use of the segment, put side by side in t and x (room for s->n). */
void event_segment_points(const struct event_points *w, const struct event_segment *s, double *t, double *x);
/* Events and place of the step after segment k. */
void event_step_place(const struct event_points *w, size_t k, struct event_step *step);

/* Short segments, one fit; long ones, a line on each side.  Both return 0 or -ENOMEM. */
int event_measure_jointly(struct event_points *w, struct event_steps *out);
int event_measure_apart(struct event_points *w, struct event_steps *out);

#endif
