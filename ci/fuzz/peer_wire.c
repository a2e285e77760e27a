/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Messages between asker and responder.  The first byte: 0 a request, 1 a reply,
 * without a key; 2 and 3 with one, and signed here, as else nothing would pass.
 */
#include "ci/fuzz/fuzz.h"
#include "probes/peer_ask.h"
#include "probes/peer_wire.h"

#define HZ 2.6e9

static void check_reply(const uint8_t *message, size_t size, const struct peer_key *key)
{
	struct peer_round round = { .tsc_lo = 1000, .tsc_hi = 300000 };
	struct peer_ask ask = { .tsc_hz = HZ, .agrees = true };
	uint8_t again[PEER_MESSAGE_SIZE];

	if (peer_reply_parse(message, size, key, &round.reply) != PEER_GOOD)
		return;
	if (size != PEER_MESSAGE_SIZE)
		abort();
	peer_reply_write(&round.reply, key, again);
	if (memcmp(again, message, size) != 0)
		abort();
	/* Whatever it says, the bracket only gets narrower. */
	peer_ask_narrow(&ask, &round, round.reply.sending_ns);
	if (round.tsc_lo < 1000 || round.tsc_hi > 300000 || round.tsc_lo > round.tsc_hi)
		abort();
	peer_ask_learn(&ask, &round);
	peer_ask_learn(&ask, &round);
}

static void check_request(const uint8_t *message, size_t size, const struct peer_key *key)
{
	struct peer_request request;
	uint8_t again[PEER_MESSAGE_SIZE];

	if (peer_request_parse(message, size, key, &request) != PEER_GOOD)
		return;
	if (size != PEER_MESSAGE_SIZE)
		abort();
	peer_request_write(&request, key, again);
	if (memcmp(again, message, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct peer_key key;

	if (size < 1)
		return 0;
	peer_key_set(&key, "the key of the fuzzer", 21);
	if ((data[0] & 2) && size == 1 + PEER_MESSAGE_SIZE) {
		memcpy(message, data + 1, sizeof(message));
		peer_key_sign(&key, message, PEER_SIGNED_SIZE, message + PEER_SIGNED_SIZE);
		(data[0] & 1 ? check_reply : check_request)(message, sizeof(message), &key);
	} else {
		(data[0] & 1 ? check_reply : check_request)(data + 1, size - 1, data[0] & 2 ? &key : NULL);
	}
	return 0;
}
