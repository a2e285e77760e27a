/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a shell would say of the same texts; '?' stands for what only a shell can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench/shell_values.h"

static const struct {
	const char *text, *value;
} rows[] = {
	/* Quotes, and where a value ends. */
	{ "A=x", "x" },
	{ "A=x # y", "x" },
	{ "A=x#y", "x#y" },
	{ "# A=y\nA=x", "x" },
	{ "A=\"x # y\"", "x # y" },
	{ "A='x \"y\" $z' # n", "x \"y\" $z" },
	{ "A=\"x\"\" y\"' z'w", "x y zw" },
	{ "A=\"a \\\"b\\\" \\$c \\d\"", "a \"b\" $c \\d" },
	{ "A=x\\ y", "x y" },
	{ "A=\"x\r\n\"\r\n", "x\r\n" },
	{ "A=x\r\n", "x" },
	{ "A=", "" },
	{ "A=\"x", "x" },
	/* Continued lines. */
	{ "A=\"x \\\ny\"", "x y" },
	{ "A=\"x\ny\"", "x\ny" },
	{ "A=x\\\ny", "xy" },
	/* Assignments. */
	{ "A=x\nA=y", "y" },
	{ "A=x; A+=y", "xy" },
	{ "A+=y", "y" },
	{ "  export A=x B=z", "x" },
	{ "B=z A=$B", "z" },
	{ "A = x", NULL },
	{ "AA=x", NULL },
	{ "A=x true", NULL },
	{ "A=y\nA=x true", "y" },
	{ "echo A=x", NULL },
	{ "\"A\"=x", NULL },
	/* References. */
	{ "A=x\nA=\"$A y\"", "x y" },
	{ "B=x\nA=${B}y$B.", "xyx." },
	{ "B=x\nA='$B'", "$B" },
	{ "A=$", "$" },
	{ "A=\"$ x\"", "$ x" },
	/* What is not followed. */
	{ "A=$B", "?" },
	{ "A=\"x $(cat \")\" '(') y\" # n", "x ? y" },
	{ "A=\"x `cat y` z\"", "x ? z" },
	{ "B=x\nA=${B:-\"}\"}z", "?z" },
	{ "A=$((1 + (2)))z", "?z" },
	{ "A=$1z", "?z" },
	{ "A=$'\\x20'", "?$\\x20" },
	{ "A=(x y)", "?" },
	{ "A=x\nif [ -f /y ]; then\n\tA=y\nfi", "x ?" },
	{ "if [ -f /y ]; then B=y; fi\nA=x", "x" },
	{ "A=x\n[ -f /y ] && A=y\nA=\"$A z\"", "x ? z" },
	{ "A=x\n[ -f /y ] ||\n  A=y", "x ?" },
	{ "A=x\ncase $B in\n(a) A=y;;\nb) A=z;;\nesac", "x ? ?" },
	{ "A=x\n(A=y)", "x ?" },
	{ "A=x\nf() { A=y; }", "x ?" },
	{ "A=x\n. /etc/y", "x ?" },
	{ "A=x\nunset A", "x ?" },
	{ "cat <<E\nA=y\nE\nA=x", " ? ?" },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shell_values values = { 0 };
		const struct shell_text *text;
		char value[64] = "";

		shell_values_read(&values, "file", rows[i].text, strlen(rows[i].text));
		text = shell_values_find(&values, "A");
		for (size_t k = 0; text && k < text->length; k++)
			value[k] = text->at[k] ? text->at[k] : '?';
		if (!text != !rows[i].value || (text && strcmp(value, rows[i].value) != 0))
			fail_msg("%s\nmakes '%s', not '%s'", rows[i].text, text ? value : "nothing",
				rows[i].value ? rows[i].value : "nothing");
		shell_values_free(&values);
	}
}

static void test_origins(void **state)
{
	static const char first[] = "A=a\nB=b\n", second[] = "\nA=\"$A\n$B\"c";
	static const struct origin wanted[] = { { "first", 1 }, { "second", 2 }, { "first", 2 },
		{ "second", 3 } };
	struct shell_values values = { 0 };
	const struct shell_text *text;

	(void)state;
	shell_values_read(&values, "first", first, strlen(first));
	shell_values_read(&values, "second", second, strlen(second));
	text = shell_values_find(&values, "A");
	assert_int_equal(text->length, 4);
	assert_memory_equal(text->at, "a\nbc", 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(text->from[i].path, wanted[i].path);
		assert_int_equal(text->from[i].number, wanted[i].number);
	}
	shell_values_free(&values);
}

/* Neither the memory nor the stack is for a file to fill. */
static void test_bounds(void **state)
{
	struct shell_values values = { 0 };
	static char brackets[100000];

	(void)state;
	shell_values_read(&values, "file", "A=x", 3);
	for (int i = 0; i < 100; i++)
		shell_values_read(&values, "file", "A=$A$A", 6);
	assert_true(shell_values_find(&values, "A")->length < 100000);
	memset(brackets, '(', sizeof(brackets));
	memcpy(brackets, "A=$", 3);
	shell_values_read(&values, "file", brackets, sizeof(brackets));
	assert_int_equal(shell_values_find(&values, "A")->length, 1);
	assert_false(values.failed);
	shell_values_free(&values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
