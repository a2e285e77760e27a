/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The asker's side of probes/peer_wire.h, whatever carries the messages:
 * requests, which reply belongs to which, tickets, and the narrowing of a bracket
 * by the time that the request spent at the responder.
 *
 * That narrowing.  The asker knows that request and reply travelled, and the
 * values were read, within [tsc_lo, tsc_hi].  The responder says, all on its own
 * clock: received, before, (values), after, sent.  The request was sent before it
 * was received, and the values were read at least (before - received) later; and
 * at least (sent - after) before the reply came in.  These are differences, so it
 * does not matter what the clock shows, only how fast it runs:
 *
 *	tsc_lo + (before - received) <= values <= tsc_hi - (sent - after)
 *
 * Each difference is taken 1000 ppm shorter, less what a stamp may be too old
 * when it is taken (resolution) and 1 ns of rounding.  Nothing is narrowed before
 * two exchanges, however far apart they have to be, have shown that the
 * responder's clock runs within 1000 ppm of this TSC, nor when the stamps are out
 * of order or claim more time than the whole exchange took.
 */
#ifndef PROBES_PEER_ASK_H
#define PROBES_PEER_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/peer_key.h"
#include "probes/peer_wire.h"
#include "results/error.h"

#define PEER_EXCHANGE_NS (100 * NS_PER_MS) /* one exchange at most */
#define PEER_OPEN_NS	 (3 * NS_PER_SEC)

/* An instant of the responder's CLOCK_REALTIME, in a bracket of this TSC. */
struct peer_instant {
	uint64_t tsc_lo, tsc_hi;
	int64_t realtime_ns;
};

struct peer_ask {
	double tsc_hz;		    /* of this machine */
	const struct peer_key *key; /* NULL, or own_key */
	struct peer_key own_key;
	uint64_t kernel; /* peer_kernel_word() */
	uint64_t sequence;
	uint64_t ticket, instance, ticket_ns; /* ticket_ns: of CLOCK_MONOTONIC when it came; 0: none */
	bool based, agrees;		      /* agrees: the rates were seen to be within 1000 ppm */
	struct peer_instant base;
};

/* One round: what was asked, what came, and when. */
struct peer_round {
	struct peer_request request;
	struct peer_reply reply;
	uint64_t tsc_lo, tsc_hi;
};

/*
 * Sets up the asker from the part of an address behind HOST:PORT or CID:PORT: empty, or "key=FILE".
 * Returns 0 or -errno with err set.
 */
int peer_ask_init(struct peer_ask *ask, const char *options, double tsc_hz, struct error *err);

/* Cuts ":key=FILE" off and returns "key=FILE", or "" where there is none. */
const char *peer_ask_split(char *address);

/* True where a ticket has to be asked for before values can be. */
bool peer_ask_needs_ticket(const struct peer_ask *ask, uint64_t now_ns);

/* Writes the next request of that kind; it spends the ticket. */
void peer_ask_write(
	struct peer_ask *ask, enum peer_kind kind, struct peer_request *request, uint8_t *message);

/* Is this the reply to that request?  Fills it and takes its ticket.  now_ns: of CLOCK_MONOTONIC. */
bool peer_ask_match(struct peer_ask *ask, const struct peer_request *request, const uint8_t *message,
	size_t size, uint64_t now_ns, struct peer_reply *reply);

/* Learns from a round whether the rates agree.  Call it once for each, before it is narrowed. */
void peer_ask_learn(struct peer_ask *ask, const struct peer_round *round);

/* Narrows the round's bracket; sent_ns is when its reply left, as far as known. */
void peer_ask_narrow(const struct peer_ask *ask, struct peer_round *round, int64_t sent_ns);

#endif
