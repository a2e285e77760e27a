/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/text.c"

#include "results/results_test.h"

static void test_plain(void **state)
{
	(void)state;
	assert_true(text_is_plain("", 0));
	assert_true(text_is_plain("90 \xc2\xb5s, \"it\"", 12));
	assert_false(text_is_plain("a\nb", 3));
	assert_false(text_is_plain("a\0b", 3));
	assert_false(text_is_plain("\x7f", 1));
	assert_false(text_is_plain("\x1b[31m", 5));
	assert_false(text_is_plain("\xc2", 1));
	assert_false(text_is_plain("\xff", 1));
}

static void test_clean(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "" }, { "90 \xc2\xb5s", "90 \xc2\xb5s" }, { "a\nb\tc\x7f", "a?b?c?" },
		{ "a\xff\xc2\xb5", "a?\xc2\xb5" }, { "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "\xf0\x9f\x95\x90", "\xf0\x9f\x95\x90" }, { "x\xe2\x82", "x" }, { "x\xc2", "x" },
		{ "\xe2\n\n", "???" }, { "\x80", "?" }, { "\xc0\x80y", "??y" }, /* a NUL in disguise */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];

		strcpy(text, cases[i].text);
		text_clean(text);
		assert_string_equal(text, cases[i].wanted);
		assert_true(text_is_plain(text, strlen(text)));
	}
}

static void text_grows_as_far_as_there_is_room(void **state)
{
	char text[8] = "";

	(void)state;
	text_add(text, sizeof(text), "%s", "abc");
	text_add(text, sizeof(text), "%d", 12);
	assert_string_equal(text, "abc12");
	text_add(text, sizeof(text), "%s", "defg");
	assert_string_equal(text, "abc12de");
	text_add(text, sizeof(text), "%s", "h");
	assert_string_equal(text, "abc12de");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(text_grows_as_far_as_there_is_room),
	};

	return cmocka_run_group_tests_name("results/text", tests, NULL, NULL);
}
