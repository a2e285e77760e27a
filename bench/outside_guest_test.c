/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The lab is a thread of the test with a script: nothing is stopped or moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/stage_fake.h"

#include "bench/outside_guest.c"

#include "bench/disturb_pause.c"
#undef PATIENCE_S
#include "bench/disturb_migrate.c"

#include <stdatomic.h>
#include <unistd.h>

#include "bench/page_file.h"

#define STOPPED_NS (2 * NS_PER_SEC)

static struct stage stage;
static char dir[64], path[96];
static struct page_file file;
static pthread_t lab;
static atomic_bool over;
/* The script: what is said to hello, and to all else; "ok" stands for a stop of 2 s. */
static const char *greeting, *saying;
static char requested[256];

static void reply_to(struct mailbox *box, const char *request)
{
	const uint64_t now = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	/* As if all of it had gone by between the two: here nothing of it did. */
	const struct outside_answer a = { now, now + NS_PER_MS, now + NS_PER_MS + STOPPED_NS,
		now + 2 * NS_PER_MS + STOPPED_NS, -1, -1 };
	char text[OUTSIDE_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", strcmp(request, "hello") == 0 ? greeting : saying);
	if (strcmp(request, "hello") != 0)
		snprintf(requested, sizeof(requested), "%.250s", request);
	if (strcmp(text, "ok") == 0)
		outside_answer_write(&a, text);
	mailbox_reply(box, text, strlen(text));
}

static void *serve(void *unused)
{
	static const struct timespec nap = { 0, NS_PER_MS };
	char text[PEER_TEXT_MAX + 1];
	struct mailbox box;
	size_t length;

	mailbox_open_replier(&box, &file.page->mailbox);
	for (; !atomic_load(&over); nanosleep(&nap, NULL))
		if (mailbox_take(&box, text, &length) == 1)
			reply_to(&box, text);
	return unused;
}

static int begin(void **state)
{
	struct error err = { "" };

	(void)state;
	strcpy(dir, "/tmp/clkdrift-outside-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/page", dir);
	if (page_file_open(&file, path, &err))
		fail_msg("%s", err.text);
	peer_page_prepare(file.page, 0, true);
	page_address = path;
	stage.event_count = stage.point_count = 0;
	requested[0] = '\0';
	greeting = "lab pause migrate";
	saying = "ok";
	atomic_store(&over, false);
	return 0;
}

static void lab_begins(void)
{
	assert_int_equal(pthread_create(&lab, NULL, serve, NULL), 0);
}

static void lab_ends(void)
{
	atomic_store(&over, true);
	pthread_join(lab, NULL);
}

static int end(void **state)
{
	(void)state;
	page_file_close(&file);
	return rmdir(dir);
}

static struct asked asked;

static struct disturbance_setup setup_of(const struct disturbance *d, const char *text, double duration_s)
{
	struct error err = { "" };

	if (disturbance_parse(d, text, &asked, &err))
		fail_msg("%s: %s", text, err.text);
	return (struct disturbance_setup){
		.arguments = asked.arguments, .duration_s = duration_s, .stage = &stage
	};
}

/* A phase that is due at once, or never. */
static void go_through(
	const struct disturbance *d, const char *text, double duration_s, struct evidence *evidence)
{
	struct disturbance_setup setup = setup_of(d, text, duration_s);
	struct error err = { "" };
	void *state;

	if (d->start(&setup, &state, &err))
		fail_msg("%s: %s", text, err.text);
	for (int i = 0; i < 3; i++)
		d->observe(state, tsc_before());
	assert_int_equal(d->stop(state, evidence, &err), 0);
}

static void expect_refusal(const struct disturbance *d, const char *reason)
{
	struct disturbance_setup setup = setup_of(d, "", 30);
	struct error err = { "" };

	assert_true(d->supported(&setup, &err) < 0);
	if (!strstr(err.text, reason))
		fail_msg("no \"%s\" in: %s", reason, err.text);
}

static void only_where_a_lab_serves_the_page(void **state)
{
	struct disturbance_setup setup;
	struct error err = { "" };

	(void)state;
	page_address = "/nowhere/page";
	expect_refusal(&disturb_pause, "only in a lab guest: /nowhere/page");
	page_address = path;
	/* A responder that is no lab: nobody looks into the mailbox. */
	expect_refusal(&disturb_migrate, "only in a lab guest: no lab serves");
	lab_begins();
	setup = setup_of(&disturb_pause, "", 30);
	assert_int_equal(disturb_pause.supported(&setup, &err), 0);
	greeting = "lab pause migrates";
	expect_refusal(&disturb_migrate, "does not offer");
	assert_int_equal(disturb_pause.supported(&setup, &err), 0);
	greeting = "no such thing";
	expect_refusal(&disturb_pause, "only in a lab guest");
	lab_ends();
	assert_string_equal(requested, "");
	peer_page_retire(file.page);
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

static void a_migration(void **state)
{
	struct evidence e = { .observed = true };

	(void)state;
	lab_begins();
	saying = "ok taken=1 stop=1000000000 resume=11000000000 reply=11000000001 downtime_ms=9990 "
		 "total_ms=10900";
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
		.answer = {
			0, 5 * NS_PER_MS, 5 * NS_PER_MS + NS_PER_SEC, 10 * NS_PER_MS + NS_PER_SEC, 0, 0 } };

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
		cmocka_unit_test_setup_teardown(only_where_a_lab_serves_the_page, begin, end),
		cmocka_unit_test_setup_teardown(a_pause, begin, end),
		cmocka_unit_test_setup_teardown(a_migration, begin, end),
		cmocka_unit_test_setup_teardown(without_an_event, begin, end),
		cmocka_unit_test(what_counts_as_seen),
	};

	return cmocka_run_group_tests_name("bench/outside_guest", tests, NULL, NULL);
}
