/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_outside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/lab_migrate.h"
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

static int do_event(
	struct lab_outside *o, const struct outside_request *r, struct outside_answer *a, struct error *why)
{
	if (o->events == LAB_OUTSIDE_MAX)
		return error_set(why, -EPERM, "there were %d events in this run", LAB_OUTSIDE_MAX);
	o->events++;
	if (r->kind == OUTSIDE_PAUSE)
		return pause_guest(o->guest, r->seconds, a, why);
	return lab_migrate(o->guest, a, why);
}

static int attend(void *context, struct error *err)
{
	struct lab_outside *o = context;
	struct outside_answer answer = { .downtime_ms = -1, .total_ms = -1 };
	struct outside_request request;
	struct error why = { "" };
	char text[PEER_TEXT_MAX + 1], reply[OUTSIDE_TEXT_MAX];
	size_t length;
	int rc = mailbox_take(&o->mailbox, text, &length);

	if (rc == 0)
		return 0;
	answer.taken_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	if (rc > 0)
		rc = outside_request_read(text, length, &request, &why);
	else
		error_set(&why, rc, "the request is damaged");
	if (!rc && request.kind != OUTSIDE_HELLO)
		rc = do_event(o, &request, &answer, &why);
	answer.reply_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	if (rc)
		snprintf(reply, sizeof(reply), "no %.200s", why.text);
	else if (request.kind == OUTSIDE_HELLO)
		snprintf(reply, sizeof(reply), "lab %s %s", outside_word(OUTSIDE_PAUSE),
			outside_word(OUTSIDE_MIGRATE));
	else
		outside_answer_write(&answer, reply);
	mailbox_reply(&o->mailbox, reply, strlen(reply));
	/* Whatever else went wrong with QEMU, the caller sees by itself. */
	return rc == -EINTR ? error_set(err, rc, "%s", why.text) : 0;
}

void lab_outside_open(struct lab_outside *o, struct lab_guest *guest, struct peer_page *page)
{
	*o = (struct lab_outside){ .guest = guest };
	mailbox_open_replier(&o->mailbox, &page->mailbox);
	guest->attend = attend;
	guest->attend_context = o;
}
