/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/kernel_says.h"

#include <stddef.h>
#include <string.h>

/*
 * The first that fits a line is taken.  Linux arch/x86/kernel/{tsc,tsc_sync}.c,
 * arch/x86/kernel/cpu/amd.c, kernel/time/clocksource.c, drivers/acpi/processor_idle.c,
 * drivers/idle/intel_idle.c, drivers/clocksource/acpi_pm.c; the last two are of 2.6.18.
 */
static const struct kernel_saying sayings[] = {
	/* "PM-Timer running at invalid rate: 106% of normal - aborting.", and two more of its kind */
	{ "- aborting", "log-pm-timer", true,
		"The kernel found that the ACPI PM timer does not count as it should: acpi_pm is no"
		" clocksource until the next boot.",
		true,
		"The kernel checked the ACPI PM timer while it booted, and did not believe it: in a guest"
		" most often because the vCPU was kept waiting meanwhile. Another boot may have acpi_pm." },
	{ "unstable due to TSC halt", "log-tsc-halts", true,
		"Deep C-states stop the TSC: boot with processor.max_cstate=1, or live with the slower"
		" clocksource.",
		true, NULL },
	{ "unstable due to cpufreq", "log-tsc-cpufreq", true,
		"Frequency changes reach the TSC: hold the frequency, or live with the slower clocksource.",
		true, NULL },
	{ "unstable due to TSCs unsynchronized", "log-tsc-unsynchronized", true,
		"Without a constant TSC the kernel does not trust several CPUs to agree; time goes on with"
		" another clocksource.",
		true,
		"The hypervisor offers no constant TSC to several vCPUs: give it one (invtsc), or a single"
		" vCPU." },
	{ "unstable due to boot parameter", "log-tsc-parameter", false, "As the command line asks.", false,
		NULL },
	{ "unstable due to", "log-tsc-unstable", true,
		"The kernel gave the TSC up, for the reason it names: a slower clocksource, and a step in"
		" rate when that happened.",
		true, NULL },
	{ "Marking clocksource", "log-watchdog", true,
		"The watchdog found two clocks too far apart. One of them is wrong, not always the one that"
		" was given up.",
		true,
		"The watchdog found two clocks too far apart. In a guest that is often a vCPU that was kept"
		" waiting, not a wrong clock." },
	{ "TSC warp", "log-tsc-warp", true,
		"A CPU saw time go back behind another: look at the cross-CPU offsets.", true, NULL },
	{ "TSC ADJUST", "log-tsc-adjust", false,
		"Firmware wrote to the TSC of a CPU, and the kernel put it right. After a suspend or a"
		" firmware call, look at the cross-CPU offsets again.",
		false, NULL },
	{ "count with P0 frequency", "log-tsc-p0", true,
		"The TSC runs at another rate than the firmware says (MSR HWCR bit 24 is clear): compare"
		" the calibration with another clock.",
		false,
		"The hypervisor does not show MSR HWCR bit 24. In a guest that says nothing of the real"
		" TSC, which the host scales: no harm." },
	{ "Fast TSC calibration failed", "log-tsc-calibration", false,
		"The first calibration was disturbed, so the kernel took a longer one: check that a refined"
		" rate follows.",
		false, NULL },
	{ "Unable to calibrate against PIT", "log-tsc-pit", false,
		"The TSC's rate comes from hpet or acpi_pm then: check that a refined one follows.", false,
		NULL },
	{ "could not calculate TSC khz", "log-tsc-no-rate", true, "The TSC cannot be a clocksource.", true,
		NULL },
	{ "read-back delay", "log-watchdog-delay", false,
		"The watchdog was held up between two reads: long interruptions, by firmware (SMI) or by"
		" the hypervisor.",
		false, NULL },
	{ "Override clocksource", "log-override", true,
		"The clocksource that the command line asks for cannot be used with high-resolution timers.",
		true, NULL },
	{ "Clocksource tsc unstable", "log-tsc-unstable", true,
		"The watchdog gave the TSC up: a slower clocksource, and a step in rate when that happened.",
		true, NULL },
	{ "many lost ticks", "log-lost-ticks", true,
		"Timer interrupts were lost, and time with them: use a clocksource that counts by itself.",
		true, NULL },
};

const struct kernel_saying *kernel_saying_of(const char *line)
{
	for (size_t i = 0; i < sizeof(sayings) / sizeof(*sayings); i++)
		if (strstr(line, sayings[i].text))
			return &sayings[i];
	return NULL;
}
