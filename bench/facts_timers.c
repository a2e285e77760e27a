/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The other oscillators: HPET, the ACPI PM timer, real-time clocks, PTP clocks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/facts_read.h"

#define ACPI_TABLES "/sys/firmware/acpi/tables"

/* /dev/hpet is not opened: that would take one of its comparators (drivers/char/hpet.c, hpet_open()). */
static json_t *device_readable(struct facts *f)
{
	char full[PATH_MAX];

	if ((size_t)snprintf(full, sizeof(full), "%s/dev/hpet", f->src->root) >= sizeof(full))
		return json_null();
	if (!faccessat(AT_FDCWD, full, R_OK, AT_EACCESS))
		return json_true();
	facts_note(f, "/dev/hpet", strerror(errno));
	return errno == ENOENT || errno == EACCES ? json_false() : json_null();
}

json_t *facts_hpet(struct facts *f, const json_t *facts)
{
	json_t *object = json_object();
	bool tables = !facts_exists(f, ACPI_TABLES), known = facts_get(facts, "clocksource.available");

	if (!tables)
		facts_note(f, ACPI_TABLES, strerror(-facts_exists(f, ACPI_TABLES)));
	facts_set(f, object, "acpi_table",
		tables ? json_boolean(!facts_exists(f, ACPI_TABLES "/HPET")) : json_null());
	facts_set(f, object, "device_readable", device_readable(f));
	facts_set(f, object, "clocksource",
		known ? json_boolean(facts_has_word(facts, "clocksource.available", "hpet")) : json_null());
	return object;
}

static uint32_t le32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ACPI 6.5, 5.2.9 Fixed ACPI Description Table: offsets and flag bits. */
enum {
	FADT_PM_TMR_BLK = 76,
	FADT_PM_TMR_LEN = 91,
	FADT_FLAGS = 112,
	FADT_TMR_VAL_EXT = 8,
	FADT_HW_REDUCED = 20,
	FADT_SPACE_IO = 1,
	FADT_X_PM_TMR_BLK = 208, /* generic address: space, width, offset, access, 64-bit address */
};

json_t *facts_pm_timer(struct facts *f)
{
	static const char path[] = ACPI_TABLES "/FACP";
	unsigned char table[512];
	ssize_t n = facts_load(f, path, table, sizeof(table));
	uint32_t port, flags;

	if (n < 0) {
		facts_note(f, path, strerror((int)-n));
		return json_null();
	}
	if (n < FADT_FLAGS + 4 || memcmp(table, "FACP", 4)) {
		facts_note(f, path, "is no FADT");
		return json_null();
	}
	port = le32(table + FADT_PM_TMR_BLK);
	flags = le32(table + FADT_FLAGS);
	/* The long address goes first; Linux has no use for one in memory (arch/x86/kernel/acpi/boot.c). */
	if (n >= FADT_X_PM_TMR_BLK + 12 && le32(table + FADT_X_PM_TMR_BLK + 4))
		port = table[FADT_X_PM_TMR_BLK] == FADT_SPACE_IO ? le32(table + FADT_X_PM_TMR_BLK + 4) : 0;
	return json_pack("{s:I, s:i, s:i, s:b}", "port", (json_int_t)port, "length", table[FADT_PM_TMR_LEN],
		"bits", flags >> FADT_TMR_VAL_EXT & 1 ? 32 : 24, "hw_reduced", flags >> FADT_HW_REDUCED & 1);
}

static json_t *devices(struct facts *f, const char *class, const char *prefix,
	const struct facts_attribute *attributes, size_t n_attributes)
{
	unsigned numbers[FACTS_LIST_MAX];
	size_t n = facts_numbers(f, class, prefix, numbers);
	json_t *array = json_array();

	if (facts_exists(f, class))
		facts_note(f, class, strerror(-facts_exists(f, class)));
	for (size_t i = 0; i < n; i++) {
		char dir[64], name[32];
		json_t *device;

		snprintf(name, sizeof(name), "%s%u", prefix, numbers[i]);
		snprintf(dir, sizeof(dir), "%s/%s", class, name);
		device = facts_attributes(f, dir, attributes, n_attributes, true);
		facts_set(f, device, "device", json_string(name));
		facts_append(f, array, device);
	}
	return array;
}

json_t *facts_ptp(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "clock_name", "clock_name", FACTS_STRING },
	};

	return devices(f, "/sys/class/ptp", "ptp", attributes, 1);
}

json_t *facts_rtc(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "name", "name", FACTS_STRING },
		{ "hctosys", "hctosys", FACTS_BOOL },
	};

	return devices(f, "/sys/class/rtc", "rtc", attributes, 2);
}
