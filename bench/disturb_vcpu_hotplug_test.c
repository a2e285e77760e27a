/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/stage_fake.h"
#include "bench/outside_fake.h"

#include "bench/disturb_vcpu_hotplug.c"

#include <sys/stat.h>

#include "bench/lab_tool.h"

static char tree[64];
/* What the fake kernel does when a vCPU is plugged in or taken out. */
static bool sees_plug, lets_go;

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s" DIRECTORY "/%s", tree, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void kernel(const char *request)
{
	if (strcmp(request, "vcpu-hotplug") == 0 && sees_plug) {
		put("present", "0-1\n");
		put("cpu1/online", "0\n");
		/* A write to the file changes no list here, so it is in it already. */
		put("online", "0-1\n");
	}
	if (strcmp(request, "vcpu-unplug") == 0 && lets_go) {
		put("present", "0\n");
		put("online", "0\n");
	}
}

static int begin(void **state)
{
	char path[256];
	struct error err = { "" };

	strcpy(tree, "/tmp/clkdrift-vcpu-XXXXXX");
	assert_non_null(mkdtemp(tree));
	snprintf(path, sizeof(path), "%s" DIRECTORY "/cpu1", tree);
	if (lab_make_directory(path, &err))
		fail_msg("%s", err.text);
	put("possible", "0-1\n");
	put("present", "0\n");
	put("online", "0\n");
	root = tree;
	sees_plug = lets_go = true;
	lab_set_up(state);
	on_request = kernel;
	saying = "ok seen=1 x";
	return 0;
}

static int end(void **state)
{
	lab_remove_tree(tree);
	return lab_tear_down(state);
}

static void in_and_out(void **state)
{
	struct evidence e = { .observed = false };

	(void)state;
	lab_begins();
	go_through(&disturb_vcpu_hotplug, "", 0, &e);
	lab_ends();
	assert_string_equal(requested, "vcpu-unplug");
	assert_true(e.observed);
	assert_non_null(strstr(e.text, "QEMU plugged in x"));
	assert_non_null(strstr(e.text, "had it as CPU 1, online"));
	assert_int_equal(stage.event_count, 2);
	assert_string_equal(stage.events[0].kind, "cpu-hotplug");
	assert_string_equal(stage.events[0].text, "vCPU 1 plugged in and online");
	assert_string_equal(stage.events[1].text, "vCPU 1 taken out");
	assert_true(stage.point_count > 0);
	assert_true(stage.points[0].value == 1);
	assert_true(stage.points[1].value == 2);
}

/* The phase ends while it is in. */
static void taken_out_at_the_end(void **state)
{
	struct disturbance_setup setup = setup_of(&disturb_vcpu_hotplug, "", 3600);
	struct evidence e = { .observed = false };
	struct error err = { "" };
	struct vcpu_hotplug *v;
	void *opaque;

	(void)state;
	lab_begins();
	if (disturb_vcpu_hotplug.start(&setup, &opaque, &err))
		fail_msg("%s", err.text);
	v = opaque;
	disturb_vcpu_hotplug.observe(opaque, 1);
	assert_string_equal(requested, "");
	v->plug_ns = 0;
	disturb_vcpu_hotplug.observe(opaque, 2);
	disturb_vcpu_hotplug.observe(opaque, 3);
	assert_string_equal(requested, "vcpu-hotplug");
	assert_int_equal(disturb_vcpu_hotplug.stop(opaque, &e, &err), 0);
	lab_ends();
	assert_string_equal(requested, "vcpu-unplug");
	assert_true(e.observed);
}

static void what_goes_wrong(void **state)
{
	struct evidence e = { .observed = true };

	(void)state;
	lab_begins();
	lets_go = false;
	go_through(&disturb_vcpu_hotplug, "", 0, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "the guest still has it"));
	put("present", "0\n");
	saying = "no all slots for vCPUs are taken";
	sees_plug = false;
	e.observed = true;
	go_through(&disturb_vcpu_hotplug, "", 0, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "the lab refuses: all slots"));
	assert_string_equal(requested, "vcpu-hotplug");
	e.observed = true;
	go_through(&disturb_vcpu_hotplug, "", 3600, &e);
	lab_ends();
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "ended before"));
}

static void only_where_there_is_room(void **state)
{
	struct disturbance_setup setup = setup_of(&disturb_vcpu_hotplug, "", 30);
	struct error err = { "" };

	(void)state;
	lab_begins();
	assert_int_equal(disturb_vcpu_hotplug.supported(&setup, &err), 0);
	put("possible", "0\n");
	expect_refusal(&disturb_vcpu_hotplug, "no room for another CPU");
	greeting = "no the configuration one-vcpu has no room";
	expect_refusal(&disturb_vcpu_hotplug, "one-vcpu has no room");
	lab_ends();
	assert_string_equal(requested, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_and_out, begin, end),
		cmocka_unit_test_setup_teardown(taken_out_at_the_end, begin, end),
		cmocka_unit_test_setup_teardown(what_goes_wrong, begin, end),
		cmocka_unit_test_setup_teardown(only_where_there_is_room, begin, end),
	};

	return cmocka_run_group_tests_name("bench/disturb_vcpu_hotplug", tests, NULL, NULL);
}
