/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/matrix.h"
#include "results/estimate.h"
#include "results/run.h"

/* The verdict, its reasons, and a table of drifts: at most 100 columns wide. */
void summary_print(const struct run *run, const struct estimates *estimates, bool colour, FILE *out);

/* A table of configurations and profiles, the recommendations, and what the matrix cannot know. */
void summary_print_matrix(const struct matrix_result *result, bool colour, FILE *out);

#endif
