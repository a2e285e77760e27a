/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the responder answers to a message, whatever carried it. */
#ifndef BENCH_NET_ANSWER_H
#define BENCH_NET_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/tickets.h"
#include "probes/peer_key.h"
#include "probes/peer_wire.h"
#include "probes/stamp_line.h"

struct net_answerer {
	double tsc_hz;		    /* of this machine; 0: not known */
	const struct peer_key *key; /* NULL: none; owned by the caller */
	uint64_t kernel;	    /* peer_kernel_word() */
	struct tickets tickets;
	uint64_t serial; /* of the last answer */
	/* Whether CLOCK_REALTIME was stepped between a kernel stamp and its use. */
	struct stamp_anchor anchor; /* of the last answer */
	uint64_t steps;
	int64_t steady_since_ns; /* when the last step was seen, of CLOCK_REALTIME */
};

/* What is known of a message beside its bytes; of the previous answer to the same asker. */
struct net_answer_stamps {
	bool received_known;
	int64_t received_ns; /* the kernel's stamp */
	bool previous_known;
	uint64_t previous_serial, previous_steps;
	int64_t previous_sent_ns;
};

struct net_answer {
	uint8_t message[PEER_MESSAGE_SIZE];
	enum peer_kind kind;
	uint64_t serial;
	uint64_t steps; /* for previous_steps of the next */
};

void net_answerer_init(struct net_answerer *answerer, double tsc_hz, const struct peer_key *key);

/* Fills the answer only where it returns PEER_GOOD; else there is none. */
enum peer_verdict net_answer_make(struct net_answerer *answerer, const uint8_t *message, size_t size,
	const struct net_answer_stamps *stamps, struct net_answer *answer);

#endif
