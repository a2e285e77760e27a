/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_packet.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "probes/ntp_problem.c"

#define ASKED 0x0123456789abcdefULL

/* An answer as a server of stratum 2 gives it, written by hand; T2 is 2026-01-01 00:00:00.5, T3 0.25 s later. */
static const uint8_t good[NTP_PACKET_BYTES] = {
	0x24, 0x02, 0x06, 0xe7, /* no leap, version 4, server; stratum; poll; 2^-25 s */
	0x00, 0x00, 0x80, 0x00, /* root delay 0.5 s */
	0x00, 0x00, 0x01, 0x00, /* root dispersion 1/256 s */
	0xc0, 0x00, 0x02, 0x01, /* 192.0.2.1 */
	0xed, 0x00, 0x37, 0x00, 0x00, 0x00, 0x00, 0x00, /* reference */
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, /* origin */
	0xed, 0x00, 0x37, 0x80, 0x80, 0x00, 0x00, 0x00, /* receive */
	0xed, 0x00, 0x37, 0x80, 0xc0, 0x00, 0x00, 0x00, /* transmit */
};

#define GOOD_SECONDS  0xed003780u /* since 1900 */
#define GOOD_UNIX_S   UINT64_C(1767225600)
#define GOOD_UNIX_NS  (GOOD_UNIX_S * 1000000000 + 625000000)
#define SECONDS_A_DAY 86400

static enum ntp_problem parse_changed(size_t at, uint8_t value, struct ntp_reply *reply)
{
	uint8_t data[NTP_PACKET_BYTES];

	memcpy(data, good, sizeof(data));
	data[at] = value;
	return ntp_reply_parse(data, sizeof(data), ASKED, reply);
}

static void test_request(void **state)
{
	uint8_t packet[NTP_PACKET_BYTES];

	(void)state;
	ntp_request_make(ASKED, packet);
	assert_int_equal(packet[0], 0x23); /* version 4, client */
	for (int i = 1; i < 40; i++)
		assert_int_equal(packet[i], 0);
	assert_memory_equal(packet + 40, good + 24, 8);
}

static void test_good_answer(void **state)
{
	struct ntp_reply r;
	char refid[16];
	uint64_t ns;

	(void)state;
	assert_int_equal(ntp_reply_parse(good, sizeof(good), ASKED, &r), NTP_FINE);
	assert_int_equal(r.leap, 0);
	assert_int_equal(r.version, 4);
	assert_int_equal(r.mode, 4);
	assert_int_equal(r.stratum, 2);
	assert_int_equal(r.poll, 6);
	assert_int_equal(r.precision, -25);
	assert_true(ntp_short_ns(r.root_delay) == 5e8);
	assert_true(ntp_short_ns(r.root_dispersion) == 3906250);
	assert_true(ntp_reply_residence_ns(&r) == 2.5e8);
	assert_true(ntp_reply_precision_ns(&r) == 1e9 / (1 << 25));
	assert_int_equal(ntp_reply_unix_ns(&r, GOOD_UNIX_S + SECONDS_A_DAY, &ns), 0);
	assert_true(ns == GOOD_UNIX_NS);
	ntp_refid_format(&r, refid, sizeof(refid));
	assert_string_equal(refid, "C0000201");
}

/* What follows the 48 bytes, extensions or a MAC, does not matter; less is refused. */
static void test_lengths(void **state)
{
	uint8_t longer[NTP_PACKET_BYTES + 20] = { 0 };
	struct ntp_reply r;

	(void)state;
	memcpy(longer, good, sizeof(good));
	assert_int_equal(ntp_reply_parse(longer, sizeof(longer), ASKED, &r), NTP_FINE);
	for (size_t size = 0; size < NTP_PACKET_BYTES; size++)
		assert_int_equal(ntp_reply_parse(good, size, ASKED, &r), NTP_SHORT);
}

static void test_refusals(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum ntp_problem problem;
	} cases[] = {
		{ 0, 0x04, NTP_VERSION }, /* version 0 */
		{ 0, 0x2c, NTP_VERSION }, /* 5 */
		{ 0, 0x1c, NTP_FINE },	  /* 3 */
		{ 0, 0x23, NTP_MODE },	  /* our own request */
		{ 0, 0x25, NTP_MODE },	  /* broadcast */
		{ 0, 0x64, NTP_FINE },	  /* a leap second today */
		{ 0, 0xe4, NTP_ALARM },	  /* leap 3 */
		{ 1, 15, NTP_FINE }, { 1, 16, NTP_STRATUM }, { 1, 255, NTP_STRATUM },
		{ 1, 0, NTP_KISS_OTHER },
		{ 5, 31, NTP_FINE }, /* root delay 31.5 s, half of it is below 16 s */
		{ 5, 32, NTP_ROOT }, { 4, 0x80, NTP_ROOT }, { 9, 15, NTP_FINE }, { 9, 16, NTP_ROOT },
		{ 24, 0x02, NTP_ORIGIN }, { 31, 0xee, NTP_ORIGIN },
		{ 44, 0x7f, NTP_RESIDENCE }, /* T3 before T2 */
		{ 44, 0x80, NTP_FINE },	     /* at once */
	};
	struct ntp_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse_changed(cases[i].at, cases[i].value, &r), cases[i].problem);
}

static void test_zero_timestamps(void **state)
{
	uint8_t data[NTP_PACKET_BYTES];
	struct ntp_reply r;

	(void)state;
	for (size_t at = AT_RECEIVE; at <= AT_TRANSMIT; at += 8) {
		memcpy(data, good, sizeof(data));
		memset(data + at, 0, 8);
		assert_int_equal(ntp_reply_parse(data, sizeof(data), ASKED, &r), NTP_TRANSMIT);
	}
}

static enum ntp_problem parse_kiss(const char *code, uint8_t flags, uint64_t asked, char *refid)
{
	uint8_t data[NTP_PACKET_BYTES];
	enum ntp_problem problem;
	struct ntp_reply r;

	memcpy(data, good, sizeof(data));
	data[AT_FLAGS] = flags;
	data[AT_STRATUM] = 0;
	memcpy(data + AT_REFID, code, 4);
	problem = ntp_reply_parse(data, sizeof(data), asked, &r);
	ntp_refid_format(&r, refid, 16);
	return problem;
}

/* A kiss that answers nothing of ours must not stop us; stratum 0 with the alarm is a server not yet synchronised. */
static void test_kisses(void **state)
{
	char refid[16];

	(void)state;
	assert_int_equal(parse_kiss("DENY", 0xe4, ASKED, refid), NTP_KISS_DENY);
	assert_string_equal(refid, "DENY");
	assert_int_equal(parse_kiss("RSTR", 0xe4, ASKED, refid), NTP_KISS_RSTR);
	assert_int_equal(parse_kiss("RATE", 0xe4, ASKED, refid), NTP_KISS_RATE);
	assert_int_equal(parse_kiss("RATE", 0x24, ASKED, refid), NTP_KISS_RATE);
	assert_int_equal(parse_kiss("ACST", 0x24, ASKED, refid), NTP_KISS_OTHER);
	assert_int_equal(parse_kiss("INIT", 0xe4, ASKED, refid), NTP_ALARM);
	assert_int_equal(parse_kiss("\0\0\0\0", 0xe4, ASKED, refid), NTP_ALARM);
	assert_string_equal(refid, "00000000");
	assert_int_equal(parse_kiss("GPS\0", 0x24, ASKED, refid), NTP_KISS_OTHER);
	assert_string_equal(refid, "GPS");
	assert_int_equal(parse_kiss("G\nS\0", 0x24, ASKED, refid), NTP_KISS_OTHER);
	assert_string_equal(refid, "470A5300");
	assert_int_equal(parse_kiss("DENY", 0xe4, ASKED + 1, refid), NTP_ORIGIN);
}

/* The 64-bit timestamps turn over on 2036-02-07 06:28:16 UTC, 2085978496 s of Unix time. */
static void test_eras(void **state)
{
	const uint64_t turn = 2085978496;
	struct ntp_reply r = { .receive = UINT64_C(5) << 32, .transmit = UINT64_C(5) << 32 };
	uint64_t ns;

	(void)state;
	assert_int_equal(ntp_reply_unix_ns(&r, turn - 60, &ns), 0);
	assert_true(ns == (turn + 5) * 1000000000);
	assert_int_equal(ntp_reply_unix_ns(&r, turn + SECONDS_A_DAY, &ns), 0);
	assert_true(ns == (turn + 5) * 1000000000);
	/* Seen from 2150 the same bits are era 2. */
	assert_int_equal(ntp_reply_unix_ns(&r, turn + (UINT64_C(1) << 32) - 60, &ns), 0);
	assert_true(ns == (turn + 5 + (UINT64_C(1) << 32)) * 1000000000);
	/* A residence over the turn: 2 s, its middle is the turn itself. */
	r.receive = UINT64_MAX - (UINT64_C(1) << 32) + 1;
	r.transmit = UINT64_C(1) << 32;
	assert_true(ntp_reply_residence_ns(&r) == 2e9);
	assert_int_equal(ntp_reply_unix_ns(&r, turn, &ns), 0);
	assert_true(ns == turn * 1000000000);
	/* Before 1970, and beyond 64 bits of ns. */
	r.receive = r.transmit = UINT64_C(2208988799) << 32;
	assert_int_equal(ntp_reply_unix_ns(&r, 0, &ns), -ERANGE);
	assert_int_equal(ntp_reply_unix_ns(&r, UINT64_C(1) << 40, &ns), -ERANGE);
}

/* The last 2^-32 s of a second is rounded into the next one. */
static void test_rounding(void **state)
{
	struct ntp_reply r = { .receive = ((uint64_t)GOOD_SECONDS << 32) + UINT32_MAX };
	uint64_t ns;

	(void)state;
	r.transmit = r.receive;
	assert_int_equal(ntp_reply_unix_ns(&r, GOOD_UNIX_S, &ns), 0);
	assert_true(ns == (GOOD_UNIX_S + 1) * 1000000000);
}

static void test_precision_is_held(void **state)
{
	struct ntp_reply r = { .precision = 127 };

	(void)state;
	assert_true(ntp_reply_precision_ns(&r) == 1e9);
	r.precision = -128;
	assert_true(ntp_reply_precision_ns(&r) > 0);
}

/* The names go into run.json, as kinds of at most 15 bytes. */
static void test_each_problem_has_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < NTP_PROBLEMS; i++) {
		assert_in_range(strlen(ntp_problem_name((enum ntp_problem)i)), 3, 15);
		assert_in_range(strlen(ntp_problem_text((enum ntp_problem)i)), 8, 79);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				ntp_problem_name((enum ntp_problem)i), ntp_problem_name((enum ntp_problem)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_good_answer),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_zero_timestamps),
		cmocka_unit_test(test_kisses),
		cmocka_unit_test(test_eras),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_precision_is_held),
		cmocka_unit_test(test_each_problem_has_its_name),
	};

	return cmocka_run_group_tests_name("probes/ntp_packet", tests, NULL, NULL);
}
