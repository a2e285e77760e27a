/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/key_fake.h"
#include "probes/peer_udp.c"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/responder_net.h"
#include "probes/clock_test.h"

/*
 * Asker and responder are on this machine, so the truth is at hand: the TSC that
 * the responder read must lie in the asker's bracket.
 */

#define EXCHANGES 60

enum fault {
	FAULT_NONE,
	FAULT_DELAY_REQUEST, /* by DELAY_NS */
	FAULT_DELAY_REPLY,
	FAULT_DROP, /* every third reply */
	FAULT_DOUBLE_REQUEST,
	FAULT_DOUBLE_REPLY,
	FAULT_OLD_REPLY,     /* the reply before comes first */
	FAULT_OLD_REQUEST,   /* the request before comes again, before this one */
	FAULT_TRUNCATE,	     /* each reply comes in two shapes: too short and too long, then whole */
	FAULT_WRONG_NONCE,   /* a reply with other values and another nonce comes first */
	FAULT_WRONG_ADDRESS, /* a reply with other values comes first, from somewhere else */
	FAULT_FORGE,	     /* the values of each reply are changed */
};

#define DELAY_NS (5 * NS_PER_MS)

/* Between asker and responder, and up to no good. */
struct relay {
	struct net_stamp asker_side, responder_side, elsewhere;
	struct net_datagram asker; /* the last that asked */
	_Atomic enum fault fault;
	_Atomic unsigned requests, replies;
	uint8_t old_request[PEER_MESSAGE_SIZE], old_reply[PEER_MESSAGE_SIZE];
	bool have_request, have_reply;
	pthread_t thread;
	atomic_bool stop;
	char address[NET_ADDRESS_TEXT];
};

static double tsc_hz;

static void pause_ns(long ns)
{
	struct timespec left = { 0, ns };

	nanosleep(&left, NULL);
}

static void relay_to_asker(struct relay *relay, const void *message, size_t size)
{
	net_stamp_reply(&relay->asker_side, &relay->asker, message, size, NULL);
}

static void relay_to_responder(struct relay *relay, const void *message)
{
	net_stamp_send(&relay->responder_side, NULL, message, PEER_MESSAGE_SIZE, NULL);
}

static void relay_request(struct relay *relay, const uint8_t *message)
{
	enum fault fault = relay->fault;

	relay->requests++;
	if (fault == FAULT_DELAY_REQUEST)
		pause_ns(DELAY_NS);
	if (fault == FAULT_OLD_REQUEST && relay->have_request)
		relay_to_responder(relay, relay->old_request);
	relay_to_responder(relay, message);
	if (fault == FAULT_DOUBLE_REQUEST)
		relay_to_responder(relay, message);
	memcpy(relay->old_request, message, PEER_MESSAGE_SIZE);
	relay->have_request = true;
}

static void relay_reply(struct relay *relay, const uint8_t *message)
{
	uint8_t other[PEER_MESSAGE_SIZE + 1] = { 0 };
	enum fault fault = relay->fault;

	memcpy(other, message, PEER_MESSAGE_SIZE);
	other[64] ^= 0x55; /* of tsc_cycles: far from the truth */
	if (fault == FAULT_DELAY_REPLY)
		pause_ns(DELAY_NS);
	if (fault == FAULT_OLD_REPLY && relay->have_reply)
		relay_to_asker(relay, relay->old_reply, PEER_MESSAGE_SIZE);
	if (fault == FAULT_TRUNCATE) {
		relay_to_asker(relay, other, PEER_MESSAGE_SIZE - 1);
		relay_to_asker(relay, other, PEER_MESSAGE_SIZE + 1);
		relay_to_asker(relay, other, 0);
	}
	if (fault == FAULT_WRONG_ADDRESS)
		net_stamp_send(&relay->elsewhere, &relay->asker.from, other, PEER_MESSAGE_SIZE, NULL);
	if (fault == FAULT_WRONG_NONCE) {
		other[8] ^= 1;
		relay_to_asker(relay, other, PEER_MESSAGE_SIZE);
	}
	if (fault == FAULT_FORGE)
		relay_to_asker(relay, other, PEER_MESSAGE_SIZE);
	else if (fault != FAULT_DROP || relay->replies % 3 != 2)
		relay_to_asker(relay, message, PEER_MESSAGE_SIZE);
	if (fault == FAULT_DOUBLE_REPLY)
		relay_to_asker(relay, message, PEER_MESSAGE_SIZE);
	relay->replies++;
	memcpy(relay->old_reply, message, PEER_MESSAGE_SIZE);
	relay->have_reply = true;
}

static void *relay_main(void *argument)
{
	struct relay *relay = argument;
	struct pollfd both[2] = { { .fd = relay->asker_side.fd, .events = POLLIN },
		{ .fd = relay->responder_side.fd, .events = POLLIN } };
	uint8_t message[PEER_MESSAGE_SIZE];
	struct net_datagram datagram;

	while (!relay->stop) {
		poll(both, 2, 20);
		while (net_stamp_receive(&relay->asker_side, message, sizeof(message), &datagram, 0) ==
			(ssize_t)sizeof(message)) {
			relay->asker = datagram;
			relay_request(relay, message);
		}
		while (net_stamp_receive(&relay->responder_side, message, sizeof(message), &datagram, 0) ==
			(ssize_t)sizeof(message))
			relay_reply(relay, message);
	}
	return NULL;
}

static void loopback_open(struct net_stamp *net, int connect_to)
{
	struct net_address address[NET_ADDRESSES_MAX];
	struct error err = { "" };
	char text[32];

	snprintf(text, sizeof(text), "127.0.0.1:%d", connect_to);
	assert_int_equal(net_resolve(text, NULL, address, &err), 1);
	assert_int_equal(
		net_stamp_open(net, connect_to ? NULL : address, connect_to ? address : NULL, &err), 0);
}

static void relay_start(struct relay *relay, int responder_port)
{
	struct net_address local;

	memset(relay, 0, sizeof(*relay));
	loopback_open(&relay->asker_side, 0);
	loopback_open(&relay->elsewhere, 0);
	loopback_open(&relay->responder_side, responder_port);
	assert_int_equal(net_stamp_local(&relay->asker_side, &local), 0);
	net_address_text(&local, relay->address);
	assert_int_equal(pthread_create(&relay->thread, NULL, relay_main, relay), 0);
}

static void relay_stop(struct relay *relay)
{
	relay->stop = true;
	pthread_join(relay->thread, NULL);
	net_stamp_close(&relay->asker_side);
	net_stamp_close(&relay->elsewhere);
	net_stamp_close(&relay->responder_side);
}

/* A responder, a relay before it, and an asker that was introduced through it. */
struct bed {
	struct responder_net *responder;
	struct relay relay;
	struct peer_traits traits;
	struct udp *udp;
	uint64_t exchanges, failed; /* of bed_exchange() */
	double widest_ns, narrowest_ns;
};

static void bed_open(struct bed *bed, bool keyed)
{
	struct responder_net_setup setup = { .udp = "0", .key = keyed ? key_path : NULL, .tsc_hz = tsc_hz };
	struct clock_setup clock = { .tsc_hz = tsc_hz };
	struct error err = { "" };
	char address[NET_ADDRESS_TEXT + 40];

	memset(bed, 0, sizeof(*bed));
	assert_int_equal(responder_net_open(&setup, &bed->responder, &err), 0);
	assert_int_equal(responder_net_start(bed->responder, &err), 0);
	relay_start(&bed->relay, responder_net_port(bed->responder));
	snprintf(address, sizeof(address), "%s%s%s", bed->relay.address, keyed ? ":key=" : "",
		keyed ? key_path : "");
	assert_int_equal(peer_udp.open(address, &clock, &bed->traits, &err), 0);
	assert_string_equal(err.text, "");
	bed->udp = bed->traits.state;
	assert_true(bed->traits.tsc_hz > 0);
	assert_false(bed->traits.same_host);
	assert_true(bed->traits.same_kernel || !peer_kernel_word());
}

static void bed_close(struct bed *bed, struct responder_net_counters *counters)
{
	peer_udp.close(bed->traits.state);
	relay_stop(&bed->relay);
	responder_net_stop(bed->responder);
	responder_net_count(bed->responder, counters);
	responder_net_close(bed->responder);
}

/* Exchanges under a fault; whatever is answered must be true, in its order, and come in time. */
static void bed_exchange(struct bed *bed, enum fault fault, unsigned count)
{
	struct peer_values values;
	uint64_t lo, hi, last = 0, start;
	double width_ns;

	bed->relay.fault = fault;
	bed->exchanges = bed->failed = 0;
	bed->widest_ns = 0;
	bed->narrowest_ns = INFINITY;
	for (unsigned i = 0; i < count; i++) {
		start = now_ns();
		if (peer_udp.exchange(bed->udp, &lo, &values, &hi)) {
			bed->failed++;
			assert_true(now_ns() - start >= PEER_EXCHANGE_NS);
			continue;
		}
		bed->exchanges++;
		assert_true(lo < hi && lo > last);
		assert_in_range(values.tsc_cycles, lo, hi);
		assert_true(values.monotonic_raw_ns && values.monotonic_ns && values.realtime_ns);
		width_ns = cycles_to_ns((double)(hi - lo), tsc_hz);
		bed->widest_ns = fmax(bed->widest_ns, width_ns);
		bed->narrowest_ns = fmin(bed->narrowest_ns, width_ns);
		last = hi;
	}
}

static void check_harmless(enum fault fault, bool keyed)
{
	struct responder_net_counters counters;
	struct bed bed;

	bed_open(&bed, keyed);
	for (int turn = 0; turn < 3; turn++) {
		bed_exchange(&bed, fault, EXCHANGES / 3);
		assert_true(bed.exchanges > 0);
		pause_ns(60 * NS_PER_MS); /* until the rates can be seen to agree */
	}
	bed_close(&bed, &counters);
	assert_true(counters.verdict[PEER_GOOD] >= EXCHANGES / 3);
	if (keyed && (fault == FAULT_DOUBLE_REQUEST || fault == FAULT_OLD_REQUEST))
		assert_true(counters.verdict[PEER_REPLAYED] > EXCHANGES / 3);
	else
		assert_int_equal(counters.verdict[PEER_GOOD], counters.received);
}

static void test_no_fault(void **state)
{
	(void)state;
	check_harmless(FAULT_NONE, false);
	check_harmless(FAULT_NONE, true);
}

static void test_doubled(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		check_harmless(FAULT_DOUBLE_REQUEST, keyed);
		check_harmless(FAULT_DOUBLE_REPLY, keyed);
	}
}

static void test_replayed_and_reordered(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		check_harmless(FAULT_OLD_REPLY, keyed);
		check_harmless(FAULT_OLD_REQUEST, keyed);
	}
}

static void test_made_up(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		check_harmless(FAULT_TRUNCATE, keyed);
		check_harmless(FAULT_WRONG_NONCE, keyed);
		check_harmless(FAULT_WRONG_ADDRESS, keyed);
	}
}

/* The truth is inside, and no bracket hides the delay: nobody knows on which way it was. */
static void test_delay_one_way(void **state)
{
	struct responder_net_counters counters;
	struct bed bed;

	(void)state;
	bed_open(&bed, false);
	for (enum fault fault = FAULT_DELAY_REQUEST; fault <= FAULT_DELAY_REPLY; fault++) {
		bed_exchange(&bed, FAULT_NONE, 10);
		pause_ns(100 * NS_PER_MS);
		bed_exchange(&bed, fault, 20);
		assert_true(bed.exchanges > 0);
		assert_true(bed.narrowest_ns >= DELAY_NS);
	}
	bed_close(&bed, &counters);
}

/* What is lost costs its exchange, or its second round, no more. */
static void test_drops(void **state)
{
	struct responder_net_counters counters;
	struct bed bed;

	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		bed_open(&bed, keyed);
		bed_exchange(&bed, FAULT_DROP, 12);
		assert_true(bed.exchanges > 0);
		bed_exchange(&bed, FAULT_NONE, 10);
		assert_true(bed.exchanges > 0);
		bed_close(&bed, &counters);
	}
}

/* With a key, what was changed on the way is no answer. */
static void test_forged(void **state)
{
	struct responder_net_counters counters;
	struct bed bed;

	(void)state;
	bed_open(&bed, true);
	bed_exchange(&bed, FAULT_FORGE, 3);
	assert_int_equal(bed.failed, 3);
	bed_exchange(&bed, FAULT_NONE, 10);
	assert_true(bed.exchanges > 0);
	bed_close(&bed, &counters);
}

/* Kernel stamps and the responder's times make it narrower than user space alone, many times over. */
static void test_narrowing(void **state)
{
	struct responder_net_counters counters;
	struct peer_round round;
	double plain_ns = INFINITY;
	struct bed bed;

	(void)state;
	bed_open(&bed, false);
	for (int i = 0; i < 30 && !bed.udp->ask.agrees; i++) {
		bed_exchange(&bed, FAULT_NONE, 10);
		pause_ns(100 * NS_PER_MS);
	}
	if (!bed.udp->ask.agrees) {
		bed_close(&bed, &counters);
		print_message("too noisy here to see that a clock agrees with itself within 1000 ppm\n");
		skip();
	}
	bed_exchange(&bed, FAULT_NONE, 100);
	bed.udp->kernel_stamps = false;
	for (int i = 0; i < 100; i++)
		if (udp_values(bed.udp, now_ns() + PEER_EXCHANGE_NS, &round) == 0)
			plain_ns =
				fmin(plain_ns, cycles_to_ns((double)(round.tsc_hi - round.tsc_lo), tsc_hz));
	assert_true(isfinite(plain_ns));
	/* The relay's own time stays inside of the bracket. */
	assert_true(bed.narrowest_ns < plain_ns);
	bed_close(&bed, &counters);
}

/* A responder that is started again has other tickets: one exchange fails, the next one asks for a new one. */
static void test_restarted_responder(void **state)
{
	struct responder_net_setup setup = { .key = key_path, .tsc_hz = tsc_hz };
	struct responder_net_counters counters;
	struct error err = { "" };
	char port[16];
	struct bed bed;

	(void)state;
	bed_open(&bed, true);
	bed_exchange(&bed, FAULT_NONE, 3);
	snprintf(port, sizeof(port), "%d", responder_net_port(bed.responder));
	setup.udp = port;
	responder_net_stop(bed.responder);
	responder_net_close(bed.responder);
	assert_int_equal(responder_net_open(&setup, &bed.responder, &err), 0);
	assert_int_equal(responder_net_start(bed.responder, &err), 0);
	bed_exchange(&bed, FAULT_NONE, 10);
	assert_true(bed.failed >= 1 && bed.exchanges >= 1);
	bed_close(&bed, &counters);
	assert_int_equal(counters.verdict[PEER_TOO_OLD], 1);
}

static void test_open_fails(void **state)
{
	struct clock_setup clock = { .tsc_hz = tsc_hz };
	struct peer_traits traits = { 0 };
	struct net_stamp silent;
	struct net_address local;
	struct error err = { "" };
	char address[NET_ADDRESS_TEXT];
	uint64_t start;

	(void)state;
	assert_int_equal(peer_udp.open("127.0.0.1", &clock, &traits, &err), -EINVAL);
	err.text[0] = '\0';
	assert_int_equal(peer_udp.open("127.0.0.1:9:key=/nonexistent", &clock, &traits, &err), -ENOENT);
	/* One that never answers, then nobody. */
	loopback_open(&silent, 0);
	assert_int_equal(net_stamp_local(&silent, &local), 0);
	net_address_text(&local, address);
	err.text[0] = '\0';
	start = now_ns();
	assert_int_equal(peer_udp.open(address, &clock, &traits, &err), -ETIMEDOUT);
	assert_true(now_ns() - start >= PEER_OPEN_NS);
	assert_non_null(strstr(err.text, "and without a key"));
	net_stamp_close(&silent);
	err.text[0] = '\0';
	assert_int_equal(peer_udp.open(address, &clock, &traits, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "clkdrift serve --udp"));
	assert_null(traits.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_fault),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_replayed_and_reordered),
		cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_delay_one_way),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_narrowing),
		cmocka_unit_test(test_restarted_responder),
		cmocka_unit_test(test_open_fails),
	};

	tsc_init();
	tsc_hz = test_tsc_hz();
	return cmocka_run_group_tests_name("probes/peer_udp", tests, make_key, remove_key);
}
