/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Both QEMUs are fakes: what a migration that fails leaves, and what is said of it. */
#define qmp_execute	fake_execute
#define qmp_event	fake_event
#define qmp_close	fake_close
#define lab_guest_start fake_guest_start
#define lab_wait_for	fake_wait_for
#define warden_poll	fake_poll
#define warden_output	fake_output
#define warden_end	fake_end
#define warden_free	fake_free
#include "bench/lab_events.c"
#include "bench/lab_migrate.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "probes/posix_clock.h"

/* Never looked into. */
#define FIRST_QMP    ((struct qmp *)1)
#define NEXT_QMP     ((struct qmp *)2)
#define FIRST_WARDEN ((struct warden *)1)
#define NEXT_WARDEN  ((struct warden *)2)

static struct lab_wait wait;
static struct lab_guest guest;
static struct outside_answer answer;
static char said[512];	      /* to the QEMUs, in order */
static char dir[PATH_MAX];    /* of the second one */
static int start, interrupts; /* interrupts: after so many waits; -1: never */
static const char *refuses, *status;

int fake_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns,
	json_t **reply, struct error *err)
{
	(void)deadline_ns;
	json_decref(arguments);
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%d:%s ", qmp == FIRST_QMP ? 1 : 2,
		command);
	if (refuses && strcmp(command, refuses) == 0)
		return error_set(err, -EREMOTEIO, "QMP %s: refused", command);
	if (reply)
		*reply = json_pack("{s:s, s:s, s:i, s:i}", "status", status, "error-desc", "out of reach",
			"downtime", 51, "total-time", 900);
	return 0;
}

json_t *fake_event(struct qmp *qmp)
{
	uint64_t us = posix_clock_ns(CLOCK_REALTIME) / NS_PER_US;
	static bool told;

	/* One by one: dropped events must not go on for ever. */
	told = !told;
	if (!told)
		return NULL;
	return json_pack("{s:s, s:{s:I, s:I}}", "event", qmp == FIRST_QMP ? "STOP" : "RESUME", "timestamp",
		"seconds", (json_int_t)(us / 1000000), "microseconds", (json_int_t)(us % 1000000));
}

void fake_close(struct qmp *qmp)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ",
		!qmp		   ? "-"
		: qmp == FIRST_QMP ? "1:closed"
				   : "2:closed");
}

int fake_guest_start(struct lab_guest *g, struct error *err)
{
	assert_non_null(g->incoming);
	assert_int_equal(access(g->dir, F_OK), 0);
	snprintf(dir, sizeof(dir), "%s", g->dir);
	g->warden = NEXT_WARDEN;
	if (start)
		return error_set(err, start, "QEMU: exit status 1: no room");
	g->qmp = NEXT_QMP;
	return 0;
}

int fake_wait_for(struct lab_wait *w, uint64_t ns, struct error *err)
{
	(void)w;
	(void)ns;
	return interrupts >= 0 && interrupts-- == 0 ? error_set(err, -EINTR, "ended by a signal") : 0;
}

bool fake_poll(struct warden *w)
{
	assert_ptr_equal(w, NEXT_WARDEN);
	return false;
}

const char *fake_output(const struct warden *w)
{
	return w == NEXT_WARDEN ? "qemu: bad section\nmore" : "";
}

void fake_end(struct warden *w)
{
	(void)w;
}

int fake_free(struct warden *w, uint64_t deadline_ns, struct error *err)
{
	(void)deadline_ns;
	(void)err;
	if (w)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%d:ended ",
			w == FIRST_WARDEN ? 1 : 2);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	guest = (struct lab_guest){ .wait = &wait, .warden = FIRST_WARDEN, .qmp = FIRST_QMP };
	answer = (struct outside_answer){ .downtime_ms = -1, .total_ms = -1 };
	said[0] = dir[0] = '\0';
	start = 0;
	interrupts = -1;
	refuses = NULL;
	status = "completed";
	return 0;
}

/* It stays where it is, which goes on, after the way to the other one is closed. */
static void expect_failure(int wanted, const char *why)
{
	static const char back[] = "1:migrate_cancel 2:closed 2:ended 1:cont ";
	struct error err = { "" };

	assert_int_equal(lab_migrate(&guest, &answer, &err), wanted);
	if (!strstr(err.text, why))
		fail_msg("no \"%s\" in: %s", why, err.text);
	assert_ptr_equal(guest.warden, FIRST_WARDEN);
	assert_ptr_equal(guest.qmp, FIRST_QMP);
	if (strlen(said) < strlen(back) || strcmp(said + strlen(said) - strlen(back), back) != 0)
		fail_msg("not back: %s", said);
	assert_true(dir[0] == '/');
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_done(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(lab_migrate(&guest, &answer, &err), 0);
	assert_ptr_equal(guest.warden, NEXT_WARDEN);
	assert_ptr_equal(guest.qmp, NEXT_QMP);
	assert_string_equal(said, "1:migrate-set-parameters 1:migrate 1:query-migrate 1:closed 1:ended ");
	assert_int_equal(answer.downtime_ms, 51);
	assert_true(answer.stop_ns && answer.resume_ns);
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_fails(void **state)
{
	static const char *const commands[] = { "migrate-set-parameters", "migrate", "query-migrate" };
	static const char *const ends[] = { "failed", "cancelled" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		begin(state);
		refuses = commands[i];
		expect_failure(-EREMOTEIO, "refused");
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begin(state);
		status = ends[i];
		expect_failure(-EIO, "the migration failed: out of reach; qemu: bad section");
		assert_null(strstr(said, "2:cont"));
	}
}

/* The other QEMU did not come up: there is no socket of it to close. */
static void test_does_not_start(void **state)
{
	struct error err = { "" };

	(void)state;
	start = -ECHILD;
	assert_int_equal(lab_migrate(&guest, &answer, &err), -ECHILD);
	assert_string_equal(err.text, "QEMU: exit status 1: no room");
	assert_string_equal(said, "1:migrate_cancel - 2:ended 1:cont ");
	assert_ptr_equal(guest.warden, FIRST_WARDEN);
	assert_int_equal(access(dir, F_OK), -1);
}

static void test_interrupted(void **state)
{
	(void)state;
	status = "active";
	interrupts = 3;
	expect_failure(-EINTR, "ended by a signal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_done, begin),
		cmocka_unit_test_setup(test_fails, begin),
		cmocka_unit_test_setup(test_does_not_start, begin),
		cmocka_unit_test_setup(test_interrupted, begin),
	};

	return cmocka_run_group_tests_name("bench/lab_migrate", tests, NULL, NULL);
}
