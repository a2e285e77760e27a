/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A drop-in for /etc/default/grub.d, which Debian's grub-mkconfig and those made from it read after
 * /etc/default/grub.  What the administrator wrote there stays; what contradicts the parameters is told.
 */
#include <errno.h>
#include <stdlib.h>

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

/* Of the parameters, those that neither variable has; NULL: out of memory. */
static char *lacking(const struct candidate_input *in, FILE *notes)
{
	char *parameters = strdup(in->request->parameters);
	const char *text = in->beside.at;
	struct line line = { 0 };
	size_t head, head_end;

	while (parameters && line_next(text, in->beside.length, &line)) {
		struct kernel_line words;
		struct span value;
		char *missing;

		line_head(text, &line, "=", &head, &head_end);
		if (head_end == line.end || text[head_end] != '=' ||
			(!span_is(text, head, head_end, variables[0]) &&
				!span_is(text, head, head_end, variables[1])))
			continue;
		value_span(text, &line, head_end, &value);
		kernel_line_begin(&words, text, value.begin, line.number, false);
		kernel_line_words(&words, value.begin, value.end);
		missing = kernel_line_missing(&words, parameters, in->beside_path, notes);
		kernel_line_free(&words);
		free(parameters);
		parameters = missing;
	}
	return parameters;
}

static int grub_default_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	char *parameters;
	int rc = 0;

	parameters = lacking(in, out->notes);
	out->entries = 1;
	if (!parameters)
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->beside_path);
	else if (!*parameters)
		rc = error_set(err, -ENODATA, "%s: has the parameters already", in->beside_path);
	else
		fprintf(out->text,
			"# Kernel parameters that keep this machine's clocks stable (clkdrift advise).\n"
			"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX %s\"\n",
			parameters);
	free(parameters);
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
