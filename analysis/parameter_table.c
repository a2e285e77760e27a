/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Linux Documentation/admin-guide/kernel-parameters.txt and the files that
 * parse them; the KVM guest timing guides of RHEL 5 and 6.
 */
#include "analysis/parameter_table.h"

#include <string.h>

#include "analysis/kernel.h"
#include "results/facts_get.h"

const struct parameter_row parameter_rows[] = {
	{ "clocksource", NULL, false, "The kernel's own choice of a clocksource, by rating, is overruled.",
		NULL, 0, 0 },
	{ "tsc", "reliable", false,
		"No watchdog and no check of the TSCs at boot: right only where the TSC is known to be good.",
		NULL, KERNEL(2, 6, 28), 0 },
	{ "tsc", "nowatchdog", false,
		"The clocksource watchdog leaves the TSC alone; the checks at boot stay.", NULL,
		KERNEL(5, 2, 0), 0 },
	{ "tsc", "unstable", false,
		"The TSC is no clocksource; time comes from the next best, slower but untouched by the TSC's "
		"faults.",
		NULL, KERNEL(4, 11, 0), 0 },
	{ "tsc", "recalibrate", false,
		"The TSC's rate is calibrated even where CPUID tells it, and a difference above 500 ppm is "
		"logged.",
		NULL, KERNEL(6, 3, 0), 0 },
	{ "tsc", "watchdog", false,
		"A TSC that is trusted watches over hpet and acpi_pm (kernels from 6.3 on; later ones "
		"changed it).",
		NULL, KERNEL(6, 3, 0), 0 },
	{ "tsc", "noirqtime", false, "The TSC is not used to account for interrupts: no effect on clocks.",
		NULL, 0, 0 },
	{ "notsc", NULL, false,
		"Old guides give it to guests without pvclock. On x86-64 it does what tsc=unstable does: the "
		"TSC is no clocksource.",
		NULL, 0, 0 },
	{ "clock", NULL, false,
		"Deprecated: it does what clocksource= does, and clock=pmtmr is clocksource=acpi_pm. Write "
		"that instead.",
		NULL, 0, 0 },
	{ "clocksource.verify_n_cpus", NULL, false,
		"How many CPUs are compared when a clocksource is suspected (kernels 5.14 to 7.0).", NULL,
		KERNEL(5, 14, 0), KERNEL(7, 0, 0) },
	{ "hpet", "disable", false,
		"One independent clock less: the watchdog and the calibration have to do with acpi_pm, or "
		"with nothing.",
		NULL, 0, 0 },
	{ "hpet", "force", false, "The HPET is used where the firmware does not offer it: check its rate.",
		NULL, 0, 0 },
	{ "nohpet", NULL, false, "As hpet=disable: one independent clock less.", NULL, 0, 0 },
	{ "hpet_mmap", NULL, false, "Whether programs may map the HPET's registers (1) or not (0).", NULL, 0,
		0 },
	{ "pmtmr", NULL, true,
		"The port of the ACPI PM timer is set by hand: a wrong one gives a wrong clock.", NULL, 0,
		0 },
	{ "acpi_pm_good", NULL, false,
		"The PM timer is read once, even on chipsets where it takes several reads to get a right "
		"value.",
		NULL, 0, 0 },
	{ "no-kvmclock", NULL, false,
		"kvm-clock is not used: without an invariant TSC the guest then cannot follow its host.",
		NULL, 0, 0 },
	{ "no-kvmclock-vsyscall", NULL, false,
		"Reads of kvm-clock go through the kernel: slower, the same time.", NULL, KERNEL(3, 8, 0),
		0 },
	{ "nopv", NULL, false, "The guest knows of no hypervisor: no pvclock, no steal time.", NULL,
		KERNEL(5, 4, 0), 0 },
	{ "processor.max_cstate", NULL, false,
		"Limits acpi_idle to that C-state; 1 keeps a TSC going that stops deeper. intel_idle does "
		"not heed it.",
		NULL, 0, 0 },
	{ "intel_idle.max_cstate", NULL, false,
		"Limits intel_idle to that C-state; 0 switches it off, and acpi_idle with "
		"processor.max_cstate rules.",
		NULL, 0, 0 },
	{ "idle", "poll", false,
		"CPUs never sleep: no TSC stops and reads are quick, at full power and heat. In a guest it "
		"takes the host's CPU.",
		NULL, 0, 0 },
	{ "idle", "halt", false, "Only HLT (C1) is used for idle: no deep state stops the TSC.", NULL, 0, 0 },
	{ "idle", "nomwait", false, "MWAIT is not used for C-states; deep states by I/O port remain.", NULL,
		0, 0 },
	{ "idle", NULL, false, "Not a value that today's kernels know (mwait was dropped with 3.9).", NULL, 0,
		0 },
	{ "cpuidle.off", NULL, false, "No cpuidle: idle CPUs use the architecture's default, usually C1.",
		NULL, 0, 0 },
	{ "cpufreq.off", NULL, false, "The kernel does not change the frequency; firmware still may.", NULL,
		0, 0 },
	{ "cpufreq.default_governor", NULL, false,
		"performance holds the highest frequency, which a TSC that is not constant needs.", NULL,
		KERNEL(5, 9, 0), 0 },
	{ "intel_pstate", NULL, false, "Chooses the frequency driver; no effect on a constant TSC.", NULL, 0,
		0 },
	{ "amd_pstate", NULL, false, "Chooses the frequency driver; no effect on a constant TSC.", NULL,
		KERNEL(5, 17, 0), 0 },
	{ "nohz", NULL, false,
		"off keeps the periodic tick on idle CPUs: more wakeups, and time is carried forward at "
		"each.",
		NULL, 0, 0 },
	{ "nohz_full", NULL, false,
		"CPUs without a tick: time is kept by the others, and reads from these CPUs stay exact.",
		NULL, KERNEL(3, 10, 0), 0 },
	{ "highres", NULL, false,
		"off makes timers as coarse as the tick; clocks are read as exactly as before.", NULL, 0, 0 },
	{ "skew_tick", NULL, false, "Ticks of the CPUs are spread: less contention, no effect on rates.",
		NULL, 0, 0 },
	{ "lpj", NULL, false,
		"Old guides ask for it with notsc. It must be TSC kHz * 1000 / HZ (it is in the boot log): a "
		"wrong one makes short kernel delays wrong.",
		NULL, 0, 0 },
	{ "divider", NULL, false,
		"A RHEL 5 patch, for fewer timer interrupts in guests: other kernels ignore it.", NULL, 0,
		0 },
	{ "tsc_early_khz", NULL, true,
		"The early calibration is skipped for this number. If it is off by more than 1 %, refining "
		"it fails and the clock keeps the error.",
		NULL, KERNEL(5, 10, 0), 0 },
	{ "ntp_tick_adj", NULL, true,
		"A constant correction on top of NTP's, in every clock but MONOTONIC_RAW.", NULL, 0, 0 },
	{ "lapic", "notscdeadline", false, "Timers do not use the TSC: no effect on rates.", NULL, 0, 0 },
	{ "apicpmtimer", NULL, false, "Calibrates the APIC timer with the PM timer, and implies notsc.",
		"x86_64", 0, 0 },
	{ "clearcpuid", NULL, false,
		"CPU features are hidden from the kernel: where constant_tsc or nonstop_tsc are, it "
		"distrusts a good TSC.",
		NULL, 0, 0 },
	{ "acpi", "off", true,
		"No PM timer, and an HPET only if forced: the TSC has nothing to be checked against.", NULL,
		0, 0 },
	{ "nowatchdog", NULL, false,
		"It switches the detectors of lockups off, not the clocksource watchdog: that is "
		"tsc=nowatchdog.",
		NULL, 0, 0 },
	{ "kvm.tsc_tolerance_ppm", NULL, false,
		"On a host: how far the TSC rate of a guest may be off before KVM scales it.", NULL, 0, 0 },
	{ "clocksource.arm_arch_timer.evtstrm", NULL, false, "The event stream of ARM's architected timer.",
		"aarch64", 0, 0 },
	{ "stp", NULL, false, "The server time protocol of s390.", "s390x", 0, 0 },
};

const size_t parameter_row_count = sizeof(parameter_rows) / sizeof(*parameter_rows);

const struct parameter_row *parameter_row(const char *name, const char *value)
{
	for (size_t i = 0; i < parameter_row_count; i++) {
		const struct parameter_row *row = &parameter_rows[i];

		if (facts_same_parameter(row->name, name) && (!row->value || !strcmp(row->value, value)))
			return row;
	}
	return NULL;
}

const struct parameter_row *parameter_row_any(const char *name)
{
	size_t i;

	for (i = 0; i < parameter_row_count && !facts_same_parameter(parameter_rows[i].name, name); i++)
		;
	return i < parameter_row_count ? &parameter_rows[i] : NULL;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance, three rows of its matrix at a time. */
unsigned parameter_edits(const char *a, const char *b)
{
	unsigned rows[3][64], *before = rows[0], *above = rows[1], *row = rows[2];
	size_t n = strlen(a), m = strlen(b);

	if (n > 63 || m > 63)
		return 64;
	for (unsigned j = 0; j <= m; j++)
		above[j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = least(change, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[m];
}

const char *parameter_like(const char *name, unsigned most)
{
	const char *like = NULL;

	for (size_t i = 0; i < parameter_row_count; i++) {
		unsigned edits = parameter_edits(name, parameter_rows[i].name);

		if (edits <= most && (edits < most || !like)) {
			like = parameter_rows[i].name;
			most = edits;
		}
	}
	return like;
}
