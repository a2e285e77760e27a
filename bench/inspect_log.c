/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on what the kernel itself wrote of the TSC and the clocksources. */
#include <string.h>

#include "analysis/kernel_says.h"
#include "bench/inspect_findings.h"

static void gaps(const json_t *facts, struct findings *findings)
{
	const char *release = facts_text(facts, "kernel.release");

	if (!release)
		return; /* a description by hand, where a log is not to be expected */
	if (!facts_get(facts, "kernel_log"))
		finding_add(findings, "log-unreadable", FINDING_NOTE,
			"Whether the kernel complained of the TSC is open: run inspect as root.",
			"The kernel log cannot be read");
	else if (!facts_flag(facts, "kernel_log.from_boot"))
		finding_add(findings, "log-incomplete", FINDING_NOTE,
			"What the kernel said of the TSC at boot is gone from its buffer: look in the"
			" journal (journalctl -k).",
			"The kernel log does not reach back to the boot");
}

/* How many lines say the same, from `from` on. */
static size_t said_from(const json_t *lines, size_t from, const struct kernel_saying *saying)
{
	size_t count = 0;

	for (size_t i = from; i < json_array_size(lines); i++) {
		const char *text = facts_text(json_array_get(lines, i), "text");

		count += text && kernel_saying_of(text) == saying;
	}
	return count;
}

static void add_saying(const char *text, const struct kernel_saying *saying, bool guest, bool again,
	struct findings *findings)
{
	bool risk = guest ? saying->guest_risk : saying->risk;

	finding_add(findings, saying->id, risk ? FINDING_RISK : FINDING_NOTE,
		guest && saying->guest_meaning ? saying->guest_meaning : saying->meaning,
		"Kernel log: %.160s%s", text, again ? " (more than once)" : "");
}

void findings_log(const json_t *facts, struct findings *findings)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	bool guest = facts_flag(facts, "hypervisor.present") > 0;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text");
		const struct kernel_saying *saying = text ? kernel_saying_of(text) : NULL;
		size_t all = saying ? said_from(lines, 0, saying) : 0;

		/* Once for each kind. */
		if (saying && said_from(lines, i, saying) == all)
			add_saying(text, saying, guest, all > 1, findings);
	}
	gaps(facts, findings);
}
