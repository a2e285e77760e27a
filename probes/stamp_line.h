/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * From stamps of CLOCK_REALTIME, as the kernel puts on datagrams, to the TSC of
 * this machine.
 *
 * The clock is read in TSC brackets just before something is sent (anchor a) and
 * just after the answer came (anchor b); probes/clock_ptp.c says why the TSC at a
 * stamp lies on the line between them, and why each side is widened by a step of
 * the clock.  Here a and b may be 100 ms apart, so the clock's rate may change
 * between them: NTP moves it by up to 1000 ppm (from -500 to +500; the kernel's
 * MAXFREQ).  A stamp x from one end of a span T is then off the line by up to
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

#include "results/reading.h"

/* CLOCK_REALTIME in a bracket, and what shows whether it was stepped between two of them. */
struct stamp_anchor {
	struct reading clock;
	int64_t step_ns; /* the smallest step seen among back-to-back reads, > 0; 0: none seen */
	/* Bounds of CLOCK_REALTIME - CLOCK_MONOTONIC, which is constant until CLOCK_REALTIME is stepped. */
	int64_t ahead_min_ns, ahead_max_ns;
};

struct stamp_bracket {
	uint64_t tsc_lo, tsc_hi; /* cycles; from user space first, then narrowed */
	struct stamp_anchor a, b;
};

struct stamp_anchor stamp_anchor_take(void);

/* Was CLOCK_REALTIME stepped from the start of one to the end of the other, by more than the reads are wide? */
bool stamp_anchor_stepped(const struct stamp_anchor *a, const struct stamp_anchor *b);

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
