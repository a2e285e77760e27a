/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The clocks of another machine, through an exchange over one of several
 * transports: one file probes/peer_NAME.c each.
 *
 * The asker reads its TSC, asks, gets the other side's clocks, reads its TSC
 * again: a bracket as for every other clock.  The other side is the responder
 * (`clkdrift serve`).  Everything that comes from there is untrusted.
 */
#ifndef PROBES_PEER_H
#define PROBES_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/clock_reader.h"
#include "results/error.h"

/* The responder's clocks, read as closely together as can be. */
struct peer_values {
	uint64_t monotonic_raw_ns, monotonic_ns, realtime_ns, tsc_cycles;
};

/* What is known of the other side once the transport is open. */
struct peer_traits {
	double tsc_hz;	  /* of the responder; 0: not known */
	bool same_host;	  /* it is the host of this guest, or the other way round: shm and vsock */
	bool same_kernel; /* it is no other machine at all: its clocks are those of this one */
	void *state;	  /* owned by the transport */
};

struct peer_transport {
	const char *name;    /* before the colon of --peer */
	const char *summary; /* with the form of its address */

	/* Finds the responder and makes a first exchange, 3 s at most.  0 or -errno with err set. */
	int (*open)(const char *address, const struct clock_setup *setup, struct peer_traits *traits,
		struct error *err);

	/*
	 * One exchange.  0: all are filled; the values were read between the two TSC reads of the caller's
	 * CPU.  -errno: none this time.  Blocks for 100 ms at most.
	 */
	int (*exchange)(void *state, uint64_t *tsc_lo, struct peer_values *values, uint64_t *tsc_hi);
	void (*close)(void *state);

	/*
	 * Optional: copies what the other side tells of its machine, JSON text of bench/facts.h, ended with a
	 * NUL.  text has room for size bytes.  0 or -errno: it tells nothing, or what is no text.
	 */
	int (*facts)(void *state, char *text, size_t size);
};

extern const struct peer_transport peer_shm, peer_udp, peer_vsock;

/* Those that `peer` knows; ends with NULL. */
extern const struct peer_transport *const peer_transports[];

/* Bursts are this far apart at least, whatever the interval of the setup. */
#define PEER_INTERVAL_MIN_NS 1000000

/* PEER_FACTS_MAX of probes/peer_page.h and a NUL are enough. */
#define PEER_FACTS_SIZE 49153

/* The same of an open clock_peer; -EOPNOTSUPP: its transport carries no facts. */
int peer_clock_facts(void *state, char *text, size_t size);
extern const struct clock_reader clock_peer;

/*
 * A hash of the UUID that the kernel drew when it booted (random(4)), whatever namespaces hide: two sides with
 * the same are on one machine.  0 where it cannot be read.
 */
uint64_t peer_kernel_word(void);

/* Reads this machine's clocks for an answer. */
void peer_values_read(struct peer_values *values);

#endif
