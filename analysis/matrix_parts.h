/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Private to analysis/matrix*.c. */
#ifndef ANALYSIS_MATRIX_PARTS_H
#define ANALYSIS_MATRIX_PARTS_H

#include "analysis/format.h"
#include "analysis/matrix.h"

/* Judges one cell; a cell without a run, or whose run cannot be judged, is "no result".  0 or -ENOMEM. */
int matrix_cell_analyze(const struct matrix *m, const struct matrix_cell *cell, const struct limits *limits,
	const struct judging *judging, struct matrix_result_cell *out, struct error *err);
void matrix_cell_free(struct matrix_result_cell *cell);

/* Fills r->choices from r->cells, but for their roles. */
int matrix_groups_make(struct matrix_result *r, struct error *err);

/* Fills r->advice, r->status, r->notes and the roles. */
int matrix_choose(struct matrix_result *r, struct error *err);

/* "+9.9 ± 0.1 ppm against 1 ppm", systematic part included. */
struct formatted matrix_drift_words(double drift_ppm, double half_ppm);
/* Half the cell's interval with its systematic part. */
double matrix_cell_half(const struct matrix_result_cell *cell);

/* All its boots were such that its parameters did nothing. */
static inline bool matrix_is_inert(const struct matrix_choice *g)
{
	return g->inert > 0 && g->inert == g->results;
}

static inline bool matrix_is_status(const char *status, const char *wanted)
{
	return __builtin_strcmp(status, wanted) == 0;
}

#endif
