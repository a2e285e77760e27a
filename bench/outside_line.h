/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A lab guest's way to its lab: the mailbox of the shared page. */
#ifndef BENCH_OUTSIDE_LINE_H
#define BENCH_OUTSIDE_LINE_H

#include "bench/outside.h"
#include "probes/peer_map.h"
#include "probes/peer_page.h"

struct outside_line {
	struct peer_map map;
	struct mailbox mailbox;
};

/* Finds the page and asks whether a lab serves it that makes such an event.  On failure nothing is left mapped. */
int outside_line_open(struct outside_line *line, enum outside_kind event, struct error *why);
void outside_line_close(struct outside_line *line);

/* Opens it and closes it. */
int outside_line_supported(enum outside_kind event, struct error *why);

/*
 * Asks, and waits for the reply until so long went by on this guest's clocks.  0 and text; -ETIMEDOUT or -EBADMSG with
 * why.  *longest_ns: the longest of the naps of 2 ms meanwhile; may be NULL.
 */
int outside_line_ask(struct outside_line *line, const struct outside_request *request, double patience_s,
	char text[PEER_TEXT_MAX + 1], uint64_t *longest_ns, struct error *why);

/* The same for what is answered with a report. */
int outside_line_ask_report(struct outside_line *line, const struct outside_request *request,
	double patience_s, struct outside_report *report, struct error *why);

#endif
