/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The ACPI power management timer: one I/O port of 24 or 32 bits (ACPI
 * specification 6.5, 4.8.3.3), which the FADT names (5.2.9, table 5.9).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "probes/clock_reader.h"

#define FADT_PATH "/sys/firmware/acpi/tables/FACP"
#define FADT_MAX  4096 /* bytes; revision 6 has 276 */

#define PM_TIMER_HZ    3579545 /* 4.8.3.3 */
#define PM_TIMER_BYTES 4

/* Offsets in the FADT, in bytes. */
#define FADT_LENGTH	  4
#define FADT_PM_TMR_BLK	  76
#define FADT_PM_TMR_LEN	  91
#define FADT_FLAGS	  112
#define FADT_REV1_SIZE	  116
#define FADT_X_PM_TMR_BLK 208 /* a generic address structure, 5.2.3.2: space id, ..., address at 4 */
#define GAS_ADDRESS	  4
#define GAS_SIZE	  12
#define GAS_SYSTEM_IO	  1

#define FADT_TMR_VAL_EXT (1u << 8) /* 32 bits instead of 24 */
#define FADT_HW_REDUCED	 (1u << 20)

struct pm_timer {
	uint16_t port;
	unsigned bits;
	uint32_t mask;
};

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/* X_PM_TMR_BLK replaces PM_TMR_BLK where the table has it and it is not zero (5.2.9). */
static int fadt_timer_address(const uint8_t *table, size_t size, uint64_t *address, struct error *err)
{
	const uint8_t *gas = table + FADT_X_PM_TMR_BLK;

	*address = get_le32(table + FADT_PM_TMR_BLK);
	if (size < FADT_X_PM_TMR_BLK + GAS_SIZE || get_le64(gas + GAS_ADDRESS) == 0)
		return 0;
	if (gas[0] != GAS_SYSTEM_IO)
		return error_set(err, -ENOTSUP,
			"the ACPI PM timer is in address space %u, only I/O ports can be read", gas[0]);
	*address = get_le64(gas + GAS_ADDRESS);
	return 0;
}

static int fadt_parse(const uint8_t *table, size_t size, struct pm_timer *timer, struct error *err)
{
	uint64_t address;
	uint32_t flags;
	int ret;

	if (size < FADT_REV1_SIZE)
		return error_set(
			err, -EINVAL, "the FADT has %zu bytes, at least %d are needed", size, FADT_REV1_SIZE);
	if (memcmp(table, "FACP", 4) != 0)
		return error_set(err, -EINVAL, "the FADT does not start with its signature FACP");
	if (get_le32(table + FADT_LENGTH) < FADT_REV1_SIZE || get_le32(table + FADT_LENGTH) > size)
		return error_set(err, -EINVAL, "the FADT says %u bytes and has %zu",
			(unsigned)get_le32(table + FADT_LENGTH), size);
	flags = get_le32(table + FADT_FLAGS);
	if (flags & FADT_HW_REDUCED)
		return error_set(err, -ENODEV, "no ACPI PM timer: the platform is hardware-reduced ACPI");
	ret = fadt_timer_address(table, get_le32(table + FADT_LENGTH), &address, err);
	if (ret < 0)
		return ret;
	if (address == 0 || table[FADT_PM_TMR_LEN] != PM_TIMER_BYTES)
		return error_set(err, -ENODEV, "no ACPI PM timer: the FADT names none");
	if (address > UINT16_MAX - (PM_TIMER_BYTES - 1))
		return error_set(err, -EINVAL,
			"the FADT puts the ACPI PM timer outside the I/O ports, at 0x%llx",
			(unsigned long long)address);
	timer->port = (uint16_t)address;
	timer->bits = flags & FADT_TMR_VAL_EXT ? 32 : 24;
	timer->mask = UINT32_MAX >> (32 - timer->bits);
	return 0;
}

static int fadt_load(const char *path, uint8_t table[FADT_MAX], struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	int code = -errno;

	if (fd < 0) {
		if (code == -ENOENT)
			return error_set(
				err, code, "no %s: the machine has no ACPI, or it is off (acpi=off)", path);
		return error_set(err, code, "cannot open %s (%s): be root", path, strerror(-code));
	}
	size = read(fd, table, FADT_MAX);
	code = -errno;
	close(fd);
	if (size < 0)
		return error_set(err, code, "cannot read %s: %s", path, strerror(-code));
	return (int)size;
}

static uint64_t acpi_pm_read(void *state)
{
	const struct pm_timer *timer = state;

	return inl(timer->port) & timer->mask;
}

/* A port that nothing answers on reads as ones forever.  1000 reads last many ticks. */
static bool pm_timer_runs(struct pm_timer *timer)
{
	uint64_t first = acpi_pm_read(timer);

	for (int i = 0; i < 1000; i++)
		if (acpi_pm_read(timer) != first)
			return true;
	return false;
}

static void acpi_pm_close(void *state)
{
	struct pm_timer *timer = state;

	ioperm(timer->port, PM_TIMER_BYTES, 0);
	free(timer);
}

static int acpi_pm_start(struct pm_timer *timer, struct error *err)
{
	uint8_t table[FADT_MAX];
	int ret = fadt_load(FADT_PATH, table, err);

	if (ret < 0)
		return ret;
	ret = fadt_parse(table, (size_t)ret, timer, err);
	if (ret < 0)
		return ret;
	if (ioperm(timer->port, PM_TIMER_BYTES, 1) != 0) {
		ret = -errno;
		return error_set(err, ret,
			"the ACPI PM timer is I/O port 0x%x, not allowed (%s): be root, without lockdown",
			timer->port, strerror(-ret));
	}
	if (pm_timer_runs(timer))
		return 0;
	ioperm(timer->port, PM_TIMER_BYTES, 0);
	return error_set(err, -EIO, "the ACPI PM timer at I/O port 0x%x stands still", timer->port);
}

static int acpi_pm_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	struct pm_timer *timer = calloc(1, sizeof(*timer));
	int ret;

	(void)setup;
	if (!timer)
		return error_set(err, -ENOMEM, "acpi_pm: out of memory");
	ret = acpi_pm_start(timer, err);
	if (ret < 0) {
		free(timer);
		return ret;
	}
	traits->hz = PM_TIMER_HZ;
	traits->bits = timer->bits;
	traits->state = timer;
	return 0;
}

const struct clock_reader clock_acpi_pm = {
	.name = "acpi_pm",
	.summary = "the ACPI power management timer, an I/O port named by the FADT",
	.unit = UNIT_TICKS,
	.oscillator = OSCILLATOR_PLATFORM,
	.cadence = CADENCE_TIGHT,
	.open = acpi_pm_open,
	.read = acpi_pm_read,
	.close = acpi_pm_close,
};
