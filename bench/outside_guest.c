/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside_guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/outside_line.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"
#include "results/units.h"

#define SHARE 0.5 /* of the stop that must be missing here, or be one wait */

struct outside {
	struct stage *stage;
	struct outside_request request;
	struct outside_line line;
	uint64_t due_ns;
	double patience_s;
	bool tried, answered;
	struct outside_answer answer;
	uint64_t here_ns;    /* monotonic_raw from the request to the reply */
	uint64_t longest_ns; /* of the naps */
	struct error trouble;
};

int outside_guest_supported(enum outside_kind kind, struct error *why)
{
	return outside_line_supported(kind, why);
}

int outside_guest_start(const struct disturbance_setup *setup, const struct outside_request *request,
	double patience_s, void **state, struct error *err)
{
	struct outside *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return error_set(err, -ENOMEM, "out of memory");
	rc = outside_line_open(&o->line, request->kind, err);
	if (rc) {
		free(o);
		return rc;
	}
	o->stage = setup->stage;
	o->request = *request;
	o->patience_s = patience_s;
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

/* What it was to the guest's clocks. */
static void name(const struct outside *o, char *text, size_t size)
{
	snprintf(text, size, "%s %.4f s", o->request.kind == OUTSIDE_SNAPSHOT ? "set back by" : "stopped for",
		ns_to_s((double)stopped_ns(o)));
}

static void happen(struct outside *o)
{
	const char *word = outside_word(o->request.kind);
	char text[PEER_TEXT_MAX + 1], what[64];
	uint64_t start = posix_clock_ns(CLOCK_MONOTONIC_RAW), before = tsc_before(), after;
	int rc;

	rc = outside_line_ask(&o->line, &o->request, o->patience_s, text, &o->longest_ns, &o->trouble);
	after = tsc_after();
	o->here_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW) - start;
	if (!rc)
		rc = outside_answer_read(text, &o->answer, &o->trouble);
	/* What was refused, or not understood, explains no step. */
	if (rc)
		return;
	o->answered = true;
	name(o, what, sizeof(what));
	stage_event(o->stage, resumed_tsc(o, before, after), word, true, "guest %s, as its host says", what);
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
	char what[64];
	int n;

	name(o, what, sizeof(what));
	n = snprintf(text, size, "the host says: %s, from %" PRIu64 " to %" PRIu64 " ns of its monotonic_raw",
		what, a->stop_ns, a->resume_ns);
	if (o->request.kind == OUTSIDE_SNAPSHOT)
		n += snprintf(text + n, size - (size_t)n, ", of which it ran %.4f s that are lost",
			ns_to_s((double)a->lost_ns));
	if (a->downtime_ms >= 0)
		n += snprintf(text + n, size - (size_t)n,
			"; QMP says a downtime of %" PRId64 " ms, %" PRId64 " ms in all", a->downtime_ms,
			a->total_ms);
	snprintf(text + n, size - (size_t)n,
		"; from request to reply %.4f s went by on the host and %.4f s here, no wait here was longer "
		"than %.4f s",
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
	outside_line_close(&o->line);
	free(o);
	return 0;
}
