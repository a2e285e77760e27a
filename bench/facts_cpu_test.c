/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_fake.h"
#include "bench/facts_cpu.c"

/* CPUIDs of parts sold: 00040F12h JH-F2, 00050FF2h DH-F2, 000C0F13h JH-F3, 00060FB1h BH-G1, 00020F12h JH-E6. */
static void revisions_of_family_0fh(void **state)
{
	(void)state;
	assert_string_equal(amd_revision(0xf, 0x41), "F");
	assert_string_equal(amd_revision(0xf, 0x5f), "F");
	assert_string_equal(amd_revision(0xf, 0xc1), "F");
	assert_string_equal(amd_revision(0xf, 0x6b), "G");
	assert_string_equal(amd_revision(0xf, 0x7f), "G");
	assert_string_equal(amd_revision(0xf, 0x21), "E or older");
	assert_string_equal(amd_revision(0xf, 0x05), "E or older");
	assert_string_equal(amd_revision(0xf, 0x80), "unknown");
	assert_null(amd_revision(0x10, 0x41));
	assert_null(amd_revision(0xf, -1));
}

static void words_of_a_line(void **state)
{
	static const char line[] = "fpu tsc  constant_tsc\nnonstop_tsc";

	(void)state;
	assert_true(line_has_word(line, "fpu"));
	assert_true(line_has_word(line, "tsc"));
	assert_true(line_has_word(line, "constant_tsc"));
	assert_false(line_has_word(line, "nonstop_tsc")); /* the next line's */
	assert_false(line_has_word(line, "constant"));
	assert_false(line_has_word("", "fpu"));
	assert_false(line_has_word(NULL, "fpu"));
}

/* "model" is not "model name". */
static void values_of_cpuinfo(void **state)
{
	char block[] = "model name\t: A B\nmodel\t\t: 17\nempty\t:\nmodelx: 3";

	(void)state;
	assert_string_equal(cpuinfo_value(block, "model"), "17\nempty\t:\nmodelx: 3");
	assert_memory_equal(cpuinfo_value(block, "model name"), "A B\n", 4);
	assert_memory_equal(cpuinfo_value(block, "empty"), "\n", 1);
	assert_null(cpuinfo_value(block, "name"));
	assert_null(cpuinfo_value(block, "flags"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revisions_of_family_0fh),
		cmocka_unit_test(words_of_a_line),
		cmocka_unit_test(values_of_cpuinfo),
	};

	return cmocka_run_group_tests_name("bench/facts_cpu", tests, NULL, NULL);
}
