/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What is known about kernel parameters that touch timekeeping, old ones included. */
#ifndef ANALYSIS_PARAMETER_TABLE_H
#define ANALYSIS_PARAMETER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The rows of one name stand together, the one for any other value last. */
struct parameter_row {
	const char *name;
	const char *value; /* NULL: any */
	bool risk;	   /* can itself make a clock wrong */
	const char *meaning;
	const char *arch;      /* the only machine (uname -m) that knows it; NULL: every x86 */
	unsigned since, until; /* first and last KERNEL() that knows it, by its major and minor; 0: open */
};

extern const struct parameter_row parameter_rows[];
extern const size_t parameter_row_count;

/* The row, or NULL. */
const struct parameter_row *parameter_row(const char *name, const char *value);

/* A row of that name, whatever the value. */
const struct parameter_row *parameter_row_any(const char *name);

/* The name in the table that is spelled most like this one, at most that many edits away, or NULL. */
const char *parameter_like(const char *name, unsigned most);

/* Edits between two words: a letter added, taken, replaced, or two neighbours swapped; words of at most 63. */
unsigned parameter_edits(const char *a, const char *b);

#endif
