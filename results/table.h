/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * One list of columns drives the derived CSV files and the JSON of a result:
 * a field is named once, and both show it under that name.
 */
#ifndef RESULTS_TABLE_H
#define RESULTS_TABLE_H

#include <jansson.h>
#include <stddef.h>

#include "results/error.h"
#include "results/file.h"

enum column_type {
	COLUMN_INT,   /* int */
	COLUMN_COUNT, /* uint64_t */
	COLUMN_REAL,  /* double; not a number is an empty field in CSV, null in JSON */
	COLUMN_TEXT,  /* char[], NUL-terminated */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset; /* in the row's struct */
};

struct table {
	const char *name;	      /* of the JSON array, and of NAME.csv */
	const struct column *columns; /* ends with a NULL name */
	size_t row_size;
};

/* Significant digits of every real number in a result, in CSV and in JSON. */
#define TABLE_DIGITS	 15
#define TABLE_JSON_FLAGS JSON_REAL_PRECISION(TABLE_DIGITS)

/* A new array of objects, or NULL when out of memory. */
json_t *table_to_json(const struct table *table, const void *rows, size_t count);

/* Writes DIR/NAME.csv up to file_replace_finish(): the caller names or drops it.  Returns 0 or -errno. */
int table_to_csv(const struct table *table, const void *rows, size_t count, const char *dir,
	struct file_replace *file, struct error *err);

/* Writes DIR/NAME, replacing it in one step, with so many blanks a level, and frees json.  NULL: out of memory.  0 or -errno. */
int json_store(json_t *json, const char *dir, const char *name, int indent, struct error *err);
/* The same up to file_replace_finish(): the caller names or drops it. */
int json_write(json_t *json, const char *dir, const char *name, int indent, struct file_replace *file,
	struct error *err);

/* A JSON real, or null where value is not finite. */
json_t *json_real_or_null(double value);

#endif
