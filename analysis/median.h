/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Medians of long series.
 *
 * A screening threshold or a noise level needs no more than some ten thousand
 * values: the median of 65536 normal ones is known to 1.25 / 256 = 0.5 % of their
 * standard deviation.  Of longer series an even spread is taken.
 */
#ifndef ANALYSIS_MEDIAN_H
#define ANALYSIS_MEDIAN_H

#include <stddef.h>

#define MEDIAN_SAMPLE 65536

/* Every how many-th of n values to take; at most MEDIAN_SAMPLE are then left. */
static inline size_t median_stride(size_t n)
{
	return n / MEDIAN_SAMPLE + 1;
}

/* Median width of the brackets that are not inverted, ns; 0 where there are none.  Returns 0 or -ENOMEM. */
int median_width(const double *half_ns, size_t n, double *width_ns);

#endif
