/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a lab run adds to run.json: "lab" and "peer_environment". */
#include "results/run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-run-lab-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/run.json", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void write_run(const char *more)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	fprintf(out,
		"{\"schema\":1,\"host\":\"h\",\"scenario\":\"s\",\"tsc_hz\":1e9,\n"
		"\"clocks\":[{\"name\":\"monotonic\",\"unit\":\"ns\"}],\"phases\":[{\"name\":\"all\"}]%s}",
		more);
	assert_int_equal(fclose(out), 0);
}

static void test_kept(void **state)
{
	struct run run;
	struct error err = { "" };

	(void)state;
	write_run(",\n\"lab\":{\"configuration\":\"x\",\"boot_s\":1.25},\"peer_environment\":{\"hostname\":"
		  "\"host\"}");
	/* Read, written, and read again. */
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(run_load(dir, &run, &err), 0);
		assert_string_equal(json_string_value(json_object_get(run.lab, "configuration")), "x");
		assert_true(json_real_value(json_object_get(run.lab, "boot_s")) == 1.25);
		assert_string_equal(
			json_string_value(json_object_get(run.peer_environment, "hostname")), "host");
		assert_int_equal(run_store(&run, &err), 0);
		run_free(&run);
		assert_null(run.lab);
	}
}

static void test_absent(void **state)
{
	static const char *const texts[] = { "", ",\"lab\":null,\"peer_environment\":null" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = { "" };
		struct run run;
		json_t *json;

		write_run(texts[i]);
		assert_int_equal(run_load(dir, &run, &err), 0);
		assert_null(run.lab);
		assert_null(run.peer_environment);
		assert_int_equal(run_store(&run, &err), 0);
		run_free(&run);
		json = json_load_file(path, 0, NULL);
		assert_non_null(json);
		assert_null(json_object_get(json, "lab"));
		assert_null(json_object_get(json, "peer_environment"));
		json_decref(json);
	}
}

static void test_refused(void **state)
{
	static const char *const keys[] = { "lab", "peer_environment" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct error err = { "" };
		struct run run;
		char text[64], wanted[128];

		snprintf(text, sizeof(text), ",\n\"%s\":[1]", keys[i]);
		snprintf(wanted, sizeof(wanted), "%s:3: \"%s\" must be an object", path, keys[i]);
		write_run(text);
		assert_int_equal(run_load(dir, &run, &err), -EINVAL);
		assert_memory_equal(err.text, wanted, strlen(wanted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_absent, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
	};

	return cmocka_run_group_tests_name("run_lab", tests, NULL, NULL);
}
