/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Conditions of a system that a profile can ask for beyond its plain columns: they are read from the
 * facts of `inspect`.  results/SCHEMA.md lists them, with the facts that tell them.
 */
#ifndef ANALYSIS_SITUATION_H
#define ANALYSIS_SITUATION_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct situation {
	const char *name;
	bool risk;	     /* the clocks are in danger where it holds; else it is only a circumstance */
	const char *meaning; /* one sentence that stands as a reason; "" of what is none */
	int (*holds)(const json_t *facts); /* 1, 0, or -1: not known */
};

/* All of them, the gravest first; ends with a NULL name. */
extern const struct situation situations[];

/* The place of a name that is `length` long in situations, or -1. */
int situation_find(const char *name, size_t length);

/*
 * Of a danger that some facts point to and one is lacking to decide: the key of that one.  NULL for all others: where
 * they are not known they count as not met.
 */
const char *situation_lacks(int situation, const json_t *facts);

#endif
