/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Looks into an environment snapshot; bench/facts.h says what is in one. */
#ifndef RESULTS_FACTS_GET_H
#define RESULTS_FACTS_GET_H

#include <stdbool.h>

#include <jansson.h>

/*
 * The value at "a.b.c", borrowed; NULL where it is absent or null, so that a
 * snapshot written by hand needs only the keys that are known.
 */
json_t *facts_get(const json_t *facts, const char *path);
const char *facts_text(const json_t *facts, const char *path);		  /* NULL unless a string */
int facts_flag(const json_t *facts, const char *path);			  /* 1, 0, or -1: not known */
bool facts_number(const json_t *facts, const char *path, double *number); /* false: not known */
bool facts_has_word(
	const json_t *facts, const char *path, const char *word); /* an array that holds the string */

/* The value of a kernel parameter ("" if it has none), NULL if it was not given; '-' and '_' are the same. */
const char *facts_parameter(const json_t *facts, const char *name);

/* The kernel takes '-' and '_' for the same in a parameter's name (kernel/params.c, dash2underscore()). */
bool facts_same_parameter(const char *a, const char *b);

#endif
