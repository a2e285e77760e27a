/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_peer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "probes/now.h"

/* A transport whose other side has a TSC of this many Hz. */
static struct {
	double hz;
	unsigned calls, fail_first; /* so many of them fail */
	bool mute, closed;
} fake;

static int fake_exchange(void *state, uint64_t *tsc_lo, struct peer_values *values, uint64_t *tsc_hi)
{
	uint64_t now = now_ns();

	assert_ptr_equal(state, &fake);
	if (fake.calls++ < fake.fail_first || fake.mute)
		return -ETIMEDOUT;
	*tsc_lo = 10;
	*tsc_hi = 20;
	*values = (struct peer_values){ now, 2, 3,
		(uint64_t)((double)now * (fake.hz / 1e9)) }; /* exact for 1 GHz */
	return 0;
}

static void fake_close(void *state)
{
	assert_ptr_equal(state, &fake);
	fake.closed = true;
}

static const struct peer_transport fake_transport = {
	.name = "fake", .exchange = fake_exchange, .close = fake_close
};

static struct peer *make(double hz)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	memset(&fake, 0, sizeof(fake));
	fake.hz = hz;
	*peer = (struct peer){ &fake_transport, &fake };
	return peer;
}

static void refused(const char *options, const char *reason)
{
	struct clock_setup setup = { .options = options };
	struct clock_traits traits = { 0 };
	struct error err = { "" };

	if (clock_peer.open(&setup, &traits, &err) >= 0 || !strstr(err.text, reason))
		fail_msg("\"%s\": \"%s\" says nothing of \"%s\"", options ? options : "(none)", err.text,
			reason);
	assert_null(traits.state);
}

static void test_options(void **state)
{
	(void)state;
	refused(NULL, "needs TRANSPORT:ADDRESS");
	refused("", "unknown transport");
	refused("wobble:x", "unknown transport in \"wobble:x\"; there is ");
	refused("sh:x", "unknown transport");
	refused("shmx:x", "unknown transport");
	refused("shm", "no address");
	refused("shm:", "no address");
	refused("shm:/nonexistent/page", "/nonexistent/page is not there");
}

static void test_one_exchange_is_four_readings(void **state)
{
	struct peer *peer = make(1e9);
	struct reading reading[CLOCK_OUTPUTS_MAX];
	size_t also = 0;

	(void)state;
	while (peer_also[also].suffix)
		also++;
	assert_int_equal(also, CLOCK_OUTPUTS_MAX - 1);
	assert_int_equal(peer_read_bracket(peer, 0, reading), 0);
	for (size_t i = 0; i < CLOCK_OUTPUTS_MAX; i++) {
		assert_int_equal(reading[i].tsc_lo, 10);
		assert_int_equal(reading[i].tsc_hi, 20);
	}
	assert_int_equal(reading[1].value, 2);
	assert_int_equal(reading[2].value, 3);
	assert_int_equal(reading[3].value, reading[0].value);
	fake.mute = true;
	assert_int_equal(peer_read_bracket(peer, 0, reading), -ETIMEDOUT);
	peer_close(peer);
	assert_true(fake.closed);
}

static void test_rate_from_answers(void **state)
{
	struct peer *peer = make(2596150e3);
	struct error err = { "" };
	double hz = 0;

	(void)state;
	fake.fail_first = 5;
	assert_int_equal(rate_from_answers(peer, &hz, &err), 0);
	assert_true(fabs(hz - 2596150e3) <= 1000);
	free(peer);
	peer = make(10); /* far too slow */
	assert_int_equal(rate_from_answers(peer, &hz, &err), -EBADMSG);
	free(peer);
	peer = make(-1e9); /* backward */
	assert_int_equal(rate_from_answers(peer, &hz, &err), -EBADMSG);
	free(peer);
	peer = make(1e9);
	fake.mute = true;
	assert_int_equal(rate_from_answers(peer, &hz, &err), -ETIMEDOUT);
	free(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_one_exchange_is_four_readings),
		cmocka_unit_test(test_rate_from_answers),
	};

	return cmocka_run_group_tests_name("probes/clock_peer", tests, NULL, NULL);
}
