/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_ask.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#define HZ 2.5e9

static uint64_t seed;

static double uniform(double from, double to)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return from + (to - from) * (double)(seed >> 11) / 9007199254740992.0;
}

/* A responder whose clock runs at `rate`, and stamps that are up to a step too old. */
struct responder_sim {
	double rate;
	uint64_t step_ns;
};

static int64_t stamp(const struct responder_sim *sim, double at_ns)
{
	uint64_t ns = 5000000000ULL + (uint64_t)(at_ns * sim->rate);

	return (int64_t)(ns - ns % sim->step_ns);
}

/* An exchange that starts at start_ns; *read_ns is when the values were read, *sent_ns the reply's stamp. */
static struct peer_round sim_round(
	const struct responder_sim *sim, double start_ns, double *read_ns, int64_t *sent_ns)
{
	double received = start_ns + uniform(100, 50000), before = received + uniform(0, 30000);
	double after, sent, end;
	struct peer_round round = { 0 };

	*read_ns = before + uniform(0, 200);
	after = *read_ns + uniform(0, 200);
	sent = after + uniform(0, 30000);
	end = sent + uniform(100, 50000);
	round.reply.received_known = true;
	round.reply.received_ns = stamp(sim, received);
	round.reply.before_ns = stamp(sim, before);
	round.reply.values.realtime_ns = (uint64_t)stamp(sim, *read_ns);
	round.reply.after_ns = stamp(sim, after);
	round.reply.resolution_ns = sim->step_ns;
	*sent_ns = stamp(sim, sent);
	round.tsc_lo = (uint64_t)ns_to_cycles(start_ns, HZ);
	round.tsc_hi = (uint64_t)ns_to_cycles(end, HZ) + 1;
	return round;
}

static struct peer_ask asker(void)
{
	struct peer_ask ask;
	struct error err = { "" };

	assert_int_equal(peer_ask_init(&ask, "", HZ, &err), 0);
	return ask;
}

/* The values stay inside, and most brackets get narrower, at any rate within the limit and any step. */
static void test_narrow_holds(void **state)
{
	static const double rates[] = { 1 - 900 * PPM, 1, 1 + 900 * PPM };
	static const uint64_t steps_ns[] = { 1, 30, 1000, 4000000 };

	(void)state;
	for (size_t r = 0; r < 3; r++) {
		for (size_t s = 0; s < 4; s++) {
			struct responder_sim sim = { rates[r], steps_ns[s] };
			struct peer_ask ask = asker();
			unsigned narrower = 0;

			for (int i = 0; i < 2000; i++) {
				double read_ns, tsc;
				int64_t sent_ns;
				struct peer_round round = sim_round(&sim, 1e9 + i * 1e8, &read_ns, &sent_ns);
				uint64_t width = round.tsc_hi - round.tsc_lo;

				peer_ask_learn(&ask, &round);
				peer_ask_narrow(&ask, &round, sent_ns);
				tsc = ns_to_cycles(read_ns, HZ);
				assert_true((double)round.tsc_lo <= tsc && tsc <= (double)round.tsc_hi);
				narrower += round.tsc_hi - round.tsc_lo < width;
			}
			assert_true(ask.agrees);
			if (sim.step_ns <= 30)
				assert_true(narrower > 1900);
			else if (sim.step_ns > 1000000)
				assert_int_equal(narrower, 0);
		}
	}
}

/* Another rate, or a clock that is stepped between exchanges: nothing is narrowed. */
static void test_other_rates_are_not_used(void **state)
{
	static const double rates[] = { 1 - 3000 * PPM, 1 + 3000 * PPM, 0.5, 2 };

	(void)state;
	for (size_t r = 0; r < 4; r++) {
		struct responder_sim sim = { rates[r], 1 };
		struct peer_ask ask = asker();

		for (int i = 0; i < 50; i++) {
			double read_ns;
			int64_t sent_ns;
			struct peer_round round = sim_round(&sim, 1e9 + i * 1e9, &read_ns, &sent_ns), was;

			was = round;
			peer_ask_learn(&ask, &round);
			peer_ask_narrow(&ask, &round, sent_ns);
			assert_int_equal(round.tsc_lo, was.tsc_lo);
			assert_int_equal(round.tsc_hi, was.tsc_hi);
		}
		assert_false(ask.agrees);
	}
}

static void test_agreement(void **state)
{
	struct responder_sim sim = { 1, 1 };
	struct peer_ask ask = asker();
	struct peer_round round;
	double read_ns;
	int64_t sent_ns;

	(void)state;
	round = sim_round(&sim, 1e9, &read_ns, &sent_ns);
	peer_ask_learn(&ask, &round);
	/* 1 ms later, brackets of up to 150 us prove nothing; 1 s later they do. */
	round = sim_round(&sim, 1.001e9, &read_ns, &sent_ns);
	peer_ask_learn(&ask, &round);
	assert_false(ask.agrees);
	round = sim_round(&sim, 2e9, &read_ns, &sent_ns);
	peer_ask_learn(&ask, &round);
	assert_true(ask.agrees);
	/* A step of 10 ms, as seen over 1 s. */
	round = sim_round(&sim, 3e9, &read_ns, &sent_ns);
	round.reply.values.realtime_ns += 10000000;
	peer_ask_learn(&ask, &round);
	assert_false(ask.agrees);
}

/* Stamps out of order, or of more time than the exchange took: someone is wrong, so none of them counts. */
static void test_nonsense_is_not_used(void **state)
{
	static const int64_t shifts_ns[] = { -1000000, 1000000, INT64_MAX, INT64_MIN };
	struct responder_sim sim = { 1, 1 };
	struct peer_ask ask = asker();

	(void)state;
	for (int i = 0; i < 3; i++) {
		double read_ns;
		int64_t sent_ns;
		struct peer_round round = sim_round(&sim, 1e9 + i * 1e9, &read_ns, &sent_ns);

		peer_ask_learn(&ask, &round);
	}
	assert_true(ask.agrees);
	for (int field = 0; field < 4; field++) {
		for (int i = 0; i < 4; i++) {
			double read_ns;
			int64_t sent_ns;
			struct peer_round round = sim_round(&sim, 4e9, &read_ns, &sent_ns), was;
			int64_t *fields[] = { &round.reply.received_ns, &round.reply.before_ns,
				&round.reply.after_ns, &sent_ns };

			was = round;
			*fields[field] = (int64_t)((uint64_t)*fields[field] + (uint64_t)shifts_ns[i]);
			peer_ask_narrow(&ask, &round, sent_ns);
			assert_int_equal(round.tsc_lo, was.tsc_lo);
			assert_int_equal(round.tsc_hi, was.tsc_hi);
		}
	}
}

/* Without a receive stamp the way there cannot be narrowed, the way back can. */
static void test_no_receive_stamp(void **state)
{
	struct responder_sim sim = { 1, 1 };
	struct peer_ask ask = asker();
	struct peer_round round, was;
	double read_ns;
	int64_t sent_ns;

	(void)state;
	for (int i = 0; i < 3; i++) {
		round = sim_round(&sim, 1e9 + i * 1e9, &read_ns, &sent_ns);
		peer_ask_learn(&ask, &round);
	}
	round.reply.received_known = false;
	round.reply.received_ns = 0;
	sent_ns = round.reply.after_ns + 5000;
	was = round;
	peer_ask_narrow(&ask, &round, sent_ns);
	assert_int_equal(round.tsc_lo, was.tsc_lo);
	assert_in_range(was.tsc_hi - round.tsc_hi, 4900 * 2.5, 5000 * 2.5);
}

static void test_match_and_tickets(void **state)
{
	static struct peer_key key;
	uint8_t message[PEER_MESSAGE_SIZE];
	struct peer_ask ask = asker();
	struct peer_request first, second;
	struct peer_reply reply = { .kind = PEER_VALUES, .ticket = 77, .instance = 78 }, got;

	(void)state;
	assert_false(peer_ask_needs_ticket(&ask, 1));
	peer_key_set(&key, "0123456789abcdef", 16);
	ask.key = &key;
	assert_true(peer_ask_needs_ticket(&ask, 1));
	peer_ask_write(&ask, PEER_VALUES, &first, message);
	peer_ask_write(&ask, PEER_VALUES, &second, message);
	assert_int_equal(second.sequence, first.sequence + 1);
	assert_true(second.nonce != first.nonce);
	reply.nonce = first.nonce;
	reply.sequence = first.sequence;
	peer_reply_write(&reply, &key, message);
	assert_false(peer_ask_match(&ask, &second, message, sizeof(message), 5, &got));
	assert_true(peer_ask_needs_ticket(&ask, 5));
	assert_true(peer_ask_match(&ask, &first, message, sizeof(message), 5, &got));
	assert_false(peer_ask_needs_ticket(&ask, 5));
	assert_true(peer_ask_needs_ticket(&ask, 6 + TICKET_KEPT_NS));
	/* One request spends it. */
	peer_ask_write(&ask, PEER_VALUES, &second, message);
	assert_int_equal(second.ticket, 77);
	assert_int_equal(second.instance, 78);
	assert_true(peer_ask_needs_ticket(&ask, 5));
	/* The kind, the sequence and the key have to fit as well. */
	reply.nonce = second.nonce;
	peer_reply_write(&reply, &key, message);
	assert_false(peer_ask_match(&ask, &second, message, sizeof(message), 5, &got));
	reply.sequence = second.sequence;
	reply.kind = PEER_TICKET;
	peer_reply_write(&reply, &key, message);
	assert_false(peer_ask_match(&ask, &second, message, sizeof(message), 5, &got));
	reply.kind = PEER_VALUES;
	peer_reply_write(&reply, NULL, message);
	assert_false(peer_ask_match(&ask, &second, message, sizeof(message), 5, &got));
	peer_reply_write(&reply, &key, message);
	assert_true(peer_ask_match(&ask, &second, message, sizeof(message), 5, &got));
}

static void test_options(void **state)
{
	char with[] = "[::1]:9:key=/nonexistent:x", without[] = "host:9";
	struct error err = { "" };
	struct peer_ask ask;

	(void)state;
	assert_string_equal(peer_ask_split(without), "");
	assert_string_equal(without, "host:9");
	assert_string_equal(peer_ask_split(with), "key=/nonexistent:x");
	assert_string_equal(with, "[::1]:9");
	assert_int_equal(peer_ask_init(&ask, "key=/nonexistent", HZ, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent"));
	err.text[0] = '\0';
	assert_int_equal(peer_ask_init(&ask, "kez=1", HZ, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow_holds),
		cmocka_unit_test(test_other_rates_are_not_used),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_nonsense_is_not_used),
		cmocka_unit_test(test_no_receive_stamp),
		cmocka_unit_test(test_match_and_tickets),
		cmocka_unit_test(test_options),
	};

	seed = (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("probes/peer_ask", tests, NULL, NULL);
}
