/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a lab guest and its lab say to each other in the mailbox of the shared page.
 *
 *   guest                     lab
 *   hello                     lab pause migrate     the events that it makes
 *   pause SECONDS             ok taken=NS stop=NS resume=NS reply=NS downtime_ms=N total_ms=N
 *   migrate                   as above
 *   anything else             no REASON
 *
 * The reply to an event comes when it is over.  NS are the lab's CLOCK_MONOTONIC_RAW, N is -1 where it is not known.
 */
#ifndef BENCH_OUTSIDE_H
#define BENCH_OUTSIDE_H

#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define OUTSIDE_SECONDS_MIN 0.1
#define OUTSIDE_SECONDS_MAX 60
#define OUTSIDE_TEXT_MAX    256

enum outside_kind { OUTSIDE_HELLO, OUTSIDE_PAUSE, OUTSIDE_MIGRATE, OUTSIDE_KINDS };

struct outside_request {
	enum outside_kind kind;
	double seconds; /* of a pause, OUTSIDE_SECONDS_MIN to OUTSIDE_SECONDS_MAX */
};

struct outside_answer {
	uint64_t taken_ns;	       /* when the request was found */
	uint64_t stop_ns, resume_ns;   /* when QEMU said that the guest stopped, and went on */
	uint64_t reply_ns;	       /* when this was written */
	int64_t downtime_ms, total_ms; /* of query-migrate */
};

/* The word of a request; it is the name of the disturbance too, and of its events. */
const char *outside_word(enum outside_kind kind);

void outside_request_write(const struct outside_request *request, char text[OUTSIDE_TEXT_MAX]);
/* text is a guest's, any bytes with a NUL behind them.  0 or -EINVAL with why, which does not quote it. */
int outside_request_read(const char *text, size_t length, struct outside_request *request, struct error *why);

void outside_answer_write(const struct outside_answer *answer, char text[OUTSIDE_TEXT_MAX]);
/* 0; -EPERM: refused, for the reason in why; -EBADMSG: no answer at all, or times out of order. */
int outside_answer_read(const char *text, struct outside_answer *answer, struct error *why);

#endif
