/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests of the guest's side of events from outside: the lab is a thread of the test with
 * a script, and nothing is stopped or moved.  Include it behind bench/stage_fake.h.
 */
#ifndef BENCH_OUTSIDE_FAKE_H
#define BENCH_OUTSIDE_FAKE_H

#include <stdatomic.h>
#include <unistd.h>

#include "bench/outside_line.c"
#include "bench/page_file.h"
#include "probes/tsc.h"

#define STOPPED_NS (2 * NS_PER_SEC)

static struct stage stage;
static char page_dir[64], page_path[96];
static struct page_file page_file;
static pthread_t lab;
static atomic_bool over;
/* The script: what is said to hello, and to all else; "ok" stands for a stop of 2 s. */
static const char *greeting, *saying;
static char requested[256];			/* the last request but hellos */
static void (*on_request)(const char *request); /* before the reply; may be NULL */

static void reply_to(struct mailbox *box, const char *request)
{
	const uint64_t now = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	/* As if all of it had gone by between the two: here nothing of it did. */
	const struct outside_answer a = { now, now + NS_PER_MS, now + NS_PER_MS + STOPPED_NS,
		now + 2 * NS_PER_MS + STOPPED_NS, -1, -1, NS_PER_SEC };
	char text[OUTSIDE_TEXT_MAX];

	if (strncmp(request, "hello ", 6) == 0) {
		mailbox_reply(box, greeting, strlen(greeting));
		return;
	}
	snprintf(requested, sizeof(requested), "%.250s", request);
	if (on_request)
		on_request(request);
	snprintf(text, sizeof(text), "%s", saying);
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

	mailbox_open_replier(&box, &page_file.page->mailbox);
	for (; !atomic_load(&over); nanosleep(&nap, NULL))
		if (mailbox_take(&box, text, &length) == 1)
			reply_to(&box, text);
	return unused;
}

static int lab_set_up(void **state)
{
	struct error err = { "" };

	(void)state;
	strcpy(page_dir, "/tmp/clkdrift-outside-XXXXXX");
	assert_non_null(mkdtemp(page_dir));
	snprintf(page_path, sizeof(page_path), "%s/page", page_dir);
	if (page_file_open(&page_file, page_path, &err))
		fail_msg("%s", err.text);
	peer_page_prepare(page_file.page, 0, true);
	page_address = page_path;
	stage.event_count = stage.point_count = 0;
	requested[0] = '\0';
	greeting = "lab";
	saying = "ok";
	on_request = NULL;
	atomic_store(&over, false);
	return 0;
}

static void lab_begins(void)
{
	silent_until_ns = 0;
	assert_int_equal(pthread_create(&lab, NULL, serve, NULL), 0);
}

static void lab_ends(void)
{
	atomic_store(&over, true);
	pthread_join(lab, NULL);
}

static int lab_tear_down(void **state)
{
	(void)state;
	page_file_close(&page_file);
	return rmdir(page_dir);
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
		if (d->observe)
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

#endif
