/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void there_and_back(void **state)
{
	static const struct outside_request all[] = { { OUTSIDE_HELLO, 0 }, { OUTSIDE_PAUSE, 2 },
		{ OUTSIDE_PAUSE, 0.1 }, { OUTSIDE_PAUSE, 60 }, { OUTSIDE_MIGRATE, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct outside_request back;
		char text[OUTSIDE_TEXT_MAX];
		struct error why = { "" };

		outside_request_write(&all[i], text);
		if (outside_request_read(text, strlen(text), &back, &why))
			fail_msg("%s: %s", text, why.text);
		assert_int_equal(back.kind, all[i].kind);
		assert_true(back.seconds == all[i].seconds);
	}
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} all[] = {
		{ "", "not known" },
		{ " ", "not known" },
		{ "quit", "not known" },
		{ "PAUSE 2", "not known" },
		{ "pause2", "not known" },
		{ " pause 2", "not known" },
		{ "migrate ", "not known" },
		{ "migrate tcp:1.2.3.4:5", "not known" },
		{ "hello\n", "not known" },
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
	struct outside_request request;
	struct error why;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		why.text[0] = '\0';
		if (outside_request_read(all[i].text, strlen(all[i].text), &request, &why) != -EINVAL ||
			!strstr(why.text, all[i].reason))
			fail_msg("\"%s\": %s", all[i].text, why.text);
	}
	/* A NUL inside. */
	assert_int_equal(outside_request_read("hello\0pause 2", 13, &request, &why), -EINVAL);
}

static void answers(void **state)
{
	const struct outside_answer a = { 1, 2, UINT64_C(18446744073709551614), UINT64_MAX, -1, 134 };
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
	static const char *const all[] = { "", "ok", "lab pause", "ok taken=1 stop=2 resume=3 reply=4",
		"ok taken=1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1 ",
		"ok taken=-1 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1",
		"ok taken=1 stop=3 resume=2 reply=4 downtime_ms=-1 total_ms=-1",
		"ok taken=3 stop=2 resume=3 reply=4 downtime_ms=-1 total_ms=-1",
		"ok taken=1 stop=2 resume=5 reply=4 downtime_ms=-1 total_ms=-1",
		"ok taken=1 stop=2 resume=3 reply=99999999999999999999 downtime_ms=-1 total_ms=-1" };
	struct outside_answer back;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct error why = { "" };

		if (outside_answer_read(all[i], &back, &why) != -EBADMSG || !why.text[0])
			fail_msg("taken: %s", all[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(answers),
		cmocka_unit_test(bad_answers),
	};

	return cmocka_run_group_tests_name("bench/outside", tests, NULL, NULL);
}
