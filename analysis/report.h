/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * report.html and plots/: what a run says, for a reader who was not there.
 */
#ifndef ANALYSIS_REPORT_H
#define ANALYSIS_REPORT_H

#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/*
 * Draws plots/ (data, gnuplot scripts, SVG and PNG) and then report.html, which is self-contained,
 * in run->dir.  `reference` is the index of the clock that the estimates were made against (or PAIR_TSC).
 * Needs gnuplot.  Files are replaced one by one; report.html last.
 * Returns 0 or -errno with err set (-ENOENT: no gnuplot).
 */
int report_write(const struct run *run, const struct samples *samples, const struct estimates *estimates,
	int reference, struct error *err);

#endif
