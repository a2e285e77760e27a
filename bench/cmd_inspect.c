/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift inspect: what the clocks of this machine are, and what puts them at risk. */
#include <errno.h>
#include <stdio.h>

#include <jansson.h>

#include "bench/facts.h"
#include "bench/inspect.h"
#include "bench/options.h"

static int inspect_command(const struct options *options, struct error *err)
{
	json_t *facts = facts_collect(&facts_live);
	json_t *inspect = facts ? inspect_json(facts) : NULL;

	if (inspect && options->json) {
		json_dumpf(inspect, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else if (inspect && !options->quiet) {
		inspect_print(inspect, stdout, options->colour);
	}
	json_decref(facts);
	if (!inspect)
		return error_set(err, -ENOMEM, "out of memory");
	json_decref(inspect);
	return 0;
}

const struct command command_inspect = {
	.name = "inspect",
	.usage = "[OPTION]...",
	.summary = "what the clocks of this machine are, and what puts them at risk",
	.help = "Looks at the CPU, the hypervisor, the clocksources, idle states, frequency scaling, time\n"
		"daemons, kernel parameters and the kernel log, and says of each what it means for drift.\n"
		"Reads only.\n"
		"What an ordinary user may not read is named with the reason.",
	.options = "json quiet",
	.run = inspect_command,
};
