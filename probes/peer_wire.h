/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What asker and responder say to each other over UDP and vsock: one request,
 * one reply, both PEER_MESSAGE_SIZE bytes, so that a reply is never longer than
 * what asked for it.  All numbers are big-endian; what is not said is zero.
 *
 *	offset	request			reply
 *	0	magic, 4		magic
 *	4	version, 1		version
 *	5	kind, 1			kind, with PEER_REPLY_BIT
 *	6	zero, 2			flags, 2
 *	8	nonce			nonce of the request
 *	16	sequence		sequence of the request
 *	24	ticket			a ticket for the next request
 *	32	instance		instance of the responder
 *	40	kernel			monotonic_raw_ns
 *	48	zero, 96		monotonic_ns
 *	56				realtime_ns
 *	64				tsc_cycles
 *	72				TSC rate, mHz
 *	80				received_ns
 *	88				before_ns
 *	96				after_ns
 *	104				sending_ns
 *	112				previous_serial
 *	120				previous_sent_ns
 *	128				resolution_ns
 *	136				serial
 *	144	HMAC-SHA256 of 0..143	HMAC-SHA256 of 0..143
 *
 * The kernel of a request for values is peer_kernel_word() of the asker; a flag of the reply says whether it is
 * the responder's too.  The reply has no room for the word.
 *
 * With a key, every message carries an HMAC of all that is before it; without,
 * zeros, so that a side with a key and one without do not understand each other.
 *
 * Replays.  The asker is protected by its nonce, 64 random bits that are new for
 * each request.  The responder (with a key) by tickets: a request for values
 * spends one that the responder gave out before, and each buys one reply.  A
 * ticket is a number and the random instance of the responder, so nothing that was
 * recorded before its start is of use; it knows the last of its tickets, and older
 * ones are refused (bench/tickets.h).  Unlike a window of time, that needs no
 * clocks that agree, here where clocks are measured.  The first ticket is asked for
 * with a request of its own, PEER_TICKET; its reply says nothing else.
 */
#ifndef PROBES_PEER_WIRE_H
#define PROBES_PEER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/peer.h"
#include "probes/peer_key.h"

#define PEER_MAGIC	  0x636c6b64U /* "clkd" */
#define PEER_VERSION	  2
#define PEER_REPLY_BIT	  0x80
#define PEER_SIGNED_SIZE  144
#define PEER_MESSAGE_SIZE (PEER_SIGNED_SIZE + PEER_MAC_SIZE)

enum peer_kind {
	PEER_TICKET = 1,
	PEER_VALUES = 2,
};

/* What became of a message; the order of the checks. */
enum peer_verdict {
	PEER_GOOD,
	PEER_BAD_LENGTH,
	PEER_BAD_MAGIC,
	PEER_BAD_VERSION,
	PEER_BAD_KIND,
	PEER_BAD_MAC,	/* wrong, or there without a key, or missing with one */
	PEER_BAD_FIELD, /* not zero where it must be, or out of range */
	PEER_REPLAYED,	/* the responder's: its ticket was spent */
	PEER_TOO_OLD,	/* the responder's: its ticket is not known, any more or at all */
	PEER_VERDICTS
};

struct peer_request {
	enum peer_kind kind;
	uint64_t nonce;
	uint64_t sequence;	   /* of this asker, counting up */
	uint64_t ticket, instance; /* 0 without a key and for PEER_TICKET */
	uint64_t kernel;	   /* peer_kernel_word(); 0: not known, and for PEER_TICKET */
};

/* Stamps are ns of the responder's CLOCK_REALTIME. */
struct peer_reply {
	enum peer_kind kind;
	uint64_t nonce, sequence;
	uint64_t ticket, instance; /* 0 without a key */
	/* All that follows is for PEER_VALUES only. */
	struct peer_values values;
	double tsc_hz;	     /* of the responder, 0 to 1 THz, to the mHz; 0: not known */
	bool same_kernel;    /* the request came from the machine that it was sent to */
	bool received_known; /* the kernel stamped the request, and CLOCK_REALTIME was not stepped since */
	int64_t received_ns;
	int64_t before_ns, after_ns; /* read just before and just after the values */
	int64_t sending_ns;	     /* read just before the reply was signed and sent */
	bool previous_known;	     /* the kernel stamped the reply before this one to the same asker */
	uint64_t previous_serial;    /* of that one */
	int64_t previous_sent_ns;    /* its transmit stamp */
	uint64_t resolution_ns;	     /* no stamp is older than this when it is taken; at most 1 s */
	/* Another one for each reply: a request that was doubled on its way gets two with the same nonce. */
	uint64_t serial;
};

/* "dropped: wrong length" and so on: what is counted. */
const char *peer_verdict_name(enum peer_verdict verdict);

/* Fills PEER_MESSAGE_SIZE bytes.  key may be NULL. */
void peer_request_write(const struct peer_request *request, const struct peer_key *key, uint8_t *message);
void peer_reply_write(const struct peer_reply *reply, const struct peer_key *key, uint8_t *message);

/* Strict: what is accepted writes back to the same bytes.  Unless PEER_GOOD, the struct is not to be used. */
enum peer_verdict peer_request_parse(
	const uint8_t *message, size_t size, const struct peer_key *key, struct peer_request *request);
enum peer_verdict peer_reply_parse(
	const uint8_t *message, size_t size, const struct peer_key *key, struct peer_reply *reply);

#endif
