/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/error.c"

#include <errno.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_the_first_error_wins(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "%s:%d: first", "file", 7), -EINVAL);
	assert_int_equal(error_set(&err, -EIO, "second"), -EIO);
	assert_string_equal(err.text, "file:7: first");
}

static void test_one_line_whatever_it_quotes(void **state)
{
	struct error err = { "" };

	(void)state;
	error_set(&err, -EINVAL, "a\nb\033c\177d\xc3\xa9");
	assert_string_equal(err.text, "a?b?c?d\xc3\xa9");
}

static void test_an_endless_text_is_cut(void **state)
{
	struct error err = { "" };

	(void)state;
	error_set(&err, -EINVAL, "%01000d", 5);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_nobody_has_to_listen(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, -ENOMEM, "lost"), -ENOMEM);
}

static void test_a_hint(void **state)
{
	struct error err = { "" };

	(void)state;
	error_hint(&err, "; to nothing");
	assert_string_equal(err.text, "");
	error_hint(NULL, "; to nobody");
	error_set(&err, -EACCES, "no");
	error_hint(&err, "; try another");
	assert_string_equal(err.text, "no; try another");
	for (int i = 0; i < 100; i++)
		error_hint(&err, "; and again");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_error_wins),
		cmocka_unit_test(test_one_line_whatever_it_quotes),
		cmocka_unit_test(test_an_endless_text_is_cut),
		cmocka_unit_test(test_nobody_has_to_listen),
		cmocka_unit_test(test_a_hint),
	};

	return cmocka_run_group_tests_name("results/error", tests, NULL, NULL);
}
