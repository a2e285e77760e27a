/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* QEMU is a fake, and the guest is the test. */
#define qmp_execute	    fake_execute
#define lab_event_await	    fake_event_await
#define lab_events_drop	    fake_events_drop
#define lab_migrate	    fake_migrate
#define lab_snapshot	    fake_snapshot
#define lab_load_supported  fake_load_supported
#define lab_load_start	    fake_load_start
#define lab_load_overdue_ns fake_load_overdue_ns
#define lab_load_stop	    fake_load_stop
#define lab_vcpu_plug	    fake_plug
#define lab_vcpu_unplug	    fake_unplug
#define lab_wait_for	    fake_wait_for
#include "bench/lab_outside.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct lab_load {
	uint64_t overdue_ns;
};

static struct peer_page page;
static const struct lab_config small = { .name = "small", .vcpus = 1 },
			       roomy = { .name = "roomy", .vcpus = 1, .maxvcpus = 2 };
static struct lab_load load;
static bool load_runs, keeps_vcpu;
static struct lab_guest guest;
static struct lab_outside outside;
static struct mailbox asker;
static char said[512]; /* to QEMU, in order */
static uint64_t waited_ns;
static bool interrupted, lost_stop, gone;
static int migration;

int fake_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns,
	json_t **reply, struct error *err)
{
	(void)qmp;
	(void)deadline_ns;
	(void)reply;
	assert_null(arguments);
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ", command);
	return gone ? error_set(err, -EPIPE, "QMP %s: QEMU has ended", command) : 0;
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

int fake_snapshot(
	struct lab_guest *g, const struct outside_request *r, struct outside_answer *a, struct error *err)
{
	(void)g;
	if (migration)
		return error_set(err, migration, "no room");
	waited_ns += (uint64_t)(r->seconds * 1e9);
	a->stop_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	a->resume_ns = a->stop_ns + 9;
	a->lost_ns = r->same ? 7 : 8;
	return 0;
}

int fake_load_supported(struct error *why)
{
	return migration ? error_set(why, migration, "stress-ng is not installed") : 0;
}

struct lab_load *fake_load_start(struct lab_guest *g, struct placement *p, const struct outside_request *r,
	struct outside_report *report, struct error *err)
{
	(void)g;
	(void)p;
	if (migration) {
		error_set(err, migration, "stress-ng ended at once");
		return NULL;
	}
	assert_false(load_runs);
	load_runs = true;
	load.overdue_ns = now_ns() + (uint64_t)(r->seconds * 1e9);
	snprintf(report->text, sizeof(report->text), "%s at %u", r->class, r->share);
	report->seen = true;
	return &load;
}

uint64_t fake_load_overdue_ns(const struct lab_load *l)
{
	return l->overdue_ns;
}

int fake_load_stop(struct lab_load *l, struct outside_report *report, struct error *err)
{
	(void)err;
	if (!l)
		return 0;
	assert_ptr_equal(l, &load);
	assert_true(load_runs);
	load_runs = false;
	*report = (struct outside_report){ true, "took all" };
	return 0;
}

int fake_plug(struct lab_guest *g, char *text, size_t size, struct error *err)
{
	(void)g;
	(void)err;
	snprintf(text, size, "slot 1");
	return 0;
}

int fake_unplug(struct lab_guest *g, char *text, size_t size, struct error *err)
{
	(void)g;
	if (keeps_vcpu)
		return error_set(err, -ETIMEDOUT, "QEMU does not tell of DEVICE_DELETED");
	snprintf(text, size, "gone");
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
	guest = (struct lab_guest){ .status = -1, .config = &roomy };
	lab_outside_open(&outside, &guest, NULL, &page);
	mailbox_open_asker(&asker, &page.mailbox);
	said[0] = '\0';
	waited_ns = 0;
	interrupted = lost_stop = gone = load_runs = keeps_vcpu = false;
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
	expect("hello pause", "lab");
	assert_string_equal(said, "");
	assert_int_equal(ask("pause 2.5", 9, reply), 0);
	assert_int_equal(outside_answer_read(reply, &a, &err), 0);
	assert_string_equal(said, "stop cont ");
	assert_int_equal(waited_ns, 2500 * NS_PER_MS);
	assert_int_equal(a.downtime_ms, -1);
	assert_int_equal(ask("migrate", 7, reply), 0);
	assert_int_equal(outside_answer_read(reply, &a, &err), 0);
	assert_int_equal(a.downtime_ms, 51);
	assert_int_equal(ask("snapshot 2 new", 14, reply), 0);
	assert_int_equal(outside_answer_read(reply, &a, &err), 0);
	assert_int_equal(a.lost_ns, 8);
	expect("snapshot 1 same", "lost=7");
	migration = -EIO;
	expect("migrate", "no no room");
	expect("snapshot 1 new", "no no room");
}

static void a_load(void **state)
{
	struct error err = { "" };

	(void)state;
	expect("hello host-load", "lab");
	expect("host-load-end", "no no load is in force");
	expect("host-load cpu 50 10", "ok seen=1 cpu at 50");
	expect("host-load cpu 50 10", "no a load is in force already");
	expect("pause 1", "ok taken=");
	assert_true(load_runs);
	expect("host-load-end", "ok seen=1 took all");
	assert_false(load_runs);
	expect("host-load-end", "no no load is in force");
	/* The guest never asks for the end. */
	expect("host-load cache 10 60", "ok seen=1 cache at 10");
	load.overdue_ns = now_ns() - 1;
	assert_int_equal(guest.attend(guest.attend_context, &err), 0);
	assert_false(load_runs);
	expect("host-load-end", "no no load is in force");
	/* It dies. */
	expect("host-load cpu 50 10", "ok seen=1");
	assert_int_equal(lab_outside_close(&outside, &err), 0);
	assert_false(load_runs);
	assert_int_equal(lab_outside_close(&outside, &err), 0);
	migration = -ENOENT;
	expect("hello host-load", "no stress-ng is not installed");
	expect("host-load cpu 50 10", "no stress-ng ended at once");
	expect("host-load-end", "no no load is in force");
}

static void a_vcpu(void **state)
{
	(void)state;
	expect("hello vcpu-hotplug", "lab");
	expect("vcpu-unplug", "no no vCPU is plugged in");
	expect("vcpu-hotplug", "ok seen=1 slot 1");
	expect("vcpu-hotplug", "no a vCPU is plugged in already");
	/* Another QEMU has no such vCPU. */
	expect("migrate", "no the guest has a vCPU more");
	expect("snapshot 1 new", "no the guest has a vCPU more");
	expect("snapshot 1 same", "ok taken=");
	keeps_vcpu = true;
	expect("vcpu-unplug", "no QEMU does not tell of DEVICE_DELETED");
	keeps_vcpu = false;
	expect("vcpu-unplug", "ok seen=1 gone");
	expect("migrate", "ok taken=");
	guest.config = &small;
	expect("hello vcpu-hotplug", "no the configuration small has no room");
}

static void a_guest_that_lies(void **state)
{
	char junk[PEER_TEXT_MAX], reply[PEER_TEXT_MAX + 1];
	struct error err = { "" };
	size_t length;

	(void)state;
	expect("", "no such");
	expect("pause 1e9", "no pause needs");
	expect("pause 61", "no pause is of");
	expect("stop", "no such");
	expect("hello", "no such");
	expect("host-load vm 50 10", "no host-load is of class");
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(ask(junk, sizeof(junk), reply), 0);
	assert_string_equal(reply, "no such a request is not known");
	/* A length beyond the page is answered, and once. */
	assert_int_equal(mailbox_ask(&asker, "hello pause", 11), 0);
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
	expect("host-load cpu 50 10", "no there were 32 events");
	expect("vcpu-hotplug", "no there were 32 events");
	expect("hello pause", "lab");
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
	interrupted = false;
	/* The control socket is closed: the guest is told, and nobody waits. */
	gone = true;
	waited_ns = 0;
	expect("pause 1", "no QMP stop: QEMU has ended");
	assert_int_equal(waited_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_it_does, begin),
		cmocka_unit_test_setup(a_load, begin),
		cmocka_unit_test_setup(a_vcpu, begin),
		cmocka_unit_test_setup(a_guest_that_lies, begin),
		cmocka_unit_test_setup(so_many_and_no_more, begin),
		cmocka_unit_test_setup(what_goes_wrong, begin),
	};

	return cmocka_run_group_tests_name("bench/lab_outside", tests, NULL, NULL);
}
