/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/text.h"

#define NUMBER_MAX 16

enum form { BARE, EVENT, SECONDS, SNAPSHOT, LOAD };

static const struct word {
	const char *name;
	enum form form; /* of what stands behind it */
} words[OUTSIDE_KINDS] = {
	[OUTSIDE_HELLO] = { "hello", EVENT },
	[OUTSIDE_PAUSE] = { "pause", SECONDS },
	[OUTSIDE_MIGRATE] = { "migrate", BARE },
	[OUTSIDE_SNAPSHOT] = { "snapshot", SNAPSHOT },
	[OUTSIDE_HOST_LOAD] = { "host-load", LOAD },
	[OUTSIDE_HOST_LOAD_END] = { "host-load-end", BARE },
	[OUTSIDE_VCPU_HOTPLUG] = { "vcpu-hotplug", BARE },
	[OUTSIDE_VCPU_UNPLUG] = { "vcpu-unplug", BARE },
};

const char *outside_word(enum outside_kind kind)
{
	return words[kind].name;
}

void outside_request_write(const struct outside_request *r, char text[OUTSIDE_TEXT_MAX])
{
	const struct word *w = &words[r->kind];

	switch (w->form) {
	case EVENT:
		snprintf(text, OUTSIDE_TEXT_MAX, "%s %s", w->name, words[r->event].name);
		break;
	case SECONDS:
		snprintf(text, OUTSIDE_TEXT_MAX, "%s %.3f", w->name, r->seconds);
		break;
	case SNAPSHOT:
		snprintf(text, OUTSIDE_TEXT_MAX, "%s %.3f %s", w->name, r->seconds, r->same ? "same" : "new");
		break;
	case LOAD:
		snprintf(text, OUTSIDE_TEXT_MAX, "%s %s %u %.3f", w->name, r->class, r->share, r->seconds);
		break;
	default:
		snprintf(text, OUTSIDE_TEXT_MAX, "%s", w->name);
	}
}

/* The kind whose word is so many bytes of text; OUTSIDE_KINDS: there is none. */
static enum outside_kind find_kind(const char *text, size_t length)
{
	enum outside_kind k = 0;

	while (k < OUTSIDE_KINDS &&
		(strlen(words[k].name) != length || strncmp(text, words[k].name, length) != 0))
		k++;
	return k;
}

/* Digits with at most one point between them, then after: no sign, exponent, "inf" or further blank. */
static int read_seconds(const char *word, const char *text, const char *after, double most, double *seconds,
	struct error *why)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	const char *end = text + whole;

	if (*end == '.') {
		part = strspn(end + 1, "0123456789");
		end += part ? part + 1 : 0;
	}
	if (!whole || strcmp(end, after) != 0 || end - text > NUMBER_MAX)
		return error_set(why, -EINVAL, "%s needs a number of seconds", word);
	*seconds = strtod(text, NULL);
	if (*seconds < OUTSIDE_SECONDS_MIN || *seconds > most)
		return error_set(why, -EINVAL, "%s is of %g to %g s", word, OUTSIDE_SECONDS_MIN, most);
	return 0;
}

static bool is_class(const char *text, size_t length)
{
	for (const char *at = OUTSIDE_CLASSES; *at; at += strspn(at, ",")) {
		size_t n = strcspn(at, ",");

		if (n == length && strncmp(at, text, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static int read_load(const char *word, const char *text, struct outside_request *r, struct error *why)
{
	size_t class = strcspn(text, " "), digits;

	if (class >= sizeof(r->class) || !is_class(text, class))
		return error_set(why, -EINVAL, "%s is of class " OUTSIDE_CLASSES, word);
	memcpy(r->class, text, class);
	text += class + (text[class] == ' ');
	digits = strspn(text, "0123456789");
	r->share = digits && digits <= 3 ? (unsigned)strtoul(text, NULL, 10) : 0;
	if (r->share < 1 || r->share > 100 || text[digits] != ' ')
		return error_set(why, -EINVAL, "%s needs a share of 1 to 100 %%", word);
	return read_seconds(word, text + digits + 1, "", OUTSIDE_LOAD_SECONDS_MAX, &r->seconds, why);
}

int outside_request_read(const char *text, size_t length, struct outside_request *r, struct error *why)
{
	size_t n = strcspn(text, " ");
	const char *rest = text + n + (text[n] == ' ');
	const struct word *w;

	*r = (struct outside_request){ 0 };
	r->kind = strlen(text) == length ? find_kind(text, n) : OUTSIDE_KINDS;
	if (r->kind == OUTSIDE_KINDS)
		return error_set(why, -EINVAL, "such a request is not known");
	w = &words[r->kind];
	if (w->form == SECONDS)
		return read_seconds(w->name, rest, "", OUTSIDE_SECONDS_MAX, &r->seconds, why);
	if (w->form == SNAPSHOT) {
		const char *last = strrchr(rest, ' ');

		r->same = last && strcmp(last, " same") == 0;
		return read_seconds(
			w->name, rest, r->same ? " same" : " new", OUTSIDE_SECONDS_MAX, &r->seconds, why);
	}
	if (w->form == LOAD)
		return read_load(w->name, rest, r, why);
	if (w->form == EVENT)
		r->event = find_kind(rest, strlen(rest));
	if (w->form == BARE ? text[n] : r->event == OUTSIDE_KINDS || !r->event)
		return error_set(why, -EINVAL, "such a request is not known");
	return 0;
}

static int refused(const char *text, struct error *why)
{
	if (strncmp(text, "no ", 3) == 0)
		return error_set(why, -EPERM, "the lab refuses: %.200s", text + 3);
	return 0;
}

void outside_answer_write(const struct outside_answer *a, char text[OUTSIDE_TEXT_MAX])
{
	snprintf(text, OUTSIDE_TEXT_MAX,
		"ok taken=%" PRIu64 " stop=%" PRIu64 " resume=%" PRIu64 " reply=%" PRIu64
		" downtime_ms=%" PRId64 " total_ms=%" PRId64 " lost=%" PRIu64,
		a->taken_ns, a->stop_ns, a->resume_ns, a->reply_ns, a->downtime_ms, a->total_ms, a->lost_ns);
}

int outside_answer_read(const char *text, struct outside_answer *a, struct error *why)
{
	char again[OUTSIDE_TEXT_MAX];
	int rc = refused(text, why);

	if (rc)
		return rc;
	*a = (struct outside_answer){ 0 };
	(void)sscanf(text,
		"ok taken=%" SCNu64 " stop=%" SCNu64 " resume=%" SCNu64 " reply=%" SCNu64
		" downtime_ms=%" SCNd64 " total_ms=%" SCNd64 " lost=%" SCNu64,
		&a->taken_ns, &a->stop_ns, &a->resume_ns, &a->reply_ns, &a->downtime_ms, &a->total_ms,
		&a->lost_ns);
	outside_answer_write(a, again);
	if (strcmp(text, again) != 0)
		return error_set(why, -EBADMSG, "the lab's reply makes no sense: %.100s", text);
	if (a->taken_ns > a->stop_ns || a->stop_ns > a->resume_ns || a->resume_ns > a->reply_ns ||
		a->lost_ns > a->resume_ns - a->stop_ns)
		return error_set(
			why, -EBADMSG, "the times in the lab's reply are out of order: %.160s", text);
	return 0;
}

void outside_report_write(const struct outside_report *report, char text[OUTSIDE_TEXT_MAX])
{
	snprintf(text, OUTSIDE_TEXT_MAX, "ok seen=%d %s", report->seen, report->text);
}

int outside_report_read(const char *text, struct outside_report *report, struct error *why)
{
	static const char head[] = "ok seen=";
	const char *at = text + strlen(head);
	int rc = refused(text, why);

	if (rc)
		return rc;
	if (strncmp(text, head, strlen(head)) != 0 || (*at != '0' && *at != '1') || at[1] != ' ' || !at[2] ||
		strlen(at + 2) >= sizeof(report->text) || !text_is_plain(at + 2, strlen(at + 2)))
		return error_set(why, -EBADMSG, "the lab's reply makes no sense: %.100s", text);
	report->seen = *at == '1';
	strcpy(report->text, at + 2);
	return 0;
}
