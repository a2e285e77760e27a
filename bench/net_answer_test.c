/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/net_answer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "bench/tickets.c"
#include "probes/tsc.h"

static struct net_answerer answerer;
static struct peer_key key;

static enum peer_verdict ask(
	const struct peer_request *request, const struct net_answer_stamps *stamps, struct peer_reply *reply)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	struct net_answer answer;
	enum peer_verdict verdict;

	peer_request_write(request, answerer.key, message);
	verdict = net_answer_make(&answerer, message, sizeof(message), stamps, &answer);
	if (verdict != PEER_GOOD)
		return verdict;
	assert_int_equal(
		peer_reply_parse(answer.message, sizeof(answer.message), answerer.key, reply), PEER_GOOD);
	assert_int_equal(answer.serial, reply->serial);
	assert_int_equal(reply->kind, request->kind);
	assert_int_equal(reply->nonce, request->nonce);
	assert_int_equal(reply->sequence, request->sequence);
	return PEER_GOOD;
}

static void test_values(void **state)
{
	const struct peer_request request = { .kind = PEER_VALUES, .nonce = 3, .sequence = 4 };
	const struct net_answer_stamps none = { 0 };
	struct peer_reply reply, second;
	uint64_t lo, hi;

	(void)state;
	net_answerer_init(&answerer, 2.5e9, NULL);
	lo = tsc_before();
	assert_int_equal(ask(&request, &none, &reply), PEER_GOOD);
	hi = tsc_after();
	assert_in_range(reply.values.tsc_cycles, lo, hi);
	assert_true(reply.tsc_hz == 2.5e9);
	assert_true(reply.before_ns <= (int64_t)reply.values.realtime_ns);
	assert_true((int64_t)reply.values.realtime_ns <= reply.after_ns);
	assert_true(reply.after_ns <= reply.sending_ns);
	assert_true(reply.resolution_ns > 0);
	assert_false(reply.received_known || reply.previous_known);
	assert_int_equal(ask(&request, &none, &second), PEER_GOOD);
	assert_true(second.serial != reply.serial);
}

/* As if CLOCK_REALTIME had been elsewhere at the last answer. */
static void pretend_step(int64_t by_ns)
{
	answerer.anchor.ahead_min_ns -= by_ns;
	answerer.anchor.ahead_max_ns -= by_ns;
}

static void test_stamps_across_a_step(void **state)
{
	const struct peer_request request = { .kind = PEER_VALUES, .nonce = 3 };
	struct net_answer_stamps stamps = { .received_known = true, .previous_known = true };
	struct peer_reply reply;

	(void)state;
	net_answerer_init(&answerer, 0, NULL);
	for (int sign = -1; sign <= 1; sign += 2) {
		stamps.previous_steps = answerer.steps;
		stamps.previous_serial = 7;
		stamps.previous_sent_ns = 8;
		stamps.received_ns = (int64_t)posix_clock_ns(CLOCK_REALTIME);
		assert_int_equal(ask(&request, &stamps, &reply), PEER_GOOD);
		assert_true(reply.received_known && reply.previous_known);
		assert_int_equal(reply.received_ns, stamps.received_ns);
		assert_int_equal(reply.previous_serial, 7);
		assert_int_equal(reply.previous_sent_ns, 8);

		stamps.received_ns = (int64_t)posix_clock_ns(CLOCK_REALTIME);
		pretend_step(sign * NS_PER_SEC);
		assert_int_equal(ask(&request, &stamps, &reply), PEER_GOOD);
		assert_false(reply.received_known || reply.previous_known);
		/* One that was queued since before the step, too. */
		stamps.previous_steps = answerer.steps;
		assert_int_equal(ask(&request, &stamps, &reply), PEER_GOOD);
		assert_false(reply.received_known);
		assert_true(reply.previous_known);
	}
	/* From the future: it was stepped back. */
	stamps.received_ns = (int64_t)posix_clock_ns(CLOCK_REALTIME) + NS_PER_SEC;
	assert_int_equal(ask(&request, &stamps, &reply), PEER_GOOD);
	assert_false(reply.received_known);
}

static void test_tickets(void **state)
{
	struct peer_request request = { .kind = PEER_VALUES, .nonce = 3 };
	const struct peer_request first = { .kind = PEER_TICKET, .nonce = 2 };
	const struct net_answer_stamps none = { 0 };
	struct peer_reply reply, next;

	(void)state;
	peer_key_set(&key, "0123456789abcdef", 16);
	net_answerer_init(&answerer, 0, &key);
	assert_int_equal(ask(&request, &none, &reply), PEER_TOO_OLD);
	assert_int_equal(ask(&first, &none, &reply), PEER_GOOD);
	assert_int_equal(reply.values.tsc_cycles, 0);
	request.ticket = reply.ticket;
	request.instance = reply.instance;
	assert_int_equal(ask(&request, &none, &next), PEER_GOOD);
	assert_int_equal(ask(&request, &none, &reply), PEER_REPLAYED);
	/* Each reply brings the next; one of another start is of no use. */
	request.ticket = next.ticket;
	request.instance ^= 1;
	assert_int_equal(ask(&request, &none, &reply), PEER_TOO_OLD);
	request.instance ^= 1;
	assert_int_equal(ask(&request, &none, &reply), PEER_GOOD);
}

/* Whatever comes in whatever order, no ticket buys twice, and old ones nothing. */
static void test_ticket_window(void **state)
{
	static struct tickets tickets;
	uint64_t number, now = 1000, instance;

	(void)state;
	tickets_init(&tickets);
	instance = tickets.instance;
	assert_int_equal(tickets_spend(&tickets, instance, 0, now), PEER_TOO_OLD);
	assert_int_equal(tickets_spend(&tickets, instance, 1, now), PEER_TOO_OLD);
	for (unsigned i = 1; i <= TICKETS_KEPT + 10; i++)
		assert_int_equal(tickets_issue(&tickets, now), i);
	assert_int_equal(tickets_spend(&tickets, instance, 10, now), PEER_TOO_OLD);
	for (number = TICKETS_KEPT + 10; number > 10; number--) {
		assert_int_equal(tickets_spend(&tickets, instance, number, now), PEER_GOOD);
		assert_int_equal(tickets_spend(&tickets, instance, number, now), PEER_REPLAYED);
	}
	assert_int_equal(tickets_spend(&tickets, instance, TICKETS_KEPT + 11, now), PEER_TOO_OLD);
	assert_int_equal(tickets_spend(&tickets, instance, UINT64_MAX, now), PEER_TOO_OLD);
	number = tickets_issue(&tickets, now);
	assert_int_equal(tickets_spend(&tickets, instance + 1, number, now), PEER_TOO_OLD);
	assert_int_equal(tickets_spend(&tickets, instance, number, now + TICKETS_AGE_NS + 1), PEER_TOO_OLD);
	assert_int_equal(tickets_spend(&tickets, instance, number, now + TICKETS_AGE_NS), PEER_GOOD);
	tickets_init(&tickets);
	assert_true(tickets.instance != instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_stamps_across_a_step),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_ticket_window),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/net_answer", tests, NULL, NULL);
}
