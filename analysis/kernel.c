/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "results/facts_get.h"
#include "results/units.h"

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

double kernel_tsc_rounding_ppm(double khz)
{
	const uint64_t from = (uint64_t)khz, to = NS_PER_SEC / 1000, most_ms = 600 * 1000;
	uint64_t mult = 0, high = most_ms * from >> 32;
	int room = 32, shift = 33;

	for (; high; high >>= 1)
		room--;
	do
		mult = ((to << --shift) + from / 2) / from;
	while (mult >> room && shift > 1);
	return (ldexp((double)mult, -shift) * khz / (double)to - 1) * PPM_PER_ONE;
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
