/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Does something again and again at a given rate, from a thread of its own. */
#ifndef BENCH_TOGGLER_H
#define BENCH_TOGGLER_H

#include <stdint.h>

#include "results/error.h"

struct toggler;

/*
 * Calls step(context, turn) with turn 0, 1, 2 ... rate_hz times a second (> 0) at absolute deadlines,
 * the first one at once.  A turn that comes too late is not made up for.  A step that returns
 * non-zero is the last.  NULL with err set on failure.
 */
struct toggler *toggler_start(
	double rate_hz, int (*step)(void *context, uint64_t turn), void *context, struct error *err);

/* Steps done so far, from any thread. */
uint64_t toggler_turns(const struct toggler *toggler);

/* Ends the thread after the step at hand and frees it.  Returns what the last step returned. */
int toggler_stop(struct toggler *toggler);

#endif
