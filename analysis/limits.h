/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How much drift is too much, and what two clocks can say of each other.
 * The presets are rows of analysis/limits.csv.
 */
#ifndef ANALYSIS_LIMITS_H
#define ANALYSIS_LIMITS_H

#include <stddef.h>

#include "results/error.h"
#include "results/run.h"

struct limit {
	char name[24];
	double ppm;
	char source[160];
};

struct limits {
	struct limit *rows; /* owned */
	size_t count;
};

/* Reads the presets from a CSV file.  Returns 0 or -errno with err set.  Free with limits_free(). */
int limits_load(const char *path, struct limits *limits, struct error *err);
void limits_free(struct limits *limits);

/* The preset of that name, or NULL. */
const struct limit *limits_find(const struct limits *limits, const char *name);

enum relation {
	/* Same oscillator: they can only disagree by arithmetic.  No proof that either is right. */
	RELATION_ARITHMETIC,
	/* Two oscillators: each is a witness against the other. */
	RELATION_CRYSTAL,
	/* A guest's clock and one of its own host: one crystal, but the guest's idea of its rate is its own. */
	RELATION_GUEST,
};

/*
 * clock and reference are indices into run->clocks, or PAIR_TSC.  In a phase that names an oscillator the
 * clocks that are made from the kernel's clocksource follow that one; phase NULL: as in the list of clocks.
 */
enum relation relation_of(const struct run *run, const struct phase *phase, int clock, int reference);
const char *relation_name(enum relation relation);
/* Name of the preset that judges this relation unless the user says otherwise. */
const char *relation_limit(enum relation relation);

/* Label of the oscillator behind a clock in that phase; "tsc" for PAIR_TSC. */
const char *relation_oscillator(const struct run *run, const struct phase *phase, int clock);

#endif
