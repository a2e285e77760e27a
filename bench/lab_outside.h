/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The lab's side of events from outside: does to the guest what it asks for in the
 * mailbox (bench/outside.h).
 *
 * What the guest writes there is not trusted: a request is one of a few words with a
 * number in bounds, there is one at a time, and so many in a run.
 */
#ifndef BENCH_LAB_OUTSIDE_H
#define BENCH_LAB_OUTSIDE_H

#include "bench/lab_guest.h"
#include "bench/lab_load.h"
#include "probes/peer_page.h"

#define LAB_OUTSIDE_MAX 32 /* events in a run */

struct lab_outside {
	struct lab_guest *guest;
	struct placement *placement; /* of this machine */
	struct mailbox mailbox;
	unsigned events;
	struct lab_load *load; /* in force; NULL */
	bool plugged;	       /* the guest has a vCPU more than it booted with */
};

/* Serves the mailbox whenever the guest is awaited.  Guest, placement and page stay the caller's. */
void lab_outside_open(struct lab_outside *outside, struct lab_guest *guest, struct placement *placement,
	struct peer_page *page);

/* Ends what is still in force, whatever became of the guest; may come twice.  0 or -EBUSY with err set. */
int lab_outside_close(struct lab_outside *outside, struct error *err);

#endif
