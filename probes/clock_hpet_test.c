/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_hpet.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#define CAPABILITIES_64 0x009896808086a201ULL /* a period of 10 ns, COUNT_SIZE_CAP */
#define CAPABILITIES_32 0x0098968080868201ULL
#define COUNTER		0x123456789abcdef0ULL

/* A file that looks like the registers, opened by its /proc path. */
static int open_registers(
	uint64_t capabilities, uint32_t configuration, struct clock_traits *traits, struct error *err)
{
	uint64_t registers[HPET_SIZE / 8] = { 0 };
	char path[64];
	int fd, ret;

	registers[0] = capabilities;
	registers[HPET_CONFIGURATION / 8] = configuration;
	registers[HPET_COUNTER / 8] = COUNTER;
	fd = memfd_create("hpet", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, registers, sizeof(registers)), sizeof(registers));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = hpet_open_path(path, traits, err);
	close(fd);
	return ret;
}

static void test_reads_the_low_word(void **state)
{
	static const uint64_t capabilities[] = { CAPABILITIES_32, CAPABILITIES_64 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct clock_traits traits = { 0 };
		struct error err = { "" };

		assert_int_equal(open_registers(capabilities[i], HPET_ENABLE_CNF, &traits, &err), 0);
		assert_int_equal(traits.bits, 32);
		assert_true(traits.hz == 1e8);
		assert_true(hpet_read(traits.state) == (COUNTER & UINT32_MAX));
		hpet_close(traits.state);
	}
}

static void test_bad_period(void **state)
{
	struct clock_traits traits = { 0 };
	struct error zero = { "" }, large = { "" }, edge = { "" };

	(void)state;
	assert_int_equal(open_registers(0x8201, HPET_ENABLE_CNF, &traits, &zero), -EIO);
	assert_non_null(strstr(zero.text, "period of 0 fs"));
	assert_int_equal(
		open_registers((100000001ULL << 32) | 0x8201, HPET_ENABLE_CNF, &traits, &large), -EIO);
	assert_non_null(strstr(large.text, "100000001 fs"));
	assert_null(traits.state);
	assert_int_equal(open_registers((100000000ULL << 32) | 0x8201, HPET_ENABLE_CNF, &traits, &edge), 0);
	assert_true(traits.hz == 1e7);
	hpet_close(traits.state);
}

static void test_halted(void **state)
{
	struct clock_traits traits = { 0 };
	struct error err = { "" };

	(void)state;
	assert_int_equal(open_registers(CAPABILITIES_64, 0, &traits, &err), -EIO);
	assert_non_null(strstr(err.text, "halted"));
	assert_null(traits.state);
}

static void test_reasons(void **state)
{
	struct clock_traits traits = { 0 };
	struct error absent = { "" }, unmappable = { "" };

	(void)state;
	assert_int_equal(hpet_open_path("/nonexistent/hpet", &traits, &absent), -ENOENT);
	assert_non_null(strstr(absent.text, "no HPET"));
	assert_true(hpet_open_path("/dev/null", &traits, &unmappable) < 0);
	assert_non_null(strstr(unmappable.text, "hpet_mmap=1"));
	assert_null(traits.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_the_low_word),
		cmocka_unit_test(test_bad_period),
		cmocka_unit_test(test_halted),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("probes/clock_hpet", tests, NULL, NULL);
}
