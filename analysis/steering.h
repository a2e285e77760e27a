/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the kernel admits to do to the rate of its clocks (adjtimex), and how much of it this run asked for.
 */
#ifndef ANALYSIS_STEERING_H
#define ANALYSIS_STEERING_H

#include <stdbool.h>

#include "analysis/daemons.h"
#include "results/run.h"

/* adjtimex of a snapshot in ppm: frequency, and the length of a tick against its nominal 10 ms.  NaN: not known. */
double steering_of(const json_t *environment);

/*
 * Rate in ppm that adjtimex adds to the clock against the reference in that phase; 0 where both or none of
 * them is steered; NaN: not known.  The phase tells it, else the environment: the mean of before and after,
 * which tells nothing of a phase in which the clocks were slewed.
 * clock and reference are indices into run->clocks, or PAIR_TSC.
 */
double steering_ppm(const struct run *run, const struct phase *phase, int clock, int reference);

/* The kernel of the machine that the run was taken on steers that clock. */
bool steering_is_own(const struct run *run, int clock);

/* The time daemons of the machine whose kernel steers that clock; none where it is not steered. */
struct daemons steering_daemons(const struct run *run, int clock);

/*
 * A time daemon runs that may change that rate at any time: what is known of it then says nothing of the whole phase.
 * False where both or none of the clocks is steered, and in a phase that slews them on purpose.
 */
bool steering_may_change(const struct run *run, const struct phase *phase, int clock, int reference);

/*
 * The part of it that was done on purpose in a phase that slews the clocks: what the phase tells less what
 * was found before the run.  0 in any other phase; NaN: not known, as for a slew without a constant rate.
 */
double steering_injected_ppm(const struct run *run, const struct phase *phase, int clock, int reference);

#endif
