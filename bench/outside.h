/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a lab guest and its lab say to each other in the mailbox of the shared page.
 *
 *   guest                             lab
 *   hello EVENT                       lab, or no REASON: can it make that event?
 *   pause SECONDS                     ok taken=NS stop=NS resume=NS reply=NS downtime_ms=N total_ms=N lost=NS
 *   migrate                           as above
 *   snapshot SECONDS new|same         as above
 *   host-load CLASS SHARE SECONDS     ok seen=1 TEXT, once it is in force
 *   host-load-end                     ok seen=0|1 TEXT: what it took
 *   vcpu-hotplug                      ok seen=1 TEXT: QEMU has plugged a vCPU in
 *   vcpu-unplug                       ok seen=1 TEXT: the guest gave it back
 *   anything else                     no REASON
 *
 * The reply to an event comes when it is over.  NS are the lab's CLOCK_MONOTONIC_RAW, N is -1 where it is not known.
 */
#ifndef BENCH_OUTSIDE_H
#define BENCH_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define OUTSIDE_SECONDS_MIN	 0.1
#define OUTSIDE_SECONDS_MAX	 60
#define OUTSIDE_LOAD_SECONDS_MAX 3600
#define OUTSIDE_TEXT_MAX	 1024

/* Stressors of stress-ng that a guest may have on its host: they use CPUs and a little memory. */
#define OUTSIDE_CLASSES "cpu,cache,matrix,stream"

enum outside_kind {
	OUTSIDE_HELLO,
	OUTSIDE_PAUSE,
	OUTSIDE_MIGRATE,
	OUTSIDE_SNAPSHOT,
	OUTSIDE_HOST_LOAD,
	OUTSIDE_HOST_LOAD_END,
	OUTSIDE_VCPU_HOTPLUG,
	OUTSIDE_VCPU_UNPLUG,
	OUTSIDE_KINDS
};

struct outside_request {
	enum outside_kind kind;
	enum outside_kind event; /* of a hello */
	/*
	 * Of a pause, and between the two halves of a snapshot: OUTSIDE_SECONDS_MIN to OUTSIDE_SECONDS_MAX;
	 * of a load: after which the lab ends it unasked, up to OUTSIDE_LOAD_SECONDS_MAX.
	 */
	double seconds;
	bool same;	/* of a snapshot: it is put back into the same QEMU, not into a new one */
	unsigned share; /* of a load: percent, 1 to 100 */
	char class[16]; /* of a load: one of OUTSIDE_CLASSES */
};

/* Of what stops the guest. */
struct outside_answer {
	uint64_t taken_ns;	       /* when the request was found */
	uint64_t stop_ns, resume_ns;   /* when QEMU said that the guest stopped, and went on */
	uint64_t reply_ns;	       /* when this was written */
	int64_t downtime_ms, total_ms; /* of query-migrate */
	uint64_t lost_ns;	       /* in between it ran so long, and has lost that */
};

/* Of what does not. */
struct outside_report {
	bool seen;
	char text[OUTSIDE_TEXT_MAX - 64]; /* plain, not empty */
};

/* The word of a request; it is the name of the disturbance too, and of its events. */
const char *outside_word(enum outside_kind kind);

void outside_request_write(const struct outside_request *request, char text[OUTSIDE_TEXT_MAX]);
/* text is a guest's, any bytes with a NUL behind them.  0 or -EINVAL with why, which does not quote it. */
int outside_request_read(const char *text, size_t length, struct outside_request *request, struct error *why);

void outside_answer_write(const struct outside_answer *answer, char text[OUTSIDE_TEXT_MAX]);
/* 0; -EPERM: refused, for the reason in why; -EBADMSG: no answer at all, or times out of order. */
int outside_answer_read(const char *text, struct outside_answer *answer, struct error *why);

void outside_report_write(const struct outside_report *report, char text[OUTSIDE_TEXT_MAX]);
/* As outside_answer_read(). */
int outside_report_read(const char *text, struct outside_report *report, struct error *why);

#endif
