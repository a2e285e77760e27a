/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/median.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <stdlib.h>

int median_width(const double *half_ns, size_t n, double *width_ns)
{
	size_t stride = median_stride(n), m = 0;
	double *widths = malloc((n / stride + 1) * sizeof(*widths));

	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += stride)
		if (half_ns[i] >= 0)
			widths[m++] = 2 * half_ns[i];
	*width_ns = m ? gsl_stats_median(widths, 1, m) : 0;
	free(widths);
	return 0;
}
