/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef BENCH_MATRIX_OUTCOME_H
#define BENCH_MATRIX_OUTCOME_H

#include "bench/options.h"
#include "bench/progress.h"

/*
 * All of it for a matrix whose cells are over: analysis, report, output.  Returns the exit code, or -errno with err
 * set.
 */
int matrix_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err);

#endif
