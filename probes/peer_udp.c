/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The clocks of another machine over UDP.
 *
 * The bracket of an exchange goes from the kernel's transmit stamp of the request
 * to its receive stamp of the reply (probes/stamp_line.h), or from TSC read to TSC
 * read in user space where there are none.  It is narrowed by the time that the
 * request spent at the responder (probes/peer_ask.h).
 *
 * When a reply left the responder's kernel is known only afterwards, so an
 * exchange is two rounds: the second reply tells the transmit stamp of the first
 * (interleaved mode, as in NTP, RFC 9769).  The narrower of the two counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/net_stamp.h"
#include "probes/now.h"
#include "probes/peer.h"
#include "probes/peer_ask.h"
#include "probes/stamp_line.h"
#include "results/units.h"

/* The second round may take this many times the first, and a millisecond: losing it must not cost a burst. */
#define SECOND_ROUND_TIMES 4
#define SECOND_ROUND_NS	   NS_PER_MS
#define OPEN_TRY_NS	   (300 * NS_PER_MS)

struct udp {
	struct net_stamp net;
	struct peer_ask ask;
	bool kernel_stamps; /* wanted; off to measure what they are worth */
};

/* One request and its reply.  0 or -errno. */
static int udp_round(struct udp *udp, enum peer_kind kind, uint64_t deadline_ns, struct peer_round *round)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct stamp_bracket bracket;
	struct net_datagram datagram;
	int64_t sent_ns;
	ssize_t size;
	uint32_t id;
	int rc;

	peer_ask_write(&udp->ask, kind, &round->request, message);
	stamp_bracket_open(&bracket);
	rc = net_stamp_send(&udp->net, NULL, message, sizeof(message), &id);
	if (rc)
		return rc;
	do { /* others: late or doubled replies, and what somebody made up */
		size = net_stamp_receive(&udp->net, message, sizeof(message), &datagram, deadline_ns);
		if (size < 0 && size != -EINTR)
			return (int)size;
	} while (size < 0 ||
		 !peer_ask_match(&udp->ask, &round->request, message, (size_t)size, now_ns(), &round->reply));
	stamp_bracket_close(&bracket, datagram.tsc);
	if (udp->kernel_stamps && net_stamp_sent(&udp->net, id, &sent_ns))
		stamp_bracket_sent(&bracket, sent_ns);
	if (udp->kernel_stamps && datagram.stamped)
		stamp_bracket_received(&bracket, datagram.stamp_ns);
	round->tsc_lo = bracket.tsc_lo;
	round->tsc_hi = bracket.tsc_hi;
	return 0;
}

/* A ticket first, where one is needed. */
static int udp_values(struct udp *udp, uint64_t deadline_ns, struct peer_round *round)
{
	int rc = 0;

	if (peer_ask_needs_ticket(&udp->ask, now_ns()))
		rc = udp_round(udp, PEER_TICKET, deadline_ns, round);
	if (rc == 0)
		rc = udp_round(udp, PEER_VALUES, deadline_ns, round);
	if (rc == 0)
		peer_ask_learn(&udp->ask, round);
	return rc;
}

/* Another round that tells when the reply of the first one left; the narrower of the two in *first. */
static void udp_second(struct udp *udp, uint64_t took_ns, uint64_t deadline_ns, struct peer_round *first)
{
	uint64_t enough_ns = now_ns() + SECOND_ROUND_TIMES * took_ns + SECOND_ROUND_NS;
	struct peer_round second;
	int64_t left_ns = first->reply.sending_ns;
	bool came = udp_values(udp, enough_ns < deadline_ns ? enough_ns : deadline_ns, &second) == 0;

	if (came && second.reply.previous_known && second.reply.previous_serial == first->reply.serial)
		left_ns = second.reply.previous_sent_ns;
	peer_ask_narrow(&udp->ask, first, left_ns);
	if (!came)
		return;
	peer_ask_narrow(&udp->ask, &second, second.reply.sending_ns);
	if (second.tsc_hi - second.tsc_lo < first->tsc_hi - first->tsc_lo)
		*first = second;
}

static int udp_exchange(void *state, uint64_t *tsc_lo, struct peer_values *values, uint64_t *tsc_hi)
{
	uint64_t start_ns = now_ns(), deadline_ns = start_ns + PEER_EXCHANGE_NS;
	struct udp *udp = state;
	struct peer_round round;
	int rc = udp_values(udp, deadline_ns, &round);

	if (rc)
		return rc;
	udp_second(udp, now_ns() - start_ns, deadline_ns, &round);
	*tsc_lo = round.tsc_lo;
	*values = round.reply.values;
	*tsc_hi = round.tsc_hi;
	return 0;
}

/* The first exchange, asked for again where it gets lost. */
static int udp_try(struct udp *udp, const struct net_address *remote, uint64_t deadline_ns,
	struct peer_round *round, struct error *err)
{
	int rc = net_stamp_open(&udp->net, NULL, remote, err);
	uint64_t enough_ns;

	if (rc)
		return rc;
	do {
		enough_ns = now_ns() + OPEN_TRY_NS;
		rc = udp_values(udp, enough_ns < deadline_ns ? enough_ns : deadline_ns, round);
	} while (rc == -ETIMEDOUT && now_ns() < deadline_ns);
	if (rc)
		net_stamp_close(&udp->net);
	return rc;
}

/* Each address of the name in turn: "localhost" may be two of them, and only one is served. */
static int udp_find(struct udp *udp, const char *host_port, struct peer_round *round, struct error *err)
{
	struct net_address found[NET_ADDRESSES_MAX];
	uint64_t start_ns;
	int rc = net_resolve(host_port, NULL, found, err), count = rc;

	start_ns = now_ns();
	for (int i = 0; i < count; i++) {
		struct error local = { "" };

		rc = udp_try(udp, &found[i],
			start_ns + (uint64_t)(i + 1) * (uint64_t)PEER_OPEN_NS / (uint64_t)count, round,
			&local);
		if (rc == 0)
			return 0;
	}
	if (rc == -ECONNREFUSED)
		return error_set(
			err, rc, "udp:%s: nobody listens there: run clkdrift serve --udp", host_port);
	return error_set(err, rc, "udp:%s does not answer (%s): does clkdrift serve run there, %s?",
		host_port, strerror(-rc), udp->ask.key ? "with the same key" : "and without a key");
}

static void udp_close(void *state)
{
	struct udp *udp = state;

	net_stamp_close(&udp->net);
	explicit_bzero(udp, sizeof(*udp));
	free(udp);
}

static int udp_open(
	const char *address, const struct clock_setup *setup, struct peer_traits *traits, struct error *err)
{
	struct udp *udp = calloc(1, sizeof(*udp));
	char *copy = strdup(address);
	struct peer_round round;
	const char *options;
	int rc = -ENOMEM;

	if (!udp || !copy) {
		error_set(err, rc, "peer: out of memory");
		goto out;
	}
	udp->net.fd = -1;
	udp->kernel_stamps = true;
	options = peer_ask_split(copy);
	rc = peer_ask_init(&udp->ask, options, setup->tsc_hz, err);
	if (rc == 0)
		rc = udp_find(udp, copy, &round, err);
	if (rc)
		goto out;
	*traits = (struct peer_traits){
		.tsc_hz = round.reply.tsc_hz, .same_kernel = round.reply.same_kernel, .state = udp
	};
	udp = NULL;
out:
	free(copy);
	if (udp)
		udp_close(udp);
	return rc;
}

const struct peer_transport peer_udp = {
	.name = "udp",
	.summary = "udp:HOST:PORT[:key=FILE], over the network: clkdrift serve --udp there",
	.open = udp_open,
	.exchange = udp_exchange,
	.close = udp_close,
};
