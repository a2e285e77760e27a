/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Maximum time interval error: the widest range of the phase in any window
 * (ITU-T G.810; NIST SP 1065 section 5.2).
 */
#ifndef ANALYSIS_MTIE_H
#define ANALYSIS_MTIE_H

#include <stddef.h>

#include "results/error.h"

/*
 * For each m of m_list, in any order: range[j] = the largest of max - min over
 * all windows of m + 1 consecutive points of phase, in the unit of phase; NaN
 * where m = 0 or m >= n.  No mean frequency is removed.  O(n log(largest m)) for
 * the whole list and two arrays of n doubles.  Returns 0 or -ENOMEM.
 */
int mtie_compute(const double *phase, size_t n, const size_t *m_list, size_t m_count, double *range,
	struct error *err);

#endif
