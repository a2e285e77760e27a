/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Private to the readers of run.json and matrix.json: their text, and checked access to its values.
 *
 * Everything in it may be wrong: each refusal names the file, the line and the
 * key.  The functions return 0 or a negative errno with the error set; an absent
 * or null key leaves *out as it is.
 */
#ifndef RESULTS_RUN_SOURCE_H
#define RESULTS_RUN_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"
#include "results/run.h"

struct run_source {
	const char *path;
	char *text; /* owned by the one without an outer */
	size_t length;
	struct error *err;
	/* While a row of a list is read: where the list stands, its key and the row's index. */
	const struct run_source *outer;
	const char *list;
	size_t row;
};

/* Parses one object of a list into its row, which is zero before. */
typedef int run_row_parser(const struct run_source *source, struct run *run, json_t *item, void *row);

/* Reads path into text, and *doc, an object, from it.  Both are to be freed in any case. */
int source_read(struct run_source *source, json_t **doc);
/* "schema" must be that version. */
int source_schema(const struct run_source *source, json_t *doc, int version);

/* Line of the key in the row at hand, else of the row; counts from 1. */
unsigned source_line(const struct run_source *source, const char *key);
/* Sets "PATH:LINE: "KEY" WHAT"; returns -EINVAL. */
int source_bad(const struct run_source *source, const char *key, const char *what);

int source_real(const struct run_source *source, json_t *object, const char *key, double low, double high,
	double *out);
int source_count(const struct run_source *source, json_t *object, const char *key, uint64_t *out);
int source_int(const struct run_source *source, json_t *object, const char *key, int low, int high, int *out);
int source_bool(const struct run_source *source, json_t *object, const char *key, bool *out);
int source_text(const struct run_source *source, json_t *object, const char *key, char *out, size_t size);
/* The same, and an absent or empty text is refused. */
int source_need_text(
	const struct run_source *source, json_t *object, const char *key, char *out, size_t size);

/*
 * A list of at most max objects: sets *rows (a pointer to structs of row_size bytes) to an allocated array,
 * and *count to the rows that were begun, also on failure: their owner frees both.
 */
int source_rows(const struct run_source *source, json_t *object, const char *key, size_t max, size_t row_size,
	void *rows, size_t *count, run_row_parser *parse, struct run *run);

/* The lists of results/run_load_phases.c. */
run_row_parser parse_phase, parse_skipped, parse_event;
/* That of results/run_load_ntp.c. */
run_row_parser parse_ntp_server;

#endif
