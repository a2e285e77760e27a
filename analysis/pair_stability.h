/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The stability rows of a pair of clocks.
 *
 * The Allan family wants evenly spaced phase.  The offsets, less their straight
 * line, are put on a grid of the sampling interval (the median spacing where it is
 * not known, or the run was back to back); empty places are filled along a line
 * between their neighbours, and counted.  Where too many places stay empty the grid
 * is made coarser by octaves.
 */
#ifndef ANALYSIS_PAIR_STABILITY_H
#define ANALYSIS_PAIR_STABILITY_H

#include <stdbool.h>

#include "analysis/pair.h"
#include "analysis/stability.h"
#include "results/estimate.h"

/* More empty places than this share: a coarser grid. */
#define STABILITY_FILLED_MAX 0.2

/*
 * Sets *rows (to be freed by the caller) and *count; both stay 0 where the points
 * are too few or too uneven.  The names in the rows stay empty.  Returns 0 or -errno.
 */
int pair_stability(const struct pair *pair, const bool *use, double interval_s, struct stability **rows,
	size_t *count, struct error *err);

/* Copies one point of phase in seconds into a row; mtie and tierms become ns. */
void stability_row(const struct stability_point *point, struct stability *row);

#endif
