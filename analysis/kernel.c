/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/kernel.h"

#include <stdio.h>
#include <string.h>

#include "results/facts_get.h"

unsigned kernel_version(const json_t *facts)
{
	const char *release = facts_text(facts, "kernel.release");
	unsigned major = 0, minor = 0, patch = 0;

	if (!release || sscanf(release, "%3u.%3u.%3u", &major, &minor, &patch) < 2)
		return 0;
	return KERNEL(major, minor, patch);
}

bool kernel_leaves_tsc_unwatched(const json_t *facts)
{
	unsigned version = kernel_version(facts);
	double size;

	if (version < KERNEL(5, 17, 0) || facts_flag(facts, "cpu.flags.constant_tsc") <= 0 ||
		facts_flag(facts, "cpu.flags.nonstop_tsc") <= 0 ||
		facts_flag(facts, "cpu.flags.tsc_adjust") <= 0)
		return false;
	return facts_number(facts, version < KERNEL(6, 12, 0) ? "cpu.nodes" : "cpu.packages", &size) &&
	       size <= (version < KERNEL(6, 6, 0) ? 2 : 4);
}

static const char *line_with(const json_t *facts, const char *text, bool last)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	const char *found = NULL;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *its = facts_text(line, "text");

		if (its && strstr(its, text) && (last || !found))
			found = its;
	}
	return found;
}

const char *kernel_log_first(const json_t *facts, const char *text)
{
	return line_with(facts, text, false);
}

const char *kernel_log_last(const json_t *facts, const char *text)
{
	return line_with(facts, text, true);
}
