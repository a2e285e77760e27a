/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Findings on kernel parameters that touch timekeeping, old ones included:
 * Linux Documentation/admin-guide/kernel-parameters.txt and the files that
 * parse them; the KVM guest timing guides of RHEL 5 and 6.
 */
#include <string.h>

#include "bench/inspect_findings.h"

static const struct parameter {
	const char *name;
	const char *value; /* NULL: any */
	enum severity severity;
	const char *meaning;
} parameters[] = {
	{ "tsc", "reliable", FINDING_NOTE,
		"No watchdog and no check of the TSCs at boot: right only where the TSC is known to be"
		" good." },
	{ "tsc", "nowatchdog", FINDING_NOTE,
		"The clocksource watchdog leaves the TSC alone; the checks at boot stay." },
	{ "tsc", "unstable", FINDING_NOTE,
		"The TSC is no clocksource; time comes from the next best, slower but untouched by the"
		" TSC's faults." },
	{ "tsc", "recalibrate", FINDING_NOTE,
		"The TSC's rate is calibrated even where CPUID tells it, and a difference above 500 ppm is"
		" logged." },
	{ "tsc", "watchdog", FINDING_NOTE,
		"A TSC that is trusted watches over hpet and acpi_pm (kernels from 6.3 on; later ones"
		" changed it)." },
	{ "tsc", "noirqtime", FINDING_NOTE,
		"The TSC is not used to account for interrupts: no effect on clocks." },
	{ "notsc", NULL, FINDING_NOTE,
		"Old guides give it to guests without pvclock. On x86-64 it does what tsc=unstable does:"
		" the TSC is no clocksource." },
	{ "clock", NULL, FINDING_NOTE,
		"Deprecated: it does what clocksource= does, and clock=pmtmr is clocksource=acpi_pm. Write"
		" that instead." },
	{ "clocksource.verify_n_cpus", NULL, FINDING_NOTE,
		"How many CPUs are compared when a clocksource is suspected (kernels 5.14 to 7.0)." },
	{ "hpet", "disable", FINDING_NOTE,
		"One independent clock less: the watchdog and the calibration have to do with acpi_pm, or"
		" with nothing." },
	{ "hpet", "force", FINDING_NOTE,
		"The HPET is used where the firmware does not offer it: check its rate." },
	{ "nohpet", NULL, FINDING_NOTE, "As hpet=disable: one independent clock less." },
	{ "hpet_mmap", NULL, FINDING_NOTE, "Whether programs may map the HPET's registers (1) or not (0)." },
	{ "pmtmr", NULL, FINDING_RISK,
		"The port of the ACPI PM timer is set by hand: a wrong one gives a wrong clock." },
	{ "acpi_pm_good", NULL, FINDING_NOTE,
		"The PM timer is read once, even on chipsets where it takes several reads to get a right "
		"value." },
	{ "no-kvmclock", NULL, FINDING_NOTE,
		"kvm-clock is not used: without an invariant TSC the guest then cannot follow its host." },
	{ "no-kvmclock-vsyscall", NULL, FINDING_NOTE,
		"Reads of kvm-clock go through the kernel: slower, the same time." },
	{ "nopv", NULL, FINDING_NOTE, "The guest knows of no hypervisor: no pvclock, no steal time." },
	{ "processor.max_cstate", NULL, FINDING_NOTE,
		"Limits acpi_idle to that C-state; 1 keeps a TSC going that stops deeper. intel_idle does"
		" not heed it." },
	{ "intel_idle.max_cstate", NULL, FINDING_NOTE,
		"Limits intel_idle to that C-state; 0 switches it off, and acpi_idle with"
		" processor.max_cstate rules." },
	{ "idle", "poll", FINDING_NOTE,
		"CPUs never sleep: no TSC stops and reads are quick, at full power and heat. In a guest it"
		" takes the host's CPU." },
	{ "idle", "halt", FINDING_NOTE, "Only HLT (C1) is used for idle: no deep state stops the TSC." },
	{ "idle", "nomwait", FINDING_NOTE,
		"MWAIT is not used for C-states; deep states by I/O port remain." },
	{ "idle", NULL, FINDING_NOTE, "Not a value that today's kernels know (mwait was dropped with 3.9)." },
	{ "cpuidle.off", NULL, FINDING_NOTE,
		"No cpuidle: idle CPUs use the architecture's default, usually C1." },
	{ "cpufreq.off", NULL, FINDING_NOTE,
		"The kernel does not change the frequency; firmware still may." },
	{ "cpufreq.default_governor", NULL, FINDING_NOTE,
		"performance holds the highest frequency, which a TSC that is not constant needs." },
	{ "intel_pstate", NULL, FINDING_NOTE, "Chooses the frequency driver; no effect on a constant TSC." },
	{ "amd_pstate", NULL, FINDING_NOTE, "Chooses the frequency driver; no effect on a constant TSC." },
	{ "nohz", NULL, FINDING_NOTE,
		"off keeps the periodic tick on idle CPUs: more wakeups, and time is carried forward at"
		" each." },
	{ "nohz_full", NULL, FINDING_NOTE,
		"CPUs without a tick: time is kept by the others, and reads from these CPUs stay exact." },
	{ "highres", NULL, FINDING_NOTE,
		"off makes timers as coarse as the tick; clocks are read as exactly as before." },
	{ "skew_tick", NULL, FINDING_NOTE,
		"Ticks of the CPUs are spread: less contention, no effect on rates." },
	{ "lpj", NULL, FINDING_NOTE,
		"Old guides ask for it with notsc. It must be TSC kHz * 1000 / HZ (it is in the boot log):"
		" a wrong one makes short kernel delays wrong." },
	{ "divider", NULL, FINDING_NOTE,
		"A RHEL 5 patch, for fewer timer interrupts in guests: other kernels ignore it." },
	{ "tsc_early_khz", NULL, FINDING_RISK,
		"The early calibration is skipped for this number. If it is off by more than 1 %, refining"
		" it fails and the clock keeps the error." },
	{ "ntp_tick_adj", NULL, FINDING_RISK,
		"A constant correction on top of NTP's, in every clock but MONOTONIC_RAW." },
	{ "lapic", "notscdeadline", FINDING_NOTE, "Timers do not use the TSC: no effect on rates." },
	{ "apicpmtimer", NULL, FINDING_NOTE,
		"Calibrates the APIC timer with the PM timer, and implies notsc." },
	{ "clearcpuid", NULL, FINDING_NOTE,
		"CPU features are hidden from the kernel: where constant_tsc or nonstop_tsc are, it"
		" distrusts a good TSC." },
	{ "acpi", "off", FINDING_RISK,
		"No PM timer, and an HPET only if forced: the TSC has nothing to be checked against." },
};

static const struct parameter *find(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
		const struct parameter *p = &parameters[i];

		if (!strcmp(p->name, name) && (!p->value || !strcmp(p->value, value)))
			return p;
	}
	return NULL;
}

static void forced_clocksource(const json_t *facts, struct findings *findings)
{
	const char *asked = facts_parameter(facts, "clocksource"),
		   *current = facts_text(facts, "clocksource.current");

	if (!asked)
		return;
	if (current && strcmp(asked, current))
		finding_add(findings, "parameter", FINDING_RISK,
			"It is not available, was found unstable, or was switched since: what was asked for"
			" is not measured.",
			"Kernel parameter clocksource=%.64s, but %.64s is in use", asked, current);
	else
		finding_add(findings, "parameter", FINDING_NOTE,
			"The kernel's own choice, by rating, is overruled.",
			"Kernel parameter clocksource=%.64s", asked);
}

void findings_parameters(const json_t *facts, struct findings *findings)
{
	const char *seen = "";

	forced_clocksource(facts, findings);
	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
		const char *name = parameters[i].name, *value = facts_parameter(facts, name);
		const struct parameter *p;

		if (!value || !strcmp(seen, name))
			continue;
		seen = name; /* the rows of one parameter stand together */
		p = find(name, value);
		if (p)
			finding_add(findings, "parameter", p->severity, p->meaning,
				"Kernel parameter %s%s%.96s", name, *value ? "=" : "", value);
	}
}
