/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The sums of squares that the deviations of analysis/stability.h are made of,
 * over windows of n >= 2 points of phase x at the averaging factor m >= 1.  Each
 * is O(n).  Without a window, sum and count are 0.
 */
#ifndef ANALYSIS_STABILITY_SUMS_H
#define ANALYSIS_STABILITY_SUMS_H

#include <stddef.h>

struct squares {
	double sum; /* in the unit of x, squared */
	size_t count;
};

/* Windows of n points that span d m + 1 of them and start stride apart. */
size_t window_count(size_t n, size_t d, size_t m, size_t stride);

/* x(i + m) - x(i): time interval errors */
struct squares sum_first_difference(const double *x, size_t n, size_t m);

/* x(i + 2m) - 2 x(i + m) + x(i), i in steps of stride: Allan */
struct squares sum_second_difference(const double *x, size_t n, size_t m, size_t stride);

/* x(i + 3m) - 3 x(i + 2m) + 3 x(i + m) - x(i), i in steps of stride: Hadamard */
struct squares sum_third_difference(const double *x, size_t n, size_t m, size_t stride);

/* Second differences, each the sum over m neighbours: modified Allan */
struct squares sum_averaged_difference(const double *x, size_t n, size_t m);

/* sum over k < m of ((m - 1)/2 - k) (x(i + k) - x(i + k + m)): parabolic, m >= 2 */
struct squares sum_regression_difference(const double *x, size_t n, size_t m);

/*
 * x(i - m) - 2 x(i) + x(i + m) around every inner point, x being continued
 * beyond both ends by reflection in value and time: total.  inner is
 * sum_second_difference() of the same m with stride 1, which most of it is.
 */
struct squares sum_reflected_difference(const double *x, size_t n, size_t m, struct squares inner);

#endif
