/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Sudden changes of an offset, at unknown instants.
 *
 * At each point a line through the points before and one through those after are
 * carried to the gap between them; where they miss each other by far more than the
 * noise there is a step.  The search is repeated on means of 8, 64, ... points,
 * as long as the noise still averages out: a small step shows there.  A bend (a
 * change of rate) makes the lines miss as well, but there they cross in the gap, and
 * at a step they do not.
 */
#ifndef ANALYSIS_STEPS_H
#define ANALYSIS_STEPS_H

#include <stddef.h>

#include "results/error.h"

#define STEPS_MAX 1000 /* a pair with more steps than this reports the largest */

struct step_found {
	double at_s;
	double from_s, to_s; /* the points on either side of it: what lies between belongs to neither */
	double step_ns;	     /* offset after less offset before */
	double se_ns;	     /* standard error */
};

struct step_input {
	const double *t_s; /* ascending */
	const double *offset_ns;
	const double *half_ns; /* inverted brackets (negative) are not used */
	size_t count;
	double floor_ns; /* least standard deviation of a point: the resolution of clocks and TSC */
	double slack_ns; /* brackets up to this much wider than the median are used */
};

/*
 * Finds steps, sorted by time; out has room for STEPS_MAX.  Returns 0 or -ENOMEM.
 * Needs 16 points on each side of a step.
 */
int steps_find(const struct step_input *input, struct step_found *out, size_t *count, struct error *err);

#endif
