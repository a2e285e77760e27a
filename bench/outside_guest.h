/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The guest's side of an event from outside: asks the lab for it a third into the
 * phase, and says what the lab and the guest's own clocks tell of it.
 *
 * A stopped guest does not see that it was stopped.  What it sees: from the request to
 * the reply less time went by here than at the lab, or a wait of 2 ms took as long as the
 * stop.  The instant of the stop follows from the reply, as the lab says how long ago it was.
 * One that is put back to an earlier state waits there for the reply, as it did then: to it
 * all from the saving on is such a stop, its own life in between too.
 */
#ifndef BENCH_OUTSIDE_GUEST_H
#define BENCH_OUTSIDE_GUEST_H

#include "bench/disturbance.h"
#include "bench/outside.h"

/* The functions of struct disturbance, for a request of that kind. */
int outside_guest_supported(enum outside_kind kind, struct error *why);
/* patience_s: how long the reply may take on the clocks of this guest. */
int outside_guest_start(const struct disturbance_setup *setup, const struct outside_request *request,
	double patience_s, void **state, struct error *err);
/* Comes back when the event is over. */
void outside_guest_observe(void *state, uint64_t tsc);
int outside_guest_stop(void *state, struct evidence *evidence, struct error *err);

#endif
