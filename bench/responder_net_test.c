/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/responder_net.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "probes/clock_test.h"
#include "bench/key_fake.h"

#define FUZZED	     50000 /* for each of two */
#define BATCH	     40	   /* fits into any receive buffer */
#define WAIT_NS	     (5 * NS_PER_SEC)
#define RSS_SLACK_KB 512

static double tsc_hz;
static uint64_t seed;

static uint64_t random64(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 24 ^ seed << 24;
}

static struct responder_net *start(const struct responder_net_setup *setup)
{
	struct responder_net *r;
	struct error err = { "" };

	assert_int_equal(responder_net_open(setup, &r, &err), 0);
	assert_int_equal(responder_net_start(r, &err), 0);
	assert_string_equal(err.text, "");
	return r;
}

static void finish(struct responder_net *r, struct responder_net_counters *counters)
{
	responder_net_stop(r);
	responder_net_count(r, counters);
	responder_net_close(r);
}

static void connect_to(const struct responder_net *r, struct net_stamp *net)
{
	struct net_address address[NET_ADDRESSES_MAX];
	struct error err = { "" };
	char text[32];

	snprintf(text, sizeof(text), "127.0.0.1:%d", responder_net_port(r));
	assert_int_equal(net_resolve(text, NULL, address, &err), 1);
	assert_int_equal(net_stamp_open(net, NULL, address, &err), 0);
}

static void await_received(const struct responder_net *r, uint64_t count)
{
	struct responder_net_counters counters;
	struct timespec pause = { 0, 20000 };
	uint64_t deadline_ns = now_ns() + WAIT_NS;

	for (;;) {
		responder_net_count(r, &counters);
		if (counters.received >= count || now_ns() >= deadline_ns)
			break;
		nanosleep(&pause, NULL);
	}
	assert_int_equal(counters.received, count);
}

static long rss_kb(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	fclose(status);
	assert_true(kb > 0);
	return kb;
}

/* A valid request, and then what happens to datagrams: bits, bytes, lengths, pieces of others.  Its length. */
static size_t fuzz(const struct peer_key *key, uint8_t message[2 * PEER_MESSAGE_SIZE])
{
	struct peer_request request = { .kind = random64() % 8 && !key ? PEER_VALUES : 1 + random64() % 2,
		.nonce = random64(),
		.sequence = random64() };
	size_t size = PEER_MESSAGE_SIZE;

	if (key && request.kind == PEER_VALUES) {
		request.ticket = random64() % 5000;
		request.instance = random64();
	}
	for (size_t i = size; i < 2 * PEER_MESSAGE_SIZE; i++)
		message[i] = (uint8_t)random64();
	peer_request_write(&request, key, message);
	switch (random64() % 8) {
	case 0:
		break;
	case 1:
		message[random64() % size] ^= (uint8_t)(1 << random64() % 8);
		break;
	case 2:
		for (unsigned i = random64() % 20; i > 0; i--)
			message[random64() % size] = (uint8_t)random64();
		break;
	case 3:
		size = random64() % (2 * PEER_MESSAGE_SIZE + 1);
		break;
	case 4:
		message[random64() % 8] ^= (uint8_t)random64();
		break;
	case 5:
		memmove(message + random64() % 100, message, 60);
		break;
	case 6: /* unsigned, or signed by nobody */
		message[PEER_SIGNED_SIZE + random64() % PEER_MAC_SIZE] ^= (uint8_t)random64();
		break;
	default:
		for (size_t i = 0; i < size; i++)
			message[i] = (uint8_t)random64();
	}
	return size;
}

/* What the parser says of a message of our own making; tickets that were made up are all too old. */
static enum peer_verdict expected_verdict(const struct peer_key *key, const uint8_t *message, size_t size)
{
	struct peer_request request;
	enum peer_verdict verdict = peer_request_parse(message, size, key, &request);

	return verdict == PEER_GOOD && key && request.kind == PEER_VALUES ? PEER_TOO_OLD : verdict;
}

/* All replies that came: each to one of the nonces of the batch that were asked well. */
static unsigned take_replies(
	struct net_stamp *net, const struct peer_key *key, uint64_t *good, unsigned count)
{
	uint8_t message[PEER_MESSAGE_SIZE + 1];
	struct net_datagram datagram;
	struct peer_reply reply;
	unsigned taken = 0, i;

	while (taken < count) {
		ssize_t size =
			net_stamp_receive(net, message, sizeof(message), &datagram, now_ns() + WAIT_NS);

		assert_int_equal(peer_reply_parse(message, (size_t)size, key, &reply), PEER_GOOD);
		for (i = 0; i < count && good[i] != reply.nonce; i++)
			;
		assert_true(i < count);
		good[i] = 0;
		taken++;
	}
	/* No other one. */
	assert_int_equal(net_stamp_receive(net, message, sizeof(message), &datagram, 0), -ETIMEDOUT);
	return taken;
}

static void check_fuzz(const char *key_file)
{
	struct responder_net_setup setup = { .udp = "0", .key = key_file, .tsc_hz = tsc_hz };
	struct responder_net *r = start(&setup);
	uint64_t expected[PEER_VERDICTS] = { 0 }, sent = 0, good[BATCH];
	struct responder_net_counters counters;
	uint8_t message[2 * PEER_MESSAGE_SIZE];
	const struct peer_key *key = key_file ? &r->key : NULL;
	struct net_stamp net;
	long before_kb = 0;

	connect_to(r, &net);
	while (sent < FUZZED) {
		unsigned count = 0;

		for (unsigned i = 0; i < BATCH; i++, sent++) {
			size_t size = fuzz(key, message);
			enum peer_verdict verdict = expected_verdict(key, message, size);

			expected[verdict]++;
			if (verdict == PEER_GOOD)
				memcpy(&good[count++], message + 8, 8);
			assert_int_equal(net_stamp_send(&net, NULL, message, size, NULL), 0);
		}
		for (unsigned i = 0; i < count; i++)
			good[i] = be64toh(good[i]);
		await_received(r, sent);
		take_replies(&net, key, good, count);
		if (sent == 100 * BATCH)
			before_kb = rss_kb();
	}
	assert_true(before_kb > 0);
	assert_in_range(rss_kb(), 1, before_kb + RSS_SLACK_KB);
	net_stamp_close(&net);
	finish(r, &counters);
	assert_memory_equal(counters.verdict, expected, sizeof(expected));
	assert_int_equal(counters.received, sent);
	assert_int_equal(counters.unsent, 0);
	/* The fuzz reached every check. */
	for (int i = 0; i < PEER_REPLAYED; i++)
		if (!(key && i == PEER_BAD_FIELD))
			assert_true(expected[i] > 0);
}

static void test_fuzz(void **state)
{
	(void)state;
	check_fuzz(NULL);
}

static void test_fuzz_with_a_key(void **state)
{
	(void)state;
	check_fuzz(key_path);
}

/* Many askers leave nothing behind, and each learns of its own replies only. */
static void test_many_askers(void **state)
{
	struct responder_net_setup setup = { .udp = "0", .tsc_hz = tsc_hz };
	struct responder_net *r = start(&setup);
	struct responder_net_counters counters;
	struct peer_request request = { .kind = PEER_VALUES };
	uint8_t message[PEER_MESSAGE_SIZE];
	struct net_datagram datagram;
	struct peer_reply reply;
	uint64_t serial;

	(void)state;
	for (unsigned i = 0; i < 4 * ASKERS; i++) {
		struct net_stamp net;

		connect_to(r, &net);
		serial = 0;
		for (int turn = 0; turn < 3; turn++) {
			request.nonce = random64();
			peer_request_write(&request, NULL, message);
			assert_int_equal(net_stamp_send(&net, NULL, message, sizeof(message), NULL), 0);
			assert_int_equal(net_stamp_receive(&net, message, sizeof(message), &datagram,
						 now_ns() + WAIT_NS),
				sizeof(message));
			assert_int_equal(peer_reply_parse(message, sizeof(message), NULL, &reply), PEER_GOOD);
			if (reply.previous_known && serial)
				assert_int_equal(reply.previous_serial, serial);
			serial = reply.serial;
		}
		net_stamp_close(&net);
	}
	finish(r, &counters);
	assert_int_equal(counters.verdict[PEER_GOOD], 12 * ASKERS);
}

static void test_where(void **state)
{
	struct responder_net_setup setup = { .udp = "0" };
	struct responder_net *r = start(&setup);
	struct responder_net_counters counters;
	char expected[40];

	(void)state;
	assert_in_range(responder_net_port(r), 1, 65535);
	snprintf(expected, sizeof(expected), "udp:127.0.0.1:%d", responder_net_port(r));
	assert_string_equal(responder_net_where(r), expected);
	finish(r, &counters);
	assert_int_equal(counters.received, 0);
}

static void test_open_fails(void **state)
{
	static const struct {
		struct responder_net_setup setup;
		int rc;
	} bad[] = {
		{ { .udp = "" }, -EINVAL },
		{ { .udp = "70000" }, -EINVAL },
		{ { .udp = "127.0.0.1:" }, -EINVAL },
		{ { .udp = "[::1" }, -EINVAL },
		{ { .udp = "0", .key = "/nonexistent" }, -ENOENT },
		{ { .udp = "0", .key = "/dev/null" }, -EINVAL },
		{ { .vsock = "x" }, -EINVAL },
		{ { .vsock = "1:" }, -EINVAL },
		{ { .udp = "0", .vsock = "4294967295" }, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct responder_net *r = (void *)1;
		struct error err = { "" };

		assert_int_equal(responder_net_open(&bad[i].setup, &r, &err), bad[i].rc);
		assert_true(err.text[0]);
		assert_null(r);
	}
	responder_net_close(NULL);
}

/* Stopped by the flag while nobody asks, and while somebody floods. */
static void test_stops(void **state)
{
	struct responder_net_setup setup = { .udp = "0" };
	struct responder_net *r = start(&setup);
	struct responder_net_counters counters;
	struct net_stamp net;
	uint64_t start_ns;

	(void)state;
	connect_to(r, &net);
	for (int i = 0; i < 1000; i++)
		net_stamp_send(&net, NULL, "x", 1, NULL);
	start_ns = now_ns();
	finish(r, &counters);
	assert_true(now_ns() - start_ns < (uint64_t)WAIT_NS);
	net_stamp_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fuzz),
		cmocka_unit_test(test_fuzz_with_a_key),
		cmocka_unit_test(test_many_askers),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_stops),
	};

	tsc_init();
	tsc_hz = test_tsc_hz();
	seed = now_ns();
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("bench/responder_net", tests, make_key, remove_key);
}
