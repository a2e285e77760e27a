/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_account.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct ntp_account account;
static struct ntp_refusal refusals[NTP_REFUSALS_MAX];
static struct ntp_server server;

static void read_account(void)
{
	server = (struct ntp_server){ .refusals = refusals };
	ntp_account_read(&account, &server);
	assert_ptr_equal(server.refusals, refusals);
}

static int setup(void **state)
{
	(void)state;
	ntp_account_open(&account, "ntp-a", "192.0.2.1:123");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ntp_account_close(&account);
	return 0;
}

static void test_nothing_yet(void **state)
{
	struct event event;

	(void)state;
	read_account();
	assert_string_equal(server.clock, "ntp-a");
	assert_string_equal(server.address, "192.0.2.1:123");
	assert_int_equal(server.stratum, -1);
	assert_true(isnan(server.root_distance_min_ns) && isnan(server.delay_min_ns));
	assert_int_equal(server.refusal_count, 0);
	assert_false(ntp_account_take_event(&account, &event));
}

static void test_answers(void **state)
{
	struct ntp_reply reply = {
		.stratum = 1, .refid = "GPS", .root_delay = 2 * 65536, .root_dispersion = 65536
	};
	struct ntp_measured measured = { 1000, 5e6, true };
	struct event event;

	(void)state;
	ntp_account_asked(&account);
	ntp_account_answer(&account, &reply, &measured);
	reply.root_dispersion *= 3;
	measured = (struct ntp_measured){ 2000, 4e6, false };
	ntp_account_answer(&account, &reply, &measured);
	assert_false(ntp_account_take_event(&account, &event));
	reply.root_dispersion = reply.root_delay = 0;
	reply.stratum = 2;
	measured = (struct ntp_measured){ 3000, 6e6, true };
	ntp_account_answer(&account, &reply, &measured);
	read_account();
	assert_int_equal(server.asked, 1);
	assert_int_equal(server.answered, 3);
	assert_int_equal(server.stamped, 2);
	assert_true(server.root_delay_ns == 0 && server.root_dispersion_ns == 0);
	assert_true(server.root_distance_min_ns == 0);
	assert_true(server.root_distance_max_ns == 4e9);
	assert_true(server.delay_min_ns == 4e6);
	assert_true(ntp_account_take_event(&account, &event));
	assert_string_equal(event.kind, "ntp-source");
	assert_string_equal(event.text, "ntp-a: stratum 1 by GPS before, 2 by 47505300 now");
	assert_int_equal(event.tsc, 3000);
	assert_false(ntp_account_take_event(&account, &event));
}

/* 1000 times silent are 10 events, and late answers none; what finds no room is counted all the same. */
static void test_problems(void **state)
{
	struct event event = { 0 };
	unsigned events = 0;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		ntp_account_problem(&account, NTP_SILENT, i);
	ntp_account_problem(&account, NTP_LATE, 5);
	for (; ntp_account_take_event(&account, &event); events++)
		assert_int_equal(event.tsc, UINT64_C(1) << events);
	assert_int_equal(events, 10);
	assert_string_equal(event.kind, "ntp-silent");
	assert_string_equal(event.text, "ntp-a: it does not answer (512 so far)");
	read_account();
	assert_int_equal(server.refusal_count, 2);
	assert_string_equal(refusals[0].kind, "silent");
	assert_int_equal(refusals[0].count, 1000);
	assert_string_equal(refusals[1].kind, "late");
	assert_string_equal(server.last_problem, "late: its answer came late");
	for (unsigned i = 0; i < 8; i++)
		for (int k = NTP_SHORT; k < NTP_SILENT; k++)
			ntp_account_problem(&account, (enum ntp_problem)k, i);
	for (events = 0; ntp_account_take_event(&account, &event); events++)
		;
	assert_int_equal(events, NTP_EVENTS_HELD);
	read_account();
	assert_int_equal(server.refusal_count, NTP_PROBLEMS - 2); /* all but NTP_FINE and NTP_UNREACHABLE */
	assert_int_equal(refusals[0].count, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_problems, setup, teardown),
	};

	return cmocka_run_group_tests_name("probes/ntp_account", tests, NULL, NULL);
}
