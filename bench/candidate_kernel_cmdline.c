/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* /etc/kernel/cmdline, from which kernel-install makes the options of entries; the whole file is one line. */
#include <errno.h>

#include "bench/candidate.h"
#include "bench/kernel_line.h"
#include "bench/lines.h"

static int kernel_cmdline_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct line line = { 0 };
	struct edits edits = { 0 };
	struct kernel_line words;
	size_t head, head_end;
	int rc = 0;

	kernel_line_begin(&words, in->text.at, 0, 1, false);
	while (line_next(in->text.at, in->text.length, &line)) {
		line_head(in->text.at, &line, "", &head, &head_end);
		if (head == head_end || in->text.at[head] != '#')
			kernel_line_words(&words, line.begin, line.end);
	}
	out->entries = 1;
	if (kernel_line_trouble(&words))
		rc = error_set(err, -ENODATA, "%s: %s; add the parameters by hand", in->live,
			kernel_line_trouble(&words));
	else if (!words.count)
		rc = error_set(err, -ENODATA, "%s: holds no command line", in->live);
	else if (kernel_line_edit(&words, in->request->parameters, &edits, out->notes, out->replaced))
		out->changed++;
	if (words.failed || edits.failed)
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->live);
	else if (!rc && !edits.count)
		rc = error_set(err, -ENODATA, "%s: has the parameters already", in->live);
	else if (!rc)
		edits_apply(&edits, in->text.at, in->text.length, out->text);
	edits_free(&edits);
	kernel_line_free(&words);
	return rc;
}

const struct candidate candidate_kernel_cmdline = {
	.name = "kernel_cmdline",
	.summary = "/etc/kernel/cmdline with the parameters, for the entries of kernels to come",
	.wanted = candidate_for_linux,
	.live = (const char *const[]){ "/etc/kernel/cmdline", NULL },
	.file = "kernel-%s",
	.steps = "Back up the live file and compare the two: nothing but the added parameters may differ.\n"
		 "Rename the candidate to the name of the live file, on the same file system.\n"
		 "Make the entries and images anew: kernel-install add \"$(uname -r)\" "
		 "/lib/modules/\"$(uname -r)\"/vmlinuz\n"
		 "Reboot, and look at /proc/cmdline.\n",
	.words = WORDS_LINUX,
	.transform = kernel_cmdline_transform,
};
