/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside_guest.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/peer_map.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"
#include "results/units.h"

#define HELLO_NS (2 * NS_PER_SEC)
#define NAP_NS	 (2 * NS_PER_MS)
#define SHARE	 0.5 /* of the stop that must be missing here, or be one wait */

struct outside {
	struct stage *stage;
	struct outside_request request;
	struct peer_map map;
	struct mailbox mailbox;
	uint64_t due_ns, patience_ns;
	bool tried, answered;
	struct outside_answer answer;
	uint64_t here_ns;    /* monotonic_raw from the request to the reply */
	uint64_t longest_ns; /* of the naps */
	struct error trouble;
};

/* Where the page is; a test has a file. */
static const char *page_address = PEER_ADDRESS_AUTO;

/* ---- one exchange ---- */

/* 1: text is the reply; 0: it did not come in time; -EBADMSG.  *longest_ns: of the naps; may be NULL. */
static int await_reply(const struct mailbox *mailbox, uint64_t patience_ns, char text[PEER_TEXT_MAX + 1],
	uint64_t *longest_ns)
{
	static const struct timespec nap = { 0, NAP_NS };
	uint64_t start = posix_clock_ns(CLOCK_MONOTONIC_RAW), last = start, now = start, longest = 0;
	size_t length;
	int rc;

	while (!(rc = mailbox_poll(mailbox, text, &length)) && now - start < patience_ns) {
		nanosleep(&nap, NULL);
		now = posix_clock_ns(CLOCK_MONOTONIC_RAW);
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	if (longest_ns)
		*longest_ns = longest;
	return rc;
}

static int ask(struct mailbox *mailbox, const struct outside_request *request)
{
	char text[OUTSIDE_TEXT_MAX];

	outside_request_write(request, text);
	return mailbox_ask(mailbox, text, strlen(text));
}

static bool offers(const char *reply, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = reply; (at = strstr(at, word)); at += length)
		if (at > reply && at[-1] == ' ' && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* Maps the page and asks who serves its mailbox.  On failure nothing is left mapped. */
static int meet(enum outside_kind kind, struct peer_map *map, struct mailbox *mailbox, struct error *why)
{
	const struct outside_request hello = { .kind = OUTSIDE_HELLO };
	struct page_header_values header;
	struct error detail = { "" };
	char text[PEER_TEXT_MAX + 1];
	int rc = peer_map_open(map, page_address, &detail);

	if (rc)
		return error_set(why, -ENOTSUP, "only in a lab guest: %s", detail.text);
	rc = peer_page_check(map->page, &header, &detail);
	if (rc) {
		error_set(why, rc, "only in a lab guest: %s", detail.text);
	} else {
		mailbox_open_asker(mailbox, &map->page->mailbox);
		ask(mailbox, &hello);
		if (await_reply(mailbox, HELLO_NS, text, NULL) != 1 || strncmp(text, "lab", 3) != 0)
			rc = error_set(why, -ENOTSUP, "only in a lab guest: no lab serves the shared page");
		else if (!offers(text, outside_word(kind)))
			rc = error_set(why, -ENOTSUP, "this lab does not offer it");
	}
	if (rc)
		peer_map_close(map);
	return rc;
}

int outside_guest_supported(enum outside_kind kind, struct error *why)
{
	struct peer_map map;
	struct mailbox mailbox;
	int rc = meet(kind, &map, &mailbox, why);

	if (!rc)
		peer_map_close(&map);
	return rc;
}

int outside_guest_start(const struct disturbance_setup *setup, const struct outside_request *request,
	double patience_s, void **state, struct error *err)
{
	struct outside *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return error_set(err, -ENOMEM, "out of memory");
	rc = meet(request->kind, &o->map, &o->mailbox, err);
	if (rc) {
		free(o);
		return rc;
	}
	o->stage = setup->stage;
	o->request = *request;
	o->patience_ns = (uint64_t)(patience_s * (double)NS_PER_SEC);
	o->due_ns = posix_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(setup->duration_s / 3 * (double)NS_PER_SEC);
	*state = o;
	return 0;
}

/* ---- the event ---- */

static uint64_t stopped_ns(const struct outside *o)
{
	return o->answer.resume_ns - o->answer.stop_ns;
}

/* What the lab saw go by and this guest did not; wrong by no more than the ways of request and reply. */
static double missing_ns(const struct outside *o)
{
	return (double)(o->answer.reply_ns - o->answer.taken_ns) - (double)o->here_ns;
}

/* Where the guest went on: as long before the reply as the lab says, and not before the request. */
static uint64_t resumed_tsc(const struct outside *o, uint64_t before, uint64_t after)
{
	double ago_ns = (double)(o->answer.reply_ns - o->answer.resume_ns);
	double cycles = o->here_ns ? ago_ns * (double)(after - before) / (double)o->here_ns : 0;

	return cycles < (double)(after - before) ? after - (uint64_t)cycles : before;
}

static void happen(struct outside *o)
{
	const char *word = outside_word(o->request.kind);
	char text[PEER_TEXT_MAX + 1];
	uint64_t start = posix_clock_ns(CLOCK_MONOTONIC_RAW), before = tsc_before(), after;
	int rc;

	ask(&o->mailbox, &o->request);
	rc = await_reply(&o->mailbox, o->patience_ns, text, &o->longest_ns);
	after = tsc_after();
	o->here_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW) - start;
	if (rc != 1)
		rc = error_set(&o->trouble, -ETIMEDOUT, "the lab did not reply within %.1f s",
			ns_to_s((double)o->here_ns));
	else
		rc = outside_answer_read(text, &o->answer, &o->trouble);
	/* What was refused, or not understood, explains no step. */
	if (rc)
		return;
	o->answered = true;
	stage_event(o->stage, resumed_tsc(o, before, after), word, true,
		"guest stopped for %.4f s, as its host says", ns_to_s((double)stopped_ns(o)));
	stage_point(o->stage, word, "missing in the guest", "s", after, ns_to_s(missing_ns(o)));
}

void outside_guest_observe(void *state, uint64_t tsc)
{
	struct outside *o = state;

	(void)tsc;
	if (o->tried || posix_clock_ns(CLOCK_MONOTONIC) < o->due_ns)
		return;
	o->tried = true;
	happen(o);
}

/* ---- what was seen ---- */

static bool was_stopped(const struct outside *o)
{
	double least = SHARE * (double)stopped_ns(o);

	return o->answered && stopped_ns(o) && (missing_ns(o) >= least || (double)o->longest_ns >= least);
}

static void tell(const struct outside *o, char *text, size_t size)
{
	const struct outside_answer *a = &o->answer;
	int n = snprintf(text, size,
		"the host says: stopped for %.4f s, from %" PRIu64 " to %" PRIu64 " ns of its monotonic_raw",
		ns_to_s((double)stopped_ns(o)), a->stop_ns, a->resume_ns);

	if (a->downtime_ms >= 0)
		n += snprintf(text + n, size - (size_t)n,
			"; QMP says a downtime of %" PRId64 " ms, %" PRId64 " ms in all", a->downtime_ms,
			a->total_ms);
	snprintf(text + n, size - (size_t)n,
		"; from request to reply %.4f s went by on the host and %.4f s here, no wait here was longer "
		"than "
		"%.4f s",
		ns_to_s((double)(a->reply_ns - a->taken_ns)), ns_to_s((double)o->here_ns),
		ns_to_s((double)o->longest_ns));
}

int outside_guest_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct outside *o = state;

	(void)err;
	evidence->observed = was_stopped(o);
	if (!o->tried)
		snprintf(evidence->text, sizeof(evidence->text),
			"the phase ended before the lab was to be asked");
	else if (!o->answered)
		snprintf(evidence->text, sizeof(evidence->text), "%.300s", o->trouble.text);
	else
		tell(o, evidence->text, sizeof(evidence->text));
	peer_map_close(&o->map);
	free(o);
	return 0;
}
