/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Lines that pass through every bracket.
 *
 * If all brackets are true, the line a + b t of a constant drift satisfies
 * low[i] <= a + b t[i] <= high[i] for all i.  The extreme slopes touch the upper
 * convex hull of the low edges and the lower convex hull of the high edges: a
 * bound without any assumption on noise (Moon, Skelly, Towsley, INFOCOM 1999,
 * use one such hull).
 */
#ifndef ANALYSIS_HULL_H
#define ANALYSIS_HULL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * t (s) ascending; edges in ns; brackets with use[i] unset are ignored.  Sets the
 * slope bounds in ns/s.  False where no line fits (a step, a rate change, a false
 * bracket), with less than 3 points, or when out of memory.
 */
bool hull_slopes(const double *t, const double *middle, const double *half, const bool *use, size_t n,
	double *low, double *high);

#endif
