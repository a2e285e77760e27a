/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/net_stamp.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define WAIT_NS (2 * NS_PER_SEC)

static uint64_t soon(void)
{
	return now_ns() + WAIT_NS;
}

static int64_t realtime(void)
{
	return (int64_t)posix_clock_ns(CLOCK_REALTIME);
}

/* A bound socket and one connected to it. */
struct pair {
	struct net_stamp server, client;
	struct net_address at;
};

/* Skips where this machine has no such address family. */
static void pair_open(struct pair *pair, const char *address)
{
	struct net_address local[NET_ADDRESSES_MAX];
	struct error err = { "" };
	int rc;

	assert_int_equal(net_resolve(address, NULL, local, &err), 1);
	rc = net_stamp_open(&pair->server, local, NULL, &err);
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT) {
		print_message("%s\n", err.text);
		skip();
	}
	assert_int_equal(rc, 0);
	assert_int_equal(net_stamp_local(&pair->server, &pair->at), 0);
	assert_int_equal(net_stamp_open(&pair->client, NULL, &pair->at, &err), 0);
	assert_string_equal(err.text, "");
}

static void pair_close(struct pair *pair)
{
	net_stamp_close(&pair->client);
	net_stamp_close(&pair->server);
}

static void test_resolve(void **state)
{
	static const char *const bad[] = { "", ":1", "[::1", "[::1]1", "localhost:", "127.0.0.1:70000x",
		"127.0.0.1:65536", "127.0.0.1:99999999999", "[::1]:" };
	struct net_address found[NET_ADDRESSES_MAX];
	char text[NET_ADDRESS_TEXT];
	struct error err = { "" };

	(void)state;
	assert_int_equal(net_resolve("127.0.0.1:99", NULL, found, &err), 1);
	net_address_text(found, text);
	assert_string_equal(text, "127.0.0.1:99");
	assert_int_equal(net_resolve("127.0.0.1", "123", found, &err), 1);
	assert_int_equal(ntohs(found[0].in.sin_port), 123);
	assert_int_equal(net_resolve("::1", "123", found, &err), 1);
	net_address_text(found, text);
	assert_string_equal(text, "[::1]:123");
	assert_int_equal(net_resolve("[::1]:7", "123", found, &err), 1);
	assert_int_equal(ntohs(found[0].in6.sin6_port), 7);
	assert_string_equal(err.text, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_true(net_resolve(bad[i], NULL, found, &err) < 0);
		assert_true(err.text[0]);
	}
	err.text[0] = '\0';
	assert_int_equal(net_resolve("127.0.0.1", NULL, found, &err), -EINVAL);
	assert_non_null(strstr(err.text, "HOST:PORT"));
}

/* The kernel begins to stamp some time after the first socket asked for it.  False if it does not. */
static bool await_stamps(struct pair *pair)
{
	const struct timespec pause = { 0, NS_PER_MS };
	uint64_t deadline_ns = soon();
	struct net_datagram datagram;
	int64_t sent;
	uint32_t id;
	char data[8];

	do {
		assert_int_equal(net_stamp_send(&pair->client, NULL, "x", 1, &id), 0);
		assert_int_equal(net_stamp_receive(&pair->server, data, sizeof(data), &datagram, soon()), 1);
		if (datagram.stamped && net_stamp_sent(&pair->client, id, &sent))
			return true;
		nanosleep(&pause, NULL);
	} while (now_ns() < deadline_ns);
	print_message("this kernel gives no stamps on the loopback interface\n");
	return false;
}

/* Both stamps of a datagram lie where the program's own clock says, in the order of the events. */
static void check_stamps(const char *address)
{
	struct net_datagram datagram;
	struct pair pair;
	int64_t before, after, sent;
	uint32_t id, reply_id, last = 0;
	char data[8];

	pair_open(&pair, address);
	if (!await_stamps(&pair)) {
		pair_close(&pair);
		skip();
	}
	for (int i = 0; i < 200; i++) {
		before = realtime();
		assert_int_equal(net_stamp_send(&pair.client, NULL, "ask", 3, &id), 0);
		assert_true(i == 0 || id == last + 1);
		last = id;
		assert_int_equal(net_stamp_receive(&pair.server, data, sizeof(data), &datagram, soon()), 3);
		after = realtime();
		if (after < before)
			continue; /* the clock was stepped */
		assert_true(datagram.stamped && net_stamp_sent(&pair.client, id, &sent));
		assert_true(before <= sent && sent <= datagram.stamp_ns && datagram.stamp_ns <= after);
		assert_int_equal(net_stamp_reply(&pair.server, &datagram, "reply", 5, &reply_id), 0);
		assert_int_equal(net_stamp_receive(&pair.client, data, sizeof(data), &datagram, soon()), 5);
		assert_memory_equal(&datagram.from, &pair.at, sizeof(pair.at));
		assert_true(net_stamp_sent(&pair.server, reply_id, &sent));
		assert_true(sent >= after && sent <= datagram.stamp_ns);
	}
	pair_close(&pair);
}

static void test_stamps_v4(void **state)
{
	(void)state;
	check_stamps("127.0.0.1:0");
}

static void test_stamps_v6(void **state)
{
	(void)state;
	check_stamps("[::1]:0");
}

/* Bound to all addresses, the answer comes from the one that was asked: else a connected asker drops it. */
static void test_reply_from_the_address_asked(void **state)
{
	struct net_address any[NET_ADDRESSES_MAX], to;
	struct net_stamp server, client;
	struct net_datagram datagram;
	struct error err = { "" };
	char data[8];

	(void)state;
	assert_int_equal(net_resolve("0.0.0.0:0", NULL, any, &err), 1);
	assert_int_equal(net_stamp_open(&server, any, NULL, &err), 0);
	assert_int_equal(net_stamp_local(&server, &to), 0);
	to.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4); /* 127.0.0.5 */
	assert_int_equal(net_stamp_open(&client, NULL, &to, &err), 0);
	assert_int_equal(net_stamp_send(&client, NULL, "ask", 3, NULL), 0);
	assert_int_equal(net_stamp_receive(&server, data, sizeof(data), &datagram, soon()), 3);
	assert_int_equal(net_stamp_reply(&server, &datagram, "reply", 5, NULL), 0);
	assert_int_equal(net_stamp_receive(&client, data, sizeof(data), &datagram, soon()), 5);
	assert_memory_equal(&datagram.from, &to, sizeof(to));
	net_stamp_close(&client);
	net_stamp_close(&server);
}

static void test_receive_ends(void **state)
{
	struct net_datagram datagram;
	struct error err = { "" };
	struct net_stamp lost;
	struct pair pair;
	uint64_t start;
	char data[4];
	int rc = 0;

	(void)state;
	pair_open(&pair, "127.0.0.1:0");
	assert_int_equal(net_stamp_receive(&pair.client, data, sizeof(data), &datagram, 0), -ETIMEDOUT);
	/* The stamp of what was sent wakes the poll: it must neither end the wait early nor spin. */
	assert_int_equal(net_stamp_send(&pair.client, NULL, "x", 1, NULL), 0);
	start = now_ns();
	assert_int_equal(
		net_stamp_receive(&pair.client, data, sizeof(data), &datagram, start + 20 * NS_PER_MS),
		-ETIMEDOUT);
	assert_true(now_ns() - start >= 20 * NS_PER_MS);
	/* More than there is room for is told by the length. */
	assert_int_equal(net_stamp_receive(&pair.server, data, sizeof(data), &datagram, soon()), 1);
	assert_int_equal(net_stamp_send(&pair.client, NULL, "more than four", 14, NULL), 0);
	assert_int_equal(net_stamp_receive(&pair.server, data, sizeof(data), &datagram, soon()), 14);
	pair_close(&pair);
	/* A closed port. */
	assert_int_equal(net_stamp_open(&lost, NULL, &pair.at, &err), 0);
	assert_int_equal(net_stamp_send(&lost, NULL, "x", 1, NULL), 0);
	rc = (int)net_stamp_receive(&lost, data, sizeof(data), &datagram, soon());
	assert_int_equal(rc, -ECONNREFUSED);
	net_stamp_close(&lost);
}

/* Stamps stay with their datagrams after a send that failed, and old ones are forgotten. */
static void test_numbers_after_a_failure(void **state)
{
	static char big[70000]; /* more than a datagram holds */
	int64_t before, first, second;
	uint32_t id, old;
	struct pair pair;

	(void)state;
	pair_open(&pair, "127.0.0.1:0");
	assert_int_equal(net_stamp_send(&pair.client, NULL, "a", 1, &old), 0);
	if (!net_stamp_sent(&pair.client, old, &first)) {
		pair_close(&pair);
		print_message("this kernel gives no stamps on the loopback interface\n");
		skip();
	}
	assert_int_equal(net_stamp_send(&pair.client, NULL, big, sizeof(big), &id), -EMSGSIZE);
	assert_false(net_stamp_sent(&pair.client, old, &first));
	for (int i = 0; i < NET_SENT_KEPT + 3; i++) {
		before = realtime();
		assert_int_equal(net_stamp_send(&pair.client, NULL, "a", 1, &id), 0);
		assert_true(net_stamp_sent(&pair.client, id, &second));
		assert_true(second >= before && second <= realtime());
	}
	assert_false(net_stamp_sent(&pair.client, old, &first));
	assert_false(net_stamp_sent(&pair.client, id - NET_SENT_KEPT, &first));
	assert_true(net_stamp_sent(&pair.client, id - NET_SENT_KEPT + 1, &first) && first < second);
	pair_close(&pair);
}

static void test_errors(void **state)
{
	struct net_address used;
	struct net_stamp net;
	struct error err = { "" };
	struct pair pair;

	(void)state;
	pair_open(&pair, "127.0.0.1:0");
	used = pair.at;
	assert_int_equal(net_stamp_open(&net, &used, NULL, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "cannot bind to udp 127.0.0.1:"));
	assert_int_equal(net.fd, -1);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_stamps_v4),
		cmocka_unit_test(test_stamps_v6),
		cmocka_unit_test(test_reply_from_the_address_asked),
		cmocka_unit_test(test_receive_ends),
		cmocka_unit_test(test_numbers_after_a_failure),
		cmocka_unit_test(test_errors),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/net_stamp", tests, NULL, NULL);
}
