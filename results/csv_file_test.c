/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/csv_file.c"

#include "results/results_test.h"

static const char *const columns[] = { "a", "b", NULL };

/* All fields as "COLUMN=TEXT " and each row's end as "@LINE ". */
struct log {
	char text[1024];
};

static int log_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct log *log = context;
	size_t used = strlen(log->text);

	if (length == 4 && memcmp(text, "stop", 4) == 0)
		return csv_refuse(at, "told to stop");
	snprintf(log->text + used, sizeof(log->text) - used, "%s=%.*s ", columns[column], (int)length, text);
	return 0;
}

static int log_row(void *context, const struct csv_file *at)
{
	struct log *log = context;
	size_t used = strlen(log->text);

	snprintf(log->text + used, sizeof(log->text) - used, "@%llu ", (unsigned long long)at->line);
	return 0;
}

static int read_log(struct log *log, bool headerless, bool *cut, struct error *err)
{
	const struct csv_handler handler = { .columns = columns,
		.field = log_field,
		.row = log_row,
		.context = log,
		.headerless = headerless };

	*log = (struct log){ "" };
	*err = (struct error){ "" };
	return csv_file_read(test_path("f.csv"), &handler, cut, err);
}

static void assert_read(const char *file, const char *wanted, bool wanted_cut)
{
	struct error err;
	struct log log;
	bool cut = !wanted_cut;

	test_write("f.csv", file);
	assert_int_equal(read_log(&log, false, &cut, &err), 0);
	assert_string_equal(log.text, wanted);
	assert_int_equal(cut, wanted_cut);
}

static void assert_refused(const char *file, size_t length, const char *why)
{
	struct error err;
	struct log log;
	bool cut;

	test_write_bytes("f.csv", file, length);
	assert_int_equal(read_log(&log, false, &cut, &err), -EINVAL);
	assert_ends(err.text, why);
}

#define refused(file, why) assert_refused(file, sizeof(file) - 1, why)

/* A row that is longer than its header must not write over what came before. */
static void test_fields_beyond_the_header_are_nobodys(void **state)
{
	(void)state;
	assert_read("a,b\n1,2,3\n", "a=1 b=2 @2 ", false);
	assert_read("b,x,a\n1,2,3,4,5\n", "b=1 a=3 @2 ", false);
}

static void test_columns_by_name_in_any_order(void **state)
{
	(void)state;
	assert_read("a,b\n1,2\n3,4\n", "a=1 b=2 @2 a=3 b=4 @3 ", false);
	assert_read("b,x,a\n1,2,3\n", "b=1 a=3 @2 ", false);
	assert_read("a,b\n", "", false);
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_read("a,b\r\n1,2\r\n3,4\r\n", "a=1 b=2 @2 a=3 b=4 @3 ", false);
	assert_read("a,b\n\n\n1,2\n", "a=1 b=2 @4 ", false);
	assert_read("a,b\r\n\r\n1,2\r\n", "a=1 b=2 @3 ", false);
	assert_read("a,b\r1,2\r", "a=1 b=2 @2 ", false);
}

static void test_quotes(void **state)
{
	(void)state;
	assert_read("a,b\n\"1,\"\"x\"\"\",2\n", "a=1,\"x\" b=2 @2 ", false);
	refused("a,b\n1,2\n\"3,4\n5,6\n", "f.csv:3: not valid CSV: error parsing data while strict checking "
					  "enabled");
	refused("a,b\n1,2\n\"3,4\n5,", "f.csv:3: not valid CSV: error parsing data while strict checking "
				       "enabled");
	refused("a,b\n1,2\n3\"3,4\n", "f.csv:3: not valid CSV: error parsing data while strict checking "
				      "enabled");
}

static void test_a_cut_row_is_told_and_not_handed_over(void **state)
{
	(void)state;
	assert_read("a,b\n1,2\n3,4", "a=1 b=2 @2 a=3 ", true);
	assert_read("a,b\n1,2\n3", "a=1 b=2 @2 ", true);
	assert_read("a,", "", true);
}

static void test_without_cut_the_last_row_counts(void **state)
{
	struct error err;
	struct log log;

	(void)state;
	test_write("f.csv", "a,b\n1,2\n3,4");
	assert_int_equal(read_log(&log, false, NULL, &err), 0);
	assert_string_equal(log.text, "a=1 b=2 @2 a=3 b=4 @3 ");
	test_write("f.csv", "a,b\n1,2\n3");
	assert_int_equal(read_log(&log, false, NULL, &err), -EINVAL);
	assert_ends(err.text, "f.csv:3: the row has 1 columns, too few");
}

static void test_headerless(void **state)
{
	struct error err;
	struct log log;

	(void)state;
	test_write("f.csv", "a,b\n1,2,3\n");
	assert_int_equal(read_log(&log, true, NULL, &err), 0);
	assert_string_equal(log.text, "a=a b=b @1 a=1 b=2 @2 ");
	test_write("f.csv", "1,2\n3\n");
	assert_int_equal(read_log(&log, true, NULL, &err), -EINVAL);
	assert_ends(err.text, "f.csv:2: the row has 1 columns, too few");
}

static void test_refusals(void **state)
{
	(void)state;
	refused("", "f.csv:1: the file is empty");
	refused("\n\n", "f.csv:1: the file is empty");
	refused("a,c\n1,2\n", "f.csv:1: column \"b\" is missing in the header");
	refused("a,b\n1,2\n3\n", "f.csv:3: the row has 1 columns, too few");
	refused("a,b\n1,2\nstop,2\n5\n", "f.csv:3: told to stop");
	refused("a,b\n1,2\n3,\0004\n", "f.csv:3: holds a NUL byte: not a text file");
	refused("a\0,b\n", "f.csv:1: holds a NUL byte: not a text file");
}

static void test_long_lines(void **state)
{
	size_t size = 4 * CSV_LINE_MAX;
	char *file = malloc(size);

	(void)state;
	assert_non_null(file);
	memset(file, '7', size);
	memcpy(file, "a,b\n1,", 6);
	assert_refused(file, size, "f.csv:2: the line is longer than 65536 bytes");
	/* Many lines, each just short enough, on no boundary of a chunk. */
	for (size_t i = 65000; i < size; i += 65000)
		memcpy(file + i, "\n5,", 3);
	file[size - 1] = '\n';
	test_write_bytes("f.csv", file, size);
	{
		struct error err;
		struct log *log = calloc(1, sizeof(*log));
		bool cut;

		assert_non_null(log);
		assert_int_equal(read_log(log, false, &cut, &err), 0);
		assert_false(cut);
		free(log);
	}
	free(file);
}

static void test_a_file_that_is_not_there(void **state)
{
	struct error err;
	struct log log;
	bool cut;

	(void)state;
	assert_int_equal(read_log(&log, false, &cut, &err), -ENOENT);
	assert_ends(err.text, "f.csv: cannot read: No such file or directory");
	assert_int_equal(mkdir(test_path("f.csv"), 0777), 0);
	assert_int_equal(read_log(&log, false, &cut, &err), -EISDIR);
	assert_ends(err.text, "f.csv: is a directory; name a file");
}

static struct error number_error;
static const struct csv_file number_at = { "f", 9, &number_error };

#define number(parse, digits, out)                                                                           \
	(number_error.text[0] = '\0', parse(&number_at, "c", digits, strlen(digits), out))

static void test_unsigned_numbers(void **state)
{
	uint64_t value = 0;

	(void)state;
	assert_int_equal(number(csv_u64, "0", &value), 0);
	assert_true(value == 0);
	assert_int_equal(number(csv_u64, "18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(number(csv_u64, "000000000000000000000000007", &value), 0);
	assert_true(value == 7);
	assert_int_equal(number(csv_u64, "18446744073709551616", &value), -EINVAL);
	assert_string_equal(number_error.text, "f:9: c \"18446744073709551616\" does not fit 64 bits");
	assert_int_equal(number(csv_u64, "28446744073709551615", &value), -EINVAL);
	assert_int_equal(number(csv_u64, "", &value), -EINVAL);
	assert_string_equal(number_error.text, "f:9: c \"\" is empty");
	for (const char *const *bad =
			(const char *const[]){ "-1", "+1", "1.0", "1e3", "0x1", " 1", "x", NULL };
		*bad; bad++)
		assert_int_equal(number(csv_u64, *bad, &value), -EINVAL);
	assert_true(value == 7);
}

static void test_signed_numbers(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_int_equal(number(csv_i64, "-9223372036854775807", &value), 0);
	assert_true(value == -INT64_MAX);
	assert_int_equal(number(csv_i64, "9223372036854775807", &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(number(csv_i64, "9223372036854775808", &value), -EINVAL);
	assert_int_equal(number(csv_i64, "-", &value), -EINVAL);
	assert_int_equal(number(csv_i64, "--1", &value), -EINVAL);
	assert_int_equal(number(csv_i64, "", &value), -EINVAL);
}

static void test_real_numbers(void **state)
{
	double value = 0;

	(void)state;
	assert_int_equal(number(csv_real, "-1.5e-9", &value), 0);
	assert_true(value == -1.5e-9);
	for (const char *const *bad = (const char *const[]){ "", "x", "1x", "nan", "inf", "-inf", "1e999",
		     "1111111111111111111111111111111111111111111111111111111111111111", NULL };
		*bad; bad++)
		assert_int_equal(number(csv_real, *bad, &value), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_fields_beyond_the_header_are_nobodys),
		on_disk(test_columns_by_name_in_any_order),
		on_disk(test_line_ends),
		on_disk(test_quotes),
		on_disk(test_a_cut_row_is_told_and_not_handed_over),
		on_disk(test_without_cut_the_last_row_counts),
		on_disk(test_headerless),
		on_disk(test_refusals),
		on_disk(test_long_lines),
		on_disk(test_a_file_that_is_not_there),
		cmocka_unit_test(test_unsigned_numbers),
		cmocka_unit_test(test_signed_numbers),
		cmocka_unit_test(test_real_numbers),
	};

	return cmocka_run_group_tests_name("results/csv_file", tests, NULL, NULL);
}
