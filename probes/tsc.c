/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/tsc.h"

#include <cpuid.h>
#include <string.h>

enum tsc_fence tsc_fence = TSC_FENCE_MFENCE;

static bool cpu_has_rdtscp(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & (1u << 27));
}

/* AMD before family 0x10 has no serialising LFENCE (kernel: X86_FEATURE_LFENCE_RDTSC). */
static bool cpu_lfence_serialises(void)
{
	unsigned a, b, c, d, family;
	char vendor[13] = "";

	if (!__get_cpuid(0, &a, &b, &c, &d))
		return false;
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &d, 4);
	memcpy(vendor + 8, &c, 4);
	if (strcmp(vendor, "AuthenticAMD") != 0)
		return true;
	__get_cpuid(1, &a, &b, &c, &d);
	family = (a >> 8) & 0xf;
	if (family == 0xf)
		family += (a >> 20) & 0xff;
	return family >= 0x10;
}

void tsc_init(void)
{
	if (cpu_has_rdtscp())
		tsc_fence = TSC_FENCE_RDTSCP;
	else
		tsc_fence = cpu_lfence_serialises() ? TSC_FENCE_LFENCE : TSC_FENCE_MFENCE;
}

const char *tsc_fence_name(void)
{
	static const char *const names[] = { "rdtscp; lfence", "lfence; rdtsc; lfence",
		"mfence; rdtsc; mfence" };

	return names[tsc_fence];
}
