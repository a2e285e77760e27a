/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on the TSC itself, and on the kernel's watch over it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/kernel.h"
#include "bench/inspect_findings.h"
#include "results/units.h"

static void both_constant(const json_t *facts, struct findings *findings, bool flag, bool invariant)
{
	const char *vendor = facts_text(facts, "cpu.vendor"), *name = facts_text(facts, "hypervisor.name");

	if (flag && invariant)
		finding_add(findings, "tsc-constant", FINDING_GOOD,
			"Changes of the CPU frequency do not change the TSC's rate: drift seen on it comes"
			" from its crystal or its calibration.",
			"The TSC is constant: constant_tsc in /proc/cpuinfo, invariant TSC in CPUID");
	else if (invariant)
		finding_add(findings, "tsc-constant", FINDING_RISK,
			"Something took the flag away (clearcpuid=, an old kernel): the kernel treats this"
			" TSC as one that changes its rate. Find out which of the two is right before"
			" trusting it.",
			"CPUID promises an invariant TSC, but /proc/cpuinfo lacks constant_tsc: they"
			" disagree");
	else if (!flag)
		finding_add(findings, "tsc-constant", FINDING_RISK,
			"The TSC's rate may follow the CPU frequency. On the host, hold the frequency (min"
			" = max) and limit the idle states, or keep time with another clocksource; a guest"
			" should ask its hypervisor for an invariant TSC.",
			"The TSC is not constant: neither constant_tsc in /proc/cpuinfo nor invariant TSC"
			" in CPUID");
	/* Linux arch/x86/kernel/cpu: amd.c takes the flag from this very bit, vmware.c sets it by force. */
	else if (vendor && !strcmp(vendor, "AMD") && !(name && !strcmp(name, "VMware")))
		finding_add(findings, "tsc-constant", FINDING_RISK,
			"On AMD the kernel takes the flag from that bit: one of them is not true. Find out"
			" which before trusting the TSC.",
			"constant_tsc is in /proc/cpuinfo, but CPUID has no invariant TSC: they disagree");
	else
		finding_add(findings, "tsc-constant", FINDING_NOTE,
			"The kernel knows this model's TSC to keep its rate when the frequency changes, but"
			" it can stop in deep idle states.",
			"constant_tsc is in /proc/cpuinfo, CPUID does not promise an invariant TSC");
}

static void constant(const json_t *facts, struct findings *findings)
{
	int flag = facts_flag(facts, "cpu.flags.constant_tsc"),
	    invariant = facts_flag(facts, "cpuid.invariant_tsc");

	if (flag >= 0 && invariant >= 0)
		both_constant(facts, findings, flag, invariant);
	else if (flag > 0 || invariant > 0)
		finding_add(findings, "tsc-constant", FINDING_GOOD,
			"Changes of the CPU frequency do not change the TSC's rate.",
			"The TSC is constant: %s (%s not known)",
			flag > 0 ? "constant_tsc in /proc/cpuinfo" : "invariant TSC in CPUID",
			flag > 0 ? "CPUID is" : "/proc/cpuinfo is");
	else if (!flag || !invariant)
		finding_add(findings, "tsc-constant", FINDING_RISK,
			"The TSC's rate may follow the CPU frequency: hold the frequency, limit the idle"
			" states, or keep time with another clocksource.",
			"The TSC is not constant: no %s",
			!flag ? "constant_tsc in /proc/cpuinfo" : "invariant TSC in CPUID");
	else
		finding_add(findings, "tsc-constant", FINDING_NOTE,
			"Whether its rate follows the CPU frequency can only be found by measuring.",
			"It is not known whether the TSC is constant");
}

static void amd_revision(const json_t *facts, struct findings *findings)
{
	const char *revision = facts_text(facts, "cpu.amd_revision");

	if (!revision)
		return;
	finding_add(findings, "amd-revision-f", FINDING_RISK,
		strcmp(revision, "F")
			? "Like revision F, for which the KVM guide asks to hold the frequency and to"
			  " boot with processor.max_cstate=1: the TSC follows the frequency of its"
			  " core, and cores part from each other."
			: "The KVM guide's advice is for this one: hold the frequency, and boot with"
			  " processor.max_cstate=1. The TSC follows the frequency of its core, and"
			  " cores part from each other.",
		"AMD family 0Fh, revision %s", revision);
}

static bool candidate(const json_t *facts, const char *source, double *khz)
{
	const json_t *candidates = facts_get(facts, "tsc.candidates"), *entry;
	size_t i;

	json_array_foreach(candidates, i, entry)
	{
		const char *its = facts_text(entry, "source");

		if (its && strstr(its, source))
			return facts_number(entry, "khz", khz) && *khz > 0;
	}
	return false;
}

/* The kernel keeps the rate in whole kHz (tsc_khz): half of one is the least that it can be off. */
static void frequency(const json_t *facts, struct findings *findings)
{
	double khz = 0, refined = 0, leaf15 = 0;
	bool known = facts_number(facts, "tsc.khz", &khz) && khz > 0;

	if (candidate(facts, "refined", &refined)) {
		finding_add(findings, "tsc-frequency", FINDING_NOTE,
			"The number differs from boot to boot, and MONOTONIC carries its error as a steady "
			"drift"
			" until NTP takes it out.",
			"The TSC was calibrated at boot against another clock: %.3f MHz", refined / 1e3);
	} else if (facts_flag(facts, "cpu.flags.tsc_known_freq") > 0) {
		finding_add(findings, "tsc-frequency", FINDING_GOOD,
			"The CPU or the hypervisor tells it: the same at every boot, without the error of a"
			" calibration.",
			"The TSC's frequency is known, not calibrated");
		if (known)
			finding_meaning(findings,
				"The CPU or the hypervisor tells it: %.3f MHz at every boot, without the "
				"error of a"
				" calibration. The kernel counts in whole kHz, which can make up to %.2f "
				"ppm.",
				khz / 1e3, 0.5 / khz * PPM_PER_ONE);
	} else if (known && facts_flag(facts, "kernel_log.from_boot") > 0) {
		finding_add(findings, "tsc-frequency", FINDING_RISK,
			"The kernel is content with 500 ppm in that first calibration; MONOTONIC carries its "
			"error"
			" as a steady drift, another one at each boot, if the TSC is the clocksource.",
			"The TSC was calibrated for some milliseconds only, and not refined later: %.3f MHz",
			khz / 1e3);
	}
	if (refined > 0 && candidate(facts, "leaf 15H", &leaf15)) {
		double ppm = (refined / leaf15 - 1) * PPM_PER_ONE;

		finding_add(findings, "tsc-frequency-sources", fabs(ppm) > 500 ? FINDING_RISK : FINDING_NOTE,
			"Two healthy crystals agree within some 50 ppm. More says that one of the clocks "
			"behind"
			" these numbers is wrong.",
			"Calibration differs from CPUID leaf 15H by %+.1f ppm", ppm);
	}
}

static void adjust(const json_t *facts, struct findings *findings)
{
	int flag = facts_flag(facts, "cpu.flags.tsc_adjust");

	if (flag > 0)
		finding_add(findings, "tsc-adjust", FINDING_GOOD,
			"The kernel sees when firmware writes to the TSC, and takes it back.",
			"The CPU has TSC_ADJUST");
	else if (!flag)
		finding_add(findings, "tsc-adjust", FINDING_NOTE,
			"When firmware writes to a CPU's TSC, the kernel cannot see it: look at the"
			" cross-CPU offsets.",
			"The CPU has no TSC_ADJUST");
}

static void packages(const json_t *facts, struct findings *findings)
{
	double n;

	if (facts_number(facts, "cpu.packages", &n) && n > 1)
		finding_add(findings, "sockets", FINDING_NOTE,
			"Their TSCs agree only if the board starts them together and feeds them from one"
			" crystal: look at the cross-CPU offsets between packages.",
			"The CPUs are in %.0f packages", n);
}

static void microcode(const json_t *facts, struct findings *findings)
{
	const char *version = facts_text(facts, "cpu.microcode");

	if (facts_flag(facts, "cpu.microcode_differs") > 0)
		finding_add(findings, "microcode", FINDING_RISK,
			"CPUs with different microcode may treat the TSC and idle states differently: load"
			" one on all.",
			"The CPUs run different microcode");
	else if (version && !facts_flag(facts, "hypervisor.present"))
		finding_add(findings, "microcode", FINDING_NOTE,
			"Compare it when two runs differ: an update can change how the TSC and idle states"
			" behave.",
			"Microcode %s", version);
}

void findings_tsc(const json_t *facts, struct findings *findings)
{
	constant(facts, findings);
	amd_revision(facts, findings);
	frequency(facts, findings);
	adjust(facts, findings);
	packages(facts, findings);
	microcode(facts, findings);
}

static const char *watchdog_off_by(const json_t *facts)
{
	const char *tsc = facts_parameter(facts, "tsc");

	if (tsc && !strcmp(tsc, "reliable"))
		return "tsc=reliable asks for it";
	if (tsc && !strcmp(tsc, "nowatchdog"))
		return "tsc=nowatchdog asks for it";
	if (facts_flag(facts, "cpu.flags.tsc_reliable") > 0)
		return "the hypervisor or the CPU model vouches for the TSC (tsc_reliable)";
	if (kernel_leaves_tsc_unwatched(facts))
		return "the TSC is constant, nonstop and adjustable, and the machine is small enough";
	return NULL;
}

/* What the TSC is compared with: the best-rated clocksource that is not watched itself (clocksource.c). */
static const char *watchdog_clock(const json_t *facts)
{
	static const char *const by_rating[] = { "kvm-clock", "hyperv_clocksource_tsc_page", "xen", "hpet",
		"acpi_pm" };

	for (size_t i = 0; i < sizeof(by_rating) / sizeof(*by_rating); i++) {
		if (facts_has_word(facts, "clocksource.available", by_rating[i]))
			return by_rating[i];
	}
	return NULL;
}

static void watchdog_on(const json_t *facts, struct findings *findings)
{
	const char *clock = watchdog_clock(facts);

	if (!clock)
		finding_add(findings, "watchdog", FINDING_RISK,
			"Jiffies need the timer interrupt: late interrupts can make the kernel give a"
			" healthy TSC up for a worse clock. tsc=nowatchdog is the way out where the TSC is"
			" known to be good.",
			"The clocksource watchdog has nothing but jiffies to compare the TSC with");
	else if (strcmp(clock, "hpet") && strcmp(clock, "acpi_pm"))
		finding_add(findings, "watchdog", FINDING_NOTE,
			"That clock is made from the TSC: the watchdog sees errors of arithmetic, but no"
			" wrong rate.",
			"The clocksource watchdog compares the TSC with %s", clock);
	else
		finding_add(findings, "watchdog", FINDING_GOOD,
			"A TSC that goes badly wrong is marked unstable, and time goes on with that clock:"
			" a step in rate, and slower reads.",
			"The clocksource watchdog compares the TSC with %s", clock);
}

void findings_watchdog(const json_t *facts, struct findings *findings)
{
	const char *off = watchdog_off_by(facts), *release = facts_text(facts, "kernel.release");
	bool sound = facts_flag(facts, "cpu.flags.constant_tsc") > 0 &&
		     facts_flag(facts, "cpu.flags.nonstop_tsc") > 0;

	if (!release || !facts_has_word(facts, "clocksource.available", "tsc"))
		return; /* a TSC that is no clocksource is not watched */
	if (!off)
		watchdog_on(facts, findings);
	else if (sound)
		finding_add(findings, "watchdog", FINDING_NOTE,
			"The kernel will not notice a TSC that drifts or jumps: only a comparison with"
			" another clock shows it.",
			"By the kernel's rules the clocksource watchdog is off: %s", off);
	else
		finding_add(findings, "watchdog", FINDING_RISK,
			"This TSC may change its rate or stop, and nobody watches: take the parameter away,"
			" or use another clocksource.",
			"The clocksource watchdog is off: %s", off);
}
