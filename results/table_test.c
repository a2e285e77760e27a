/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/table.c"

#include "results/results_test.h"

struct row {
	int number;
	uint64_t count;
	double real;
	char text[32];
};

static const struct column columns[] = {
	{ "number", COLUMN_INT, offsetof(struct row, number) },
	{ "count", COLUMN_COUNT, offsetof(struct row, count) },
	{ "real", COLUMN_REAL, offsetof(struct row, real) },
	{ "text", COLUMN_TEXT, offsetof(struct row, text) },
	{ NULL, COLUMN_INT, 0 },
};
static const struct table table = { "rows", columns, sizeof(struct row) };

static const struct row rows[] = {
	{ -5, 18446744073709551615u, 0.1, "plain" },
	{ 7, 0, -1e300, "a,\"b\"" },
	{ 0, 1, NAN, "" },
	{ 0, 1, INFINITY, "line\nbreak" },
};

static int store(const struct row *all, size_t count, const char *dir, struct error *err)
{
	struct file_replace file;
	int rc = table_to_csv(&table, all, count, dir, &file, err);

	return rc ? rc : file_replace_name(&file, err);
}

static void test_csv_shows_every_type(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(store(rows, 4, test_dir, &err), 0);
	assert_file("rows.csv", "number,count,real,text\n"
				"-5,18446744073709551615,0.1,plain\n"
				"7,0,-1e+300,\"a,\"\"b\"\"\"\n"
				"0,1,,\n"
				"0,1,,\"line\nbreak\"\n");
}

static void test_csv_without_rows_has_its_header(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(store(NULL, 0, test_dir, &err), 0);
	assert_file("rows.csv", "number,count,real,text\n");
}

static void test_csv_that_cannot_be_written(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(store(rows, 1, test_path("none"), &err), -ENOENT);
	assert_ends(err.text, "none/rows.csv: cannot write: No such file or directory");
}

static void test_json_has_the_same_names(void **state)
{
	json_t *array = table_to_json(&table, rows, 3), *first, *third;

	(void)state;
	assert_int_equal(json_array_size(array), 3);
	first = json_array_get(array, 0);
	assert_int_equal(json_object_size(first), 4);
	assert_int_equal(json_integer_value(json_object_get(first, "number")), -5);
	assert_true(json_real_value(json_object_get(first, "real")) == 0.1);
	assert_string_equal(json_string_value(json_object_get(first, "text")), "plain");
	third = json_array_get(array, 2);
	assert_true(json_is_null(json_object_get(third, "real")));
	assert_int_equal(json_integer_value(json_object_get(third, "count")), 1);
	json_decref(array);
}

static void test_json_of_no_rows_is_an_empty_list(void **state)
{
	json_t *array = table_to_json(&table, NULL, 0);

	(void)state;
	assert_true(json_is_array(array));
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_csv_shows_every_type),
		on_disk(test_csv_without_rows_has_its_header),
		on_disk(test_csv_that_cannot_be_written),
		cmocka_unit_test(test_json_has_the_same_names),
		cmocka_unit_test(test_json_of_no_rows_is_an_empty_list),
	};

	return cmocka_run_group_tests_name("results/table", tests, NULL, NULL);
}
