/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* /etc/sysconfig/cpuspeed of RHEL 5 and 6: both limits at the highest frequency, in kHz as sysfs has it. */
#include <ctype.h>
#include <errno.h>

#include "bench/candidate.h"
#include "bench/lines.h"

static const char *const names[] = { "MIN_SPEED", "MAX_SPEED" };
#define NAMES (sizeof(names) / sizeof(names[0]))

/* Where the value of NAME=VALUE ends. */
static size_t value_end(const char *text, size_t begin, size_t end)
{
	while (begin < end && text[begin] != ' ' && text[begin] != '\t')
		begin++;
	return begin;
}

/* A number, or nothing, between a pair of quotes or none; anything else is shell that is not to be guessed at. */
static bool is_plain(const char *text, size_t begin, size_t end)
{
	if (end - begin >= 2 && (text[begin] == '"' || text[begin] == '\'') && text[end - 1] == text[begin]) {
		begin++;
		end--;
	}
	while (begin < end && isdigit((unsigned char)text[begin]))
		begin++;
	return begin == end;
}

/* The line sets one of the names: which, and where its value stands; NAMES if none. */
static size_t setting(const char *text, const struct line *line, size_t *begin, size_t *end)
{
	size_t head, head_end, name = 0;

	line_head(text, line, "=", &head, &head_end);
	while (name < NAMES && !(span_is(text, head, head_end, names[name]) && head_end < line->end &&
				       text[head_end] == '='))
		name++;
	*begin = head_end + 1;
	*end = name < NAMES ? value_end(text, *begin, line->end) : 0;
	return name;
}

static void write_setting(const struct candidate_input *in, const struct line *line, size_t name,
	size_t begin, size_t end, struct candidate_output *out)
{
	const char *text = in->text.at;
	char value[32];

	snprintf(value, sizeof(value), "%lu", in->max_khz);
	if (!span_is(text, begin, end, value)) {
		fprintf(out->notes, "line %lu: %s was \"", line->number, names[name]);
		candidate_quote(out->notes, text + begin, end - begin);
		fprintf(out->notes, "\"\n");
		fprintf(out->replaced, "%s=%.*s\n", names[name], (int)(end - begin), text + begin);
		out->changed++;
	}
	fwrite(text + line->begin, 1, begin - line->begin, out->text);
	fputs(value, out->text);
	fwrite(text + end, 1, line->next - end, out->text);
}

static void add_lacking(
	const struct candidate_input *in, const bool found[NAMES], struct candidate_output *out)
{
	const char *ending = in->text.length && in->text.at[in->text.length - 1] != '\n' ? "\n" : "";

	for (size_t name = 0; name < NAMES; name++) {
		if (found[name])
			continue;
		fprintf(out->text, "%s%s=%lu", ending, names[name], in->max_khz);
		line_end_again(in->text.at, in->text.length, out->text);
		fprintf(out->notes, "%s was not set: a line is added\n", names[name]);
		out->changed++;
		ending = "";
	}
}

static int cpuspeed_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	const char *text = in->text.at;
	bool found[NAMES] = { false };
	struct line line = { 0 };
	size_t name, begin, end;

	if (!in->max_khz)
		return error_set(err, -ENODATA,
			"%s: the highest frequency is not known: scaling_available_frequencies is not there",
			in->live);
	while (line_next(text, in->text.length, &line)) {
		name = setting(text, &line, &begin, &end);
		if (name < NAMES && !is_plain(text, begin, end))
			return error_set(err, -ENODATA,
				"%s:%lu: the value is no plain number; set it by hand", in->live,
				line.number);
		if (name < NAMES) {
			found[name] = true;
			write_setting(in, &line, name, begin, end, out);
		} else {
			fwrite(text + line.begin, 1, line.next - line.begin, out->text);
		}
	}
	add_lacking(in, found, out);
	out->entries = NAMES;
	return out->changed ? 0
			    : error_set(err, -ENODATA, "%s: both limits are at the highest frequency already",
				      in->live);
}

static bool cpuspeed_wanted(const struct candidate_request *request)
{
	return candidate_mentions(request, "cpuspeed") || candidate_mentions(request, "MIN_SPEED");
}

const struct candidate candidate_cpuspeed = {
	.name = "cpuspeed",
	.summary = "/etc/sysconfig/cpuspeed with MIN_SPEED and MAX_SPEED at the highest frequency",
	.wanted = cpuspeed_wanted,
	.live = (const char *const[]){ "/etc/sysconfig/cpuspeed", NULL },
	.file = "%s.kvm",
	.steps = "Only for hosts without constant_tsc.\n"
		 "Back up the live file and compare the two: nothing but the two values may differ.\n"
		 "Rename the candidate to the name of the live file, on the same file system.\n"
		 "Start it: service cpuspeed restart\n",
	.words = WORDS_SPEED,
	.line = true,
	.transform = cpuspeed_transform,
};
