/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Straight lines through points: least squares, and Theil-Sen with rejection.
 * Here a slope is in ns per s, that is in ppb.
 */
#ifndef ANALYSIS_LINE_H
#define ANALYSIS_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct line {
	double t_mean;	 /* s */
	double at_mean;	 /* value at t_mean, ns */
	double slope;	 /* ns/s */
	double sxx;	 /* sum of (t - t_mean)^2 over the points used, s^2 */
	double residual; /* standard deviation about the line, n - 2 degrees of freedom, ns */
	double slope_se; /* standard error of the slope for independent residuals, ns/s */
	size_t n;	 /* points used */
};

static inline double line_at(const struct line *line, double t)
{
	return line->at_mean + line->slope * (t - line->t_mean);
}

/*
 * Least squares through the points with use[i] set (use NULL: all).  floor_ns is
 * the least standard deviation that a residual can honestly have: the resolution
 * of the clocks.  False with less than 3 points or without extent in t.
 */
bool line_fit(
	const double *t, const double *x, const bool *use, size_t n, double floor_ns, struct line *line);

/*
 * Theil-Sen slope and the median intercept at t_mean: the median of the slopes of
 * all point pairs (Theil 1950, Sen 1968).  O(n^2): meant for some hundred bins.
 * False with less than 3 points or when out of memory.
 */
bool line_theil_sen(const double *t, const double *x, size_t n, struct line *line);

/*
 * Theil-Sen, then rejection of points further than `cut` robust standard
 * deviations (1.4826 MAD) from it, then least squares on the rest.  use[] tells
 * which points stayed.
 */
bool line_robust(const double *t, const double *x, size_t n, double cut, double floor_ns, bool *use,
	struct line *line);

/*
 * The rate that two lines show to change over a gap without points, as where a daemon begins to slew with an event,
 * changes somewhere in it: what that may add to the step between them, as a standard error, ns.  0 where
 * the slopes are alike, or a line has no points.
 */
double line_bend_se(const struct line *before, const struct line *after, double gap_s);

#endif
