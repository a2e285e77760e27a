/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Times that somebody set the clock of the day: a time daemon, or a hand.
 *
 * CLOCK_REALTIME less CLOCK_BOOTTIME is one number of the kernel's, which changes when the clock is set (clock_settime,
 * settimeofday, adjtimex with ADJ_SETOFFSET) or a leap second comes, and else never: not by steering, which moves
 * both, nor by a sleep, a pause or a migration.  So a jump of that difference between two readings is a setting, and
 * its size is known to their brackets, however the clocks run meanwhile.  CLOCK_TAI has its own such number: a leap second
 * leaves it, and adjtimex with ADJ_TAI moves it alone.
 */
#ifndef ANALYSIS_SETTINGS_H
#define ANALYSIS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/pair.h"
#include "analysis/steps.h"
#include "results/error.h"

/*
 * Smaller ones are not told: where the TSC changes its own rate, a reading is carried to the other's instant with some us
 * of error.  Nobody sets a clock by so little.
 */
#define SETTING_LEAST_NS 1e4

/* A daemon may slew the clocks by up to this much: chronyd's limit is 83333.333 ppm (maxslewrate in chrony.conf(5)). */
#define SETTING_SLEW_MOST 0.1

struct settings {
	struct step_found *found; /* by time on the axis of `pair`; se_ns * 1.96 bounds the error; owned */
	size_t count;
};

/* The clock is moved by a setting of the time. */
bool settings_move(const char *clock);

/*
 * The settings in the time of a pair of which one clock is moved by them and the other is not, as steps of its offset;
 * none where that clock and boottime were not both read there.  Those at an event of the kind "settime", which the run
 * knows of, are left out.  Returns 0 or -errno.  Free with settings_free().
 */
int settings_find(const struct run *run, struct pair_source *source, const struct pair *pair,
	struct settings *out, struct error *err);
void settings_free(struct settings *settings);

#endif
