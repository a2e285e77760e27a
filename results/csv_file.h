/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Reads a CSV file with a header row through libcsv, field by field, in
 * constant memory, and keeps the line number for error messages.
 */
#ifndef RESULTS_CSV_FILE_H
#define RESULTS_CSV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define CSV_COLUMNS_MAX 32
#define CSV_LINE_MAX	(64u << 10) /* bytes; a longer line is refused */

struct csv_file {
	const char *path;
	uint64_t line; /* 1 is the header */
	struct error *err;
};

struct csv_handler {
	/* Names of the wanted columns, ends with NULL, in any order in the file. */
	const char *const *columns;
	unsigned
		required; /* so many of them, the first ones, must be in the header, or without one in each row; 0: all */
	/*
	 * One field of a wanted column (index into columns); text has no NUL at its
	 * end.  Returns 0, or a negative errno with err set to stop.
	 */
	int (*field)(
		void *context, const struct csv_file *at, unsigned column, const char *text, size_t length);
	/* The row is complete: every wanted column that the header has was there. */
	int (*row)(void *context, const struct csv_file *at);
	void *context;
	bool exact; /* with a header: refuse columns that are not wanted, or twice, and rows that are longer */
	bool headerless; /* no header row: columns are taken in their order, further ones ignored */
};

/*
 * Reads the whole file.  A last line without a line end is not handed over (its
 * fields may be, its row is not) and sets *cut: it is what a killed writer leaves.
 * cut may be NULL: then a last line without an end counts as any other.
 * Empty lines are skipped; CRLF is a line end.  Returns 0 or -errno with err set.
 */
int csv_file_read(const char *path, const struct csv_handler *handler, bool *cut, struct error *err);

/* Refuses the field where it stands: "FILE:LINE: what". */
int csv_refuse(const struct csv_file *at, const char *what);

/* A whole field as a number.  Returns 0, or -EINVAL with file:line, the column's name and the reason in err.
 */
int csv_u64_checked(
	const struct csv_file *at, const char *column, const char *text, size_t length, uint64_t *out);
int csv_i64(const struct csv_file *at, const char *column, const char *text, size_t length, int64_t *out);
int csv_real(const struct csv_file *at, const char *column, const char *text, size_t length, double *out);

/* Millions of numbers come this way: up to 19 digits always fit 64 bits. */
static inline int csv_u64(
	const struct csv_file *at, const char *column, const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0;

	if (length == 0 || length > 19)
		return csv_u64_checked(at, column, text, length, out);
	for (size_t i = 0; i < length; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (digit > 9)
			return csv_u64_checked(at, column, text, length, out);
		value = value * 10 + digit;
	}
	*out = value;
	return 0;
}

#endif
