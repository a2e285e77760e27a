/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * From intervals against limits to a verdict with its reasons.
 */
#ifndef ANALYSIS_JUDGE_H
#define ANALYSIS_JUDGE_H

#include "analysis/limits.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/* A verdict needs at least this share of the points of each pair. */
#define JUDGE_REJECTED_MAX 0.25

/*
 * With fewer points a drift decides nothing.  A line takes two of them: of the 8 degrees of freedom that are left
 * the scatter, and with it the interval, is known to 1 / sqrt(2 * 8) = 25 %; of one, it may be anything.
 */
#define JUDGE_READINGS_MIN 10

/* It has some readings, but not that many. */
bool judge_is_few(const struct drift *row);

/*
 * The limit for this pair: the user's, or the preset of the relation.  Sets
 * limit_ppm and limit of the row.  -EINVAL where judging names an unknown preset.
 */
int judge_limit(const struct limits *limits, const struct judging *judging, enum relation relation,
	struct drift *row, struct error *err);

/*
 * What is added to a drift in ppm before it is judged.  With the arithmetic preset, what the kernel
 * admits to steer is taken off; with any other, only what was steered on purpose (injected_ppm,
 * analysis/steering.h).  NaN: it was slewed on purpose, by an amount that is not known.
 */
double judge_shift(const struct drift *row, double injected_ppm);

/*
 * Sets row->status from its interval, widened by the systematic term and moved by judge_shift():
 *   unstable      wholly beyond the limit
 *   consistent    wholly within, but both clocks follow one oscillator: no proof
 *   stable        wholly within, against another oscillator
 *   injected      the shift is not known: the drift is what was done to the clock, and speaks neither
 *                 for nor against it
 *   inconclusive  it straddles the limit, there is no estimate, or one from too few readings, a part of the phase was not read, or what was asked for in the phase was
 *                 not seen to happen
 * phase NULL: an idle one.
 */
void judge_drift(const struct phase *phase, double injected_ppm, struct drift *row);

/* Of statuses of drifts: higher is worse; -1 for an unknown word. */
int judge_severity(const char *status);

/*
 * For a pair whose steering a time daemon may have changed within the phase: beyond the arithmetic limit is then
 * inconclusive, as what it did is not known.
 */
void judge_unsteady(struct drift *row);

/* A clock that jumps is not within a limit for the sake of its mean rate: inconclusive. */
void judge_jumps(struct drift *row);

/* Length in minutes of a run whose interval, moved by shift, would clear the limit; 0 where none would. */
double judge_minutes(const struct drift *row, double shift);

/* The verdict over all rows; estimates->verdict is filled.  Returns 0 or -ENOMEM. */
int judge_run(
	const struct run *run, const struct samples *samples, struct estimates *estimates, struct error *err);

#endif
