/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on what the kernel itself wrote of the TSC and the clocksources. */
#include <string.h>

#include "bench/inspect_findings.h"

/*
 * The first that fits a line is taken.  Linux arch/x86/kernel/{tsc,tsc_sync}.c,
 * arch/x86/kernel/cpu/amd.c, kernel/time/clocksource.c, drivers/acpi/processor_idle.c,
 * drivers/idle/intel_idle.c; the last two are of 2.6.18.
 */
static const struct pattern {
	const char *text;
	const char *id;
	enum severity severity;
	const char *meaning;
	enum severity in_guest;
	const char *guest_meaning; /* NULL: the same */
} patterns[] = {
	{ "unstable due to TSC halt", "log-tsc-halts", FINDING_RISK,
		"Deep C-states stop the TSC: boot with processor.max_cstate=1, or live with the slower"
		" clocksource.",
		FINDING_RISK, NULL },
	{ "unstable due to cpufreq", "log-tsc-cpufreq", FINDING_RISK,
		"Frequency changes reach the TSC: hold the frequency, or live with the slower clocksource.",
		FINDING_RISK, NULL },
	{ "unstable due to TSCs unsynchronized", "log-tsc-unsynchronized", FINDING_RISK,
		"Without a constant TSC the kernel does not trust several CPUs to agree; time goes on with"
		" another clocksource.",
		FINDING_RISK,
		"The hypervisor offers no constant TSC to several vCPUs: give it one (invtsc), or a single"
		" vCPU." },
	{ "unstable due to boot parameter", "log-tsc-parameter", FINDING_NOTE, "As the command line asks.",
		FINDING_NOTE, NULL },
	{ "unstable due to", "log-tsc-unstable", FINDING_RISK,
		"The kernel gave the TSC up, for the reason it names: a slower clocksource, and a step in"
		" rate when that happened.",
		FINDING_RISK, NULL },
	{ "Marking clocksource", "log-watchdog", FINDING_RISK,
		"The watchdog found two clocks too far apart. One of them is wrong, not always the one that"
		" was given up.",
		FINDING_RISK,
		"The watchdog found two clocks too far apart. In a guest that is often a vCPU that was kept"
		" waiting, not a wrong clock." },
	{ "TSC warp", "log-tsc-warp", FINDING_RISK,
		"A CPU saw time go back behind another: look at the cross-CPU offsets.", FINDING_RISK, NULL },
	{ "TSC ADJUST", "log-tsc-adjust", FINDING_NOTE,
		"Firmware wrote to the TSC of a CPU, and the kernel put it right. After a suspend or a"
		" firmware call, look at the cross-CPU offsets again.",
		FINDING_NOTE, NULL },
	{ "count with P0 frequency", "log-tsc-p0", FINDING_RISK,
		"The TSC runs at another rate than the firmware says (MSR HWCR bit 24 is clear): compare"
		" the calibration with another clock.",
		FINDING_NOTE,
		"The hypervisor does not show MSR HWCR bit 24. In a guest that says nothing of the real"
		" TSC, which the host scales: no harm." },
	{ "Fast TSC calibration failed", "log-tsc-calibration", FINDING_NOTE,
		"The first calibration was disturbed, so the kernel took a longer one: check that a refined"
		" rate follows.",
		FINDING_NOTE, NULL },
	{ "Unable to calibrate against PIT", "log-tsc-pit", FINDING_NOTE,
		"The TSC's rate comes from hpet or acpi_pm then: check that a refined one follows.",
		FINDING_NOTE, NULL },
	{ "could not calculate TSC khz", "log-tsc-no-rate", FINDING_RISK, "The TSC cannot be a clocksource.",
		FINDING_RISK, NULL },
	{ "read-back delay", "log-watchdog-delay", FINDING_NOTE,
		"The watchdog was held up between two reads: long interruptions, by firmware (SMI) or by"
		" the hypervisor.",
		FINDING_NOTE, NULL },
	{ "Override clocksource", "log-override", FINDING_RISK,
		"The clocksource that the command line asks for cannot be used with high-resolution timers.",
		FINDING_RISK, NULL },
	{ "Clocksource tsc unstable", "log-tsc-unstable", FINDING_RISK,
		"The watchdog gave the TSC up: a slower clocksource, and a step in rate when that happened.",
		FINDING_RISK, NULL },
	{ "many lost ticks", "log-lost-ticks", FINDING_RISK,
		"Timer interrupts were lost, and time with them: use a clocksource that counts by itself.",
		FINDING_RISK, NULL },
};

#define N_PATTERNS (sizeof(patterns) / sizeof(*patterns))

static size_t pattern_of(const char *line)
{
	size_t i;

	for (i = 0; i < N_PATTERNS && !strstr(line, patterns[i].text); i++)
		;
	return i;
}

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

void findings_log(const json_t *facts, struct findings *findings)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	bool guest = facts_flag(facts, "hypervisor.present") > 0;
	size_t count[N_PATTERNS + 1] = { 0 };
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text");

		if (text)
			count[pattern_of(text)]++;
	}
	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text");
		size_t k = text ? pattern_of(text) : N_PATTERNS;
		const struct pattern *p = &patterns[k];

		if (k == N_PATTERNS || !count[k])
			continue;
		finding_add(findings, p->id, guest ? p->in_guest : p->severity,
			guest && p->guest_meaning ? p->guest_meaning : p->meaning, "Kernel log: %.160s%s",
			text, count[k] > 1 ? " (more than once)" : "");
		count[k] = 0; /* once for each kind */
	}
	gaps(facts, findings);
}
