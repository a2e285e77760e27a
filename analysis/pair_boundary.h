/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The step of a pair between two phases that follow one another.
 */
#ifndef ANALYSIS_PAIR_BOUNDARY_H
#define ANALYSIS_PAIR_BOUNDARY_H

#include <stdbool.h>

#include "analysis/boundary_steps.h"
#include "analysis/pair.h"
#include "analysis/steps.h"
#include "results/estimate.h"
#include "results/run.h"

/*
 * before is the pair's end in an earlier phase.  None is told where that is not the phase right before, nor where what a
 * phase does on purpose begins or ends in the gap and makes one of the clocks step.  Returns 0 or -ENOMEM.
 */
int pair_boundary_step(const struct run *run, const struct pair *pair, const struct step_input *search,
	const struct boundary_side *before, bool *is_step, struct step_found *found, struct error *err);

/*
 * Sets cause and injected of that step: the events of the gap that may part the two clocks, with their instant, else the
 * event nearest to it.  Returns 0 or -ENOMEM.
 */
int pair_boundary_explain(const struct run *run, const struct pair_source *source, const struct pair *pair,
	const struct step_found *found, struct step *step, struct error *err);

#endif
