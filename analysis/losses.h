/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Over the whole run: what went backward, and what was lost, rejected or odd.
 */
#ifndef ANALYSIS_LOSSES_H
#define ANALYSIS_LOSSES_H

#include "analysis/pair.h"
#include "results/error.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/*
 * Fills estimates->backward.  Tallies saw every reading of every burst; where they have nothing the
 * stored readings must do.  Returns 0 or -ENOMEM with err set.
 */
int losses_backward(const struct run *run, const struct samples *samples, struct pair_source *source,
	struct estimates *estimates, struct error *err);

/* Counts by kind, from drift rows and backward too; a new reference, or NULL when out of memory. */
json_t *losses_count(const struct run *run, const struct samples *samples, const struct estimates *estimates);

#endif
