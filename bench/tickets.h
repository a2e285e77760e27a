/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The responder's side of the protection against replays (probes/peer_wire.h).
 *
 * Every reply hands out a ticket, numbered from 1; a request spends one.  The last
 * TICKETS_KEPT are remembered with what became of them, older ones are refused, so
 * no ticket buys two replies, in constant memory.  Tickets of another start of the
 * responder do not count: each start has a random instance number.
 */
#ifndef BENCH_TICKETS_H
#define BENCH_TICKETS_H

#include <stdint.h>

#include "probes/peer_wire.h"
#include "results/units.h"

#define TICKETS_KEPT   4096
#define TICKETS_AGE_NS (60 * NS_PER_SEC)

struct tickets {
	uint64_t instance;
	uint64_t next;
	uint64_t issued_ns[TICKETS_KEPT]; /* by number modulo its size, of CLOCK_MONOTONIC; 0: spent */
};

void tickets_init(struct tickets *tickets);

/* The number of a new one. */
uint64_t tickets_issue(struct tickets *tickets, uint64_t now_ns);

/* PEER_GOOD, once; else PEER_REPLAYED or PEER_TOO_OLD. */
enum peer_verdict tickets_spend(struct tickets *tickets, uint64_t instance, uint64_t number, uint64_t now_ns);

#endif
