/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The whole analysis of a stored run: screen, unwrap, fit, stability, steps, judge.
 * A pure function of the run directory and the judging options.
 */
#ifndef ANALYSIS_ANALYZE_H
#define ANALYSIS_ANALYZE_H

#include "analysis/limits.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/*
 * Fills *estimates (free with estimates_free()).  judging says reference and limit;
 * usually &run->judging.  Returns 0 or -errno with err set.
 */
int analyze_run(const struct run *run, const struct samples *samples, const struct limits *limits,
	const struct judging *judging, struct estimates *estimates, struct error *err);

/*
 * The reference that the analysis takes: index into run->clocks or PAIR_TSC; -EINVAL with
 * err set if it was not sampled.  Without a wish: peer, else monotonic_raw, else monotonic, else the first
 * clock in the list; the TSC where there is but one clock.
 */
int analyze_reference(
	const struct run *run, const struct judging *judging, int *reference, struct error *err);

/* Greatest common divisor of the run's TSC differences in cycles, where run.json does not tell it. */
double analyze_granularity(const struct run *run, const struct samples *samples);

#endif
