/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_wire.c"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* RFC 4231, all its cases; case 5 compares the first 128 bits only. */
struct known_answer {
	uint8_t key_byte;
	size_t key_size; /* of key_byte again and again; 0: the text of key */
	const char *key;
	uint8_t data_byte;
	size_t data_size; /* likewise */
	const char *data;
	const char *mac;
};

static const struct known_answer known[] = {
	{ 0x0b, 20, NULL, 0, 0, "Hi There",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ 0, 0, "Jefe", 0, 0, "what do ya want for nothing?",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ 0xaa, 20, NULL, 0xdd, 50, NULL,
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ 0, 0,
		"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
		"\x18\x19",
		0xcd, 50, NULL, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ 0x0c, 20, NULL, 0, 0, "Test With Truncation", "a3b6167473100ee06e0c796c2955552b" },
	{ 0xaa, 131, NULL, 0, 0, "Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ 0xaa, 131, NULL, 0, 0,
		"This is a test using a larger than block-size key and a larger than block-size data. "
		"The key needs to be hashed before being used by the HMAC algorithm.",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

static void test_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known_answer *k = &known[i];
		uint8_t key_bytes[200], data[200], mac[PEER_MAC_SIZE];
		char hex[2 * PEER_MAC_SIZE + 1];
		size_t key_size = k->key_size ? k->key_size : strlen(k->key);
		size_t size = k->data_size ? k->data_size : strlen(k->data);
		struct peer_key key;

		memset(key_bytes, k->key_byte, sizeof(key_bytes));
		if (k->key)
			memcpy(key_bytes, k->key, key_size);
		memset(data, k->data_byte, sizeof(data));
		if (k->data)
			memcpy(data, k->data, size);
		peer_key_set(&key, key_bytes, key_size);
		/* Twice: a key is not used up. */
		for (int again = 0; again < 2; again++) {
			peer_key_sign(&key, data, size, mac);
			for (size_t b = 0; b < sizeof(mac); b++)
				snprintf(hex + 2 * b, 3, "%02x", mac[b]);
			hex[strlen(k->mac)] = '\0';
			assert_string_equal(hex, k->mac);
			assert_true(peer_key_check(&key, data, size, mac));
			mac[i] ^= 1;
			assert_false(peer_key_check(&key, data, size, mac));
		}
	}
}

static void write_file(const char *path, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char byte = 'k';

	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(fd, &byte, 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_key_file(void **state)
{
	static const struct {
		size_t size;
		mode_t mode;
		int rc;
		const char *says;
	} files[] = {
		{ PEER_KEY_MIN, 0600, 0, "" },
		{ PEER_KEY_MAX, 0640, 0, "" },
		{ PEER_KEY_MIN - 1, 0600, -EINVAL, "must have 16 to 1024 bytes" },
		{ PEER_KEY_MAX + 1, 0600, -EINVAL, "must have 16 to 1024 bytes" },
		{ 0, 0600, -EINVAL, "must have" },
		{ 32, 0604, -EACCES, "chmod o=" },
	};
	char path[] = "/tmp/clkdrift-key-XXXXXX";
	uint8_t mac[PEER_MAC_SIZE];
	struct peer_key key, same;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct error err = { "" };

		write_file(path, files[i].size, files[i].mode);
		assert_int_equal(peer_key_load(&key, path, &err), files[i].rc);
		assert_non_null(strstr(err.text, files[i].says));
		assert_int_equal(err.text[0] != '\0', files[i].rc != 0);
	}
	write_file(path, 20, 0600);
	assert_int_equal(peer_key_load(&key, path, &(struct error){ "" }), 0);
	peer_key_set(&same, "kkkkkkkkkkkkkkkkkkkk", 20);
	peer_key_sign(&key, "x", 1, mac);
	assert_true(peer_key_check(&same, "x", 1, mac));
	unlink(path);
	assert_int_equal(peer_key_load(&key, path, &(struct error){ "" }), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(peer_key_load(&key, path, &(struct error){ "" }), -EINVAL);
	unlink(path);
}

static const struct peer_request request = {
	.kind = PEER_VALUES, .nonce = 0x0123456789abcdef, .sequence = 7, .kernel = 0x1122334455667788
};

static struct peer_reply reply_full(void)
{
	return (struct peer_reply){ .kind = PEER_VALUES,
		.nonce = 1,
		.sequence = UINT64_MAX,
		.values = { 2, 3, 4, UINT64_MAX - 5 },
		.tsc_hz = 2596992000.125,
		.received_known = true,
		.received_ns = -6,
		.before_ns = 7,
		.after_ns = INT64_MAX,
		.sending_ns = INT64_MIN,
		.previous_known = true,
		.previous_serial = 8,
		.previous_sent_ns = -9,
		.resolution_ns = 10,
		.serial = 13 };
}

static const struct peer_key *test_key(void)
{
	static struct peer_key key;

	peer_key_set(&key, "sixteen bytes key", 17);
	return &key;
}

/* The bytes on the wire, so that they cannot change unnoticed. */
static void test_request_bytes(void **state)
{
	static const uint8_t begin[] = { 'c', 'l', 'k', 'd', PEER_VERSION, PEER_VALUES, 0, 0, 0x01, 0x23,
		0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 0, 7 };
	static const uint8_t kernel[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
	uint8_t message[PEER_MESSAGE_SIZE];

	(void)state;
	peer_request_write(&request, NULL, message);
	assert_memory_equal(message, begin, sizeof(begin));
	assert_true(is_zero(message, sizeof(begin), AT_KERNEL));
	assert_memory_equal(message + AT_KERNEL, kernel, sizeof(kernel));
	assert_true(is_zero(message, AT_REQUEST_END, sizeof(message)));
	assert_int_equal(sizeof(message), 176);
}

static void test_reply_round_trip(void **state)
{
	struct peer_reply reply = reply_full(), got;
	uint8_t message[PEER_MESSAGE_SIZE], again[PEER_MESSAGE_SIZE];

	(void)state;
	for (int flags = 0; flags < 8; flags++) {
		const struct peer_key *key = flags & 1 ? test_key() : NULL;

		reply.received_known = flags & 1;
		reply.previous_known = flags & 2;
		reply.same_kernel = flags & 4;
		reply.ticket = key ? 11 : 0;
		reply.instance = key ? 12 : 0;
		peer_reply_write(&reply, key, message);
		assert_int_equal(peer_reply_parse(message, sizeof(message), key, &got), PEER_GOOD);
		assert_int_equal(got.sequence, UINT64_MAX);
		assert_memory_equal(&got.values, &reply.values, sizeof(got.values));
		assert_float_equal(got.tsc_hz, reply.tsc_hz, 0.0005);
		assert_int_equal(got.received_ns, flags & 1 ? -6 : 0);
		assert_int_equal(got.after_ns, INT64_MAX);
		assert_int_equal(got.sending_ns, INT64_MIN);
		assert_int_equal(got.previous_sent_ns, flags & 2 ? -9 : 0);
		assert_int_equal(got.ticket, reply.ticket);
		assert_int_equal(got.serial, 13);
		assert_int_equal(got.same_kernel, reply.same_kernel);
		peer_reply_write(&got, key, again);
		assert_memory_equal(again, message, sizeof(message));
	}
	/* A ticket's reply says nothing else. */
	reply.kind = PEER_TICKET;
	peer_reply_write(&reply, test_key(), message);
	assert_int_equal(peer_reply_parse(message, sizeof(message), test_key(), &got), PEER_GOOD);
	assert_int_equal(got.kind, PEER_TICKET);
	assert_int_equal(got.values.realtime_ns, 0);
	assert_true(is_zero(message, AT_REPLY_HEAD_END, PEER_SIGNED_SIZE));
}

static void test_lengths(void **state)
{
	uint8_t message[PEER_MESSAGE_SIZE + 1] = { 0 };
	struct peer_request got_request;
	struct peer_reply reply = reply_full(), got_reply;

	(void)state;
	for (size_t size = 0; size <= sizeof(message); size++) {
		enum peer_verdict expected = size == PEER_MESSAGE_SIZE ? PEER_GOOD : PEER_BAD_LENGTH;

		peer_request_write(&request, NULL, message);
		assert_int_equal(peer_request_parse(message, size, NULL, &got_request), expected);
		peer_reply_write(&reply, NULL, message);
		assert_int_equal(peer_reply_parse(message, size, NULL, &got_reply), expected);
	}
}

/* Every bit of a message: what is refused, and why. */
static enum peer_verdict verdict_of_flip(size_t at, bool is_reply, bool keyed)
{
	if (at < AT_VERSION)
		return PEER_BAD_MAGIC;
	if (at < AT_KIND)
		return PEER_BAD_VERSION;
	if (at < AT_FLAGS)
		return PEER_BAD_KIND;
	if (keyed || at >= PEER_SIGNED_SIZE)
		return PEER_BAD_MAC;
	if (at >= AT_TICKET && at < AT_KERNEL)
		return PEER_BAD_FIELD; /* no tickets without a key */
	if (at == AT_FLAGS || at == AT_FLAGS + 1)
		return PEER_BAD_FIELD;
	if (is_reply)
		return PEER_GOOD;
	return at >= AT_REQUEST_END ? PEER_BAD_FIELD : PEER_GOOD;
}

static void check_flips(bool is_reply, const struct peer_key *key)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct peer_reply reply = reply_full(), got_reply;
	struct peer_request got_request;
	enum peer_verdict got;

	if (is_reply)
		peer_reply_write(&reply, key, message);
	else
		peer_request_write(&request, key, message);
	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		size_t at = bit / 8;

		/* The one flag that nothing else depends on: test_reply_round_trip(). */
		if (!key && is_reply && at == AT_FLAGS + 1 && 1 << bit % 8 == FLAG_KERNEL)
			continue;
		/* A rate or a resolution may leave its range or not: test_ranges(). */
		if ((at >= AT_TSC_MILLIHZ && at < AT_RECEIVED) || (at >= AT_RESOLUTION && at < AT_SERIAL))
			if (!key && is_reply)
				continue;
		message[at] ^= (uint8_t)(1 << bit % 8);
		got = is_reply ? peer_reply_parse(message, sizeof(message), key, &got_reply)
			       : peer_request_parse(message, sizeof(message), key, &got_request);
		assert_int_equal(got, verdict_of_flip(at, is_reply, key));
		message[at] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_flipped_bits(void **state)
{
	(void)state;
	check_flips(false, NULL);
	check_flips(true, NULL);
	check_flips(false, test_key());
	check_flips(true, test_key());
}

static void test_ranges(void **state)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct peer_reply reply = reply_full(), got;

	(void)state;
	reply.tsc_hz = 1e12;
	reply.resolution_ns = NS_PER_SEC;
	peer_reply_write(&reply, NULL, message);
	assert_int_equal(peer_reply_parse(message, sizeof(message), NULL, &got), PEER_GOOD);
	put64(message, AT_TSC_MILLIHZ, TSC_MILLIHZ_MAX + 1);
	assert_int_equal(peer_reply_parse(message, sizeof(message), NULL, &got), PEER_BAD_FIELD);
	put64(message, AT_TSC_MILLIHZ, 0);
	assert_int_equal(peer_reply_parse(message, sizeof(message), NULL, &got), PEER_GOOD);
	put64(message, AT_RESOLUTION, NS_PER_SEC + 1);
	assert_int_equal(peer_reply_parse(message, sizeof(message), NULL, &got), PEER_BAD_FIELD);
}

/* Sides with, without, and with other keys do not understand each other; requests are no replies. */
static void test_keys_do_not_mix(void **state)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct peer_request ticket = { .kind = PEER_TICKET, .nonce = 5 }, got;
	struct peer_reply got_reply;
	struct peer_key other;

	(void)state;
	peer_key_set(&other, "sixteen bytes kez", 17);
	peer_request_write(&request, test_key(), message);
	assert_int_equal(peer_request_parse(message, sizeof(message), NULL, &got), PEER_BAD_MAC);
	assert_int_equal(peer_request_parse(message, sizeof(message), &other, &got), PEER_BAD_MAC);
	assert_int_equal(peer_request_parse(message, sizeof(message), test_key(), &got), PEER_GOOD);
	assert_int_equal(peer_reply_parse(message, sizeof(message), test_key(), &got_reply), PEER_BAD_KIND);
	peer_request_write(&request, NULL, message);
	assert_int_equal(peer_request_parse(message, sizeof(message), test_key(), &got), PEER_BAD_MAC);
	peer_request_write(&ticket, NULL, message);
	assert_int_equal(peer_request_parse(message, sizeof(message), NULL, &got), PEER_BAD_KIND);
	peer_request_write(&ticket, test_key(), message);
	assert_int_equal(peer_request_parse(message, sizeof(message), test_key(), &got), PEER_GOOD);
	ticket.kernel = 1;
	peer_request_write(&ticket, test_key(), message);
	assert_int_equal(peer_request_parse(message, sizeof(message), test_key(), &got), PEER_BAD_FIELD);
	ticket.kernel = 0;
	ticket.ticket = 1;
	peer_request_write(&ticket, test_key(), message);
	assert_int_equal(peer_request_parse(message, sizeof(message), test_key(), &got), PEER_BAD_FIELD);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < PEER_VERDICTS; i++)
		assert_true(peer_verdict_name(i) && *peer_verdict_name(i));
	assert_string_equal(peer_verdict_name(PEER_TOO_OLD), "too old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_request_bytes),
		cmocka_unit_test(test_reply_round_trip),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_keys_do_not_mix),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("probes/peer_wire", tests, NULL, NULL);
}
