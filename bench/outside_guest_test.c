/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/stage_fake.h"
#include "bench/outside_fake.h"

#include "bench/outside_guest.c"

extern const struct disturbance disturb_pause, disturb_migrate, disturb_snapshot;

static void only_where_a_lab_serves_the_page(void **state)
{
	struct disturbance_setup setup;
	struct error err = { "" };

	(void)state;
	page_address = "/nowhere/page";
	expect_refusal(&disturb_pause, "only in a lab guest: /nowhere/page");
	page_address = page_path;
	/* A responder that is no lab: nobody looks into the mailbox. */
	expect_refusal(&disturb_migrate, "only in a lab guest: no lab serves");
	assert_true(silent_until_ns > now_ns());
	expect_refusal(&disturb_snapshot, "only in a lab guest: no lab serves");
	lab_begins();
	setup = setup_of(&disturb_pause, "", 30);
	assert_int_equal(disturb_pause.supported(&setup, &err), 0);
	greeting = "no stress-ng is not installed";
	expect_refusal(&disturb_migrate, "does not offer it: stress-ng is not");
	greeting = "labrador";
	expect_refusal(&disturb_pause, "is no lab");
	lab_ends();
	assert_string_equal(requested, "");
	peer_page_retire(page_file.page);
	expect_refusal(&disturb_pause, "only in a lab guest");
}

static void a_pause(void **state)
{
	struct evidence e = { .observed = false };
	uint64_t before = tsc_before();

	(void)state;
	lab_begins();
	go_through(&disturb_pause, "seconds=2", 0, &e);
	lab_ends();
	assert_string_equal(requested, "pause 2.000");
	assert_int_equal(stage.event_count, 1);
	assert_string_equal(stage.events[0].kind, "pause");
	assert_string_equal(stage.events[0].text, "guest stopped for 2.0000 s, as its host says");
	assert_true(stage.events[0].injected);
	assert_true(stage.events[0].tsc >= before && stage.events[0].tsc <= tsc_after());
	assert_true(e.observed);
	assert_non_null(strstr(e.text, "stopped for 2.0000 s"));
	assert_null(strstr(e.text, "downtime"));
}

static void a_snapshot(void **state)
{
	struct evidence e = { .observed = false };

	(void)state;
	lab_begins();
	go_through(&disturb_snapshot, "seconds=1.5 qemu=same", 0, &e);
	assert_string_equal(requested, "snapshot 1.500 same");
	go_through(&disturb_snapshot, "", 0, &e);
	lab_ends();
	assert_string_equal(requested, "snapshot 2.000 new");
	assert_int_equal(stage.event_count, 2);
	assert_string_equal(stage.events[1].kind, "snapshot");
	assert_string_equal(stage.events[1].text, "guest set back by 2.0000 s, as its host says");
	assert_true(stage.events[1].injected);
	assert_true(e.observed);
	assert_non_null(strstr(e.text, "set back by 2.0000 s"));
	assert_non_null(strstr(e.text, "it ran 1.0000 s that are lost"));
}

static void a_migration(void **state)
{
	struct evidence e = { .observed = true };

	(void)state;
	lab_begins();
	saying = "ok taken=1 stop=1000000000 resume=11000000000 reply=11000000001 downtime_ms=9990 "
		 "total_ms=10900 lost=0";
	go_through(&disturb_migrate, "", 0, &e);
	lab_ends();
	assert_string_equal(requested, "migrate");
	assert_int_equal(stage.event_count, 1);
	assert_string_equal(stage.events[0].kind, "migrate");
	assert_non_null(strstr(e.text, "downtime of 9990 ms, 10900 ms in all"));
	/* 10 s were not there, unless this test took more than 5 s. */
	assert_true(e.observed);
}

static void without_an_event(void **state)
{
	struct evidence e = { .observed = true };

	(void)state;
	lab_begins();
	saying = "no there were 32 events";
	go_through(&disturb_pause, "", 0, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "the lab refuses: there were 32 events"));
	e.observed = true;
	saying = "ok ok";
	go_through(&disturb_migrate, "", 0, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "makes no sense"));
	e.observed = true;
	go_through(&disturb_pause, "", 3600, &e);
	assert_false(e.observed);
	assert_non_null(strstr(e.text, "ended before"));
	lab_ends();
	assert_int_equal(stage.event_count, 0);
}

/* A host that says so is not enough. */
static void what_counts_as_seen(void **state)
{
	struct outside o = { .answered = true,
		.answer = { 0, 5 * NS_PER_MS, 5 * NS_PER_MS + NS_PER_SEC, 10 * NS_PER_MS + NS_PER_SEC, 0, 0,
			0 } };

	(void)state;
	o.here_ns = 12 * NS_PER_MS; /* its clocks stood still */
	assert_true(was_stopped(&o));
	o.here_ns = NS_PER_SEC + 12 * NS_PER_MS; /* they did not */
	o.longest_ns = 3 * NS_PER_MS;		 /* and it ran meanwhile */
	assert_false(was_stopped(&o));
	o.longest_ns = NS_PER_SEC;
	assert_true(was_stopped(&o));
	o.answer.resume_ns = o.answer.stop_ns;
	assert_false(was_stopped(&o));
	/* 5 ms of 12 ms before the reply. */
	o.answer.resume_ns = 5 * NS_PER_MS + NS_PER_SEC;
	o.here_ns = 12 * NS_PER_MS;
	assert_int_equal(resumed_tsc(&o, 1000, 13000), 8000);
	o.answer.resume_ns = o.answer.stop_ns; /* longer ago than the request */
	assert_int_equal(resumed_tsc(&o, 1000, 13000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_where_a_lab_serves_the_page, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(a_pause, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(a_snapshot, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(a_migration, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(without_an_event, lab_set_up, lab_tear_down),
		cmocka_unit_test(what_counts_as_seen),
	};

	return cmocka_run_group_tests_name("bench/outside_guest", tests, NULL, NULL);
}
