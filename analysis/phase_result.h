/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Each phase as a whole: what was done, whether it was seen, what came of it.
 */
#ifndef ANALYSIS_PHASE_RESULT_H
#define ANALYSIS_PHASE_RESULT_H

#include "results/error.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/*
 * Fills estimates->phases, one for each phase of the run, from the drifts, steps and effects in it.
 * Status: of its drift rows the worst in the order unstable, inconclusive, stable, consistent,
 * injected; unstable too where a clock stepped or went backward and that was not done on purpose;
 * "none" where something was asked for and not seen.  A phase without a row is inconclusive.
 * Duration: from tsc_lo, or the run's first reading where that is 0, to tsc_hi, or the last reading
 * where the phase has no end.
 * Returns 0 or -ENOMEM with err set.
 */
int phase_results_find(
	const struct run *run, const struct samples *samples, struct estimates *estimates, struct error *err);

#endif
