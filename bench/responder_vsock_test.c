/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/key_fake.h"
#include "probes/peer_vsock.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>
#include <cmocka.h>

#include "bench/responder_net.c"
#include "probes/clock_test.h"

/*
 * Few machines have the vsock loopback (CONFIG_VSOCKETS_LOOPBACK), so the same
 * streams go over UNIX sockets here; one test tries the real thing.
 */

#define TRIES 40

static struct sockaddr_un at = { .sun_family = AF_UNIX };
static double tsc_hz;

static int unix_listen(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, CONNECTIONS), 0);
	return fd;
}

static int unix_connect(struct vsock *vsock)
{
	vsock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(vsock->fd >= 0);
	return connect(vsock->fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
}

static struct responder_net *start(bool keyed)
{
	struct responder_net_setup setup = { .key = keyed ? key_path : NULL, .tsc_hz = tsc_hz };
	struct responder_net *r;
	struct error err = { "" };

	assert_int_equal(responder_net_open(&setup, &r, &err), 0);
	r->vsock = unix_listen();
	assert_int_equal(responder_net_start(r, &err), 0);
	return r;
}

static void finish(struct responder_net *r, struct responder_net_counters *counters)
{
	responder_net_stop(r);
	responder_net_count(r, counters);
	responder_net_close(r);
}

static void asker_init(struct vsock *vsock, bool keyed)
{
	char options[64];

	memset(vsock, 0, sizeof(*vsock));
	vsock->fd = -1;
	vsock->connect = unix_connect;
	snprintf(options, sizeof(options), "key=%s", key_path);
	assert_int_equal(peer_ask_init(&vsock->ask, keyed ? options : "", tsc_hz, NULL), 0);
}

/* At least one of the tries is answered, and all answers are true. */
static void exchange_some(struct vsock *vsock)
{
	struct peer_values values;
	unsigned answered = 0;
	uint64_t lo, hi, last = 0;

	for (int i = 0; i < TRIES; i++) {
		if (vsock_exchange(vsock, &lo, &values, &hi))
			continue;
		answered++;
		assert_true(lo < hi && lo > last);
		assert_in_range(values.tsc_cycles, lo, hi);
		last = hi;
	}
	assert_true(answered > 0);
}

static void test_exchange(void **state)
{
	struct responder_net_counters counters;
	struct responder_net *r;
	struct vsock vsock;

	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		r = start(keyed);
		asker_init(&vsock, keyed);
		exchange_some(&vsock);
		test_spin(60 * NS_PER_MS); /* until the rates can be seen to agree */
		exchange_some(&vsock);
		vsock_disconnect(&vsock);
		finish(r, &counters);
		assert_int_equal(counters.received, counters.verdict[PEER_GOOD]);
		assert_true(counters.connections >= 1);
	}
}

static void test_restarted_responder(void **state)
{
	struct responder_net_counters counters;
	struct vsock vsock;
	struct responder_net *r = start(true);

	(void)state;
	asker_init(&vsock, true);
	exchange_some(&vsock);
	finish(r, &counters);
	assert_true(
		vsock_exchange(&vsock, &(uint64_t){ 0 }, &(struct peer_values){ 0 }, &(uint64_t){ 0 }) < 0);
	r = start(true);
	exchange_some(&vsock);
	vsock_disconnect(&vsock);
	finish(r, &counters);
}

/* Other keys, and no key: no answer; the connection ends. */
static void test_keys_do_not_mix(void **state)
{
	struct responder_net_counters counters;
	struct peer_round round;
	struct vsock vsock;
	struct responder_net *r;

	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		r = start(keyed);
		asker_init(&vsock, !keyed);
		assert_int_equal(vsock_values(&vsock, now_ns() + 2 * NS_PER_SEC, &round), -ECONNRESET);
		assert_int_equal(vsock.fd, -1);
		finish(r, &counters);
		assert_int_equal(counters.verdict[PEER_GOOD], 0);
		assert_int_equal(counters.received, 1);
	}
}

/* One that listens and says nothing, or something else. */
static void test_bad_responder(void **state)
{
	uint8_t garbage[2 * PEER_MESSAGE_SIZE];
	struct peer_round round;
	struct vsock vsock;
	int listener = unix_listen(), fd;
	uint64_t start_ns = now_ns();

	(void)state;
	asker_init(&vsock, false);
	assert_int_equal(vsock_values(&vsock, start_ns + 50 * NS_PER_MS, &round), -ETIMEDOUT);
	assert_true(now_ns() - start_ns >= 50 * NS_PER_MS);
	assert_int_equal(vsock.fd, -1);
	close(accept(listener, NULL, NULL));

	memset(garbage, 0x5a, sizeof(garbage));
	assert_int_equal(vsock_ready(&vsock, now_ns() + NS_PER_SEC), 0);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL), sizeof(garbage));
	assert_int_equal(vsock_values(&vsock, now_ns() + NS_PER_SEC, &round), -EBADMSG);
	close(fd);

	/* Half a message, then the end. */
	assert_int_equal(vsock_ready(&vsock, now_ns() + NS_PER_SEC), 0);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(send(fd, garbage, 10, MSG_NOSIGNAL), 10);
	shutdown(fd, SHUT_WR);
	assert_int_equal(vsock_values(&vsock, now_ns() + NS_PER_SEC, &round), -ECONNRESET);
	close(fd);
	close(listener);
	assert_int_equal(vsock_values(&vsock, now_ns() + NS_PER_SEC, &round), -ECONNREFUSED);
}

/* Askers that send garbage, pieces, or nothing at all: the responder stays open for others. */
static void test_bad_askers(void **state)
{
	struct responder_net_counters counters = { 0 };
	struct vsock idle[CONNECTIONS + 4], good;
	struct responder_net *r = start(false);
	uint64_t deadline_ns = now_ns() + 5 * NS_PER_SEC;
	char garbage[PEER_MESSAGE_SIZE];

	(void)state;
	memset(garbage, 0x33, sizeof(garbage));
	for (unsigned i = 0; i < CONNECTIONS + 4; i++) {
		asker_init(&idle[i], false);
		assert_int_equal(vsock_ready(&idle[i], now_ns() + NS_PER_SEC), 0);
		while (counters.connections + counters.refused <= i && now_ns() < deadline_ns)
			responder_net_count(r, &counters);
	}
	assert_int_equal(counters.connections, CONNECTIONS);
	assert_int_equal(counters.refused, 4);
	/* One ends in garbage, one in a piece: both places are free again. */
	assert_int_equal(send(idle[0].fd, garbage, sizeof(garbage), MSG_NOSIGNAL), sizeof(garbage));
	assert_int_equal(send(idle[1].fd, garbage, 10, MSG_NOSIGNAL), 10);
	vsock_disconnect(&idle[1]);
	while (counters.received < 2 && now_ns() < deadline_ns)
		responder_net_count(r, &counters);
	asker_init(&good, false);
	exchange_some(&good);
	vsock_disconnect(&good);
	for (unsigned i = 0; i < CONNECTIONS + 4; i++)
		vsock_disconnect(&idle[i]);
	finish(r, &counters);
	assert_int_equal(counters.verdict[PEER_BAD_MAGIC], 1);
	assert_int_equal(counters.verdict[PEER_BAD_LENGTH], 1);
	assert_int_equal(counters.received, counters.verdict[PEER_GOOD] + 2);
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "2", "2:", ":9", "2:x", "2:9:9", "-1:9", "2:4294967295",
		"4294967296:1", "99999999999999999999:1", " 2:9", "2:9 " };
	struct sockaddr_vm address;
	struct error err = { "" };

	(void)state;
	assert_int_equal(peer_vsock_parse("2:9123", 0, &address, &err), 0);
	assert_int_equal(address.svm_cid, VMADDR_CID_HOST);
	assert_int_equal(address.svm_port, 9123);
	assert_int_equal(peer_vsock_parse("9123", VMADDR_CID_ANY, &address, &err), 0);
	assert_int_equal(address.svm_cid, VMADDR_CID_ANY);
	assert_string_equal(err.text, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(peer_vsock_parse(bad[i], 0, &address, &err), -EINVAL);
		assert_true(err.text[0]);
	}
}

static void test_loopback(void **state)
{
	struct responder_net_setup setup = { .vsock = "1:39123", .tsc_hz = tsc_hz };
	struct clock_setup clock = { .tsc_hz = tsc_hz };
	struct responder_net_counters counters;
	struct peer_traits traits = { 0 };
	struct responder_net *r;
	struct error err = { "" };
	int rc = responder_net_open(&setup, &r, &err);

	(void)state;
	if (rc) {
		print_message("%s; modprobe vsock_loopback\n", err.text);
		skip();
	}
	assert_int_equal(responder_net_start(r, &err), 0);
	rc = peer_vsock.open("1:39123", &clock, &traits, &err);
	if (rc) {
		finish(r, &counters);
		print_message("%s\n", err.text);
		skip();
	}
	assert_true(traits.same_host);
	assert_true(traits.tsc_hz > 0);
	exchange_some(traits.state);
	peer_vsock.close(traits.state);
	finish(r, &counters);
	assert_int_equal(counters.received, counters.verdict[PEER_GOOD]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_restarted_responder),
		cmocka_unit_test(test_keys_do_not_mix),
		cmocka_unit_test(test_bad_responder),
		cmocka_unit_test(test_bad_askers),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_loopback),
	};

	/* A name in the abstract namespace: nothing to remove. */
	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "clkdrift-vsock-test-%d", (int)getpid());
	tsc_init();
	tsc_hz = test_tsc_hz();
	return cmocka_run_group_tests_name("probes/peer_vsock", tests, make_key, remove_key);
}
