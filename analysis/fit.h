/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The drift of one pair of clocks, with its interval.
 *
 * The estimator follows the noise.  Narrow brackets with nearly white residuals
 * (local clocks): least squares through all midpoints.  Heavy, one-sided delays:
 * the edges estimator.  Both are tried where brackets are wide against the TSC's
 * granularity, and the one that is clearly sharper on these data is taken and named.
 * Clocks that wander widen the interval of either (analysis/dependence.h).
 */
#ifndef ANALYSIS_FIT_H
#define ANALYSIS_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define FIT_CONFIDENCE 0.95

struct fit_input {
	const double *t_s;	 /* ascending */
	const double *offset_ns; /* middle of the brackets */
	const double *half_ns;	 /* half their widths; negative: inverted, not used */
	size_t count;
	double granularity_ns; /* of the TSC; 0: not known */
	double resolution_ns;  /* standard deviation of the clocks' own quantisation, at least this */
};

struct fit {
	bool valid; /* false: too few points, or no extent in time */
	double drift_ppm, ci_low_ppm, ci_high_ppm;
	double systematic_ppm;		    /* see estimate.h */
	double hull_low_ppm, hull_high_ppm; /* NaN: no line fits all brackets */
	double t_mean_s, at_mean_ns;	    /* a point on the line */
	double residual_ns; /* standard deviation of the midpoints about the line, far too wide brackets left out */
	double width_ns; /* median bracket width */
	double span_s;
	uint64_t used, rejected;
	char method[64];
};

/* A bracket is too wide to say much above this multiple of the median width plus WIDE_GRANULES. */
#define WIDE_FACTOR   3.0
#define WIDE_GRANULES 8.0

/*
 * Returns 0 or -ENOMEM.  use[], if not NULL, has room for count and tells which points have a midpoint that says
 * something, for what is made of midpoints: the edges estimator alone also uses those with far too wide brackets.
 */
int fit_drift(const struct fit_input *input, bool *use, struct fit *fit, struct error *err);

#endif
