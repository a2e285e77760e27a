/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How far apart are the TSCs of two CPUs?  Two threads, one on each, hand time
 * stamps to and fro over one cache line.  The minima of both directions are kept
 * apart: offset = (forward - backward) / 2, bound = (forward + backward) / 2.
 */
#ifndef PROBES_CROSSCPU_H
#define PROBES_CROSSCPU_H

#include "results/error.h"
#include "results/samples.h"

struct crosscpu_binding {
	int (*bind)(void *context, int cpu); /* binds the calling thread; 0 or -errno */
	void *context;
};

/*
 * Exchanges `rounds` stamps each way between two CPUs and sets the minima of *out.
 * Takes at most deadline_ms.  Returns 0; -errno if a CPU could not be bound;
 * -ETIMEDOUT if not one round was made.
 */
int crosscpu_exchange(const struct crosscpu_binding *binding, int cpu_a, int cpu_b, unsigned rounds,
	unsigned deadline_ms, struct exchange *out, struct error *err);

#endif
