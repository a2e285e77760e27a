/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A pair of machines: clocks of this one against the clock `peer` of the other.
 * Of clocks that follow one oscillator one stands for all.
 */
#ifndef ANALYSIS_REPORT_PAIR_H
#define ANALYSIS_REPORT_PAIR_H

#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"

#define PAIR_CLOCKS_MAX 3

/* The best exchange in a stretch of time. */
struct pair_point {
	double t_s, offset_ns, half_ns; /* the offset is inside of +- half */
	double flat_ns;			/* offset less all steps so far and the mean drift */
	bool gap;			/* a phase begins here: no line bridges it */
	bool wide;			/* no narrow bracket was near: the axes do not follow it */
};

struct pair_curve {
	const char *clock;
	int cpu;
	struct pair_point *points; /* owned; offset_ns starts at 0 */
	size_t count;
	double mean_ppm;	   /* drift of the steps' remainder over the whole run; NaN: not known */
	size_t wide;		   /* of the points */
	double half_ns;		   /* median of the points */
	struct axis offset, flat;  /* ns, brackets included; with a margin */
	const struct step **steps; /* of the estimates, in time's order; owned */
	size_t step_count;
	double stepped_ns; /* sum of the steps */
};

/* The reference is another machine. */
bool report_is_pair(const struct report *r);

/* Indices of the clocks that stand for this machine; how many, up to PAIR_CLOCKS_MAX. */
size_t report_pair_clocks(const struct report *r, int clocks[PAIR_CLOCKS_MAX]);

/* What both machines are to each other, as far as their facts tell. */
struct pair_roles {
	const char *ours, *theirs; /* "guest", "host" */
	const char *we, *they;	   /* the same in a sentence: "the guest", "this machine" */
	const char *heading;	   /* of the plot */
};
struct pair_roles report_pair_roles(const struct report *r);

/* count is 0 where there is nothing to draw.  Returns 0 or -errno; free with pair_curve_free(). */
int pair_curve_make(
	const struct report *r, int clock, size_t bins, struct pair_curve *curve, struct error *err);
void pair_curve_free(struct pair_curve *curve);

#endif
