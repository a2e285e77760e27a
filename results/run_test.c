/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run.c"

#include "results/results_test.h"

static void test_events_are_bounded(void **state)
{
	struct run run = { 0 };
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(run_event_add(&run, 5, text, true, text), 0);
	assert_int_equal(strlen(run.events[0].kind), sizeof(run.events[0].kind) - 1);
	assert_int_equal(strlen(run.events[0].text), sizeof(run.events[0].text) - 1);
	assert_true(run.events[0].injected);
	run.events = reallocarray(run.events, RUN_EVENTS_MAX - 1, sizeof(*run.events));
	assert_non_null(run.events);
	run.event_count = RUN_EVENTS_MAX - 1;
	assert_int_equal(run_event_add(&run, 6, "kind", false, "text"), 0);
	assert_false(run.events[RUN_EVENTS_MAX - 1].injected);
	assert_int_equal(run_event_add(&run, 7, "kind", false, "text"), -ENOSPC);
	assert_int_equal(run.event_count, RUN_EVENTS_MAX);
	assert_int_equal(run.events_lost, 1);
	run_free(&run);
}

static void test_create_never_overwrites(void **state)
{
	char deep[PATH_MAX];
	struct run run = { 0 };
	struct error err = { "" };

	(void)state;
	snprintf(deep, sizeof(deep), "%s/a/b", test_dir);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(run_create(&run, deep, "name", &err), 0);
		assert_ends(run.dir, i == 1 ? "a/b/name" : i == 2 ? "a/b/name-2" : "a/b/name-3");
	}
	assert_int_equal(access(test_path("a/b/name-3/samples"), W_OK), 0);
	assert_int_equal(run_create_at(&run, test_path("a/b/name"), &err), -EEXIST);
	assert_holds(err.text, "a/b/name: exists already");
	err.text[0] = '\0';
	assert_int_equal(run_create_at(&run, test_path("c/d"), &err), 0);
	assert_ends(run.dir, "c/d");
	test_write("file", "");
	assert_int_equal(run_create_at(&run, test_path("file/x"), &err), -ENOTDIR);
	assert_ends(err.text, "file/x: cannot make the directory: Not a directory");
	err.text[0] = '\0';
	assert_int_equal(run_create_at(&run, test_path("file/x/y"), &err), -ENOTDIR);
	run_free(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_are_bounded),
		on_disk(test_create_never_overwrites),
	};

	return cmocka_run_group_tests_name("results/run", tests, NULL, NULL);
}
