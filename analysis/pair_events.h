/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The events in the time of a pair that may part its two clocks.
 */
#ifndef ANALYSIS_PAIR_EVENTS_H
#define ANALYSIS_PAIR_EVENTS_H

#include "analysis/pair.h"

struct pair_events {
	const struct event **events; /* by time; owned array of borrowed events */
	double *at_s;		     /* their instants on the axis of the pair's t_s; owned */
	size_t count;
	double end_s; /* from here on events are not listed; INFINITY: they all are */
};

/* Returns 0 or -ENOMEM.  Free with pair_events_free(), also after an error. */
int pair_events_make(const struct run *run, const struct pair_source *source, const struct pair *pair,
	const char *clock, const char *reference, struct pair_events *out, struct error *err);
void pair_events_free(struct pair_events *list);

#endif
