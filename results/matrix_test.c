/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/matrix.c"

#include "results/results_test.h"

#define HEAD                                                                                                 \
	"{\"schema\":1,\"kind\":\"matrix\",\"seed\":7,\n"                                                    \
	"\"configurations\":[{\"name\":\"one\"}],\n"                                                         \
	"\"profiles\":[{\"id\":\"default\"},{\"id\":\"hpet\"}],\n"                                           \
	"\"cells\":[\n"

static void load(struct matrix *m, const char *text)
{
	struct error err = { "" };
	int rc;

	test_write(MATRIX_FILE, text);
	rc = matrix_load(test_dir, m, &err);
	if (rc)
		fail_msg("%s", err.text);
}

static void refused(const char *text, const char *why)
{
	struct error err = { "" };
	struct matrix m;

	test_write(MATRIX_FILE, text);
	assert_int_equal(matrix_load(test_dir, &m, &err), -EINVAL);
	assert_holds(err.text, why);
	assert_null(m.cells);
}

static void test_what_is_stored_is_read(void **state)
{
	struct matrix_cell cells[] = {
		{ 0, "one", "hpet", 1, "clocksource=hpet quiet", "cells/000-one-hpet-1", MATRIX_DONE, "",
			12.25 },
		{ 1, "one", "default", 0, "", "", MATRIX_NO_RESULT, "the guest hangs: \xff\n", 3 },
		{ 2, "one", "default", 1, "", "", MATRIX_WAITING, "", 0 },
	};
	struct matrix m = { test_dir, "clkdrift 1", "h\xc3\xb6st", "matrix", "2026-11-28T12:00:00Z", "",
		INT64_MAX, 2.5, json_pack("[{s:s, s:i}]", "name", "one", "vcpus", 1),
		json_pack("[{s:s},{s:s, s:i}]", "id", "default", "id", "hpet", "side_effects", 2),
		json_pack("{s:s}", "append", "quiet"), cells, 3 };
	struct matrix back;
	struct error err = { "" };

	(void)state;
	assert_false(matrix_is(test_dir));
	assert_int_equal(matrix_store(&m, &err), 0);
	assert_true(matrix_is(test_dir));
	assert_int_equal(matrix_load(test_dir, &back, &err), 0);
	assert_string_equal(back.dir, test_dir);
	assert_string_equal(back.tool, m.tool);
	assert_string_equal(back.host, m.host);
	assert_string_equal(back.scenario, m.scenario);
	assert_string_equal(back.started, m.started);
	assert_string_equal(back.finished, "");
	assert_int_equal(back.seed, INT64_MAX);
	assert_float_equal(back.duration_s, 2.5, 0);
	assert_true(json_equal(back.configurations, m.configurations));
	assert_true(json_equal(back.profiles, m.profiles));
	assert_true(json_equal(back.asked, m.asked));
	assert_int_equal(back.count, 3);
	assert_memory_equal(&back.cells[0], &cells[0], sizeof(cells[0]));
	/* What other programs say may be anything. */
	assert_string_equal(back.cells[1].reason, "the guest hangs: ??");
	assert_string_equal(back.cells[1].state, MATRIX_NO_RESULT);
	assert_memory_equal(&back.cells[2], &cells[2], sizeof(cells[2]));
	assert_int_equal(
		json_integer_value(json_object_get(matrix_profile(&back, "hpet"), "side_effects")), 2);
	assert_null(matrix_profile(&back, "hpe"));
	assert_non_null(matrix_configuration(&back, "one"));
	matrix_free(&back);
	json_decref(m.configurations);
	json_decref(m.profiles);
	json_decref(m.asked);
}

static void test_cells_are_sorted(void **state)
{
	struct matrix m;

	(void)state;
	load(&m, HEAD
		"{\"order\":1,\"configuration\":\"one\",\"profile\":\"hpet\",\"state\":\"waiting\"},"
		"{\"order\":0,\"configuration\":\"one\",\"profile\":\"default\",\"state\":\"waiting\"}]}");
	assert_string_equal(m.cells[0].profile, "default");
	assert_string_equal(m.cells[1].profile, "hpet");
	assert_int_equal(json_object_size(m.asked), 0);
	matrix_free(&m);
}

#define CELL(more) "{\"configuration\":\"one\",\"profile\":\"hpet\"," more "}"

static void test_what_is_wrong_is_refused(void **state)
{
	(void)state;
	refused("", "matrix.json:1: the file is empty");
	refused("[]", "matrix.json:1: must be a JSON object");
	refused("{\"schema\":1}", "\"kind\" is missing");
	refused("{\"schema\":2,\"kind\":\"matrix\"}", "schema 2 is not known");
	refused("{\"schema\":1,\"kind\":\"run\"}", "\"kind\" must be \"matrix\"");
	refused("{\"schema\":1,\"kind\":\"matrix\"}", "\"seed\" is missing");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":-1}", "\"seed\" is out of range");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":9223372036854775808}",
		"\"seed\" is out of range");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":1}", "\"configurations\" must be a list");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":1,\"configurations\":[1]}",
		"must be a list of objects");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":1,\"configurations\":[{}]}",
		"\"name\" is missing");
	refused("{\"schema\":1,\"kind\":\"matrix\",\"seed\":1,\"configurations\":[],\"profiles\":[],"
		"\"asked\":{\"a\":1}}",
		"\"asked\" must hold texts");
	refused(HEAD "]}", "\"cells\" is missing or empty");
	refused(HEAD CELL("\"state\":\"waiting\"") "]}", "\"order\" is missing");
	refused(HEAD CELL("\"order\":0,\"state\":\"lost\"") "]}", "matrix.json:5: \"state\" must be");
	refused(HEAD CELL("\"order\":0,\"state\":\"done\"") "]}", "\"run\" is missing");
	refused(HEAD CELL("\"order\":0,\"state\":\"no result\"") "]}", "\"reason\" is missing");
	refused(HEAD CELL("\"order\":1,\"state\":\"waiting\"") "]}", "\"order\" of the cells");
	refused(HEAD CELL("\"order\":0,\"state\":\"waiting\"") "," CELL(
			"\"order\":0,\"state\":\"waiting\"") "]}",
		"\"order\" of the cells");
	refused(HEAD CELL("\"order\":0,\"state\":\"waiting\"") "," CELL(
			"\"order\":1,\"state\":\"waiting\"") "]}",
		"\"cells\" has repeat 0 of one with hpet twice");
	refused(HEAD CELL("\"order\":0,\"state\":\"done\",\"run\":\"cells/1\"") "," CELL(
			"\"order\":1,\"repeat\":1,\"state\":\"done\",\"run\":\"cells/1\"") "]}",
		"\"run\" cells/1 is that of two cells");
	refused(HEAD "{\"order\":0,\"configuration\":\"two\",\"profile\":\"hpet\",\"state\":\"waiting\"}]}",
		"a configuration that is not in");
	refused(HEAD "{\"order\":0,\"configuration\":\"one\",\"profile\":\"x\",\"state\":\"waiting\"}]}",
		"a profile that is not in");
}

static void test_no_cell_leads_out(void **state)
{
	static const char *const out[] = { "/etc", "..", "cells/..", "../x", "cells/../../x" };

	(void)state;
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD CELL("\"order\":0,\"state\":\"done\",\"run\":\"%s\"") "]}",
			out[i]);
		refused(text, "\"run\" leads out");
	}
	assert_true(stays_below("cells/..x"));
	assert_true(stays_below("..x/y"));
	assert_true(stays_below(""));
}

static void test_a_store_that_fails_keeps_the_old_one(void **state)
{
	struct matrix m;
	struct error err = { "" };

	(void)state;
	load(&m, HEAD CELL("\"order\":0,\"state\":\"waiting\"") "]}");
	free(m.dir);
	m.dir = strdup(test_path("gone"));
	assert_int_equal(matrix_store(&m, &err), -ENOENT);
	assert_holds(err.text, "gone/matrix.json: cannot write");
	matrix_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_what_is_stored_is_read),
		on_disk(test_cells_are_sorted),
		on_disk(test_what_is_wrong_is_refused),
		on_disk(test_no_cell_leads_out),
		on_disk(test_a_store_that_fails_keeps_the_old_one),
	};

	return cmocka_run_group_tests_name("results/matrix", tests, NULL, NULL);
}
