/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void there_and_back(void **state)
{
	static const struct outside_request all[] = {
		{ .kind = OUTSIDE_HELLO, .event = OUTSIDE_MIGRATE },
		{ .kind = OUTSIDE_PAUSE, .seconds = 2 },
		{ .kind = OUTSIDE_PAUSE, .seconds = 0.1 },
		{ .kind = OUTSIDE_PAUSE, .seconds = 60 },
		{ .kind = OUTSIDE_MIGRATE },
		{ .kind = OUTSIDE_SNAPSHOT, .seconds = 1.5 },
		{ .kind = OUTSIDE_SNAPSHOT, .seconds = 60, .same = true },
		{ .kind = OUTSIDE_HOST_LOAD, .seconds = 3600, .share = 100, .class = "matrix" },
		{ .kind = OUTSIDE_HOST_LOAD, .seconds = 0.5, .share = 1, .class = "cpu" },
		{ .kind = OUTSIDE_HOST_LOAD_END },
		{ .kind = OUTSIDE_VCPU_HOTPLUG },
		{ .kind = OUTSIDE_VCPU_UNPLUG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct outside_request back;
		char text[OUTSIDE_TEXT_MAX];
		struct error why = { "" };

		outside_request_write(&all[i], text);
		if (outside_request_read(text, strlen(text), &back, &why))
			fail_msg("%s: %s", text, why.text);
		assert_int_equal(back.kind, all[i].kind);
		assert_int_equal(back.event, all[i].event);
		assert_true(back.seconds == all[i].seconds);
		assert_int_equal(back.same, all[i].same);
		assert_int_equal(back.share, all[i].share);
		assert_string_equal(back.class, all[i].class);
	}
}

static const struct {
	const char *text, *reason;
} bad_requests[] = {
	{ "", "not known" },
	{ " ", "not known" },
	{ "quit", "not known" },
	{ "PAUSE 2", "not known" },
	{ "pause2", "not known" },
	{ " pause 2", "not known" },
	{ "migrate ", "not known" },
	{ "migrate tcp:1.2.3.4:5", "not known" },
	{ "hello", "not known" },
	{ "hello ", "not known" },
	{ "hello hello", "not known" },
	{ "hello pause ", "not known" },
	{ "hello nothing", "not known" },
	{ "hello\n", "not known" },
	{ "host-load-end now", "not known" },
	{ "vcpu-hotplug 1", "not known" },
	{ "vcpu-unplug -1", "not known" },
	{ "snapshot", "a number" },
	{ "snapshot 2", "a number" },
	{ "snapshot 2 ", "a number" },
	{ "snapshot 2 old", "a number" },
	{ "snapshot 2 new same", "a number" },
	{ "snapshot 2  new", "a number" },
	{ "snapshot same", "a number" },
	{ "snapshot -1 same", "a number" },
	{ "snapshot 61 new", "0.1 to 60 s" },
	{ "host-load", "of class" },
	{ "host-load  50 2", "of class" },
	{ "host-load fork 50 2", "of class" },
	{ "host-load cpu,cache 50 2", "of class" },
	{ "host-load cp 50 2", "of class" },
	{ "host-load matrixmatrixmatrixmatrixmatrix 50 2", "of class" },
	{ "host-load --help 50 2", "of class" },
	{ "host-load cpu", "a share" },
	{ "host-load cpu 2", "a share" },
	{ "host-load cpu 0 2", "a share" },
	{ "host-load cpu 101 2", "a share" },
	{ "host-load cpu 4294967297 2", "a share" },
	{ "host-load cpu -1 2", "a share" },
	{ "host-load cpu 5.5 2", "a share" },
	{ "host-load cpu 50  2", "a number" },
	{ "host-load cpu 50 ", "a number" },
	{ "host-load cpu 50 1e3", "a number" },
	{ "host-load cpu 50 3600.5", "0.1 to 3600 s" },
	{ "pause", "a number" },
	{ "pause ", "a number" },
	{ "pause  2", "a number" },
	{ "pause 2 ", "a number" },
	{ "pause 2 3", "a number" },
	{ "pause -2", "a number" },
	{ "pause +2", "a number" },
	{ "pause .5", "a number" },
	{ "pause 2.", "a number" },
	{ "pause 1e1", "a number" },
	{ "pause nan", "a number" },
	{ "pause inf", "a number" },
	{ "pause 0x2", "a number" },
	{ "pause 2.5.5", "a number" },
	{ "pause 2,5", "a number" },
	{ "pause 2.0000000000000000000", "a number" },
	{ "pause 0", "0.1 to 60 s" },
	{ "pause 0.09", "0.1 to 60 s" },
	{ "pause 60.001", "0.1 to 60 s" },
	{ "pause 9999999999", "0.1 to 60 s" },
};

static void what_is_refused(void **state)
{
	struct outside_request request;
	struct error why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_requests) / sizeof(*bad_requests); i++) {
		why.text[0] = '\0';
		if (outside_request_read(
			    bad_requests[i].text, strlen(bad_requests[i].text), &request, &why) != -EINVAL ||
			!strstr(why.text, bad_requests[i].reason))
			fail_msg("\"%s\": %s", bad_requests[i].text, why.text);
	}
	/* A NUL inside. */
	assert_int_equal(outside_request_read("migrate\0pause 2", 15, &request, &why), -EINVAL);
}

static void answers(void **state)
{
	const struct outside_answer a = { 1, 2, UINT64_C(18446744073709551614), UINT64_MAX, -1, 134, 7 };
	struct outside_answer back;
	char text[OUTSIDE_TEXT_MAX];
	struct error why = { "" };

	(void)state;
	outside_answer_write(&a, text);
	assert_int_equal(outside_answer_read(text, &back, &why), 0);
	assert_memory_equal(&a, &back, sizeof(a));
	assert_int_equal(outside_answer_read("no such thing", &back, &why), -EPERM);
	assert_non_null(strstr(why.text, "such thing"));
}

static void bad_answers(void **state)
{
	static const char *const all[] = { "", "ok", "lab", "ok taken=1 stop=2 resume=3 reply=4",
		"ok taken=1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1",
		"ok taken=1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1 lost=2",
		"ok taken=1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1 lost=0 ",
		"ok taken=-1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1 lost=0",
		"ok taken=1 stop=3 resume=2 reply=4 downtime_ms=-1 total_ms=-1 lost=0",
		"ok taken=3 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1 lost=0",
		"ok taken=1 stop=2 resume=5 reply=4 downtime_ms=-1 total_ms=-1 lost=0",
		"ok taken=1 stop=2 resume=3 reply=99999999999999999999 downtime_ms=-1 total_ms=-1 lost=0" };
	struct outside_answer back;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct error why = { "" };

		if (outside_answer_read(all[i], &back, &why) != -EBADMSG || !why.text[0])
			fail_msg("taken: %s", all[i]);
	}
}

static void reports(void **state)
{
	static const char *const bad[] = { "", "ok", "lab", "ok seen=", "ok seen=1", "ok seen=1 ",
		"ok seen=2 x", "ok seen=1x", "ok seen=01 x", "ok seen=1 a\nb", "ok seen=1 \x1b[1m",
		"ok seen=1 \xff" };
	struct outside_report back, report = { true, "took 49.9 % of CPU 0" };
	char text[OUTSIDE_TEXT_MAX], longest[OUTSIDE_TEXT_MAX + 16] = "ok seen=1 ";
	struct error why = { "" };

	(void)state;
	outside_report_write(&report, text);
	assert_int_equal(outside_report_read(text, &back, &why), 0);
	assert_true(back.seen);
	assert_string_equal(back.text, report.text);
	report.seen = false;
	outside_report_write(&report, text);
	assert_int_equal(outside_report_read(text, &back, &why), 0);
	assert_false(back.seen);
	assert_int_equal(outside_report_read("no room", &back, &why), -EPERM);
	assert_non_null(strstr(why.text, "room"));
	memset(longest + strlen(longest), 'x', sizeof(report.text));
	assert_int_equal(outside_report_read(longest, &back, &why), -EBADMSG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (outside_report_read(bad[i], &back, &why) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(answers),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests_name("bench/outside", tests, NULL, NULL);
}
