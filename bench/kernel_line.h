/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A kernel command line inside a file: which of its words are there already, which contradict the wanted
 * ones, and the edits that put the wanted ones in and leave every other byte as it is.
 *
 * Words are parted by blanks, tabs and line ends; a backslash before a line end is a blank too.  A blank
 * between double quotes belongs to the word, as for the kernel.  What stands behind the word "--" is not
 * for the kernel: it is neither looked at nor changed, and wanted words go before it.
 */
#ifndef BENCH_KERNEL_LINE_H
#define BENCH_KERNEL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/lines.h"

struct span {
	size_t begin, end; /* offsets in the file; end is behind it */
};

struct kernel_line {
	const char *text;	   /* the whole file */
	const struct origin *from; /* of each byte of a text that is none; NULL: it is a file */
	struct span *words;
	size_t count;
	size_t start;	      /* where the first word goes if there is none */
	unsigned long number; /* of the file's line that start is in, from 1 */
	bool led;	      /* something stands before the first word and needs a blank behind it */
	bool head;	      /* ... which is the line's first word: the blanks behind it stay */
	bool quote;	      /* a double quote is not closed: nothing can be added behind it */
	bool stray;	      /* a carriage return that ends no line: a blank to the kernel, to others none */
	bool failed;	      /* out of memory */
};

/* In the order of `at`; they do not overlap. */
struct edit {
	size_t at, remove;
	char *insert; /* NULL: nothing */
};
struct edits {
	struct edit *rows;
	size_t count;
	bool failed; /* out of memory */
};

void kernel_line_begin(
	struct kernel_line *line, const char *text, size_t start, unsigned long number, bool led);
/* Adds the words of text[begin, end). */
void kernel_line_words(struct kernel_line *line, size_t begin, size_t end);
/* Why the line is not to be edited; NULL: it may be. */
const char *kernel_line_trouble(const struct kernel_line *line);
void kernel_line_free(struct kernel_line *line);

/*
 * Edits that make the line carry the parameters; notes get a line each for what is replaced or contradicts
 * and stays, replaced a line each for a word that goes.  Returns whether anything changes.
 */
bool kernel_line_edit(const struct kernel_line *line, const char *parameters, struct edits *edits,
	FILE *notes, FILE *replaced);

/*
 * Changes nothing: returns the parameters that the line does not have, to be freed (NULL: out of memory), and
 * notes a line for each word that contradicts one, beginning with `where`, the path of the file, or with the
 * word's origin.
 */
char *kernel_line_missing(
	const struct kernel_line *line, const char *parameters, const char *where, FILE *notes);

/* Writes text with the edits made. */
void edits_apply(const struct edits *edits, const char *text, size_t length, FILE *out);
void edits_free(struct edits *edits);

enum conflict {
	CONFLICT_NONE,
	CONFLICT_SAME,	  /* already there */
	CONFLICT_REPLACE, /* cannot stand beside the wanted one, and speaks of time only */
	CONFLICT_REPORT,  /* makes the wanted one useless, but was put there for other reasons too: stays */
};

/* What a word that is there means for a wanted one.  `there` holds no NUL but its end. */
enum conflict parameter_conflict(const char *there, const char *wanted);

#endif
