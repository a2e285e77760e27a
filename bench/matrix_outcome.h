/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A stored matrix with what the analysis makes of it: the common part of `lab matrix`, `analyze` and `report`.
 * Each writes matrix.csv and verdict.json into the matrix's directory.
 */
#ifndef BENCH_MATRIX_OUTCOME_H
#define BENCH_MATRIX_OUTCOME_H

#include "bench/options.h"
#include "bench/progress.h"

/*
 * All of it for a matrix whose cells are over: analysis, report, output.  A report that cannot be drawn is told, and
 * hides no number.  Returns the exit code: stable where each configuration has a stable profile, unstable where one has
 * none, else inconclusive; or -errno with err set.
 */
int matrix_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err);

/* The same without a report, judged as the options ask for. */
int matrix_analyze_command(const char *dir, const struct options *options, struct error *err);

/* The report alone; 0, or -errno with err set. */
int matrix_report_command(const char *dir, const struct options *options, struct error *err);

#endif
