/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 16

static const char *const words[OUTSIDE_KINDS] = {
	[OUTSIDE_HELLO] = "hello", [OUTSIDE_PAUSE] = "pause", [OUTSIDE_MIGRATE] = "migrate"
};

const char *outside_word(enum outside_kind kind)
{
	return words[kind];
}

void outside_request_write(const struct outside_request *r, char text[OUTSIDE_TEXT_MAX])
{
	if (r->kind == OUTSIDE_PAUSE)
		snprintf(text, OUTSIDE_TEXT_MAX, "%s %.3f", words[r->kind], r->seconds);
	else
		snprintf(text, OUTSIDE_TEXT_MAX, "%s", words[r->kind]);
}

/* Digits with at most one point between them: no sign, exponent, "inf" or blank. */
static int read_seconds(const char *text, double *seconds, struct error *why)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	const char *end = text + whole;

	if (*end == '.') {
		part = strspn(end + 1, "0123456789");
		end += part ? part + 1 : 0;
	}
	if (!whole || *end || end - text > NUMBER_MAX)
		return error_set(why, -EINVAL, "pause needs a number of seconds");
	*seconds = strtod(text, NULL);
	if (*seconds < OUTSIDE_SECONDS_MIN || *seconds > OUTSIDE_SECONDS_MAX)
		return error_set(
			why, -EINVAL, "a pause is of %g to %d s", OUTSIDE_SECONDS_MIN, OUTSIDE_SECONDS_MAX);
	return 0;
}

int outside_request_read(const char *text, size_t length, struct outside_request *r, struct error *why)
{
	size_t word = strcspn(text, " ");

	*r = (struct outside_request){ 0 };
	for (enum outside_kind k = 0; strlen(text) == length && k < OUTSIDE_KINDS; k++) {
		if (strlen(words[k]) != word || strncmp(text, words[k], word) != 0)
			continue;
		r->kind = k;
		if (k == OUTSIDE_PAUSE)
			return read_seconds(text + word + (text[word] == ' '), &r->seconds, why);
		if (!text[word])
			return 0;
	}
	return error_set(why, -EINVAL, "such a request is not known");
}

void outside_answer_write(const struct outside_answer *a, char text[OUTSIDE_TEXT_MAX])
{
	snprintf(text, OUTSIDE_TEXT_MAX,
		"ok taken=%" PRIu64 " stop=%" PRIu64 " resume=%" PRIu64 " reply=%" PRIu64
		" downtime_ms=%" PRId64 " total_ms=%" PRId64,
		a->taken_ns, a->stop_ns, a->resume_ns, a->reply_ns, a->downtime_ms, a->total_ms);
}

int outside_answer_read(const char *text, struct outside_answer *a, struct error *why)
{
	char again[OUTSIDE_TEXT_MAX];

	if (strncmp(text, "no ", 3) == 0)
		return error_set(why, -EPERM, "the lab refuses: %.200s", text + 3);
	*a = (struct outside_answer){ 0 };
	(void)sscanf(text,
		"ok taken=%" SCNu64 " stop=%" SCNu64 " resume=%" SCNu64 " reply=%" SCNu64
		" downtime_ms=%" SCNd64 " total_ms=%" SCNd64,
		&a->taken_ns, &a->stop_ns, &a->resume_ns, &a->reply_ns, &a->downtime_ms, &a->total_ms);
	outside_answer_write(a, again);
	if (strcmp(text, again) != 0)
		return error_set(why, -EBADMSG, "the lab's reply makes no sense: %.100s", text);
	if (a->taken_ns > a->stop_ns || a->stop_ns > a->resume_ns || a->resume_ns > a->reply_ns)
		return error_set(
			why, -EBADMSG, "the times in the lab's reply are out of order: %.160s", text);
	return 0;
}
