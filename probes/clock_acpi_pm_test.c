/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_acpi_pm.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define FADT_REV3_SIZE 244

static void put_le(uint8_t *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* A table of that size with the timer of a PIIX4 at port 0x608, 24 bits, no X_ fields. */
static void make_fadt(uint8_t table[FADT_MAX], uint32_t size)
{
	memset(table, 0, FADT_MAX);
	memcpy(table, "FACP", 4);
	put_le(table + FADT_LENGTH, size, 4);
	put_le(table + FADT_PM_TMR_BLK, 0x608, 4);
	table[FADT_PM_TMR_LEN] = 4;
}

static void put_gas(uint8_t table[FADT_MAX], uint8_t space, uint64_t address)
{
	table[FADT_X_PM_TMR_BLK] = space;
	put_le(table + FADT_X_PM_TMR_BLK + GAS_ADDRESS, address, 8);
}

static void assert_timer(const uint8_t *table, size_t size, uint16_t port, unsigned bits)
{
	struct pm_timer timer = { 0 };
	struct error err = { "" };

	assert_int_equal(fadt_parse(table, size, &timer, &err), 0);
	assert_int_equal(timer.port, port);
	assert_int_equal(timer.bits, bits);
	assert_int_equal(timer.mask, bits == 32 ? 0xffffffff : 0xffffff);
	assert_string_equal(err.text, "");
}

static void assert_refused(const uint8_t *table, size_t size, int code, const char *reason)
{
	struct pm_timer timer = { 0 };
	struct error err = { "" };

	assert_int_equal(fadt_parse(table, size, &timer, &err), code);
	assert_non_null(strstr(err.text, reason));
	assert_int_equal(timer.port, 0);
}

static void test_revision_1(void **state)
{
	uint8_t table[FADT_MAX];

	(void)state;
	make_fadt(table, FADT_REV1_SIZE);
	assert_timer(table, FADT_REV1_SIZE, 0x608, 24);
	put_le(table + FADT_FLAGS, FADT_TMR_VAL_EXT, 4);
	assert_timer(table, FADT_REV1_SIZE, 0x608, 32);
	/* What lies behind the length that the table gives is not the table's. */
	put_gas(table, GAS_SYSTEM_IO, 0x1808);
	assert_timer(table, FADT_REV3_SIZE, 0x608, 32);
}

static void test_extended_address(void **state)
{
	uint8_t table[FADT_MAX];

	(void)state;
	make_fadt(table, FADT_REV3_SIZE);
	assert_timer(table, FADT_REV3_SIZE, 0x608, 24);
	put_gas(table, GAS_SYSTEM_IO, 0x1808);
	assert_timer(table, FADT_REV3_SIZE, 0x1808, 24);
	put_gas(table, 0, 0xfed00000);
	assert_refused(table, FADT_REV3_SIZE, -ENOTSUP, "address space 0");
	put_gas(table, GAS_SYSTEM_IO, 0x100000608);
	assert_refused(table, FADT_REV3_SIZE, -EINVAL, "0x100000608");
	put_gas(table, GAS_SYSTEM_IO, 0xfffd);
	assert_refused(table, FADT_REV3_SIZE, -EINVAL, "0xfffd");
	put_gas(table, GAS_SYSTEM_IO, 0xfffc);
	assert_timer(table, FADT_REV3_SIZE, 0xfffc, 24);
}

static void test_no_timer(void **state)
{
	uint8_t table[FADT_MAX];

	(void)state;
	make_fadt(table, FADT_REV3_SIZE);
	put_le(table + FADT_PM_TMR_BLK, 0, 4);
	assert_refused(table, FADT_REV3_SIZE, -ENODEV, "names none");
	make_fadt(table, FADT_REV3_SIZE);
	table[FADT_PM_TMR_LEN] = 0;
	assert_refused(table, FADT_REV3_SIZE, -ENODEV, "names none");
	make_fadt(table, FADT_REV3_SIZE);
	put_le(table + FADT_FLAGS, FADT_HW_REDUCED, 4);
	assert_refused(table, FADT_REV3_SIZE, -ENODEV, "hardware-reduced");
}

static void test_damaged(void **state)
{
	uint8_t table[FADT_MAX];

	(void)state;
	make_fadt(table, FADT_REV3_SIZE);
	assert_refused(table, 0, -EINVAL, "0 bytes");
	assert_refused(table, FADT_REV1_SIZE - 1, -EINVAL, "115 bytes");
	assert_refused(table, FADT_REV3_SIZE - 1, -EINVAL, "says 244 bytes and has 243");
	put_le(table + FADT_LENGTH, 8, 4);
	assert_refused(table, FADT_REV3_SIZE, -EINVAL, "says 8 bytes");
	table[0] = 'X';
	assert_refused(table, FADT_REV3_SIZE, -EINVAL, "signature");
}

static void test_load(void **state)
{
	uint8_t table[FADT_MAX];
	struct error absent = { "" }, unreadable = { "" };

	(void)state;
	assert_int_equal(fadt_load("/dev/null", table, NULL), 0);
	assert_int_equal(fadt_load("/dev/zero", table, NULL), FADT_MAX);
	assert_int_equal(fadt_load("/nonexistent", table, &absent), -ENOENT);
	assert_non_null(strstr(absent.text, "no ACPI"));
	assert_int_equal(fadt_load("/", table, &unreadable), -EISDIR);
	assert_string_not_equal(unreadable.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revision_1),
		cmocka_unit_test(test_extended_address),
		cmocka_unit_test(test_no_timer),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("probes/clock_acpi_pm", tests, NULL, NULL);
}
