/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The order of a matrix's cells, and their way through it: one after the other, each noted in matrix.json
 * as soon as it is over, so that a matrix that was interrupted goes on where it was.
 *
 * The order is in blocks: within one repeat every cell once, in random order.  So heat, or a busy neighbour,
 * meets all profiles alike and is not credited to one of them.
 */
#ifndef BENCH_LAB_MATRIX_H
#define BENCH_LAB_MATRIX_H

#include <limits.h>

#include "bench/lab_tool.h"
#include "results/error.h"
#include "results/matrix.h"

/*
 * Makes the cells of m->configurations x m->profiles x repeat, all waiting, in the order that m->seed gives.
 * A cell's parameters are "booted" of its profile's row.  0 or -errno with err set.
 */
int lab_matrix_make(struct matrix *m, unsigned repeat, struct error *err);

/* The cell's directory below the matrix's: "cells/NNN-CONFIGURATION-PROFILE-REPEAT". */
void lab_matrix_run_name(const struct matrix_cell *cell, char name[sizeof(((struct matrix_cell *)0)->run)]);

/* How many cells wait, and how long they will take: as long as the others did on average. */
size_t lab_matrix_waiting(const struct matrix *m);
double lab_matrix_left_s(const struct matrix *m);

#define LAB_CELL_NO_RESULT 1

struct lab_matrix_work {
	void *context;
	/* Called before each cell, for the progress line. */
	void (*show)(void *context, const struct matrix *m, const struct matrix_cell *cell);
	/*
	 * Boots and measures; dir does not exist.  0: there is a run in it; LAB_CELL_NO_RESULT: err says why there is
	 * none, and dir may be there to look into; -errno: it is not the cell's fault, and the matrix ends here.
	 */
	int (*cell)(void *context, const struct matrix *m, const struct matrix_cell *cell, const char *dir,
		struct error *err);
};

/*
 * All cells that wait.  What a cell left that was under way when the matrix was killed is removed before.  0; -EINTR
 * after a signal; -errno; m is stored as far as it came.
 */
int lab_matrix_go(
	struct matrix *m, struct lab_wait *wait, const struct lab_matrix_work *work, struct error *err);

/*
 * So that no two work on the same matrix.  *fd is to be closed.  One that was just killed has a second to end.
 * 0 or -EBUSY, -errno with err set.
 */
int lab_matrix_lock(const char *dir, int *fd, struct error *err);

#endif
