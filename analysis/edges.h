/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Drift from exchanges whose delays are heavy and one-sided.
 *
 * The high edge of a bracket is the true offset plus one path's delay, the low
 * edge is the true offset less the other's.  In each of some bins of time the
 * lowest high edge and the highest low edge come closest to the truth, each for
 * its own path; taken on detrended data, or the drift smears the bin.  A robust
 * line through either, and the mean of the two slopes: a delay that is stable at
 * its minimum cancels, whatever the rest of its distribution.
 */
#ifndef ANALYSIS_EDGES_H
#define ANALYSIS_EDGES_H

#include <stdbool.h>
#include <stddef.h>

struct edges {
	double slope;			/* ns/s */
	double slope_se;		/* ns/s */
	double freedom;			/* degrees of freedom for a t interval */
	double plain_se, plain_freedom; /* the same if the bins were independent */
	double t_mean, at_mean;		/* a point on the line: s, ns */
	size_t bins, bins_rejected;
	const char *dependent; /* the bins are not independent: how slope_se was found; else NULL */
};

/*
 * t (s) ascending, middle and half in ns; brackets with half < 0 are ignored.
 * floor_ns as in line_fit().  False with less than 40 usable brackets, without extent in t, or
 * when out of memory.
 */
bool edges_fit(const double *t, const double *middle, const double *half, size_t n, double floor_ns,
	struct edges *edges);

#endif
