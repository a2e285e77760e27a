/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Raw readings of one clock as a continuous time line.
 *
 * A counter of `bits` bits wraps.  How often it wrapped since the reading before
 * is told by the TSC: the advance nearest to the one that the TSC predicts is
 * taken.  The prediction uses the nominal rates first and the rate seen so far
 * then, so a 24-bit ACPI PM timer (4.7 s a turn) survives gaps of minutes as
 * long as prediction and truth differ by less than half a turn.  A small negative
 * advance stays negative: that is a backward step, and it is kept.
 */
#ifndef ANALYSIS_UNWRAP_H
#define ANALYSIS_UNWRAP_H

#include "results/clock_info.h"
#include "results/error.h"
#include "results/samples.h"

struct timeline {
	/*
	 * One entry a reading, in the order taken.  Cycles count from tsc_origin,
	 * time from the first reading of the series.  Doubles hold 104 days of ns
	 * exactly.
	 */
	double *tsc_lo; /* cycles since tsc_origin */
	double *tsc_hi;
	double *value_ns; /* clock's time since its first reading */
	size_t count;
	uint64_t tsc_origin;
	double hz;
};

/*
 * Makes the time line of a series; tsc_origin is common to all series of a run.
 * Returns 0 or -ENOMEM.  Free with timeline_free().
 */
int timeline_make(const struct series *series, const struct clock_info *clock, double tsc_hz,
	uint64_t tsc_origin, struct timeline *timeline, struct error *err);
void timeline_free(struct timeline *timeline);

#endif
