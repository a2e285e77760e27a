/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on the clocksource in use, and on the oscillators that could tell on it. */
#include <stdio.h>
#include <string.h>

#include "bench/inspect_findings.h"

static const struct {
	const char *name;
	enum severity severity;
	const char *meaning;
} clocksources[] = {
	{ "tsc", FINDING_GOOD, "The fastest to read. All system clocks follow the CPU's TSC." },
	{ "tsc-early", FINDING_NOTE,
		"The TSC before its calibration is refined: the rate changes when tsc takes over." },
	{ "kvm-clock", FINDING_GOOD,
		"All system clocks follow the host, through the TSC and the host's numbers for it." },
	{ "hyperv_clocksource_tsc_page", FINDING_GOOD,
		"All system clocks follow the host, through the TSC and the host's numbers for it." },
	{ "hyperv_clocksource_msr", FINDING_NOTE,
		"Each read leaves the guest: some microseconds, which widens every bracket." },
	{ "xen", FINDING_GOOD,
		"All system clocks follow the host, through the TSC and the host's numbers for it." },
	{ "hpet", FINDING_NOTE,
		"The kernel's second choice: slow to read, as all CPUs share one register, but independent"
		" of the TSC." },
	{ "acpi_pm", FINDING_NOTE,
		"Slow to read, and in steps of 279 ns, but independent of the TSC. Its 24 bits wrap every"
		" 4.7 s." },
	{ "jiffies", FINDING_RISK,
		"It counts timer interrupts: steps of milliseconds, and lost ticks are lost time." },
	{ "refined-jiffies", FINDING_RISK,
		"It counts timer interrupts: steps of milliseconds, and lost ticks are lost time." },
	{ "pit", FINDING_RISK, "The slowest clock there is; lost ticks are lost time." },
};

static void current(const json_t *facts, struct findings *findings)
{
	const char *name = facts_text(facts, "clocksource.current");

	if (!name) {
		finding_add(findings, "clocksource", FINDING_NOTE,
			"Which oscillator the system clocks follow is open.",
			"The current clocksource is not known");
		return;
	}
	if (!strcmp(name, "tsc") && (!facts_flag(facts, "cpu.flags.constant_tsc") ||
					    !facts_flag(facts, "cpu.flags.nonstop_tsc"))) {
		finding_add(findings, "clocksource", FINDING_RISK,
			"All system clocks follow a TSC that may change its rate or stop in idle. The kernel "
			"notices only if its watchdog does.",
			"The clocksource in use is tsc, without constant_tsc or nonstop_tsc");
		return;
	}
	for (size_t i = 0; i < sizeof(clocksources) / sizeof(*clocksources); i++) {
		if (!strcmp(name, clocksources[i].name)) {
			finding_add(findings, "clocksource", clocksources[i].severity,
				clocksources[i].meaning, "The clocksource in use is %s", name);
			return;
		}
	}
	finding_add(findings, "clocksource", FINDING_NOTE, "All system clocks follow it.",
		"The clocksource in use is %.64s", name);
}

/* The TSC is there on every x86-64: if it is not offered, the kernel was told so or gave it up. */
static void tsc_rejected(const json_t *facts, struct findings *findings)
{
	const char *tsc = facts_parameter(facts, "tsc");
	bool asked = facts_parameter(facts, "notsc") || (tsc && !strcmp(tsc, "unstable"));

	if (!facts_get(facts, "clocksource.available") ||
		facts_has_word(facts, "clocksource.available", "tsc"))
		return;
	finding_add(findings, "tsc-not-offered", asked ? FINDING_NOTE : FINDING_RISK,
		asked ? "As the command line asks. Clocks are read through a slower clocksource."
		      : "The kernel gave it up, at boot or later; its log says why. Clocks are read through"
			" a slower clocksource.",
		"The TSC is not among the clocksources");
}

/* The host's clock, not an oscillator of a card: drivers/ptp/ptp_{kvm,vmw}*.c, drivers/hv/hv_util.c. */
static bool is_virtual_ptp(const char *name)
{
	return name && (strstr(name, "KVM") || strstr(name, "ptp_vmw") || strstr(name, "hyperv") ||
			       strstr(name, "_vclock"));
}

static void add_name(char *text, size_t size, const char *name)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

static void oscillators(const json_t *facts, struct findings *findings)
{
	bool guest = facts_flag(facts, "hypervisor.present") > 0;
	const json_t *ptp = facts_get(facts, "ptp"), *entry;
	char names[160] = "";
	double port = 0;
	size_t i;

	if (facts_flag(facts, "hpet.clocksource") > 0 || facts_flag(facts, "hpet.device_readable") > 0)
		add_name(names, sizeof(names), "hpet");
	if (facts_has_word(facts, "clocksource.available", "acpi_pm") ||
		(facts_number(facts, "pm_timer.port", &port) && port > 0))
		add_name(names, sizeof(names), "acpi_pm");
	if (json_array_size(facts_get(facts, "rtc")))
		add_name(names, sizeof(names), "rtc");
	json_array_foreach(ptp, i, entry)
	{
		const char *name = facts_text(entry, "clock_name"), *device = facts_text(entry, "device");

		if (device)
			add_name(names, sizeof(names), device);
		if (device && is_virtual_ptp(name))
			finding_add(findings, "ptp-of-host", FINDING_GOOD,
				"It pairs the host's time with this guest's TSC: the best reference that a"
				" guest has.",
				"%s is the clock of the host (%.64s)", device, name);
	}
	if (!*names)
		finding_add(findings, "oscillators", FINDING_NOTE,
			"All local clocks follow the TSC and can differ only by arithmetic: drift of the"
			" TSC shows only against the host, an NTP server or a PTP clock.",
			"No clock here is independent of the TSC (no hpet, acpi_pm, rtc or ptp)");
	else if (guest)
		finding_add(findings, "oscillators", FINDING_GOOD,
			"In a guest the hypervisor makes them from the host's clock: they tell how the"
			" guest runs against its host.",
			"Clocks to compare the TSC with: %s", names);
	else
		finding_add(findings, "oscillators", FINDING_GOOD,
			"hpet and acpi_pm follow the board's timer crystal, rtc its own, a network card's"
			" ptp again its own. Some boards derive the TSC from the same crystal.",
			"Clocks to compare the TSC with: %s", names);
}

static void hidden_hpet(const json_t *facts, struct findings *findings)
{
	if (facts_flag(facts, "hpet.acpi_table") > 0 && !facts_flag(facts, "hpet.clocksource"))
		finding_add(findings, "hpet-unused", FINDING_NOTE,
			"Switched off (hpet=disable) or distrusted: on platforms with PC10 the kernel knows"
			" it to stop.",
			"There is an HPET in the ACPI tables, but it is no clocksource");
}

void findings_clocks(const json_t *facts, struct findings *findings)
{
	current(facts, findings);
	tsc_rejected(facts, findings);
	oscillators(facts, findings);
	hidden_hpet(facts, findings);
}
