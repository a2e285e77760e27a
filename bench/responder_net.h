/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The responder over UDP and vsock: answers with the clocks of this machine
 * (probes/peer_wire.h).  What is malformed, not signed with the key, or a replay
 * gets no answer and is counted by kind.  Its memory is constant: askers leave
 * nothing but a slot in a table of fixed size.
 *
 * The calls may come from any thread, one at a time; responder_net_count() at any time.
 */
#ifndef BENCH_RESPONDER_NET_H
#define BENCH_RESPONDER_NET_H

#include <stdatomic.h>
#include <stdint.h>

#include "probes/peer_wire.h"
#include "results/error.h"

struct responder_net_setup {
	const char *udp;   /* "[ADDRESS:]PORT"; without an address 127.0.0.1; NULL: not over UDP */
	const char *vsock; /* "[CID:]PORT"; without a CID all of this machine's; NULL: not over vsock */
	const char *key;   /* the file of the shared key; NULL: none */
	double tsc_hz;	   /* of this machine; 0: not known */
};

struct responder_net_counters {
	uint64_t received;		 /* datagrams, and messages over vsock: the sum of verdict[] */
	uint64_t verdict[PEER_VERDICTS]; /* [PEER_GOOD] is answered, all others are dropped */
	uint64_t unsent;		 /* answers, of the good ones, that the kernel did not take */
	uint64_t connections, refused;	 /* vsock: taken, and closed at once because there were too many */
};

struct responder_net;

/* Opens what the setup asks for.  0, or -errno with err set and *responder NULL. */
int responder_net_open(
	const struct responder_net_setup *setup, struct responder_net **responder, struct error *err);

/* Where it listens, for the user: "udp:127.0.0.1:9123", "udp:... vsock:3:9123".  Lives as long as it. */
const char *responder_net_where(const struct responder_net *responder);

/* Over UDP not this machine alone can ask: the address is no loopback one. */
bool responder_net_reaches_out(const struct responder_net *responder);

/* The UDP port that it got (port 0 asks for any); 0: none. */
int responder_net_port(const struct responder_net *responder);

/* Answers in this thread until *stop is true, which is noticed within 100 ms, or at once after a signal.
 * 0 or -errno with err set. */
int responder_net_run(struct responder_net *responder, const atomic_bool *stop, struct error *err);

/* The same in a thread of its own, which blocks all signals; stop before close. */
int responder_net_start(struct responder_net *responder, struct error *err);
void responder_net_stop(struct responder_net *responder);

void responder_net_count(const struct responder_net *responder, struct responder_net_counters *counters);

/* NULL is fine. */
void responder_net_close(struct responder_net *responder);

#endif
