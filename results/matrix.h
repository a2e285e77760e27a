/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * matrix.json: which configurations were booted with which profiles of kernel parameters, in which order,
 * and what became of each.  See results/SCHEMA.md.
 *
 * A matrix is a directory with this file and a run directory for each cell, in cells/.  The file is replaced
 * whole after each cell, so that one that was killed can go on.
 */
#ifndef RESULTS_MATRIX_H
#define RESULTS_MATRIX_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define MATRIX_FILE	 "matrix.json"
#define MATRIX_CELLS	 "cells"
#define MATRIX_CELLS_MAX 10000

#define MATRIX_WAITING	 "waiting"
#define MATRIX_DONE	 "done"
#define MATRIX_NO_RESULT "no result"

struct matrix_cell {
	unsigned order; /* place in the random order, from 0 */
	char configuration[32], profile[48];
	unsigned repeat;      /* from 0 */
	char parameters[512]; /* as booted: the profile's, and what the user added */
	char run[160]; /* below the matrix's directory, never above it; "": none.  Without a result: what there is to look into */
	char state[12];	  /* MATRIX_WAITING, MATRIX_DONE, MATRIX_NO_RESULT */
	char reason[400]; /* of no result */
	double seconds;	  /* that it took, of wall clock */
};

struct matrix {
	char *dir; /* owned, as what follows */
	char tool[32], host[128], scenario[64];
	char started[32], finished[32]; /* UTC, ISO 8601; finished: "" while cells wait */
	uint64_t seed;			/* at most INT64_MAX */
	double duration_s;		/* of sampling in a cell */
	json_t *configurations;		/* array of objects: the rows in full */
	json_t *profiles; /* array of objects: the rows of the catalogue in full, and "booted": the parameters with numbers filled in */
	json_t *asked; /* object: the options that cells depend on, as they were given; what is not in it was not given */
	struct matrix_cell *cells; /* sorted by order */
	size_t count;
};

/* Reads DIR/matrix.json.  On failure *m is empty and err has file:line.  Free with matrix_free(). */
int matrix_load(const char *dir, struct matrix *m, struct error *err);

/* Writes m->dir/matrix.json in one step, so a reader always finds a whole one.  0 or -errno with err set. */
int matrix_store(const struct matrix *m, struct error *err);

void matrix_free(struct matrix *m);

/* Does the directory hold a matrix.json? */
bool matrix_is(const char *dir);

/* The row of that name ("name" of configurations, "id" of profiles), borrowed; NULL: there is none. */
const json_t *matrix_configuration(const struct matrix *m, const char *name);
const json_t *matrix_profile(const struct matrix *m, const char *id);

#endif
