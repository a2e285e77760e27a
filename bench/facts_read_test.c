/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_fake.h"
#include "bench/facts_read.c"

struct reader {
	struct fake fake;
	struct facts f;
};

static int setup(void **state)
{
	struct reader *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	fake_begin(&r->fake, "", NULL);
	r->f.src = &r->fake.source;
	r->f.unreadable = json_array();
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct reader *r = *state;

	assert_false(r->f.failed);
	json_decref(r->f.unreadable);
	fake_end(&r->fake);
	free(r);
	return 0;
}

static const char *last_why(const struct reader *r)
{
	return facts_text(json_array_get(r->f.unreadable, json_array_size(r->f.unreadable) - 1), "why");
}

static void a_long_file_is_cut_and_says_so(void **state)
{
	struct reader *r = *state;
	char text[9];

	fake_file(&r->fake, "/eight", "12345678");
	assert_int_equal(facts_read(&r->f, "/eight", text, sizeof(text)), 8);
	assert_string_equal(text, "12345678");
	assert_int_equal(json_array_size(r->f.unreadable), 0);
	fake_file(&r->fake, "/nine", "123456789");
	assert_int_equal(facts_read(&r->f, "/nine", text, sizeof(text)), 8);
	assert_string_equal(text, "12345678");
	assert_string_equal(last_why(r), "longer than 8 bytes, the rest was not read");
}

static void what_is_no_file_gives_its_errno(void **state)
{
	struct reader *r = *state;
	char text[16], path[128];

	assert_int_equal(facts_read(&r->f, "/none", text, sizeof(text)), -ENOENT);
	assert_int_equal(facts_read(&r->f, "", text, sizeof(text)), -EISDIR);
	/* Nobody writes to this FIFO: an empty answer, not a wait. */
	snprintf(path, sizeof(path), "%s/fifo", r->fake.root);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(facts_read(&r->f, "/fifo", text, sizeof(text)), 0);
}

static void assert_parses(enum facts_kind kind, const char *text, const char *json)
{
	char copy[128], *is = NULL;
	json_t *value;

	snprintf(copy, sizeof(copy), "%s", text);
	value = facts_parse(kind, copy);
	if (value)
		is = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!is != !json || (is && strcmp(is, json)))
		fail_msg("\"%s\" became %s", text, is ? is : "nothing");
	free(is);
	json_decref(value);
}

static void values_of_each_kind(void **state)
{
	(void)state;
	assert_parses(FACTS_STRING, " tsc \nmore\n", "\"tsc\"");
	assert_parses(FACTS_STRING, " \n", NULL);
	assert_parses(FACTS_STRING, "", NULL);
	assert_parses(FACTS_INTEGER, "-12\n", "-12");
	assert_parses(FACTS_INTEGER, "9223372036854775807\n", "9223372036854775807");
	assert_parses(FACTS_INTEGER, "9223372036854775808\n", NULL);
	assert_parses(FACTS_INTEGER, "12 13\n", NULL);
	assert_parses(FACTS_INTEGER, "12x\n", NULL);
	assert_parses(FACTS_INTEGER, "\n", NULL);
	assert_parses(FACTS_BOOL, "1\n", "true");
	assert_parses(FACTS_BOOL, "Y\n", "true");
	assert_parses(FACTS_BOOL, "N\n", "false");
	assert_parses(FACTS_BOOL, "0\n", "false");
	assert_parses(FACTS_BOOL, "2\n", NULL);
	assert_parses(FACTS_BOOL, "", NULL);
	assert_parses(FACTS_WORDS, " tsc\tkvm-clock \n", "[\"tsc\",\"kvm-clock\"]");
	assert_parses(FACTS_WORDS, "\n", "[]");
	assert_parses(FACTS_INTEGERS, "2400000 1000000 \n", "[2400000,1000000]");
	assert_parses(FACTS_INTEGERS, "2400000 fast\n", NULL);
}

static void a_null_has_its_reason_once(void **state)
{
	struct reader *r = *state;
	json_t *value;

	fake_file(&r->fake, "/word", "abc\n");
	fake_file(&r->fake, "/empty", "");
	for (int i = 0; i < 2; i++) {
		value = facts_value(&r->f, FACTS_INTEGER, true, "/%s", "word");
		assert_true(json_is_null(value));
		json_decref(value);
	}
	assert_int_equal(json_array_size(r->f.unreadable), 1);
	assert_string_equal(last_why(r), "makes no sense");
	json_decref(facts_value(&r->f, FACTS_STRING, true, "/empty"));
	assert_string_equal(last_why(r), "empty");
	json_decref(facts_value(&r->f, FACTS_STRING, false, "/none"));
	assert_int_equal(json_array_size(r->f.unreadable), 2);
}

static void counts_of_cpu_lists(void **state)
{
	(void)state;
	assert_int_equal(facts_list_count("0"), 1);
	assert_int_equal(facts_list_count("0-3,8"), 5);
	assert_int_equal(facts_list_count("0-8191"), 8192);
	assert_int_equal(facts_list_count(""), -1);
	assert_int_equal(facts_list_count("3-1"), -1);
	assert_int_equal(facts_list_count("1,"), -1);
	assert_int_equal(facts_list_count("-1"), -1);
	assert_int_equal(facts_list_count("1 2"), -1);
	assert_int_equal(facts_list_count("0-4294967295"), -1);
	assert_int_equal(facts_list_count("0-2147483647"), -1);
	assert_int_equal(facts_list_count("99999999999999999999"), -1);
}

static void assert_list(const unsigned *numbers, size_t n, const char *expected)
{
	json_t *text = facts_list_text(numbers, n);

	assert_string_equal(json_string_value(text), expected);
	json_decref(text);
}

static void texts_of_cpu_lists(void **state)
{
	(void)state;
	assert_list(NULL, 0, "");
	assert_list((unsigned[]){ 7 }, 1, "7");
	assert_list((unsigned[]){ 0, 1 }, 2, "0-1");
	assert_list((unsigned[]){ 0, 1, 2, 4, 6, 7 }, 6, "0-2,4,6-7");
}

static void numbered_entries_in_order(void **state)
{
	struct reader *r = *state;
	unsigned numbers[FACTS_LIST_MAX];

	fake_file(&r->fake, "/d/cpu10/x", "");
	fake_file(&r->fake, "/d/cpu2/x", "");
	fake_file(&r->fake, "/d/cpufreq/x", "");
	fake_file(&r->fake, "/d/cpu/x", "");
	fake_file(&r->fake, "/d/cpu3x/x", "");
	fake_file(&r->fake, "/d/cpu4294967296/x", "");
	assert_int_equal(facts_numbers(&r->f, "/d", "cpu", numbers), 2);
	assert_int_equal(numbers[0], 2);
	assert_int_equal(numbers[1], 10);
	assert_int_equal(facts_numbers(&r->f, "/none", "cpu", numbers), 0);
}

#define reader_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		reader_test(a_long_file_is_cut_and_says_so),
		reader_test(what_is_no_file_gives_its_errno),
		cmocka_unit_test(values_of_each_kind),
		reader_test(a_null_has_its_reason_once),
		cmocka_unit_test(counts_of_cpu_lists),
		cmocka_unit_test(texts_of_cpu_lists),
		reader_test(numbered_entries_in_order),
	};

	return cmocka_run_group_tests_name("bench/facts_read", tests, NULL, NULL);
}
