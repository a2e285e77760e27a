/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What reading a clock costs: the width of its brackets less that of an empty one.
 */
#ifndef ANALYSIS_READ_COST_H
#define ANALYSIS_READ_COST_H

#include <stdbool.h>

#include "results/histogram.h"
#include "results/run.h"
#include "results/samples.h"

/*
 * Adds the bracket widths of one clock (index into run->clocks), all CPUs and phases together.  True: no tally has them,
 * and the stored readings, the narrowest of each burst, stand in.
 */
bool read_cost_widths(
	const struct run *run, const struct samples *samples, unsigned clock, struct histogram *sum);

/* The narrowest bracket around nothing in ns, median over the CPUs; 0: not known. */
double read_cost_null_ns(const struct run *run);

struct read_cost {
	double ns; /* median bracket less the empty one; NaN: never read */
	/* 95 % from the order statistics of the median, widened by the resolution of the TSC and of the histogram. */
	double low_ns, high_ns;
};

struct read_cost read_cost_of(const struct run *run, const struct samples *samples, unsigned clock);

#endif
