/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/stage_fake.h"
#include "bench/outside_fake.h"

#include "bench/disturb_host_load.c"

static const int cpus[] = { 0 };

static struct disturbance_setup phase(const char *text, double duration_s)
{
	struct disturbance_setup setup = setup_of(&disturb_host_load, text, duration_s);

	setup.cpus = cpus;
	setup.cpu_count = 1;
	return setup;
}

static void from_begin_to_end(void **state)
{
	struct disturbance_setup setup = phase("matrix share=25", 7);
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *load;

	(void)state;
	lab_begins();
	saying = "ok seen=1 'matrix' at 25 % on CPU 0 of the host";
	if (disturb_host_load.start(&setup, &load, &err))
		fail_msg("%s", err.text);
	assert_string_equal(requested, "host-load matrix 25 7.000");
	saying = "ok seen=1 took 24.9 % of CPU 0 (asked 25 %)";
	assert_int_equal(disturb_host_load.stop(load, &e, &err), 0);
	assert_string_equal(requested, "host-load-end");
	assert_true(e.observed);
	assert_non_null(strstr(e.text, "on the host it took 24.9 % of CPU 0"));
	assert_non_null(strstr(e.text, "steal as this guest is told"));

	/* It took too little. */
	saying = "ok seen=0 took 0.1 % of CPU 0 (asked 25 %)";
	go_through(&disturb_host_load, "", 5, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "took 0.1 %"));
	/* The lab has ended it before. */
	saying = "ok seen=1 x";
	if (disturb_host_load.start(&setup, &load, &err))
		fail_msg("%s", err.text);
	saying = "no no load is in force";
	e.observed = true;
	assert_int_equal(disturb_host_load.stop(load, &e, &err), 0);
	lab_ends();
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "the lab refuses: no load is in force"));
	assert_int_equal(stage.event_count, 0);
}

static void one_that_does_not_begin(void **state)
{
	struct disturbance_setup setup = phase("", 7);
	struct error err = { "" };
	void *load;

	(void)state;
	lab_begins();
	saying = "no stress-ng on CPU 0 ended at once";
	assert_int_equal(disturb_host_load.start(&setup, &load, &err), -EPERM);
	lab_ends();
	assert_non_null(strstr(err.text, "ended at once"));
	/* Whatever is in force there is to end. */
	assert_string_equal(requested, "host-load-end");
}

static void what_it_refuses(void **state)
{
	struct disturbance_setup setup = phase("", OUTSIDE_LOAD_SECONDS_MAX + 1);
	struct error err = { "" };
	struct asked bad;

	(void)state;
	assert_int_equal(disturb_host_load.supported(&setup, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "3600 s at most"));
	err.text[0] = '\0';
	assert_int_equal(disturbance_parse(&disturb_host_load, "fork", &bad, &err), -EINVAL);
	err.text[0] = '\0';
	assert_int_equal(disturbance_parse(&disturb_host_load, "share=2.5", &bad, &err), -EINVAL);
	assert_non_null(strstr(err.text, "whole number"));
	lab_begins();
	greeting = "no stress-ng is not installed";
	expect_refusal(&disturb_host_load, "stress-ng is not installed");
	greeting = "lab";
	setup = phase("", 5);
	assert_int_equal(disturb_host_load.supported(&setup, &err), 0);
	lab_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_begin_to_end, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(one_that_does_not_begin, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(what_it_refuses, lab_set_up, lab_tear_down),
	};

	return cmocka_run_group_tests_name("bench/disturb_host_load", tests, NULL, NULL);
}
