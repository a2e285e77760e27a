/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The values that variables have after a shell has read files one after the other, as far as they can be told
 * without one: quotes, continued lines, comments, NAME=, NAME+=, export, $NAME and ${NAME} are followed.
 *
 * Where a value depends on more (a command's output, another expansion, a variable that is not known, an
 * assignment under a condition, another file that is read) it holds a NUL instead.
 */
#ifndef BENCH_SHELL_VALUES_H
#define BENCH_SHELL_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/lines.h"

/* Bytes, and the line that each was written in. */
struct shell_text {
	char *at;
	struct origin *from;
	size_t length, room;
	bool failed; /* out of memory */
};

struct shell_value {
	char *name;
	struct shell_text text;
};

struct shell_values {
	struct shell_value *rows;
	size_t count;
	bool failed; /* out of memory */
};

/* Goes on from what earlier files have set.  The path must outlive the values. */
void shell_values_read(struct shell_values *values, const char *path, const char *text, size_t length);
/* NULL: it was not set. */
const struct shell_text *shell_values_find(const struct shell_values *values, const char *name);
void shell_values_free(struct shell_values *values);

void shell_text_add(struct shell_text *text, char c, struct origin from);
void shell_text_free(struct shell_text *text);

#endif
