/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the CPU and the hypervisor say through CPUID: Intel SDM vol. 2 CPUID,
 * AMD APM vol. 3 appendix E; the hypervisor leaves from Linux
 * arch/x86/include/uapi/asm/kvm_para.h and Documentation/virt/kvm/x86/cpuid.rst.
 */
#include <stdio.h>
#include <string.h>

#include "bench/facts_read.h"

#define LEAF_HYPERVISOR	    0x40000000u
#define LEAF_HYPERVISOR_END 0x40010000u
#define HYPERVISOR_STEP	    0x100u /* a second interface stands behind the first: KVM behind Hyper-V's */

enum { EAX, EBX, ECX, EDX };

struct cpuid {
	const struct facts_source *src;
	uint32_t max, max_extended;
};

static void leaf(const struct cpuid *c, uint32_t number, uint32_t regs[4])
{
	uint32_t max = number >= 0x80000000u ? c->max_extended : c->max;

	memset(regs, 0, 4 * sizeof(*regs));
	if (number <= max || (number >= LEAF_HYPERVISOR && number < LEAF_HYPERVISOR_END))
		c->src->cpuid(c->src->context, number, 0, regs);
}

static void text_of(char *text, uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t words[3] = { a, b, c };

	memcpy(text, words, sizeof(words));
	facts_clean(text, strnlen(text, sizeof(words)));
}

static json_t *bit(uint32_t reg, unsigned number)
{
	return json_boolean(reg >> number & 1);
}

static json_t *known(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

/*
 * Leaf 15H: TSC rate = crystal * EBX / EAX.  Parts that leave the crystal out
 * have it in the base frequency of leaf 16H, to the MHz (Linux tsc.c,
 * native_calibrate_tsc()); that is no more than a check on a calibrated rate.
 */
static void add_frequency(struct facts *f, const struct cpuid *c, json_t *object)
{
	uint32_t tsc[4], base[4];
	uint64_t khz = 0;

	leaf(c, 0x15, tsc);
	leaf(c, 0x16, base);
	if (tsc[EAX] && tsc[EBX] && tsc[ECX])
		khz = (uint64_t)tsc[ECX] * tsc[EBX] / tsc[EAX] / 1000;
	facts_set(f, object, "tsc_denominator", known(tsc[EAX]));
	facts_set(f, object, "tsc_numerator", known(tsc[EBX]));
	facts_set(f, object, "crystal_hz", known(tsc[ECX]));
	facts_set(f, object, "base_mhz", known(base[EAX] & 0xffff));
	facts_set(f, object, "leaf15_khz", known(khz));
}

static void add_hypervisor(struct facts *f, const struct cpuid *c, json_t *object, bool guest)
{
	json_t *signatures = json_array(), *kvm = NULL;
	uint64_t khz = 0;

	for (uint32_t base = LEAF_HYPERVISOR; guest && base < LEAF_HYPERVISOR_END; base += HYPERVISOR_STEP) {
		uint32_t regs[4];
		char signature[13];

		leaf(c, base, regs);
		text_of(signature, regs[EBX], regs[ECX], regs[EDX]);
		/* A leaf that nobody answers echoes another one on Intel: only text is a signature. */
		if (!*signature || strchr(signature, '?') || facts_has_word(signatures, "", signature))
			break;
		facts_append(f, signatures, json_string(signature));
		/* VMware's timing leaf, which QEMU passes on too (vmware-cpuid-freq): EAX in kHz. */
		if (base == LEAF_HYPERVISOR && regs[EAX] >= LEAF_HYPERVISOR + 0x10) {
			leaf(c, LEAF_HYPERVISOR + 0x10, regs);
			khz = regs[EAX];
		}
		if (!strcmp(signature, "KVMKVMKVM") && !kvm) {
			leaf(c, base + 1, regs);
			kvm = json_pack("{s:o, s:o, s:o}", "clocksource", bit(regs[EAX], 0), "clocksource2",
				bit(regs[EAX], 3), "clocksource_stable", bit(regs[EAX], 24));
		}
	}
	facts_set(f, object, "hypervisor_khz", known(khz));
	facts_set(f, object, "signatures", signatures);
	facts_set(f, object, "kvm", kvm ? kvm : json_null());
}

json_t *facts_cpuid(struct facts *f)
{
	struct cpuid c = { .src = f->src, .max_extended = 0x80000000u };
	uint32_t first[4], one[4], seven[4], extended[4], power[4];
	char vendor[13];
	json_t *object;

	if (!f->src->cpuid) {
		facts_note(f, "CPUID", "not asked");
		return json_null();
	}
	object = json_object();
	leaf(&c, 0, first);
	c.max = first[EAX];
	leaf(&c, 0x80000000u, extended);
	c.max_extended = extended[EAX] >= 0x80000000u ? extended[EAX] : 0;
	leaf(&c, 1, one);
	leaf(&c, 7, seven);
	leaf(&c, 0x80000001u, extended);
	leaf(&c, 0x80000007u, power);
	text_of(vendor, first[EBX], first[EDX], first[ECX]);
	facts_set(f, object, "vendor_id", json_string(vendor));
	facts_set(f, object, "invariant_tsc", bit(power[EDX], 8));
	facts_set(f, object, "tsc_adjust", bit(seven[EBX], 1));
	facts_set(f, object, "rdtscp", bit(extended[EDX], 27));
	facts_set(f, object, "tsc_deadline_timer", bit(one[ECX], 24));
	facts_set(f, object, "hypervisor", bit(one[ECX], 31));
	add_frequency(f, &c, object);
	add_hypervisor(f, &c, object, one[ECX] >> 31);
	return object;
}

/* KVM before all others: it may stand behind a Hyper-V signature that it shows to Windows. */
static const char *hypervisor_name(const json_t *facts)
{
	static const char *const names[][2] = {
		{ "KVMKVMKVM", "KVM" },
		{ "Linux KVM Hv", "KVM" },
		{ "TCGTCGTCGTCG", "QEMU TCG" },
		{ "Microsoft Hv", "Hyper-V" },
		{ "VMwareVMware", "VMware" },
		{ "XenVMMXenVMM", "Xen" },
		{ "VBoxVBoxVBox", "VirtualBox" },
		{ "bhyve bhyve ", "bhyve" },
		{ "prl hyperv  ", "Parallels" },
		{ "ACRNACRNACRN", "ACRN" },
		{ "Jailhouse", "Jailhouse" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (facts_has_word(facts, "cpuid.signatures", names[i][0]))
			return names[i][1];
	}
	return NULL;
}

json_t *facts_hypervisor(struct facts *f, const json_t *facts)
{
	static const struct facts_attribute dmi[] = {
		{ "sys_vendor", "sys_vendor", FACTS_STRING },
		{ "product_name", "product_name", FACTS_STRING },
	};
	json_t *object = facts_attributes(f, "/sys/class/dmi/id", dmi, sizeof(dmi) / sizeof(*dmi), true);
	const char *name = hypervisor_name(facts);
	int flag = facts_flag(facts, "cpu.flags.hypervisor"), bit31 = facts_flag(facts, "cpuid.hypervisor");

	facts_set(f, object, "present",
		flag < 0 && bit31 < 0 ? json_null() : json_boolean(flag > 0 || bit31 > 0));
	facts_set(f, object, "name", name ? json_string(name) : json_null());
	return object;
}

/* "tsc: Refined TSC clocksource calibration: 2596.104 MHz" and its like: the kHz behind text. */
static uint64_t khz_in_log(const json_t *kernel_log, const char *before, const char *behind)
{
	const json_t *lines = facts_get(kernel_log, "lines"), *entry;
	uint64_t khz = 0;
	size_t i;

	json_array_foreach(lines, i, entry)
	{
		const char *text = facts_text(entry, "text"), *at = text ? strstr(text, before) : NULL;
		unsigned mhz, rest;
		int length = 0;

		if (at && sscanf(at + strlen(before), " %6u.%3u%n", &mhz, &rest, &length) == 2 &&
			!strncmp(at + strlen(before) + length, behind, strlen(behind)))
			khz = (uint64_t)mhz * 1000 + rest;
	}
	return khz;
}

static json_t *pvclock_khz(const struct facts *f, const json_t *khz)
{
	double hz;

	if (!f->src->pvclock_hz || !json_is_integer(khz) ||
		f->src->pvclock_hz(f->src->context, json_number_value(khz) * 1e3, &hz))
		return json_null();
	return json_real(hz / 1e3);
}

/*
 * The best first: a rate refined against another clock over a second is what
 * the kernel then uses; "Detected ... processor" is the TSC's rate only where
 * no line names the TSC's own (Linux tsc.c, determine_cpu_tsc_frequencies()).
 */
json_t *facts_tsc(struct facts *f, const json_t *facts)
{
	const json_t *log = facts_get(facts, "kernel_log");
	/* Without lpj= the delay loop counts the TSC: twice its MHz, cut to 0.01 (Linux init/calibrate.c). */
	double bogomips =
		facts_parameter(facts, "lpj") ? 0 : json_number_value(facts_get(facts, "cpu.bogomips"));
	const struct {
		uint64_t khz;
		const char *source;
	} rates[] = {
		{ khz_in_log(log, "Refined TSC clocksource calibration:", " MHz"), "kernel log: refined" },
		{ khz_in_log(log, "tsc: Detected", " MHz TSC"), "kernel log: detected TSC" },
		{ khz_in_log(log, "tsc: Detected", " MHz processor"), "kernel log: detected" },
		{ (uint64_t)json_integer_value(facts_get(facts, "cpuid.leaf15_khz")), "CPUID leaf 15H" },
		{ (uint64_t)json_integer_value(facts_get(facts, "cpuid.hypervisor_khz")),
			"CPUID leaf 40000010H" },
		{ (uint64_t)(bogomips * 500 + 0.5), "/proc/cpuinfo bogomips, within 5 kHz" },
	};
	json_t *object = json_object(), *candidates = json_array();
	const json_t *best;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		if (rates[i].khz)
			facts_append(f, candidates,
				json_pack("{s:I, s:s}", "khz", (json_int_t)rates[i].khz, "source",
					rates[i].source));
	}
	best = json_array_get(candidates, 0);
	if (!best)
		facts_note(f, "TSC frequency", "neither the kernel log nor CPUID nor /proc/cpuinfo tells it");
	facts_set(f, object, "khz", best ? json_copy(json_object_get(best, "khz")) : json_null());
	facts_set(f, object, "source", best ? json_copy(json_object_get(best, "source")) : json_null());
	facts_set(f, object, "candidates", candidates);
	facts_set(f, object, "pvclock_khz", pvclock_khz(f, json_object_get(best, "khz")));
	return object;
}
