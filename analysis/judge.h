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
 * The limit for this pair: the user's, or the preset of the relation.  Sets
 * limit_ppm and limit of the row.  -EINVAL where judging names an unknown preset.
 */
int judge_limit(const struct limits *limits, const struct judging *judging, enum relation relation,
	struct drift *row, struct error *err);

/*
 * Sets row->status from its interval, widened by the systematic term:
 *   unstable      wholly beyond the limit
 *   consistent    wholly within, but both clocks follow one oscillator: no proof
 *   stable        wholly within, against another oscillator
 *   inconclusive  it straddles the limit, or there is no estimate
 * With the arithmetic preset, what the kernel admits to steer is taken off first.
 */
void judge_drift(struct drift *row);

/* Length in minutes of a run whose interval would clear the limit; 0 where none would. */
double judge_minutes(const struct drift *row);

/* The verdict over all rows; estimates->verdict is filled.  Returns 0 or -ENOMEM. */
int judge_run(
	const struct run *run, const struct samples *samples, struct estimates *estimates, struct error *err);

#endif
