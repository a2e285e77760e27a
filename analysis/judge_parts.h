/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the parts of the judging share.  Private to analysis/judge*.c.
 */
#ifndef ANALYSIS_JUDGE_PARTS_H
#define ANALYSIS_JUDGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/step_sums.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

/* At most this many reasons of one kind are spelled out; the rest are counted. */
#define REASONS_OF_A_KIND 6
/* At most so many clocks are named in one reason. */
#define CLOCKS_NAMED 4

struct judge {
	const struct run *run;
	const struct samples *samples;
	struct estimates *e;
	const struct phase **phases; /* of each drift row; NULL where the run has no such phase */
	double *shifts;		     /* judge_shift() of each drift row */
	struct step_sums steps;
	int rc;
};

#define SAY(j, ...)                                                                                          \
	do {                                                                                                 \
		if (!(j)->rc)                                                                                \
			(j)->rc = verdict_add(&(j)->e->verdict, __VA_ARGS__);                                \
	} while (0)

/* "CPU 3, phase load"; the phase only where there are several. */
struct place {
	char text[96];
};
struct place judge_place(const struct run *run, const char *phase, int cpu);

/* The row's drift with its interval, systematic part included. */
struct formatted judge_interval(const struct drift *row);

/* ", of which +50 ppm are steered," where something was taken off the row's drift to judge it; else empty. */
struct place judge_steered(const struct judge *j, size_t row);

/* The row's interval, shifted by that, is wholly outside of its limit. */
bool judge_is_beyond(const struct drift *row, double shift);

/* It is wholly within it. */
bool judge_is_within(const struct drift *row, double shift);

/* What goes beyond REASONS_OF_A_KIND is counted.  Returns count. */
size_t judge_say_more(struct judge *j, size_t count, const char *what);

/* Nothing was asked for in the row's phase, or all that was asked for was seen. */
bool judge_as_asked(const struct judge *j, size_t row);

static inline bool has_status(const struct drift *row, const char *status)
{
	return strcmp(row->status, status) == 0;
}

static inline bool is_arithmetic(const struct drift *row)
{
	return strcmp(row->relation, "arithmetic") == 0;
}

static inline bool never_read(const struct drift *row)
{
	return row->n == 0 && row->rejected == 0;
}

/* Against the clocks: each returns how many reasons there are. */
size_t judge_say_unstable(struct judge *j);
size_t judge_say_steps(struct judge *j);
size_t judge_say_backward(struct judge *j);
size_t judge_say_apart(struct judge *j);
size_t judge_say_moved(struct judge *j);

/* What leaves the verdict open. */
size_t judge_say_unobserved(struct judge *j);
size_t judge_say_straddling(struct judge *j);
size_t judge_say_jumps(struct judge *j);
size_t judge_say_unlike(struct judge *j);
size_t judge_say_rejected(struct judge *j);
size_t judge_say_unread(struct judge *j);
size_t judge_say_empty(struct judge *j);
size_t judge_say_absent(struct judge *j);
size_t judge_say_changes(struct judge *j);
size_t judge_say_lost_cpus(struct judge *j);
size_t judge_say_dependent(struct judge *j);

/* What decides nothing, but must be known. */
void judge_say_agreement(struct judge *j, const char *status, const char *one, const char *many);
void judge_say_cut_short(struct judge *j);
void judge_say_injected(struct judge *j);
void judge_say_steering(struct judge *j);
void judge_say_assumed(struct judge *j);
void judge_say_skipped(struct judge *j);
void judge_say_exact_map(struct judge *j);
void judge_say_factors(struct judge *j);
void judge_say_parameters(struct judge *j);
void judge_say_few(struct judge *j);

#endif
