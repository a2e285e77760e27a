/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab_events.h"
#include "probes/now.h"
#include "results/file.h"

#define SOCKET	      "migrate"
#define COMMAND_NS    (5 * NS_PER_SEC)
#define MIGRATE_NS    (60 * NS_PER_SEC)
#define LAST_WORDS_NS (500 * NS_PER_MS)
#define POLL_NS	      (2 * NS_PER_MS)
#define BANDWIDTH     (INT64_C(1) << 30) /* bytes/s: the default of 128 MiB/s is for networks */

static int move(struct lab_guest *g, const char *path, struct error *err)
{
	json_t *limit = json_pack("{s:I}", "max-bandwidth", (json_int_t)BANDWIDTH);
	char uri[PATH_MAX + 8];
	int rc = qmp_execute(g->qmp, "migrate-set-parameters", limit, now_ns() + COMMAND_NS, NULL, err);

	snprintf(uri, sizeof(uri), "unix:%s", path);
	return rc ? rc
		  : qmp_execute(g->qmp, "migrate", json_pack("{s:s}", "uri", uri), now_ns() + COMMAND_NS,
			    NULL, err);
}

/* Asks the first QEMU until it is done. */
static int await_done(struct lab_guest *g, struct outside_answer *a, struct error *err)
{
	uint64_t deadline = now_ns() + MIGRATE_NS;
	bool done = false;
	int rc = 0;

	while (!rc && !done) {
		json_t *reply = NULL, *downtime, *total;
		const char *status, *words;

		rc = qmp_execute(g->qmp, "query-migrate", NULL, now_ns() + COMMAND_NS, &reply, err);
		status = json_string_value(json_object_get(reply, "status"));
		words = json_string_value(json_object_get(reply, "error-desc"));
		downtime = json_object_get(reply, "downtime");
		total = json_object_get(reply, "total-time");
		done = status && strcmp(status, "completed") == 0;
		a->downtime_ms = done && json_is_integer(downtime) ? json_integer_value(downtime) : -1;
		a->total_ms = done && json_is_integer(total) ? json_integer_value(total) : -1;
		if (!rc && status && (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0))
			rc = error_set(err, -EIO, "the migration failed: %s", words ? words : "no reason");
		json_decref(reply);
		if (!rc && !done && now_ns() > deadline)
			rc = error_set(err, -ETIMEDOUT, "the migration is not done after %d s",
				(int)(MIGRATE_NS / NS_PER_SEC));
		if (!rc && !done)
			rc = lab_wait_for(g->wait, POLL_NS, err);
	}
	return rc;
}

static void end_qemu(struct warden *warden, struct qmp *qmp, struct error *err)
{
	qmp_close(qmp);
	if (warden)
		warden_end(warden);
	warden_free(warden, now_ns() + WARDEN_GRACE_NS + 2 * WARDEN_KILL_NS, err);
}

void lab_place_drop(struct lab_guest *next)
{
	struct error ignored = { "" };

	end_qemu(next->warden, next->qmp, &ignored);
	next->warden = NULL;
	next->qmp = NULL;
}

int lab_place_take(struct lab_guest *g, const struct lab_guest *next, struct error *err)
{
	struct error ended = { "" };

	end_qemu(g->warden, g->qmp, &ended);
	g->warden = next->warden;
	g->qmp = next->qmp;
	return ended.text[0] ? error_set(err, -EBUSY, "%s", ended.text) : 0;
}

int lab_place_make(const struct lab_guest *g, char dir[PATH_MAX], struct lab_guest *next, struct error *err)
{
	int rc = lab_make_private(NULL, LAB_PRIVATE, dir, err);

	*next = *g;
	next->dir = dir;
	next->incoming = "";
	next->warden = NULL;
	next->qmp = NULL;
	return rc;
}

/* The first one has it still: the other way is closed before it goes on, so that never both run. */
static void go_back(struct lab_guest *g, struct lab_guest *next)
{
	struct error ignored = { "" };

	qmp_execute(g->qmp, "migrate_cancel", NULL, now_ns() + COMMAND_NS, NULL, &ignored);
	lab_place_drop(next);
	qmp_execute(g->qmp, "cont", NULL, now_ns() + COMMAND_NS, NULL, &ignored);
}

/* The first one knows only that the other has gone; that one said why. */
static void tell_failure(const struct lab_guest *next, const struct error *why, int rc, struct error *err)
{
	uint64_t deadline = now_ns() + LAST_WORDS_NS;
	const char *said;

	while (rc == -EIO && warden_poll(next->warden) && now_ns() < deadline)
		if (lab_wait_for(next->wait, POLL_NS, NULL))
			break;
	said = warden_output(next->warden);
	error_set(err, rc, "%s%s%.*s", why->text, said[0] ? "; " : "", (int)strcspn(said, "\r\n"), said);
}

static int move_to(struct lab_guest *g, struct lab_guest *next, struct outside_answer *a, struct error *err)
{
	struct error why = { "" };
	uint64_t from = lab_events_drop(g->qmp);
	int rc = lab_guest_start(next, err), taken;

	if (!rc)
		rc = move(g, next->incoming, err);
	if (!rc) {
		rc = await_done(g, a, &why);
		if (rc)
			tell_failure(next, &why, rc, err);
	}
	if (rc) {
		go_back(g, next);
		return rc;
	}
	rc = lab_event_await(g, g->qmp, "STOP", from, now_ns() + COMMAND_NS, &a->stop_ns, err);
	if (!rc)
		rc = lab_event_await(g, next->qmp, "RESUME", from, now_ns() + COMMAND_NS, &a->resume_ns, err);
	/* The guest is over there, whatever was heard of it. */
	taken = lab_place_take(g, next, err);
	return rc ? rc : taken;
}

int lab_migrate(struct lab_guest *g, struct outside_answer *answer, struct error *err)
{
	char dir[PATH_MAX], socket[PATH_MAX];
	struct lab_guest next;
	int rc = lab_place_make(g, dir, &next, err);

	if (rc)
		return rc;
	rc = path_join(socket, sizeof(socket), dir, SOCKET, err);
	next.incoming = socket;
	if (!rc)
		rc = move_to(g, &next, answer, err);
	lab_remove_private(dir);
	return rc;
}
