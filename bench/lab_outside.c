/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_outside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/lab_events.h"
#include "bench/lab_migrate.h"
#include "bench/lab_snapshot.h"
#include "bench/lab_vcpus.h"
#include "bench/outside.h"
#include "probes/now.h"
#include "probes/posix_clock.h"

#define COMMAND_NS (5 * NS_PER_SEC)

static int pause_guest(struct lab_guest *g, double seconds, struct outside_answer *a, struct error *why)
{
	uint64_t from = lab_events_drop(g->qmp);
	int rc = qmp_execute(g->qmp, "stop", NULL, now_ns() + COMMAND_NS, NULL, why), went;

	if (!rc)
		rc = lab_event_await(g, g->qmp, "STOP", from, now_ns() + COMMAND_NS, &a->stop_ns, why);
	if (!rc)
		rc = lab_wait_for(g->wait, (uint64_t)(seconds * (double)NS_PER_SEC), why);
	/* In any case: one that does not stand is not harmed. */
	went = qmp_execute(g->qmp, "cont", NULL, now_ns() + COMMAND_NS, NULL, why);
	rc = rc ? rc : went;
	return rc ? rc
		  : lab_event_await(g, g->qmp, "RESUME", from, now_ns() + COMMAND_NS, &a->resume_ns, why);
}

/* ---- what does not stop the guest ---- */

static int begin_load(struct lab_outside *o, const struct outside_request *r, struct outside_report *report,
	struct error *why)
{
	if (o->load)
		return error_set(why, -EBUSY, "a load is in force already");
	o->load = lab_load_start(o->guest, o->placement, r, report, why);
	return o->load ? 0 : -EIO;
}

static int end_load(struct lab_outside *o, struct outside_report *report, struct error *why)
{
	struct lab_load *load = o->load;

	o->load = NULL;
	return load ? lab_load_stop(load, report, why) : error_set(why, -ENOENT, "no load is in force");
}

static int plug(struct lab_outside *o, struct outside_report *report, struct error *why)
{
	int rc;

	if (o->plugged)
		return error_set(why, -EBUSY, "a vCPU is plugged in already");
	rc = lab_vcpu_plug(o->guest, report->text, sizeof(report->text), why);
	o->plugged = report->seen = rc == 0;
	return rc;
}

static int unplug(struct lab_outside *o, struct outside_report *report, struct error *why)
{
	int rc;

	if (!o->plugged)
		return error_set(why, -ENOENT, "no vCPU is plugged in");
	rc = lab_vcpu_unplug(o->guest, report->text, sizeof(report->text), why);
	o->plugged = rc != 0;
	report->seen = rc == 0;
	return rc;
}

/* ---- requests ---- */

/* Can it be asked for? */
static int offer(const struct lab_outside *o, enum outside_kind event, struct error *why)
{
	if (event == OUTSIDE_HOST_LOAD)
		return lab_load_supported(why);
	if (event == OUTSIDE_VCPU_HOTPLUG)
		return lab_vcpu_spare(o->guest, why);
	return 0;
}

static bool stops_guest(enum outside_kind kind)
{
	return kind == OUTSIDE_PAUSE || kind == OUTSIDE_MIGRATE || kind == OUTSIDE_SNAPSHOT;
}

static int stop_guest(
	struct lab_outside *o, const struct outside_request *r, struct outside_answer *a, struct error *why)
{
	if (r->kind == OUTSIDE_PAUSE)
		return pause_guest(o->guest, r->seconds, a, why);
	/* Another QEMU is made as this one was. */
	if (o->plugged && !r->same)
		return error_set(why, -EBUSY, "the guest has a vCPU more than it booted with");
	if (r->kind == OUTSIDE_SNAPSHOT)
		return lab_snapshot(o->guest, r, a, why);
	return lab_migrate(o->guest, a, why);
}

static int do_event(struct lab_outside *o, const struct outside_request *r, uint64_t taken_ns, char *reply,
	struct error *why)
{
	struct outside_answer answer = { .taken_ns = taken_ns, .downtime_ms = -1, .total_ms = -1 };
	struct outside_report report = { .seen = false };
	int rc;

	/* The end of what is in force is no event of its own. */
	if (r->kind == OUTSIDE_HOST_LOAD_END) {
		rc = end_load(o, &report, why);
	} else if (r->kind == OUTSIDE_VCPU_UNPLUG) {
		rc = unplug(o, &report, why);
	} else if (o->events == LAB_OUTSIDE_MAX) {
		return error_set(why, -EPERM, "there were %d events in this run", LAB_OUTSIDE_MAX);
	} else {
		o->events++;
		if (r->kind == OUTSIDE_HOST_LOAD)
			rc = begin_load(o, r, &report, why);
		else if (r->kind == OUTSIDE_VCPU_HOTPLUG)
			rc = plug(o, &report, why);
		else
			rc = stop_guest(o, r, &answer, why);
	}
	answer.reply_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	if (stops_guest(r->kind))
		outside_answer_write(&answer, reply);
	else
		outside_report_write(&report, reply);
	return rc;
}

/* One that nobody ended. */
static void end_overdue(struct lab_outside *o)
{
	struct outside_report unread;
	struct error ignored = { "" };

	if (o->load && now_ns() > lab_load_overdue_ns(o->load))
		end_load(o, &unread, &ignored);
}

static int attend(void *context, struct error *err)
{
	struct lab_outside *o = context;
	struct outside_request request;
	struct error why = { "" };
	char text[PEER_TEXT_MAX + 1], reply[OUTSIDE_TEXT_MAX] = "lab";
	uint64_t taken_ns;
	size_t length;
	int rc = mailbox_take(&o->mailbox, text, &length);

	end_overdue(o);
	if (rc == 0)
		return 0;
	taken_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	if (rc > 0)
		rc = outside_request_read(text, length, &request, &why);
	else
		error_set(&why, rc, "the request is damaged");
	if (!rc)
		rc = request.kind == OUTSIDE_HELLO ? offer(o, request.event, &why)
						   : do_event(o, &request, taken_ns, reply, &why);
	if (rc)
		snprintf(reply, sizeof(reply), "no %.200s", why.text);
	mailbox_reply(&o->mailbox, reply, strlen(reply));
	/* Whatever else went wrong with QEMU, the caller sees by itself. */
	return rc == -EINTR ? error_set(err, rc, "%s", why.text) : 0;
}

void lab_outside_open(
	struct lab_outside *o, struct lab_guest *guest, struct placement *placement, struct peer_page *page)
{
	*o = (struct lab_outside){ .guest = guest, .placement = placement };
	mailbox_open_replier(&o->mailbox, &page->mailbox);
	guest->attend = attend;
	guest->attend_context = o;
}

int lab_outside_close(struct lab_outside *o, struct error *err)
{
	struct outside_report unread;
	struct lab_load *load = o->load;

	o->load = NULL;
	return lab_load_stop(load, &unread, err);
}
