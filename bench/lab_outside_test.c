/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* QEMU is a fake, and the guest is the test. */
#define qmp_execute	fake_execute
#define lab_event_await fake_event_await
#define lab_events_drop fake_events_drop
#define lab_migrate	fake_migrate
#define lab_wait_for	fake_wait_for
#include "bench/lab_outside.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct peer_page page;
static struct lab_guest guest;
static struct lab_outside outside;
static struct mailbox asker;
static char said[512]; /* to QEMU, in order */
static uint64_t waited_ns;
static bool interrupted, lost_stop;
static int migration;

int fake_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns,
	json_t **reply, struct error *err)
{
	(void)qmp;
	(void)deadline_ns;
	(void)reply;
	(void)err;
	assert_null(arguments);
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ", command);
	return 0;
}

int fake_event_await(struct lab_guest *g, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err)
{
	(void)g;
	(void)qmp;
	(void)from_us;
	(void)deadline_ns;
	if (lost_stop && strcmp(name, "STOP") == 0)
		return error_set(err, -ETIMEDOUT, "QEMU does not tell of STOP");
	*at_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	return 0;
}

uint64_t fake_events_drop(struct qmp *qmp)
{
	(void)qmp;
	return 0;
}

int fake_migrate(struct lab_guest *g, struct outside_answer *a, struct error *err)
{
	(void)g;
	if (migration)
		return error_set(err, migration, "no room");
	a->stop_ns = a->resume_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	a->downtime_ms = 51;
	a->total_ms = 900;
	return 0;
}

int fake_wait_for(struct lab_wait *wait, uint64_t ns, struct error *err)
{
	(void)wait;
	waited_ns += ns;
	return interrupted ? error_set(err, -EINTR, "ended by a signal") : 0;
}

static int begin(void **state)
{
	(void)state;
	peer_page_prepare(&page, 0, true);
	guest = (struct lab_guest){ .status = -1 };
	lab_outside_open(&outside, &guest, &page);
	mailbox_open_asker(&asker, &page.mailbox);
	said[0] = '\0';
	waited_ns = 0;
	interrupted = lost_stop = false;
	migration = 0;
	return 0;
}

static int ask(const char *request, size_t bytes, char reply[PEER_TEXT_MAX + 1])
{
	struct error err = { "" };
	size_t length;
	int rc;

	assert_int_equal(mailbox_ask(&asker, request, bytes), 0);
	rc = guest.attend(guest.attend_context, &err);
	assert_int_equal(mailbox_poll(&asker, reply, &length), 1);
	return rc;
}

static void expect(const char *request, const char *wanted)
{
	char reply[PEER_TEXT_MAX + 1];

	assert_int_equal(ask(request, strlen(request), reply), 0);
	if (!strstr(reply, wanted))
		fail_msg("%s: no \"%s\" in: %s", request, wanted, reply);
}

static void what_it_does(void **state)
{
	char reply[PEER_TEXT_MAX + 1];
	struct outside_answer a;
	struct error err = { "" };

	(void)state;
	/* Nobody asks. */
	assert_int_equal(guest.attend(guest.attend_context, &err), 0);
	expect("hello", "lab pause migrate");
	assert_string_equal(said, "");
	assert_int_equal(ask("pause 2.5", 9, reply), 0);
	assert_int_equal(outside_answer_read(reply, &a, &err), 0);
	assert_string_equal(said, "stop cont ");
	assert_int_equal(waited_ns, 2500 * NS_PER_MS);
	assert_int_equal(a.downtime_ms, -1);
	assert_int_equal(ask("migrate", 7, reply), 0);
	assert_int_equal(outside_answer_read(reply, &a, &err), 0);
	assert_int_equal(a.downtime_ms, 51);
	migration = -EIO;
	expect("migrate", "no no room");
}

static void a_guest_that_lies(void **state)
{
	char junk[PEER_TEXT_MAX], reply[PEER_TEXT_MAX + 1];
	struct error err = { "" };
	size_t length;

	(void)state;
	expect("", "no such");
	expect("pause 1e9", "no pause needs");
	expect("pause 61", "no a pause is of");
	expect("stop", "no such");
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(ask(junk, sizeof(junk), reply), 0);
	assert_string_equal(reply, "no such a request is not known");
	/* A length beyond the page is answered, and once. */
	assert_int_equal(mailbox_ask(&asker, "hello", 5), 0);
	page.mailbox.request.length = UINT64_MAX;
	assert_int_equal(guest.attend(guest.attend_context, &err), 0);
	assert_int_equal(mailbox_poll(&asker, reply, &length), 1);
	assert_string_equal(reply, "no the request is damaged");
	/* None of these did anything, nor counts. */
	assert_string_equal(said, "");
	assert_int_equal(outside.events, 0);
}

static void so_many_and_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < LAB_OUTSIDE_MAX; i++)
		expect("pause 0.1", "ok taken=");
	expect("pause 0.1", "no there were 32 events");
	expect("migrate", "no there were 32 events");
	expect("hello", "lab");
	assert_int_equal(waited_ns, LAB_OUTSIDE_MAX * 100 * NS_PER_MS);
}

/* The guest never stays stopped. */
static void what_goes_wrong(void **state)
{
	char reply[PEER_TEXT_MAX + 1];

	(void)state;
	lost_stop = true;
	expect("pause 1", "no QEMU does not tell");
	assert_string_equal(said, "stop cont ");
	lost_stop = false;
	said[0] = '\0';
	interrupted = true;
	assert_int_equal(ask("pause 1", 7, reply), -EINTR);
	assert_string_equal(said, "stop cont ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_it_does, begin),
		cmocka_unit_test_setup(a_guest_that_lies, begin),
		cmocka_unit_test_setup(so_many_and_no_more, begin),
		cmocka_unit_test_setup(what_goes_wrong, begin),
	};

	return cmocka_run_group_tests_name("bench/lab_outside", tests, NULL, NULL);
}
