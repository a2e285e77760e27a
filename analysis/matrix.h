/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a matrix says: each cell judged by what programs get, and the least intrusive profile of each
 * configuration that keeps its clocks stable.
 *
 * Only the clocks that the kernel gives to programs (monotonic, realtime, boottime, tai) against `peer`
 * decide, not raw counters: a profile is there for programs.
 */
#ifndef ANALYSIS_MATRIX_H
#define ANALYSIS_MATRIX_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/limits.h"
#include "analysis/parameters.h"
#include "results/error.h"
#include "results/estimate.h"
#include "results/matrix.h"
#include "results/table.h"

#define MATRIX_LIMIT "guest" /* the preset that judges, unless the user says otherwise */

/* A line of the kernel's log that tells of its clocksources; of several that say the same the first. */
struct matrix_complaint {
	char text[200];
	bool risk; /* else it is to be known, and no more */
};

/* A row of matrix.csv.  NaN, empty, cpu -1: not known. */
struct matrix_result_cell {
	uint64_t order;
	char configuration[32], profile[48];
	uint64_t repeat;
	char parameters[512];
	char status[16]; /* stable, unstable, inconclusive, no result */
	char reason[REASON_MAX];
	/* The drift that decides: of the clock, CPU and phase where it is worst. */
	char clock[CLOCK_NAME_MAX];
	int cpu;
	char phase[PHASE_NAME_MAX];
	double drift_ppm, ci_low_ppm, ci_high_ppm, systematic_ppm;
	double limit_ppm;
	char limit[24];
	double settle_min; /* of sampling in one phase, where the interval straddles the limit; 0: it would not help */
	/* The largest step that was not made on purpose, of how many. */
	double step_ns, step_low_ns, step_high_ns, step_at_s;
	char step_clock[CLOCK_NAME_MAX], step_cause[CAUSE_MAX];
	uint64_t steps;
	/* Readings of programs' clocks that went backward, without what was set on purpose. */
	uint64_t backward;
	double max_backward_ns;
	char clocksource_before[32], clocksource_after[32];
	double read_ns, read_low_ns,
		read_high_ns; /* cost of clock_gettime(CLOCK_MONOTONIC): analysis/read_cost.h */
	char effects[512];    /* the parameters' verdicts in words */
	char complaints[512]; /* of the kernel, risks only */
	char run[160];	      /* below the matrix's directory */
	double seconds;	      /* that the cell took */
	/* Not in matrix.csv; owned. */
	struct verdict verdict; /* all reasons */
	struct parameter_verdict *judged;
	size_t judged_count;
	struct matrix_complaint *said;
	size_t said_count;
	/* It has parameters that none of them did anything (what is already the default is as it asks for). */
	bool inert;
	bool draw; /* the clocks were made from a TSC whose frequency the guest's kernel found at this boot */
};

/* All repeats of one configuration with one profile. */
struct matrix_choice {
	char configuration[32], profile[48];
	char parameters[512]; /* as booted */
	char status[16];      /* all must hold; see matrix_groups.c */
	char why[REASON_MAX]; /* in words, with the numbers */
	/*
	 * recommended; as good (as little intrusive, and its reads cost the same as far as can be told); more intrusive; dearer;
	 * fails; undecided; inert (its parameters did nothing: one more boot without them); no result
	 */
	char role[16];
	uint64_t repeats, results;  /* cells; those with a result */
	uint64_t inert, draws;	    /* of those with a result, see matrix_result_cell */
	int worst;		    /* index of the cell that decides; -1: none has a result */
	double drift_ppm, half_ppm; /* of that cell; 95 % and the systematic part */
	double limit_ppm;
	double spread_ppm; /* largest less smallest drift of the repeats; NaN: fewer than two */
	bool disagree;	   /* the intervals of these two do not meet */
	/* Where another boot lands with 95 %, mean -+ half (Student's t prediction); NaN unless they disagree. */
	double next_mean_ppm, next_half_ppm;
	char clocksource[80];	      /* "tsc", "tsc to hpet", of all repeats */
	double read_ns, read_half_ns; /* mean over the repeats; 95 %, see matrix_groups.c */
	int side_effects;	      /* of the catalogue; -1: not known */
	char cost[200];		      /* of the catalogue */
};

struct matrix_advice {
	char configuration[32];
	char status[16]; /* stable: a profile is recommended; unstable: all fail; inconclusive */
	int choice;	 /* index of the recommended one, -1 */
	char text[800];	 /* in words; what speaks against the others stands in their choices */
	int first, end;	 /* its choices */
};

struct matrix_result {
	const struct matrix *matrix; /* borrowed */
	struct matrix_result_cell *cells;
	size_t count;
	struct matrix_choice *choices; /* configuration by configuration, in the order of matrix.json */
	size_t choice_count;
	struct matrix_advice *advice; /* one a configuration */
	size_t advice_count;
	struct reason *notes; /* what the matrix cannot know */
	size_t note_count;
	bool read_scatter_known; /* how much the cost of a read differs from boot to boot */
	enum status status;	 /* stable: each configuration has a stable profile; unstable: one has none */
};

extern const struct table matrix_table;		/* matrix.csv, and "cells" of verdict.json */
extern const struct table matrix_choices_table; /* "choices" of verdict.json */

/*
 * Reads and judges the run of each cell; wish (reference, limit) stands over peer and MATRIX_LIMIT.  A cell whose run cannot
 * be read is "no result".  progress may be NULL; it is told of each cell before it is read.
 * Returns 0 or -errno with err set.  m must live as long as *r.  Free with matrix_result_free().
 */
int matrix_analyze(const struct matrix *m, const struct limits *limits, const struct judging *wish,
	void (*progress)(void *context, size_t done, size_t all), void *context, struct matrix_result *r,
	struct error *err);
void matrix_result_free(struct matrix_result *r);

/* The object of `analyze --json`, which verdict.json holds too; a new reference, or NULL when out of memory. */
json_t *matrix_result_to_json(const struct matrix_result *r);

/* Writes matrix.csv and verdict.json into the matrix's directory; neither of them is left on failure. */
int matrix_result_store(const struct matrix_result *r, struct error *err);

/* The cell's choice, or NULL where the configuration was not booted with that profile. */
const struct matrix_choice *matrix_choice_find(
	const struct matrix_result *r, const char *configuration, const char *profile);

#endif
