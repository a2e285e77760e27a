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
 * Draws plots/ (NAME.dat, NAME.gp, NAME.svg and NAME.png of each plot; `cd plots && gnuplot NAME.gp`
 * draws one again) and then report.html, which is self-contained and well-formed XML, in run->dir.
 * `reference` is the index of the clock that the estimates were made against, or PAIR_TSC.
 * Long series are thinned out with their extremes kept, and of many CPUs three stand for all in
 * the plots over time, so the size of the page does not grow with the run.
 *
 * Needs gnuplot, and gives it 60 s for each plot.  Where a plot fails, the page is written with the
 * reason in its place, and the failure is returned.  Files are replaced one by one,
 * report.html last.  Returns 0 or -errno with err set (-ENOENT: no gnuplot, or no run->dir;
 * -ETIMEDOUT: a plot took too long).
 */
int report_write(const struct run *run, const struct samples *samples, const struct estimates *estimates,
	int reference, struct error *err);

#endif
