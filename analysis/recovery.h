/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How long after an event a clock was back where it had been: what a time daemon needs to bring it back.
 *
 * The offset before the event is the median of its points in the last 5 s there.  The clock is back at the first point from which on all
 * points, to the end of the phase or to the next event that may step it, are within the bound of that: the larger of
 * 1 ms and three standard deviations of the offset before (1.4826 times the median deviation).  Where that is depends on when it was
 * read: the resolution is the time from the point before, which was outside.
 */
#ifndef ANALYSIS_RECOVERY_H
#define ANALYSIS_RECOVERY_H

#include <jansson.h>
#include <stddef.h>

#include "analysis/pair.h"
#include "results/error.h"
#include "results/estimate.h"

#define RECOVERY_BOUND_NS 1e6 /* at least */
#define RECOVERY_BEFORE_S 5.0 /* of the offset before the event: a daemon may have moved the clock earlier */
#define RECOVERY_SIGMAS	  3.0
#define RECOVERY_POINTS	  3 /* before the event, and at the end within the bound: with less nothing is said */

struct recovery_input {
	const double *t_s; /* ascending */
	const double *offset_ns;
	const double *
		half_ns; /* points with inverted brackets (negative), or wider than the bound, are not used */
	size_t count;
	double from_s, event_s, to_s; /* points of [from_s, event_s) are before, of (event_s, to_s) after */
};

enum recovered {
	RECOVERY_UNKNOWN,    /* too few points before or after */
	RECOVERY_NEVER_LEFT, /* no point after the event is outside the bound */
	RECOVERY_NOT,	     /* not within the time */
	RECOVERY_DONE,
};

struct recovery {
	enum recovered recovered;
	double bound_ns;     /* NaN: not known */
	double recovery_s;   /* from the event; NaN unless RECOVERY_DONE */
	double resolution_s; /* NaN unless RECOVERY_DONE */
};

/* Returns 0 or -ENOMEM. */
int recovery_find(const struct recovery_input *input, struct recovery *out, struct error *err);

/*
 * For each step of a clock that can be set (realtime, tai) at an event: fills in the recovery of the step.  It is
 * that of the clock against the other machine's realtime where that was read, else against the step's own reference.
 * A setting of the time is no such event, but where the run made it.  Returns 0 or -errno.
 */
int recoveries_find(
	const struct run *run, struct pair_source *source, struct estimates *estimates, struct error *err);

struct recovery_text {
	char text[160];
};

/*
 * "; back within 1 ms after 1.37 s", "; not back within 1 ms in this phase", or empty; says so where the environment
 * (NULL: nothing is known) has no time daemon that could bring the clock back.
 */
struct recovery_text recovery_words(const struct step *step, const json_t *environment);

#endif
