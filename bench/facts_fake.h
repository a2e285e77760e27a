/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* For the tests: machines that nobody here owns, written into a temporary directory. */
#ifndef BENCH_FACTS_FAKE_H
#define BENCH_FACTS_FAKE_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/facts.h"

struct fake_leaf {
	uint32_t leaf, regs[4]; /* eax ebx ecx edx */
};

struct fake {
	char root[64];
	const struct fake_leaf *leaves; /* ends with a leaf whose regs are all 0 */
	struct timex timex;
	int state; /* of adjtimex; < 0: it fails so */
	struct utsname uts;
	double pvclock_hz; /* 0: there is no page */
	struct facts_source source;
};

static inline void fake_cpuid(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	static const uint32_t zero[4];
	const struct fake *fake = context;
	const struct fake_leaf *l = fake->leaves;

	(void)subleaf;
	for (; l && memcmp(l->regs, zero, sizeof(zero)) && l->leaf != leaf; l++)
		;
	memcpy(regs, l ? l->regs : zero, sizeof(zero));
}

static inline int fake_adjtimex(void *context, struct timex *tx)
{
	struct fake *fake = context;

	assert_int_equal(tx->modes, 0); /* a snapshot must not set anything */
	*tx = fake->timex;
	return fake->state;
}

static inline int fake_uname(void *context, struct utsname *uts)
{
	*uts = ((struct fake *)context)->uts;
	return 0;
}

static inline int fake_pvclock_hz(void *context, double nominal_hz, double *hz)
{
	const struct fake *fake = context;

	assert_true(nominal_hz > 1e6);
	*hz = fake->pvclock_hz;
	return fake->pvclock_hz > 0 ? 0 : -ENODEV;
}

/* An empty machine; the context moves with fake, so it must stay where it is. */
static inline void fake_begin(struct fake *fake, const char *release, const struct fake_leaf *leaves)
{
	memset(fake, 0, sizeof(*fake));
	strcpy(fake->root, "/tmp/clkdrift-facts-XXXXXX");
	assert_non_null(mkdtemp(fake->root));
	fake->leaves = leaves;
	fake->timex.tick = 10000;
	fake->timex.status = STA_UNSYNC;
	fake->state = TIME_ERROR;
	strcpy(fake->uts.nodename, "fake");
	snprintf(fake->uts.release, sizeof(fake->uts.release), "%s", release);
	strcpy(fake->uts.machine, "x86_64");
	fake->source = (struct facts_source){
		.root = fake->root,
		.context = fake,
		.cpuid = fake_cpuid,
		.adjtimex = fake_adjtimex,
		.uname = fake_uname,
		.pvclock_hz = fake_pvclock_hz,
	};
}

static inline int fake_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void fake_end(struct fake *fake)
{
	nftw(fake->root, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes n bytes into the file, making its directories. */
static inline void fake_bytes(const struct fake *fake, const char *path, const void *data, size_t n)
{
	char full[512];
	FILE *out;

	snprintf(full, sizeof(full), "%s%s", fake->root, path);
	for (char *p = full + strlen(fake->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(!mkdir(full, 0700) || errno == EEXIST);
		*p = '/';
	}
	out = fopen(full, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static inline void fake_file(const struct fake *fake, const char *path, const char *text)
{
	fake_bytes(fake, path, text, strlen(text));
}

#define FAKE_CPU "/sys/devices/system/cpu"

static inline void fake_state(const struct fake *fake, unsigned cpu, unsigned state, const char *name,
	const char *desc, const char *disable)
{
	const struct {
		const char *file, *text;
	} files[] = { { "name", name }, { "desc", desc }, { "disable", disable }, { "latency", "2\n" },
		{ "residency", "20\n" }, { "usage", "1234\n" }, { "time", "5678900\n" } };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[128];

		snprintf(path, sizeof(path), FAKE_CPU "/cpu%u/cpuidle/state%u/%s", cpu, state, files[i].file);
		fake_file(fake, path, files[i].text);
	}
}

static inline void fake_policy(const struct fake *fake, unsigned number, const char *driver,
	const char *governor, const char *min, const char *max, const char *frequencies)
{
	const struct {
		const char *file, *text;
	} files[] = { { "scaling_driver", driver }, { "scaling_governor", governor },
		{ "scaling_min_freq", min }, { "scaling_max_freq", max }, { "scaling_cur_freq", max },
		{ "scaling_available_governors", "performance powersave\n" },
		{ "scaling_available_frequencies", frequencies } };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[128];

		if (!files[i].text)
			continue;
		snprintf(path, sizeof(path), FAKE_CPU "/cpufreq/policy%u/%s", number, files[i].file);
		fake_file(fake, path, files[i].text);
	}
}

/* What all machines below have: two CPUs in one package, process 1, a boot id. */
static inline void fake_common(
	const struct fake *fake, const char *cmdline, const char *current, const char *available)
{
	fake_file(fake, "/proc/cmdline", cmdline);
	fake_file(fake, "/proc/uptime", "3600.25 7000.00\n");
	fake_file(fake, "/proc/1/comm", "systemd\n");
	fake_file(fake, "/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
	fake_file(fake, FAKE_CPU "/online", "0-1\n");
	fake_file(fake, FAKE_CPU "/present", "0-1\n");
	fake_file(fake, FAKE_CPU "/cpu0/topology/physical_package_id", "0\n");
	fake_file(fake, FAKE_CPU "/cpu1/topology/physical_package_id", "0\n");
	fake_file(fake, "/sys/devices/system/node/online", "0\n");
	fake_file(fake, "/sys/devices/system/clocksource/clocksource0/current_clocksource", current);
	fake_file(fake, "/sys/devices/system/clocksource/clocksource0/available_clocksource", available);
}

static const struct fake_leaf fake_intel_leaves[] = {
	{ 0x0, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } }, /* GenuineIntel */
	{ 0x1, { 0x906ea, 0, 1u << 24, 1u << 4 } },	       /* TSC deadline timer */
	{ 0x7, { 0, 1u << 1, 0, 0 } },			       /* TSC_ADJUST */
	{ 0x15, { 2, 216, 24000000, 0 } },		       /* 24 MHz * 216 / 2 = 2592 MHz */
	{ 0x16, { 2600, 4500, 100, 0 } },
	{ 0x80000000, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, { 0, 0, 0, 1u << 27 } }, /* RDTSCP */
	{ 0x80000007, { 0, 0, 0, 1u << 8 } },  /* invariant TSC */
	{ 0, { 0 } },
};

/* A host with all clocks of a desktop, an NTP daemon, and KVM. */
static inline void fake_intel(struct fake *fake)
{
	unsigned char fadt[276] = "FACP";

	fake_begin(fake, "6.1.0-18-amd64", fake_intel_leaves);
	fake_common(fake, "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet intel_iommu=\"on strict\"\n", "tsc\n",
		"tsc hpet acpi_pm \n");
	fake_file(fake, "/proc/cpuinfo",
		"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 158\n"
		"model name\t: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz\nstepping\t: 10\nmicrocode\t: 0xf4\n"
		"flags\t\t: fpu tsc constant_tsc art nonstop_tsc rdtscp tsc_deadline_timer arat aperfmperf "
		"tsc_adjust"
		"\nvmx flags\t: vnmi tsc_offset tsc_scaling\nbogomips\t: 5184.00\n\n"
		"processor\t: 1\nvendor_id\t: Nobody\n");
	fake_file(fake, FAKE_CPU "/cpu0/microcode/version", "0xf4\n");
	fake_file(fake, FAKE_CPU "/cpu1/microcode/version", "0xf4\n");
	fake_file(fake, "/sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
	fake_file(fake, "/sys/class/dmi/id/product_name", "XPS\n");
	fake_file(fake, FAKE_CPU "/cpuidle/current_driver", "intel_idle\n");
	fake_file(fake, FAKE_CPU "/cpuidle/current_governor_ro", "menu\n");
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		fake_state(fake, cpu, 0, "POLL\n", "CPUIDLE CORE POLL IDLE\n", "0\n");
		fake_state(fake, cpu, 1, "C1\n", "MWAIT 0x00\n", "0\n");
		fake_state(fake, cpu, 2, "C6\n", "MWAIT 0x20\n", cpu ? "1\n" : "0\n");
		fake_policy(fake, cpu, "intel_pstate\n", "powersave\n", "800000\n", "4500000\n", NULL);
	}
	fake_file(fake, FAKE_CPU "/intel_pstate/no_turbo", "0\n");
	fake_file(fake, FAKE_CPU "/intel_pstate/status", "active\n");
	fadt[76] = 0x08; /* PM timer at port 0x1808, 4 bytes, 24 bits wide */
	fadt[77] = 0x18;
	fadt[91] = 4;
	fake_bytes(fake, "/sys/firmware/acpi/tables/FACP", fadt, sizeof(fadt));
	fake_file(fake, "/sys/firmware/acpi/tables/HPET", "HPET");
	fake_file(fake, "/dev/hpet", "");
	fake_file(fake, "/dev/kvm", "");
	fake_file(fake, "/sys/module/kvm/parameters/tsc_tolerance_ppm", "250\n");
	fake_file(fake, "/sys/module/kvm_intel/parameters/nested", "Y\n");
	fake_file(fake, "/sys/class/rtc/rtc0/name", "rtc_cmos rtc_cmos\n");
	fake_file(fake, "/sys/class/rtc/rtc0/hctosys", "1\n");
	fake_file(fake, "/sys/class/ptp/ptp0/clock_name", "igb\n");
	fake_file(fake, "/sys/power/state", "freeze mem disk\n");
	fake_file(fake, "/sys/power/mem_sleep", "[s2idle] deep\n");
	fake_file(fake, "/sys/power/suspend_stats/success", "0\n");
	fake_file(fake, "/dev/kmsg",
		"6,0,0,-;Linux version 6.1.0-18-amd64\n"
		"6,1,0,-;tsc: Detected 2600.000 MHz processor\n"
		"6,2,100,-;tsc: Detected 2592.000 MHz TSC\n"
		"6,3,200000,-;clocksource: Switched to clocksource tsc-early\n SUBSYSTEM=none\n"
		"6,4,1500000,-;tsc: Refined TSC clocksource calibration: 2591.998 MHz\n"
		"6,5,1600000,-;clocksource: Switched to clocksource tsc\n"
		"14,6,1700000,-;TSC: said by a program\n");
	fake_file(fake, "/proc/812/comm", "chronyd\n");
	fake_file(fake, "/etc/chrony/chrony.conf",
		"# comment\npool 2.debian.pool.ntp.org iburst\n server  ntp.example.org\nmakestep 1 3\n"
		"refclock PHC /dev/ptp0 poll 0\n");
	fake_file(fake, "/etc/chrony/sources.d/local.sources", "server 192.0.2.1 iburst\n");
	fake_file(fake, "/etc/chrony/sources.d/README", "server not.this.one\n");
	fake_file(fake, "/etc/systemd/timesyncd.conf",
		"[Time]\n#NTP=no.example.org\nNTP = a.example.org b.example.org\n");
	fake->state = TIME_OK;
	fake->timex.status = STA_PLL | STA_NANO;
	fake->timex.freq = -12 * 65536 - 32768; /* -12.5 ppm */
	fake->timex.offset = 250;
	fake->timex.maxerror = 2500;
	fake->timex.tai = 37;
}

static const struct fake_leaf fake_amd_f_leaves[] = {
	{ 0x0, { 0x1, 0x68747541, 0x444d4163, 0x69746e65 } }, /* AuthenticAMD */
	{ 0x1, { 0x40f12, 0, 0, 1u << 4 } },
	{ 0x80000000, { 0x80000018, 0, 0, 0 } },
	{ 0x80000001, { 0, 0, 0, 1u << 27 } },
	{ 0x80000007, { 0, 0, 0, 0x7 } }, /* temperature sensor, FID, VID: no invariant TSC */
	{ 0, { 0 } },
};

/* An Opteron of 2006 on an old kernel: what the KVM guide was written for. */
static inline void fake_amd_f(struct fake *fake)
{
	fake_begin(fake, "2.6.32-71.el6.x86_64", fake_amd_f_leaves);
	fake_common(fake, "ro root=/dev/VolGroup00/LogVol00 rhgb quiet clock=pmtmr lpj=1000\n", "acpi_pm\n",
		"acpi_pm jiffies \n");
	fake_file(fake, "/proc/cpuinfo",
		"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 15\nmodel\t\t: 65\n"
		"model name\t: Dual-Core AMD Opteron(tm) Processor 2216\nstepping\t: 2\ncpu MHz\t\t: "
		"1000.000\n"
		"flags\t\t: fpu tsc msr rdtscp svm\nbogomips\t: 2000.10\n\n");
	fake_file(fake, FAKE_CPU "/cpuidle/current_driver", "acpi_idle\n");
	fake_file(fake, FAKE_CPU "/cpuidle/current_governor_ro", "menu\n");
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		fake_state(fake, cpu, 0, "POLL\n", "CPUIDLE CORE POLL IDLE\n", "0\n");
		fake_state(fake, cpu, 1, "C1\n", "ACPI HLT\n", "0\n");
		fake_state(fake, cpu, 2, "C2\n", "ACPI IOPORT 0x8100\n", "0\n");
		fake_policy(fake, cpu, "powernow-k8\n", "ondemand\n", "1000000\n", "2400000\n",
			"2400000 2200000 1000000 \n");
	}
	fake_file(fake, "/dev/kmsg",
		"4,0,0,-;Linux version 2.6.32\n"
		"4,7,900000,-;Marking TSC unstable due to TSC halts in idle\n"
		"4,8,950000,-;Clocksource tsc unstable (delta = -170681256 ns)\n");
}

static const struct fake_leaf fake_guest_leaves[] = {
	{ 0x0, { 0x10, 0x68747541, 0x444d4163, 0x69746e65 } },
	{ 0x1, { 0x800f12, 0, 1u << 31, 1u << 4 } },		      /* a hypervisor is there */
	{ 0x40000000, { 0x40000010, 0x4b4d564b, 0x564b4d56, 0x4d } }, /* KVMKVMKVM */
	{ 0x40000001, { 1u << 0 | 1u << 3 | 1u << 24, 0, 0, 0 } },    /* pvclock old, new, stable */
	{ 0x40000010, { 2400123, 1000000, 0, 0 } },
	{ 0x80000000, { 0x8000001e, 0, 0, 0 } },
	{ 0x80000001, { 0, 0, 0, 1u << 27 } },
	{ 0, { 0 } },
};

/* A guest of KVM without an invariant TSC, on its pvclock. */
static inline void fake_guest(struct fake *fake)
{
	fake_begin(fake, "5.10.0-28-amd64", fake_guest_leaves);
	fake_common(fake, "root=/dev/vda1 clocksource=kvm-clock -- single tsc=reliable\n", "kvm-clock\n",
		"kvm-clock tsc hpet acpi_pm \n");
	fake_file(fake, "/proc/cpuinfo",
		"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 23\nmodel\t\t: 1\nmodel name\t: "
		"AMD EPYC\n"
		"stepping\t: 2\nmicrocode\t: 0x1000065\nflags\t\t: fpu tsc rdtscp tsc_known_freq "
		"hypervisor\n\n");
	fake_file(fake, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	fake_file(fake, "/sys/class/ptp/ptp0/clock_name", "KVM virtual PTP\n");
	fake_file(fake, "/proc/300/comm", "systemd-timesyn\n");
	fake_file(fake, "/proc/301/comm", "qemu-ga\n");
	fake_file(fake, "/dev/kmsg",
		"6,40,5000,-;kvm-clock: using sched offset of 73453210 cycles\n"
		"6,41,6000,-;tsc: Detected 2400.123 MHz processor\n"
		"4,42,7000,-;[Firmware Bug]: TSC doesn't count with P0 frequency!\n");
}

#endif
