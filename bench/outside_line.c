/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside_line.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "probes/now.h"
#include "probes/posix_clock.h"
#include "results/units.h"

#define HELLO_S 2
#define NAP_NS	(2 * NS_PER_MS)

/* Who asks what can be done here asks for one event after the other: silence holds for so long. */
#define SILENCE_NS (10 * NS_PER_SEC)

/* Until when nobody is asked again; 0: ask. */
static uint64_t silent_until_ns;

/* Where the page is; a test has a file. */
static const char *page_address = PEER_ADDRESS_AUTO;

int outside_line_ask(struct outside_line *line, const struct outside_request *request, double patience_s,
	char text[PEER_TEXT_MAX + 1], uint64_t *longest_ns, struct error *why)
{
	static const struct timespec nap = { 0, NAP_NS };
	uint64_t patience_ns = (uint64_t)(patience_s * (double)NS_PER_SEC);
	uint64_t start = posix_clock_ns(CLOCK_MONOTONIC_RAW), last = start, now = start, longest = 0;
	char words[OUTSIDE_TEXT_MAX];
	size_t length;
	int rc;

	outside_request_write(request, words);
	mailbox_ask(&line->mailbox, words, strlen(words));
	while (!(rc = mailbox_poll(&line->mailbox, text, &length)) && now - start < patience_ns) {
		nanosleep(&nap, NULL);
		now = posix_clock_ns(CLOCK_MONOTONIC_RAW);
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	if (longest_ns)
		*longest_ns = longest;
	if (rc < 0)
		return error_set(why, rc, "the lab's reply is damaged");
	return rc ? 0
		  : error_set(why, -ETIMEDOUT, "the lab did not reply within %.1f s",
			    ns_to_s((double)(now - start)));
}

int outside_line_ask_report(struct outside_line *line, const struct outside_request *request,
	double patience_s, struct outside_report *report, struct error *why)
{
	char text[PEER_TEXT_MAX + 1];
	int rc = outside_line_ask(line, request, patience_s, text, NULL, why);

	return rc ? rc : outside_report_read(text, report, why);
}

static int greet(struct outside_line *line, enum outside_kind event, struct error *why)
{
	const struct outside_request hello = { .kind = OUTSIDE_HELLO, .event = event };
	char text[PEER_TEXT_MAX + 1];
	struct error detail = { "" };

	mailbox_open_asker(&line->mailbox, &line->map.page->mailbox);
	if (now_ns() < silent_until_ns || outside_line_ask(line, &hello, HELLO_S, text, NULL, &detail)) {
		if (detail.text[0])
			silent_until_ns = now_ns() + SILENCE_NS;
		return error_set(why, -ENOTSUP, "only in a lab guest: no lab serves the shared page");
	}
	if (strncmp(text, "no ", 3) == 0)
		return error_set(why, -ENOTSUP, "the lab does not offer it: %.200s", text + 3);
	if (strcmp(text, "lab") != 0)
		return error_set(why, -ENOTSUP, "only in a lab guest: what serves the shared page is no lab");
	return 0;
}

int outside_line_open(struct outside_line *line, enum outside_kind event, struct error *why)
{
	struct page_header_values header;
	struct error detail = { "" };
	int rc = peer_map_open(&line->map, page_address, &detail);

	if (rc)
		return error_set(why, -ENOTSUP, "only in a lab guest: %s", detail.text);
	rc = peer_page_check(line->map.page, &header, &detail);
	if (rc)
		error_set(why, rc, "only in a lab guest: %s", detail.text);
	else
		rc = greet(line, event, why);
	if (rc)
		outside_line_close(line);
	return rc;
}

void outside_line_close(struct outside_line *line)
{
	peer_map_close(&line->map);
}

int outside_line_supported(enum outside_kind event, struct error *why)
{
	struct outside_line line;
	int rc = outside_line_open(&line, event, why);

	if (!rc)
		outside_line_close(&line);
	return rc;
}
