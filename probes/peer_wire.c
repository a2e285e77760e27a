/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_wire.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "results/units.h"

/* Where the numbers of 64 bits are. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_KIND = 5,
	AT_FLAGS = 6,
	AT_NONCE = 8,
	AT_SEQUENCE = 16,
	AT_TICKET = 24,
	AT_INSTANCE = 32,
	AT_KERNEL = 40,
	AT_REQUEST_END = 48,
	AT_REPLY_HEAD_END = 40,
	AT_MONOTONIC_RAW = 40,
	AT_MONOTONIC = 48,
	AT_REALTIME = 56,
	AT_TSC = 64,
	AT_TSC_MILLIHZ = 72,
	AT_RECEIVED = 80,
	AT_BEFORE = 88,
	AT_AFTER = 96,
	AT_SENDING = 104,
	AT_PREVIOUS_SERIAL = 112,
	AT_PREVIOUS_SENT = 120,
	AT_RESOLUTION = 128,
	AT_SERIAL = 136,
};

#define FLAG_RECEIVED 1 /* received_known */
#define FLAG_PREVIOUS 2 /* previous_known */
#define FLAG_KERNEL   4 /* same_kernel */

#define MILLIHZ_PER_HZ	1000
#define TSC_MILLIHZ_MAX 1000000000000000ULL
#define RESOLUTION_MAX	((uint64_t)NS_PER_SEC)

static void put64(uint8_t *message, size_t at, uint64_t value)
{
	value = htobe64(value);
	memcpy(message + at, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *message, size_t at)
{
	uint64_t value;

	memcpy(&value, message + at, sizeof(value));
	return be64toh(value);
}

static bool is_zero(const uint8_t *message, size_t from, size_t to)
{
	uint8_t all = 0;

	while (from < to)
		all |= message[from++];
	return all == 0;
}

const char *peer_verdict_name(enum peer_verdict verdict)
{
	static const char *const names[PEER_VERDICTS] = { "good", "wrong length", "wrong magic",
		"other version", "unknown kind", "wrong HMAC", "field out of range", "replayed", "too old" };

	return names[verdict];
}

static void head_write(uint8_t *message, uint8_t kind)
{
	uint32_t magic = htobe32(PEER_MAGIC);

	memset(message, 0, PEER_MESSAGE_SIZE);
	memcpy(message + AT_MAGIC, &magic, sizeof(magic));
	message[AT_VERSION] = PEER_VERSION;
	message[AT_KIND] = kind;
}

static void sign(const struct peer_key *key, uint8_t *message)
{
	if (key)
		peer_key_sign(key, message, PEER_SIGNED_SIZE, message + PEER_SIGNED_SIZE);
}

/* What requests and replies have in common.  A key comes first: nothing unsigned is looked at any further. */
static enum peer_verdict head_parse(const uint8_t *message, size_t size, const struct peer_key *key,
	uint8_t reply_bit, enum peer_kind *kind)
{
	uint32_t magic = htobe32(PEER_MAGIC);
	uint8_t said;

	if (size != PEER_MESSAGE_SIZE)
		return PEER_BAD_LENGTH;
	if (memcmp(message + AT_MAGIC, &magic, sizeof(magic)) != 0)
		return PEER_BAD_MAGIC;
	if (message[AT_VERSION] != PEER_VERSION)
		return PEER_BAD_VERSION;
	said = message[AT_KIND];
	/* Without a key there are no tickets. */
	if (said != (PEER_VALUES | reply_bit) && (!key || said != (PEER_TICKET | reply_bit)))
		return PEER_BAD_KIND;
	*kind = said & (uint8_t)~PEER_REPLY_BIT;
	if (key ? !peer_key_check(key, message, PEER_SIGNED_SIZE, message + PEER_SIGNED_SIZE)
		: !is_zero(message, PEER_SIGNED_SIZE, PEER_MESSAGE_SIZE))
		return PEER_BAD_MAC;
	return PEER_GOOD;
}

void peer_request_write(const struct peer_request *request, const struct peer_key *key, uint8_t *message)
{
	head_write(message, (uint8_t)request->kind);
	put64(message, AT_NONCE, request->nonce);
	put64(message, AT_SEQUENCE, request->sequence);
	put64(message, AT_TICKET, request->ticket);
	put64(message, AT_INSTANCE, request->instance);
	put64(message, AT_KERNEL, request->kernel);
	sign(key, message);
}

enum peer_verdict peer_request_parse(
	const uint8_t *message, size_t size, const struct peer_key *key, struct peer_request *request)
{
	enum peer_verdict verdict = head_parse(message, size, key, 0, &request->kind);

	if (verdict != PEER_GOOD)
		return verdict;
	request->nonce = get64(message, AT_NONCE);
	request->sequence = get64(message, AT_SEQUENCE);
	request->ticket = get64(message, AT_TICKET);
	request->instance = get64(message, AT_INSTANCE);
	request->kernel = get64(message, AT_KERNEL);
	if (request->kind == PEER_TICKET && request->kernel)
		return PEER_BAD_FIELD;
	if ((!key || request->kind == PEER_TICKET) && (request->ticket || request->instance))
		return PEER_BAD_FIELD;
	if (!is_zero(message, AT_FLAGS, AT_NONCE) || !is_zero(message, AT_REQUEST_END, PEER_SIGNED_SIZE))
		return PEER_BAD_FIELD;
	return PEER_GOOD;
}

static void values_write(const struct peer_reply *reply, uint8_t *message)
{
	message[AT_FLAGS + 1] = (uint8_t)((reply->received_known ? FLAG_RECEIVED : 0) |
					  (reply->previous_known ? FLAG_PREVIOUS : 0) |
					  (reply->same_kernel ? FLAG_KERNEL : 0));
	put64(message, AT_MONOTONIC_RAW, reply->values.monotonic_raw_ns);
	put64(message, AT_MONOTONIC, reply->values.monotonic_ns);
	put64(message, AT_REALTIME, reply->values.realtime_ns);
	put64(message, AT_TSC, reply->values.tsc_cycles);
	put64(message, AT_TSC_MILLIHZ, (uint64_t)llround(reply->tsc_hz * MILLIHZ_PER_HZ));
	if (reply->received_known)
		put64(message, AT_RECEIVED, (uint64_t)reply->received_ns);
	put64(message, AT_BEFORE, (uint64_t)reply->before_ns);
	put64(message, AT_AFTER, (uint64_t)reply->after_ns);
	put64(message, AT_SENDING, (uint64_t)reply->sending_ns);
	if (reply->previous_known) {
		put64(message, AT_PREVIOUS_SERIAL, reply->previous_serial);
		put64(message, AT_PREVIOUS_SENT, (uint64_t)reply->previous_sent_ns);
	}
	put64(message, AT_RESOLUTION, reply->resolution_ns);
	put64(message, AT_SERIAL, reply->serial);
}

void peer_reply_write(const struct peer_reply *reply, const struct peer_key *key, uint8_t *message)
{
	head_write(message, (uint8_t)(reply->kind | PEER_REPLY_BIT));
	put64(message, AT_NONCE, reply->nonce);
	put64(message, AT_SEQUENCE, reply->sequence);
	put64(message, AT_TICKET, reply->ticket);
	put64(message, AT_INSTANCE, reply->instance);
	if (reply->kind == PEER_VALUES)
		values_write(reply, message);
	sign(key, message);
}

static enum peer_verdict values_parse(const uint8_t *message, struct peer_reply *reply)
{
	uint8_t flags = message[AT_FLAGS + 1];
	uint64_t tsc_millihz = get64(message, AT_TSC_MILLIHZ);

	if (message[AT_FLAGS] || (flags & ~(FLAG_RECEIVED | FLAG_PREVIOUS | FLAG_KERNEL)))
		return PEER_BAD_FIELD;
	if (!(flags & FLAG_RECEIVED) && !is_zero(message, AT_RECEIVED, AT_BEFORE))
		return PEER_BAD_FIELD;
	if (!(flags & FLAG_PREVIOUS) && !is_zero(message, AT_PREVIOUS_SERIAL, AT_RESOLUTION))
		return PEER_BAD_FIELD;
	reply->same_kernel = flags & FLAG_KERNEL;
	reply->received_known = flags & FLAG_RECEIVED;
	reply->previous_known = flags & FLAG_PREVIOUS;
	reply->values.monotonic_raw_ns = get64(message, AT_MONOTONIC_RAW);
	reply->values.monotonic_ns = get64(message, AT_MONOTONIC);
	reply->values.realtime_ns = get64(message, AT_REALTIME);
	reply->values.tsc_cycles = get64(message, AT_TSC);
	reply->tsc_hz = (double)tsc_millihz / MILLIHZ_PER_HZ;
	reply->received_ns = (int64_t)get64(message, AT_RECEIVED);
	reply->before_ns = (int64_t)get64(message, AT_BEFORE);
	reply->after_ns = (int64_t)get64(message, AT_AFTER);
	reply->sending_ns = (int64_t)get64(message, AT_SENDING);
	reply->previous_serial = get64(message, AT_PREVIOUS_SERIAL);
	reply->previous_sent_ns = (int64_t)get64(message, AT_PREVIOUS_SENT);
	reply->resolution_ns = get64(message, AT_RESOLUTION);
	reply->serial = get64(message, AT_SERIAL);
	return tsc_millihz <= TSC_MILLIHZ_MAX && reply->resolution_ns <= RESOLUTION_MAX ? PEER_GOOD
											: PEER_BAD_FIELD;
}

enum peer_verdict peer_reply_parse(
	const uint8_t *message, size_t size, const struct peer_key *key, struct peer_reply *reply)
{
	enum peer_verdict verdict;

	memset(reply, 0, sizeof(*reply));
	verdict = head_parse(message, size, key, PEER_REPLY_BIT, &reply->kind);
	if (verdict != PEER_GOOD)
		return verdict;
	reply->nonce = get64(message, AT_NONCE);
	reply->sequence = get64(message, AT_SEQUENCE);
	reply->ticket = get64(message, AT_TICKET);
	reply->instance = get64(message, AT_INSTANCE);
	if (!key && (reply->ticket || reply->instance))
		return PEER_BAD_FIELD;
	if (reply->kind == PEER_VALUES)
		return values_parse(message, reply);
	return is_zero(message, AT_FLAGS, AT_NONCE) && is_zero(message, AT_REPLY_HEAD_END, PEER_SIGNED_SIZE)
		       ? PEER_GOOD
		       : PEER_BAD_FIELD;
}
