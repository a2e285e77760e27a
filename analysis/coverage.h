/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Was a clock read all through a phase?  A peer may end, a server may fall silent, a device may go away: then
 * nothing is known of the rest, however well the part that was read is known.
 *
 * A gap between two readings of a series (or between an end of the phase and the first or last of them) counts by
 * how long others were read in it: all series of its CPU, and for a clock that has a thread of its own all of the
 * run.  So a guest that stood still, or a CPU that was taken away, makes none.  Gaps shorter than a tenth of the
 * phase are none, nor are those within ten times the mean of these short ones or two requests of an NTP clock: a
 * clock that is read rarely is not missing in between.
 */
#ifndef ANALYSIS_COVERAGE_H
#define ANALYSIS_COVERAGE_H

#include "results/run.h"
#include "results/samples.h"

struct coverage {
	double all_s; /* of the phase, in which that series or the others were read; nominal TSC seconds */
	double unread_s; /* of it, without a reading of that series; 0: none, or it has less than JUDGE_READINGS_MIN there */
};

struct coverage coverage_of(const struct run *run, const struct samples *samples, const struct phase *phase,
	const struct series *series);

#endif
