/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift restore: undo what a killed run left changed. */
#include <stdio.h>

#include "bench/journal.h"
#include "bench/options.h"

static void tell(const char *text)
{
	printf("%s\n", text);
}

static void tell_nothing(const char *text)
{
	(void)text;
}

static int restore_command(const struct options *options, struct error *err)
{
	size_t undone;
	int rc = journal_restore(&undone, options->quiet ? tell_nothing : tell, err);

	if (!rc && !options->quiet)
		printf(undone ? "%zu change%s of a killed run undone\n" : "nothing to restore\n", undone,
			undone == 1 ? "" : "s");
	return rc;
}

const struct command command_restore = {
	.name = "restore",
	.usage = "[OPTION]...",
	.summary = "undo what a killed run left changed",
	.help = "Puts the machine back to what it was before a run that changed it and was killed: the\n"
		"clocksource, idle states, frequencies, adjtimex, CPUs taken offline.  A run undoes its\n"
		"changes itself, on every signal and after a crash; this is for the case that its keeper "
		"was\n"
		"killed too.  Exit code 0 also when there is nothing to do.",
	.options = "quiet",
	.max_arguments = 0,
	.run = restore_command,
};
