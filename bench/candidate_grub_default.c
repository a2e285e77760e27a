/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A drop-in for /etc/default/grub.d, which Debian's grub-mkconfig and those made from it read after
 * /etc/default/grub.  What the administrator wrote there stays; what contradicts the parameters is told.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/candidate.h"
#include "bench/kernel_line.h"
#include "bench/lines.h"

/* 10_linux writes them in this order: what stands in the second comes last and counts. */
static const char *const variables[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT" };

/* The value of VARIABLE=VALUE without its quotes. */
static void value_span(const char *text, const struct line *line, size_t equals, struct span *value)
{
	size_t end = line->end;
	char quote;

	value->begin = equals + 1;
	quote = value->begin < end ? text[value->begin] : '\0';
	if (quote == '"' || quote == '\'') {
		const char *closing = memchr(text + value->begin + 1, quote, end - value->begin - 1);

		value->begin++;
		end = closing ? (size_t)(closing - text) : end;
	}
	value->end = end;
}

#define ASSIGNMENTS_MAX 32 /* further ones are not looked at */

/* VARIABLE=VALUE, or VARIABLE+=VALUE, which adds to what was there. */
struct assignments {
	struct span values[ASSIGNMENTS_MAX];
	size_t variable[ASSIGNMENTS_MAX]; /* index into variables */
	size_t count;
};

static void assign(struct assignments *a, size_t variable, bool adds, const struct span *value)
{
	size_t kept = 0;

	/* To a shell the last one counts. */
	for (size_t i = 0; i < a->count; i++)
		if (adds || a->variable[i] != variable) {
			a->values[kept] = a->values[i];
			a->variable[kept++] = a->variable[i];
		}
	a->count = kept;
	if (a->count == ASSIGNMENTS_MAX)
		return;
	a->values[a->count] = *value;
	a->variable[a->count++] = variable;
}

static void read_line(const char *text, struct line line, struct assignments *a)
{
	size_t head, end;
	struct span value;
	bool adds;

	line_head(text, &line, "=", &head, &end);
	if (span_is(text, head, end, "export")) {
		line.begin = end;
		line_head(text, &line, "=", &head, &end);
	}
	if (end == line.end || text[end] != '=')
		return;
	value_span(text, &line, end, &value);
	adds = end > head && text[end - 1] == '+';
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (span_is(text, head, end - adds, variables[i]))
			assign(a, i, adds, &value);
}

/* Of the parameters, those that neither variable has; NULL: out of memory.  Notes what contradicts them. */
static char *lacking(const struct candidate_input *in, FILE *notes)
{
	const char *text = in->beside.at;
	struct assignments all = { .count = 0 };
	struct kernel_line words;
	struct line line = { 0 };
	char *missing;

	while (line_next(text, in->beside.length, &line))
		read_line(text, line, &all);
	kernel_line_begin(&words, text, 0, 1, false);
	for (size_t v = 0; v < sizeof(variables) / sizeof(variables[0]); v++)
		for (size_t i = 0; i < all.count; i++)
			if (all.variable[i] == v)
				kernel_line_words(&words, all.values[i].begin, all.values[i].end);
	missing = kernel_line_missing(&words, in->request->parameters, in->beside_path, notes);
	kernel_line_free(&words);
	return missing;
}

static int grub_default_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	char *parameters = NULL, *said = NULL;
	size_t length = 0;
	FILE *notes = open_memstream(&said, &length);
	int rc = 0;

	if (notes)
		parameters = lacking(in, notes);
	if (notes && fclose(notes) == 0 && said)
		fputs(said, out->notes);
	out->entries = 1;
	if (!parameters)
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->beside_path);
	else if (!*parameters && length)
		rc = error_set(err, -ENODATA, "%s: has the parameters, but %.*s: take that out by hand",
			in->beside_path, (int)strcspn(said, "\n"), said);
	else if (!*parameters)
		rc = error_set(err, -ENODATA, "%s: has the parameters already", in->beside_path);
	else
		fprintf(out->text,
			"# Kernel parameters that keep this machine's clocks stable (clkdrift advise).\n"
			"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX %s\"\n",
			parameters);
	free(parameters);
	free(said);
	out->changed = 1;
	return rc;
}

const struct candidate candidate_grub_default = {
	.name = "grub_default",
	.summary = "clkdrift.cfg: a drop-in for /etc/default/grub.d that adds the parameters",
	.wanted = candidate_for_linux,
	.beside = (const char *const[]){ "/etc/default/grub", NULL },
	/* No GRUB 2, or none that is set up so. */
	.needs_beside = true,
	.file = "clkdrift.cfg",
	.home = "/etc/default/grub.d",
	.steps = "Debian, Ubuntu and those made from them read this directory; elsewhere put the line at the "
		 "end of /etc/default/grub.\n"
		 "What is said above to contradict the parameters, take out of the file where it stands.\n"
		 "Back up /boot/grub/grub.cfg (/boot/grub2/grub.cfg), and copy the candidate to its place.\n"
		 "Make the boot menu anew: update-grub, or where there is none: grub2-mkconfig -o "
		 "/boot/grub2/grub.cfg\n"
		 "Compare grub.cfg with its backup: nothing but the added parameters may differ.\n"
		 "Reboot, and look at /proc/cmdline.\n",
	.transform = grub_default_transform,
};
