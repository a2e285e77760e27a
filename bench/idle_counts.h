/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How often, and for how long, some CPUs were in their idle states: the kernel's counters.
 *
 * The kernel counts a stay when it ends, so one that had begun before idle_counts_start() is
 * counted as a whole.  A CPU that goes away (hotplug) is left out until it is back; counters that
 * begin again at 0 then are followed.
 */
#ifndef BENCH_IDLE_COUNTS_H
#define BENCH_IDLE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

struct idle_counts;

struct idle_sum {
	uint64_t entries;
	uint64_t us; /* of residency */
};

/* All sums are 0 from here on.  NULL with err set on failure; free with idle_counts_free(). */
struct idle_counts *idle_counts_start(const int *cpus, size_t count, struct error *err);
void idle_counts_free(struct idle_counts *counts);

/* Reads the counters; the sums below are as of the last time. */
void idle_counts_update(struct idle_counts *counts);

/* Sums over the CPUs by the states' names, in the order of the first CPU's states. */
size_t idle_counts_names(const struct idle_counts *counts);
const char *idle_counts_name(const struct idle_counts *counts, size_t index);
struct idle_sum idle_counts_named(const struct idle_counts *counts, size_t index);

/* Of the states first, first + 1 ... of each CPU. */
struct idle_sum idle_counts_from(const struct idle_counts *counts, unsigned first);
/* Of the last state of each CPU. */
struct idle_sum idle_counts_deepest(const struct idle_counts *counts);

/* CPUs that were away at some update. */
size_t idle_counts_away(const struct idle_counts *counts);

#endif
