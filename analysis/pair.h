/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Two clocks side by side: the offset target - reference over time, one point
 * a reading of the sparser clock, each with its bracket.
 *
 * A reading says that the clock showed `value` somewhere inside [tsc_lo, tsc_hi].
 * Against the pivot TSC the offset is therefore inside
 *   [value - tsc_hi * k, value - tsc_lo * k],   k = ns per cycle,
 * and for two such clocks the widths add.  The nearest reading of the denser clock
 * is carried to the instant of the sparser one at the reference's own rate.
 */
#ifndef ANALYSIS_PAIR_H
#define ANALYSIS_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "results/error.h"
#include "results/run.h"
#include "results/samples.h"

#define PAIR_TSC (-1) /* reference index: the pivot TSC itself at its nominal tsc_hz */

struct pair {
	int cpu;
	int clock;     /* target, index into run->clocks */
	int reference; /* index, or PAIR_TSC */
	size_t phase;  /* index into run->phases */
	size_t count;
	double *t_s;	   /* s since the first reading of the run */
	double *offset_ns; /* middle of the bracket; 0 at the first point of the series */
	double *half_ns; /* half the bracket's width; negative where a bracket is inverted, or the other clock was not read nearby */
	double *apart_s;  /* from t_s to the instant of the reading of the other clock; 0 against the pivot */
	double time_rate; /* t_s per second of the TSC at its nominal rate: the reference's own rate */
	uint64_t backward; /* target readings below the one before, in this phase */
	double max_backward_ns;
};

/* Why a pair has no points. */
enum pair_absence {
	PAIR_PRESENT,
	PAIR_NO_TARGET,	   /* the clock was not read on this CPU in this phase */
	PAIR_NO_REFERENCE, /* the reference was not read */
};

/* The series that is the reference on that CPU: the clock's own there, else that of a clock read on one CPU alone.  NULL: none. */
const struct series *pair_reference_series(const struct samples *samples, int cpu, int reference);

struct pair_source;

/* Common part of all pairs of a run: time lines are made once for each series.  NULL when out of memory. */
struct pair_source *pair_source_new(const struct run *run, const struct samples *samples, struct error *err);
void pair_source_free(struct pair_source *source);

/*
 * Nominal TSC seconds since the first reading of the run, for any TSC value of it.  Times time_rate of a pair
 * they are on the axis of its t_s.
 */
double pair_source_seconds(const struct pair_source *source, uint64_t tsc);

/*
 * Makes the pair of that clock and reference on that CPU in that phase.  An
 * empty pair (count 0) is no error: *absence says why.  Free with pair_free().
 */
int pair_make(struct pair_source *source, int cpu, int clock, int reference, size_t phase, struct pair *pair,
	enum pair_absence *absence, struct error *err);
/* The same with a point at each reading of the target, whichever is the sparser: only the reference is carried. */
int pair_make_at_target(struct pair_source *source, int cpu, int clock, int reference, size_t phase,
	struct pair *pair, enum pair_absence *absence, struct error *err);
void pair_free(struct pair *pair);

/*
 * Whether the clock of that series of the samples went backward, anywhere: how often, and by how many ns at most.
 * Returns 0 or -ENOMEM.
 */
int pair_source_backward(
	struct pair_source *source, size_t series, uint64_t *count, double *largest_ns, struct error *err);

#endif
