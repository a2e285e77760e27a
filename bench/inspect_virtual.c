/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on guests and on hosts of guests: pvclock, migration, KVM's tolerance. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/inspect_findings.h"
#include "results/units.h"

/* Below it kvm-clock and tsc agree as clocks on one oscillator do (limit "arithmetic"). */
#define PVCLOCK_APART_PPM 0.1

static bool is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

static bool kvm_clock_asked_away(const json_t *facts)
{
	return facts_parameter(facts, "no-kvmclock") || facts_parameter(facts, "nopv");
}

/*
 * With a constant and nonstop TSC the guest rates kvm-clock 299, below the
 * TSC's 300, else 400 (Linux arch/x86/kernel/kvmclock.c, kvmclock_init()).
 */
static void pvclock_unused(const json_t *facts, struct findings *findings)
{
	const char *current = facts_text(facts, "clocksource.current");

	if (!facts_has_word(facts, "clocksource.available", "kvm-clock"))
		finding_add(findings, "pvclock", kvm_clock_asked_away(facts) ? FINDING_NOTE : FINDING_RISK,
			"Without it the guest must rely on the TSC or on an emulated timer, and cannot"
			" follow a migration to a host of another TSC rate.",
			"KVM offers its pvclock, but kvm-clock is no clocksource here%s",
			kvm_clock_asked_away(facts) ? " (switched off on the command line)" : "");
	else if (is(current, "tsc"))
		finding_add(findings, "pvclock", FINDING_NOTE,
			"With a constant and nonstop TSC the kernel rates kvm-clock below the TSC. To"
			" measure it, boot with clocksource=kvm-clock or switch current_clocksource.",
			"kvm-clock is available, the TSC is in use");
	else
		finding_add(findings, "pvclock", FINDING_NOTE,
			"Somebody chose that: kvm-clock follows the host's clock.",
			"kvm-clock is available, %s is in use", current ? current : "another clocksource");
}

/* A ppm below zero: kvm-clock is the slower one. */
static void pvclock_rate(const json_t *facts, struct findings *findings)
{
	double khz, pvclock_khz, ppm;

	if (!facts_number(facts, "tsc.khz", &khz) || !facts_number(facts, "tsc.pvclock_khz", &pvclock_khz) ||
		!(pvclock_khz > 0))
		return;
	ppm = (khz / pvclock_khz - 1) * PPM_PER_ONE;
	if (fabs(ppm) < PVCLOCK_APART_PPM)
		return;
	finding_add(findings, "pvclock-rate", FINDING_NOTE,
		"The clock changes its rate by as much when the clocksource is switched. The kernel keeps the"
		" frequency that it found when it booted; the host tells its own, in whole kHz, and after a"
		" restore or a migration that of another host.",
		"KVM's pvclock takes the TSC for %.3f MHz, the kernel for %.3f MHz: kvm-clock and tsc run"
		" %.3f ppm apart",
		pvclock_khz / 1e3, khz / 1e3, fabs(ppm));
}

static void pvclock(const json_t *facts, struct findings *findings)
{
	int offered = facts_flag(facts, "cpuid.kvm.clocksource2"),
	    stable = facts_flag(facts, "cpuid.kvm.clocksource_stable");
	bool used = is(facts_text(facts, "clocksource.current"), "kvm-clock");

	if (offered <= 0)
		offered = facts_flag(facts, "cpuid.kvm.clocksource");
	if (used && stable > 0)
		finding_add(findings, "pvclock", FINDING_GOOD,
			"It follows the host's clock. Its rate and MONOTONIC_RAW of the host still part by"
			" some 30 ppb, for their arithmetic differs.",
			"kvm-clock is in use, and the host marks it stable across CPUs");
	else if (used)
		finding_add(findings, "pvclock", stable < 0 ? FINDING_NOTE : FINDING_RISK,
			"Without the host's stable bit the kernel must guard every read against steps back"
			" between CPUs: slow, and only as good as the host's TSCs.",
			"kvm-clock is in use, %s",
			stable < 0 ? "stability is not known" : "without the host's stable bit");
	else if (offered > 0)
		pvclock_unused(facts, findings);
	else if (!offered && is(facts_text(facts, "hypervisor.name"), "KVM"))
		finding_add(findings, "pvclock", FINDING_RISK,
			"This is the guest without a paravirtual clock of the old guides: with a TSC that"
			" is not constant, it needs notsc, or clocksource=acpi_pm on i386.",
			"KVM offers no pvclock to this guest");
}

static void guest_migration(const json_t *facts, struct findings *findings)
{
	int invariant = facts_flag(facts, "cpuid.invariant_tsc");

	if (invariant > 0)
		finding_add(findings, "migration", FINDING_NOTE,
			"QEMU then refuses to migrate, unless it was given tsc-frequency=; other"
			" hypervisors promise to keep the rate. A step at a migration is still possible.",
			"The hypervisor promises an invariant TSC to this guest");
	else if (!invariant)
		finding_add(findings, "migration", FINDING_RISK,
			"The guest may be moved to a host whose TSC runs at another rate. Ask for it (QEMU"
			" -cpu host,+invtsc), or keep time with kvm-clock.",
			"The hypervisor promises no invariant TSC to this guest");
}

static void kvm_host(const json_t *facts, struct findings *findings)
{
	double ppm;

	if (facts_flag(facts, "kvm_host.module") <= 0 || facts_flag(facts, "kvm_host.device") <= 0)
		return;
	if (facts_number(facts, "kvm_host.tsc_tolerance_ppm", &ppm)) {
		finding_add(findings, "kvm-host", FINDING_NOTE, "",
			"This is a KVM host, with tsc_tolerance_ppm=%.0f", ppm);
		finding_meaning(findings,
			"A guest that comes from a host whose TSC differs by less is not scaled: its TSC"
			" silently changes rate by up to %.0f ppm. Run NTP on host and guests.",
			ppm);
	} else {
		finding_add(findings, "kvm-host", FINDING_NOTE,
			"Run NTP on host and guests, and inspect both.", "This is a KVM host");
	}
	if (!facts_flag(facts, "cpu.flags.tsc_scale"))
		finding_add(findings, "tsc-scaling", FINDING_NOTE,
			"A guest that comes from a host of another TSC rate cannot be given its old one:"
			" only kvm-clock saves its time.",
			"The CPU offers KVM no TSC scaling");
}

void findings_virtual(const json_t *facts, struct findings *findings)
{
	if (facts_flag(facts, "hypervisor.present") > 0) {
		pvclock(facts, findings);
		pvclock_rate(facts, findings);
		guest_migration(facts, findings);
	}
	kvm_host(facts, findings);
}
