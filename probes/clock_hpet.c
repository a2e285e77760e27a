/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Registers: IA-PC HPET specification 1.0a, section 2.3.  The mapping of
 * /dev/hpet: drivers/char/hpet.c, hpet_mmap().
 *
 * Only the low 32 bits of the counter are read, as the kernel's own clocksource
 * does (arch/x86/kernel/hpet.c), even where COUNT_SIZE_CAP says 64: a platform
 * may split an access of 64 bits.  QEMU 7.2 does: read back to back over two
 * carries of the low word, 0x1ffffffdf was followed by 0x2fffffffc.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/clock_device.h"
#include "probes/clock_reader.h"

#define HPET_SIZE	   0x400
#define HPET_PERIOD	   0x004 /* upper half of the capabilities: the period in fs */
#define HPET_CONFIGURATION 0x010 /* bit 0 ENABLE_CNF */
#define HPET_COUNTER	   0x0f0
#define HPET_COUNTER_BITS  32

#define HPET_ENABLE_CNF	   (1u << 0)
#define HPET_MAX_PERIOD_FS 100000000u /* 100 ns, section 2.3.4 */
#define FS_PER_SEC	   1e15

static uint32_t hpet_get(const void *registers, unsigned offset)
{
	return *(const volatile uint32_t *)((const char *)registers + offset);
}

static int hpet_examine(const void *registers, struct clock_traits *traits, struct error *err)
{
	uint32_t period_fs = hpet_get(registers, HPET_PERIOD);

	if (period_fs == 0 || period_fs > HPET_MAX_PERIOD_FS)
		return error_set(err, -EIO, "the HPET reports a period of %u fs, allowed are 1 to %u",
			period_fs, HPET_MAX_PERIOD_FS);
	if (!(hpet_get(registers, HPET_CONFIGURATION) & HPET_ENABLE_CNF))
		return error_set(err, -EIO, "the HPET is halted (its ENABLE_CNF is 0)");
	traits->hz = FS_PER_SEC / period_fs;
	traits->bits = HPET_COUNTER_BITS;
	return 0;
}

static void hpet_close(void *state)
{
	munmap(state, HPET_SIZE);
}

static int hpet_open_path(const char *path, struct clock_traits *traits, struct error *err)
{
	int fd = clock_device_open(path, "the machine has no HPET, or its kernel no CONFIG_HPET",
		"the machine has no HPET, or all its timers are taken (see fuser -v on it)", err);
	void *registers;
	int ret;

	if (fd < 0)
		return fd;
	registers = mmap(NULL, HPET_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ret = -errno;
	close(fd); /* the mapping holds the device */
	if (registers == MAP_FAILED)
		return error_set(err, ret,
			"%s cannot be mapped (%s): boot with hpet_mmap=1, on a kernel with CONFIG_HPET_MMAP",
			path, strerror(-ret));
	ret = hpet_examine(registers, traits, err);
	if (ret < 0) {
		hpet_close(registers);
		return ret;
	}
	traits->state = registers;
	return 0;
}

static int hpet_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return hpet_open_path("/dev/hpet", traits, err);
}

static uint64_t hpet_read(void *state)
{
	return hpet_get(state, HPET_COUNTER);
}

const struct clock_reader clock_hpet = {
	.name = "hpet",
	.summary = "the High Precision Event Timer, mapped from /dev/hpet",
	.unit = UNIT_TICKS,
	.oscillator = OSCILLATOR_PLATFORM,
	.cadence = CADENCE_TIGHT,
	.open = hpet_open,
	.read = hpet_read,
	.close = hpet_close,
};
