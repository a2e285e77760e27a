/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The thread of one slow clock: RTC, PTP and others whose reading blocks.
 */
#ifndef PROBES_SLOW_H
#define PROBES_SLOW_H

#include "probes/probe.h"

#define SLOW_INTERVAL_MIN_NS (1000 * NS_PER_MS) /* unless the clock says otherwise */

struct slow_probe {
	struct probe_clock clock;
	int cpu; /* where it runs, and what its readings say */
	uint64_t interval_ns;
	unsigned burst; /* of clocks that take one */
	int (*bind)(void *context, int cpu); /* NULL: unbound */
	void *bind_context;
	struct ring ring;
	struct tally *tallies; /* clock.outputs of them, in their order; owned by the caller */
	pthread_t thread;
	sem_t wake;
	atomic_bool stop;
};

/* Fields down to bind_context and tallies are set by the caller.  Returns 0 or -errno. */
int slow_probe_start(struct slow_probe *slow, struct error *err);
/* Waits for the reading under way: up to 2 s. */
void slow_probe_stop(struct slow_probe *slow);
void slow_probe_free(struct slow_probe *slow);

#endif
