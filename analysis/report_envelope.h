/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A long series as few points, outliers kept: time is cut into equal bins and
 * each keeps its lowest, median and highest value.
 */
#ifndef ANALYSIS_REPORT_ENVELOPE_H
#define ANALYSIS_REPORT_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

struct envelope_bin {
	double t; /* middle of the first and last point, s */
	double low, median, high;
	bool gap; /* much more time than usual lies before it: no line should bridge it */
};

/*
 * Cuts [0, length] into `bins` bins.  Points that are not finite are left out; a
 * series that runs back in time opens a bin again.  Sets *out (caller frees) and
 * *count.  Returns 0 or -ENOMEM.
 */
int envelope_make(const double *t, const double *value, size_t n, double length, size_t bins,
	struct envelope_bin **out, size_t *count);

struct axis {
	double low, high;
};

/*
 * The range that shows the bulk of n pairs low[i] <= high[i]: from the 2 % quantile of
 * low to the 98 % quantile of high, and as far beyond as that range is wide.  Values inside are
 * all shown, so only an outlier is beyond the axis.  Sorts both arrays.  n 0: {0, 0}.
 */
struct axis axis_bulk(double *low, double *high, size_t n);

#endif
