/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Many steps of one kind, in one sentence: those of a phase with one reference, one kind of event as their cause,
 * and all or none of them on purpose.
 */
#ifndef ANALYSIS_STEP_SUMS_H
#define ANALYSIS_STEP_SUMS_H

#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"
#include "results/estimate.h"
#include "results/run.h"

/* A pair with at least so many of them: they are summed up. */
#define STEP_SUM_LEAST 4
/* Clocks that are named. */
#define STEP_SUM_CLOCKS 4

struct step_sum {
	const struct step
		*step; /* the first of them; all are alike in phase, reference, kind of cause, injected */
	const char *clocks[STEP_SUM_CLOCKS];
	size_t clock_count; /* may be more than are named */
	size_t rows;
	size_t least, most; /* rows of one pair */
	size_t events;	    /* of that kind in the phase */
	double median_ns, median_half_ns;
	const struct step *largest;
	size_t pair_rows; /* of the pair that was counted last */
	const struct step *last;
};

struct step_sums {
	struct step_sum *sums; /* owned */
	size_t count;
	size_t *of_row; /* index into sums for each row of estimates->steps, or SIZE_MAX; owned */
};

/* Borrows from run and estimates.  Returns 0 or -ENOMEM.  Free with step_sums_free(), also after an error. */
int step_sums_make(
	const struct run *run, const struct estimates *e, struct step_sums *out, struct error *err);
void step_sums_free(struct step_sums *sums);

/* The sum of that row, where there are enough of its kind to be summed up, else NULL. */
const struct step_sum *step_sum_of(const struct step_sums *sums, size_t row);

/* "tsc, kvmclock stepped against monotonic_raw at 98 of 100 clocksource switches: +241 ns ..." */
void step_sum_say(const struct step_sum *sum, char *text, size_t size);

#endif
