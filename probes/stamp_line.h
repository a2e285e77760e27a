/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * From stamps of a system clock, as the kernel puts on datagrams and PTP ioctls
 * return, to the TSC of this machine.
 *
 * The system clock is read in a TSC bracket before what is stamped (anchor a) and
 * after it (anchor b):
 *
 *   TSC   a.lo  a.hi       ?       b.lo  b.hi
 *   sys      a.ns        stamp        b.ns
 *
 * Where both run at constant rates in between, the TSC at the stamp is
 * (1 - w) * TSC(a) + w * TSC(b), w = (stamp - a.ns) / (b.ns - a.ns).  With w
 * in [0, 1] that is at least the same mean of the lower ends, and at most that
 * of the upper ends.  A stamp and an anchor are each up to one step of the
 * system clock too old; in the mean that moves the result by less than one step
 * either way, so each side is widened by a step.  The step is the smallest seen
 * among back-to-back reads, which is never less than the true one.
 *
 * Datagrams may be 100 ms under way, so the clock's rate may change between a and
 * b: NTP moves it by up to 1000 ppm (from -500 to +500; the kernel's MAXFREQ).  A
 * stamp x from one end of a span T is then off the line by up to
 * x (T - x) / T * 1000 ppm, so each side is widened by 1000 ppm of the distance
 * to the nearer anchor as well.
 *
 *	struct stamp_bracket bracket;
 *
 *	stamp_bracket_open(&bracket);
 *	... send ...
 *	... receive ...
 *	stamp_bracket_close(&bracket, tsc of the receipt, or 0: now);
 *	stamp_bracket_sent(&bracket, transmit stamp);		where there is one
 *	stamp_bracket_received(&bracket, receive stamp);	where there is one
 *	-> bracket.tsc_lo, bracket.tsc_hi
 */
#ifndef PROBES_STAMP_LINE_H
#define PROBES_STAMP_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "results/reading.h"

/* A system clock in a bracket, and what shows whether it was stepped between two of them. */
struct stamp_anchor {
	struct reading clock;
	int64_t step_ns; /* the smallest step seen among back-to-back reads, > 0; 0: none seen */
	/* Bounds of the clock - CLOCK_MONOTONIC; of CLOCK_REALTIME that is constant until it is stepped. */
	int64_t ahead_min_ns, ahead_max_ns;
};

struct stamp_bracket {
	uint64_t tsc_lo, tsc_hi; /* cycles; from user space first, then narrowed */
	struct stamp_anchor a, b;
};

/* clock_ns reads a clock in ns. */
struct stamp_anchor stamp_anchor_take_of(clockid_t id, uint64_t (*clock_ns)(clockid_t id));
struct stamp_anchor stamp_anchor_take(void); /* of CLOCK_REALTIME */

/* Was CLOCK_REALTIME stepped from the start of one to the end of the other, by more than the reads are wide? */
bool stamp_anchor_stepped(const struct stamp_anchor *a, const struct stamp_anchor *b);

/*
 * The TSC at a stamp lies within [*lo, *hi], where the clock was not stepped and its rate changed by
 * rate_change_ppm at most.  False where the line cannot say: the clock does not tick finer than it is
 * read, or the stamp does not lie between the anchors.
 */
bool stamp_anchor_between(const struct stamp_anchor *a, const struct stamp_anchor *b, int64_t stamp_ns,
	double rate_change_ppm, uint64_t *lo, uint64_t *hi);

/* Takes anchor a; tsc_lo is the last thing that it reads. */
void stamp_bracket_open(struct stamp_bracket *bracket);

/* tsc_hi: as tsc_after() gave it when the answer was in user space; 0: it is read here.  Then takes anchor b. */
void stamp_bracket_close(struct stamp_bracket *bracket, uint64_t tsc_hi);

/*
 * Raise tsc_lo, or lower tsc_hi, to a stamp, in ns of CLOCK_REALTIME.  True where the line could be trusted:
 * the clock ticks finer than it is read, was not stepped meanwhile, and the stamp lies between the anchors.
 * Else, and where the stamp is no narrower, the bracket stays as it is.
 */
bool stamp_bracket_sent(struct stamp_bracket *bracket, int64_t realtime_ns);
bool stamp_bracket_received(struct stamp_bracket *bracket, int64_t realtime_ns);

#endif
