/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The paravirtual clock of KVM: the hypervisor writes the parameters of
 * "ns = f(TSC)" into a page that the kernel shows to every process beside its
 * vDSO.  The layout is Documentation/virt/kvm/x86/msr.rst,
 * MSR_KVM_SYSTEM_TIME_NEW; the page is that of vCPU 0, as the vDSO has it.
 *
 * Where the page is (arch/x86/entry/vdso/): since 6.13 first in the mapping
 * [vvar_vclock]; before that second in [vvar], and third while that still held
 * an HPET page (up to 4.7).  So every page of both is tried and the one that
 * makes sense is taken.  The kernel answers with SIGBUS where pvclock has never
 * been its clocksource.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probes/clock_reader.h"
#include "probes/kvmclock.h"
#include "probes/tsc.h"
#include "results/units.h"

struct pvclock {
	uint32_t version; /* odd while the hypervisor writes */
	uint32_t pad0;
	uint64_t tsc_timestamp;
	uint64_t system_time; /* ns at tsc_timestamp */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags;
	uint8_t pad[2];
};
_Static_assert(sizeof(struct pvclock) == 32, "the ABI says 32 bytes");

#define PVCLOCK_TRIES 100 /* then the last, possibly torn, parameters are used: a reading must not block */

/* (cycles * 2^shift * mul) / 2^32, modulo 2^64. */
static uint64_t pvclock_scale(uint64_t cycles, uint32_t mul, int shift)
{
	cycles = shift < 0 ? cycles >> -shift : cycles << shift;
	return (cycles >> 32) * mul + ((cycles & UINT32_MAX) * mul >> 32);
}

/* The inverse: how many cycles are a second. */
static double pvclock_hz(const struct pvclock *page)
{
	return (double)NS_PER_SEC * ldexp(1, 32 - page->tsc_shift) / page->tsc_to_system_mul;
}

/* A TSC before the timestamp (another CPU, running behind vCPU 0) gives a time before system_time. */
static uint64_t pvclock_ns(const volatile struct pvclock *page, uint64_t tsc)
{
	uint64_t cycles = tsc - page->tsc_timestamp;

	if ((int64_t)cycles < 0)
		return page->system_time - pvclock_scale(-cycles, page->tsc_to_system_mul, page->tsc_shift);
	return page->system_time + pvclock_scale(cycles, page->tsc_to_system_mul, page->tsc_shift);
}

/* tsc_after() keeps the TSC read behind the load of version; x86 keeps loads in their order. */
static uint64_t kvmclock_read(void *state)
{
	const volatile struct pvclock *page = state;
	uint32_t version;
	uint64_t ns;
	int tries = 0;

	do {
		version = page->version;
		ns = pvclock_ns(page, tsc_after());
	} while (((version & 1) || version != page->version) && ++tries < PVCLOCK_TRIES);
	return ns;
}

/*
 * Tells the page from its neighbours, which begin with a sequence counter too:
 * its rate must be that of the TSC.  The limit of 10 % is far above any wrong
 * nominal TSC frequency, and other data miss it by orders of magnitude.  Its
 * time says nothing: it counts from the start of the virtual machine, not of
 * this kernel.
 */
static bool pvclock_plausible(const struct pvclock *page, double tsc_hz)
{
	double rate;

	if (page->version == 0 || (page->version & 1) || page->pad0 || page->pad[0] || page->pad[1])
		return false;
	if (page->tsc_shift < -31 || page->tsc_shift > 31)
		return false;
	rate = (double)pvclock_scale(1ULL << 32, page->tsc_to_system_mul, page->tsc_shift) /
	       (double)(1ULL << 32);
	return rate * tsc_hz > 0.9 * NS_PER_SEC && rate * tsc_hz < 1.1 * NS_PER_SEC;
}

static sigjmp_buf bus_error;

static void bus_error_caught(int signal)
{
	(void)signal;
	siglongjmp(bus_error, 1);
}

/* Copies what may be no memory; false where touching it raised SIGBUS. */
static bool guarded_copy(void *to, const void *from, size_t size)
{
	struct sigaction caught = { .sa_handler = bus_error_caught }, before;
	volatile bool whole = false;

	sigaction(SIGBUS, &caught, &before);
	if (sigsetjmp(bus_error, 1) == 0) {
		memcpy(to, from, size);
		whole = true;
	}
	sigaction(SIGBUS, &before, NULL);
	return whole;
}

/* The pages of one line of /proc/self/maps if it is one of the two mappings. */
static bool maps_line_vvar(const char *line, uintptr_t *start, uintptr_t *end)
{
	unsigned long from, to;
	char name[16];

	if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %15s", &from, &to, name) != 3)
		return false;
	*start = from;
	*end = to;
	return strcmp(name, "[vvar]") == 0 || strcmp(name, "[vvar_vclock]") == 0;
}

static const void *pvclock_search(uintptr_t start, uintptr_t end, double tsc_hz)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE);
	struct pvclock copy;

	for (uintptr_t page = start; page < end; page += step)
		/* A second look, for a copy that was taken while the hypervisor wrote. */
		for (int look = 0; look < 2; look++)
			if (guarded_copy(&copy, (const void *)page, sizeof(copy)) &&
				pvclock_plausible(&copy, tsc_hz))
				return (const void *)page;
	return NULL;
}

/* 0 or -errno; *page is NULL where there is none. */
static int pvclock_page(double tsc_hz, const void **page)
{
	uintptr_t start, end;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");

	*page = NULL;
	if (!maps)
		return -errno;
	while (!*page && fgets(line, sizeof(line), maps))
		if (maps_line_vvar(line, &start, &end))
			*page = pvclock_search(start, end, tsc_hz);
	fclose(maps);
	return 0;
}

int kvmclock_tsc_hz(double nominal_hz, double *hz)
{
	struct pvclock copy;
	const void *page;
	int rc = pvclock_page(nominal_hz, &page);

	if (rc || !page)
		return rc ? rc : -ENODEV;
	/* A copy that was taken while the hypervisor wrote is not plausible, or comes from two multipliers that are alike. */
	for (int tries = 0; tries < PVCLOCK_TRIES; tries++) {
		if (!guarded_copy(&copy, page, sizeof(copy)) || !pvclock_plausible(&copy, nominal_hz))
			continue;
		*hz = pvclock_hz(&copy);
		return 0;
	}
	return -EAGAIN;
}

static int kvmclock_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	const void *page;
	int rc = pvclock_page(setup->tsc_hz, &page);

	if (rc)
		return error_set(err, rc, "kvmclock: cannot open /proc/self/maps: %s", strerror(-rc));
	if (!page)
		return error_set(err, -ENODEV,
			"no pvclock page: this is no KVM guest, or kvm-clock was never its clocksource "
			"(try once, as root: echo kvm-clock > "
			"/sys/devices/system/clocksource/clocksource0/current_clocksource)");
	traits->state = (void *)(uintptr_t)page;
	return 0;
}

const struct clock_reader clock_kvmclock = {
	.name = "kvmclock",
	.summary = "KVM's paravirtual clock, computed from its page in [vvar_vclock] or [vvar]",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_TSC,
	.cadence = CADENCE_TIGHT,
	.open = kvmclock_open,
	.read = kvmclock_read,
};
