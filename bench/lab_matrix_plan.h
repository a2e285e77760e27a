/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a matrix consists of: as the options say, or as it was begun with. */
#ifndef BENCH_LAB_MATRIX_PLAN_H
#define BENCH_LAB_MATRIX_PLAN_H

#include <limits.h>

#include "bench/lab_config.h"
#include "bench/options.h"
#include "results/error.h"
#include "results/matrix.h"

struct lab_matrix_plan {
	struct matrix matrix; /* without a directory: it is new */
	struct lab_configs configs;
	struct options options; /* of each cell; texts point into the user's or into the matrix */
	char scenario[PATH_MAX];
	char left_out[400]; /* i386 guests are no part of the default here, and why; empty: they are */
};

/* A new one.  0 or -errno with err set.  Free with lab_matrix_plan_free() in any case. */
int lab_matrix_plan_new(struct lab_matrix_plan *plan, const struct options *options, struct error *err);

/* The one in options->resume; refuses options that it was not begun with. */
int lab_matrix_plan_resume(struct lab_matrix_plan *plan, const struct options *options, struct error *err);

/* A limit, a reference or clocks that no guest can have, before the first one is booted.  0 or -errno with err set. */
int lab_matrix_plan_check(const struct lab_matrix_plan *plan, struct error *err);

void lab_matrix_plan_free(struct lab_matrix_plan *plan);

/*
 * Makes the directory of a new one, its scenario in it: a matrix that goes on runs the same one, whatever became of the
 * scenario's file.
 */
int lab_matrix_plan_begin(struct lab_matrix_plan *plan, const char *parent, struct error *err);

#endif
