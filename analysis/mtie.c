/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/mtie.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* fmax() and fmin() would be calls, for the sake of NaN. */
static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* high[i], low[i] span w points from i on; makes that 2w. */
static void double_windows(double *high, double *low, size_t n, size_t w)
{
	for (size_t i = 0; i + 2 * w <= n; i++) {
		high[i] = larger(high[i], high[i + w]);
		low[i] = smaller(low[i], low[i + w]);
	}
}

/* The widest range of count windows, each covered by two shorter ones that start shift apart. */
static double widest_range(const double *high, const double *low, size_t count, size_t shift)
{
	double widest = 0;

	for (size_t i = 0; i < count; i++) {
		double range = larger(high[i], high[i + shift]) - smaller(low[i], low[i + shift]);

		widest = larger(widest, range);
	}
	return widest;
}

int mtie_compute(
	const double *phase, size_t n, const size_t *m_list, size_t m_count, double *range, struct error *err)
{
	double *high = NULL, *low = NULL;
	size_t largest = 0;
	int ret = 0;

	for (size_t j = 0; j < m_count; j++) {
		range[j] = NAN;
		if (m_list[j] < n && m_list[j] > largest)
			largest = m_list[j];
	}
	if (!largest)
		return 0;
	high = malloc(n * sizeof(*high));
	low = malloc(n * sizeof(*low));
	if (!high || !low) {
		ret = error_set(err, -ENOMEM, "out of memory for the MTIE of %zu points", n);
		goto out;
	}
	memcpy(high, phase, n * sizeof(*high));
	memcpy(low, phase, n * sizeof(*low));

	for (size_t w = 1; w <= largest + 1; w *= 2) {
		for (size_t j = 0; j < m_count; j++) {
			size_t m = m_list[j];

			if (m > 0 && m < n && m + 1 >= w && m + 1 < 2 * w)
				range[j] = widest_range(high, low, n - m, m + 1 - w);
		}
		double_windows(high, low, n, w);
	}
out:
	free(high);
	free(low);
	return ret;
}
