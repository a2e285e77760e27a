/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_ask.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "results/units.h"

#define KEY_OPTION     "key="
#define TICKET_KEPT_NS (30 * NS_PER_SEC) /* half of what the responder takes (bench/tickets.h) */
#define RATE_SLACK     (1000 * PPM)
#define BASE_KEPT_NS   (1.0 * NS_PER_SEC)
#define ROUNDING_NS    1

const char *peer_ask_split(char *address)
{
	char *options = strstr(address, ":" KEY_OPTION);

	if (!options)
		return "";
	*options = '\0';
	return options + 1;
}

int peer_ask_init(struct peer_ask *ask, const char *options, double tsc_hz, struct error *err)
{
	int rc;

	memset(ask, 0, sizeof(*ask));
	ask->tsc_hz = tsc_hz;
	ask->kernel = peer_kernel_word();
	if (!*options)
		return 0;
	if (strncmp(options, KEY_OPTION, strlen(KEY_OPTION)) != 0)
		return error_set(err, -EINVAL, "unknown option '%s' of a peer: only key=FILE", options);
	rc = peer_key_load(&ask->own_key, options + strlen(KEY_OPTION), err);
	if (rc == 0)
		ask->key = &ask->own_key;
	return rc;
}

bool peer_ask_needs_ticket(const struct peer_ask *ask, uint64_t now_ns)
{
	return ask->key && (ask->ticket_ns == 0 || now_ns - ask->ticket_ns > TICKET_KEPT_NS);
}

void peer_ask_write(struct peer_ask *ask, enum peer_kind kind, struct peer_request *request, uint8_t *message)
{
	*request = (struct peer_request){ .kind = kind, .sequence = ++ask->sequence };
	/* Of 8 bytes, and after boot, getrandom() gives all (getrandom(2)); before, it may be interrupted. */
	while (getrandom(&request->nonce, sizeof(request->nonce), 0) != sizeof(request->nonce))
		;
	if (kind == PEER_VALUES)
		request->kernel = ask->kernel;
	if (ask->key && kind == PEER_VALUES) {
		request->ticket = ask->ticket;
		request->instance = ask->instance;
	}
	ask->ticket_ns = 0;
	peer_request_write(request, ask->key, message);
}

bool peer_ask_match(struct peer_ask *ask, const struct peer_request *request, const uint8_t *message,
	size_t size, uint64_t now_ns, struct peer_reply *reply)
{
	if (peer_reply_parse(message, size, ask->key, reply) != PEER_GOOD)
		return false;
	if (reply->kind != request->kind || reply->nonce != request->nonce ||
		reply->sequence != request->sequence)
		return false;
	if (ask->key) {
		ask->ticket = reply->ticket;
		ask->instance = reply->instance;
		ask->ticket_ns = now_ns;
	}
	return true;
}

static double tsc_ns(const struct peer_ask *ask, uint64_t from, uint64_t to)
{
	return cycles_to_ns((double)(int64_t)(to - from), ask->tsc_hz);
}

/* Without overflow, whatever the responder says. */
static double difference_ns(int64_t from, int64_t to)
{
	return (double)(int64_t)((uint64_t)to - (uint64_t)from);
}

void peer_ask_learn(struct peer_ask *ask, const struct peer_round *round)
{
	struct peer_instant now = { round->tsc_lo, round->tsc_hi, (int64_t)round->reply.values.realtime_ns };
	double there = difference_ns(ask->base.realtime_ns, now.realtime_ns);
	double least = tsc_ns(ask, ask->base.tsc_hi, now.tsc_lo);
	double most = tsc_ns(ask, ask->base.tsc_lo, now.tsc_hi);

	if (!ask->based || there > most * (1 + RATE_SLACK) || there < least * (1 - RATE_SLACK)) {
		ask->based = true; /* the first one, stepped, or another rate */
		ask->agrees = false;
		ask->base = now;
	} else if (there <= least * (1 + RATE_SLACK) && there >= most * (1 - RATE_SLACK)) {
		ask->agrees = true;
		if (least > BASE_KEPT_NS)
			ask->base = now;
	} else if (!ask->agrees && now.tsc_hi - now.tsc_lo < (ask->base.tsc_hi - ask->base.tsc_lo) / 2) {
		ask->base = now; /* so that a wide first one does not put it off for long */
	}
}

void peer_ask_narrow(const struct peer_ask *ask, struct peer_round *round, int64_t sent_ns)
{
	const struct peer_reply *reply = &round->reply;
	int64_t received_ns = reply->received_known ? reply->received_ns : reply->before_ns;
	double slack = (double)reply->resolution_ns + ROUNDING_NS;
	double before = difference_ns(received_ns, reply->before_ns);
	double values = difference_ns(reply->before_ns, reply->after_ns);
	double after = difference_ns(reply->after_ns, sent_ns);
	double whole = tsc_ns(ask, round->tsc_lo, round->tsc_hi);

	if (!ask->agrees || before < 0 || values < 0 || after < 0)
		return;
	if (before + values + after > whole * (1 + RATE_SLACK) + slack)
		return;
	before = floor(ns_to_cycles(fmax(0, before * (1 - RATE_SLACK) - slack), ask->tsc_hz));
	after = floor(ns_to_cycles(fmax(0, after * (1 - RATE_SLACK) - slack), ask->tsc_hz));
	if (before + after >= (double)(round->tsc_hi - round->tsc_lo))
		return;
	round->tsc_lo += (uint64_t)before;
	round->tsc_hi -= (uint64_t)after;
}
