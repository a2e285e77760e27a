/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The environment snapshot: what the clocks of this machine are.
 *
 * facts_collect() only reads; it takes some milliseconds, so that a run can
 * take one snapshot before and one after sampling and say what changed.
 *
 * Keys of the snapshot; a name carries its unit.  All keys are always there.
 * What could not be read is null, and "unreadable" says why; null without a
 * reason is what does not apply: KVM's parameters where there is no KVM, the
 * AMD revision of an Intel CPU, a number that this CPU does not tell.
 *
 *   hostname, boot_id, uptime_s
 *   kernel        {release, version, machine}
 *   command_line  {text, parameters [{name, value|null}]}  parameters up to "--"
 *   cpu           {vendor, vendor_id, family, model, stepping, model_name, microcode,
 *                  microcode_differs, bogomips, online, present, online_count, present_count,
 *                  packages, nodes, amd_revision, amd_revision_f, flags {constant_tsc, ...: bool}}
 *   cpuid         {vendor_id, invariant_tsc, tsc_adjust, rdtscp, tsc_deadline_timer, hypervisor,
 *                  crystal_hz, tsc_numerator, tsc_denominator, base_mhz, leaf15_khz,
 *                  hypervisor_khz, signatures [..],
 *                  kvm {clocksource, clocksource2, clocksource_stable}}
 *   hypervisor    {present, name, sys_vendor, product_name}
 *   tsc           {khz, source, candidates [{khz, source}], pvclock_khz}  the best first; pvclock_khz: what KVM's
 *                  pvclock takes it for, and kvm-clock counts with
 *   clocksource   {current, available [..]}
 *   idle          {driver, governor, cpus_differ, states [{name, desc, latency_us, residency_us,
 *                  usage, time_us, disabled, disabled_on "CPU list"}]}  of the first CPU with any
 *   cpufreq       {policies [{cpus "CPU list", driver, governor, min_khz, max_khz, cur_khz,
 *                  governors [..], frequencies_khz [..]}], boost, no_turbo, intel_pstate,
 *                  amd_pstate}  CPUs with equal settings are one policy
 *   hpet          {acpi_table, device_readable, clocksource}
 *   pm_timer      {port, length, bits, hw_reduced}  from the FADT; port 0: there is none
 *   ptp           [{device, clock_name}]
 *   rtc           [{device, name, hctosys}]
 *   time_daemon   {running [{name, pid}], servers [{daemon, kind, name, file}],
 *                  timesyncd_synchronized}
 *   adjtimex      {synchronised, state, status [..], freq_ppm, tick_us, offset_ns, maxerror_us,
 *                  esterror_us, tai_s}
 *   kernel_log    {lines [{seq, time_s, text}], from_boot, records, dropped}  the lines that tell
 *                  of the TSC and the clocksources; of a whole log, what the boot says of parameters too
 *   kvm_host      {device, module, nested, tsc_tolerance_ppm}
 *   kvm_vcpus     [{pid, fd, vcpu, tsc_offset, tsc_scaling_ratio, frac_bits}]  of the guests that
 *                 run on this host: guest TSC = (TSC * ratio >> bits) + offset, mod 2^64
 *   suspend       {states [..], mem_sleep [..], count}
 *   unreadable    [{what, why}]
 */
#ifndef BENCH_FACTS_H
#define BENCH_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include <jansson.h>

#include "results/facts_get.h"

/* Where the facts come from, so that a machine nobody here owns can be described in a directory. */
struct facts_source {
	const char *root; /* goes before every path: "" for this machine */
	void *context;	  /* handed to the functions below */
	/* Each may be NULL: then what it would tell is null, with that reason. */
	void (*cpuid)(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]); /* eax ebx ecx edx */
	int (*adjtimex)(void *context, struct timex *tx); /* TIME_OK.. or -errno; tx->modes is 0 */
	int (*uname)(void *context, struct utsname *uts); /* 0 or -errno */
	int (*pvclock_hz)(
		void *context, double nominal_hz, double *hz); /* 0 or -errno; see probes/kvmclock.h */
};

extern const struct facts_source facts_live; /* this machine */

/* A new reference, or NULL when out of memory. */
json_t *facts_collect(const struct facts_source *src);

/*
 * Looks again for the guests of this host, which come and go, and keeps them in
 * facts.  1: other ones than before, or another map; 0: no change; -ENOMEM.
 */
int facts_kvm_refresh(const struct facts_source *src, json_t *facts);

/*
 * What changed between two snapshots and matters to timekeeping: a new array
 * of sentences, empty if nothing did; NULL when out of memory.  own_switches: the run itself switched
 * the clocksource and back, so the kernel's lines on that are no news.
 */
json_t *facts_changes(const json_t *before, const json_t *after, bool own_switches);

#endif
