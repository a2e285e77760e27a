/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_kvmclock.c"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "probes/clock_test.h"

#define HALF 0x80000000u /* as mul: 1/2 ns per shifted cycle, so shift 1 gives 1 ns per cycle */

static void test_scale(void **state)
{
	(void)state;
	assert_true(pvclock_scale(1000, HALF, 1) == 1000);
	assert_true(pvclock_scale(1000, HALF, 0) == 500);
	assert_true(pvclock_scale(1000, HALF, -1) == 250);
	assert_true(pvclock_scale(1001, HALF, 0) == 500);
	assert_true(pvclock_scale(0xffffffffULL, UINT32_MAX, 0) == 0xfffffffeULL);
	assert_true(pvclock_scale(1ULL << 62, HALF, 1) == 1ULL << 62);
}

#ifdef __SIZEOF_INT128__
static void test_scale_is_exact(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 10000; i++) {
		uint64_t cycles = ((uint64_t)random() << 32 ^ (uint64_t)random()) >> (random() % 40);
		uint32_t mul = (uint32_t)random() << 1;

		assert_true(
			pvclock_scale(cycles, mul, 0) == (uint64_t)((unsigned __int128)cycles * mul >> 32));
	}
}
#endif

static void test_ns(void **state)
{
	struct pvclock page = {
		.tsc_timestamp = 5000, .system_time = 100000, .tsc_to_system_mul = HALF, .tsc_shift = 0
	};

	(void)state;
	assert_true(pvclock_ns(&page, 5000) == 100000);
	assert_true(pvclock_ns(&page, 7000) == 101000);
	assert_true(pvclock_ns(&page, 3000) == 99000);
	page.system_time = 0;
	assert_true(pvclock_ns(&page, 3000) == (uint64_t)-1000);
}

static const struct pvclock page_2500mhz = {
	.version = 6,
	.tsc_timestamp = 123456789,
	.system_time = 987654321,
	.tsc_to_system_mul = 3435973837u, /* 0.8 * 2^32: 0.8 ns per two cycles */
	.tsc_shift = -1,
	.flags = 1,
};

static void test_hz(void **state)
{
	struct pvclock page = page_2500mhz;

	(void)state;
	assert_true(fabs(pvclock_hz(&page) / 2.5e9 - 1) < 1e-9);
	page.tsc_shift = 0;
	assert_true(fabs(pvclock_hz(&page) / 1.25e9 - 1) < 1e-9);
}

static void test_plausible(void **state)
{
	struct pvclock page = page_2500mhz;
	/* What vvar_page begins with: seq, clock_mode, cycle_last, mask, mult, shift 24. */
	struct pvclock vvar = { .version = 6,
		.pad0 = 1,
		.system_time = UINT64_MAX,
		.tsc_to_system_mul = 6710886,
		.tsc_shift = 24 };

	(void)state;
	assert_true(pvclock_plausible(&page, 2.5e9));
	assert_true(pvclock_plausible(&page, 2.6e9));
	assert_false(pvclock_plausible(&page, 3.5e9));
	assert_false(pvclock_plausible(&page, 1.9e9));
	page.version = 7;
	assert_false(pvclock_plausible(&page, 2.5e9));
	page.version = 0;
	assert_false(pvclock_plausible(&page, 2.5e9));
	page = page_2500mhz;
	page.tsc_shift = 64;
	assert_false(pvclock_plausible(&page, 2.5e9));
	assert_false(pvclock_plausible(&vvar, 2.5e9));
	vvar.pad0 = 0;
	assert_false(pvclock_plausible(&vvar, 2.5e9));
	assert_false(pvclock_plausible(&(struct pvclock){ 0 }, 2.5e9));
}

static volatile struct pvclock shared;
static uint64_t shared_zero_tsc;
static volatile unsigned shared_updates;

/*
 * As the hypervisor does it: the reader stands still meanwhile.  Both sets of
 * parameters say ns = TSC - zero; a mixture of them is 2^40 ns off.
 */
static void update_shared(int signal)
{
	uint64_t shift = ++shared_updates % 2 ? 1ULL << 40 : 0;

	(void)signal;
	shared.version++;
	shared.tsc_timestamp = shared_zero_tsc + shift;
	shared.system_time = shift;
	shared.version++;
}

static void test_consistent_while_updated(void **state)
{
	struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = update_shared }, before;
	uint64_t tsc_lo, ns, tsc_hi;
	unsigned wrong = 0;

	(void)state;
	shared = (struct pvclock){ .version = 2, .tsc_to_system_mul = HALF, .tsc_shift = 1 };
	shared_zero_tsc = tsc_raw();
	shared_updates = 0;
	update_shared(0);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	while (shared_updates < 3000) {
		tsc_lo = tsc_before();
		ns = kvmclock_read((void *)(uintptr_t)&shared);
		tsc_hi = tsc_after();
		/* 2^39: far above what CPUs differ by, should this thread move in between. */
		wrong += (int64_t)(ns + shared_zero_tsc - tsc_lo) < -(1LL << 39) ||
			 (int64_t)(tsc_hi - ns - shared_zero_tsc) < -(1LL << 39);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(wrong, 0);
}

static void test_does_not_wait_for_a_stuck_writer(void **state)
{
	struct pvclock page = { .version = 7, .tsc_timestamp = 0, .system_time = 42, .tsc_to_system_mul = 0 };

	(void)state;
	assert_true(kvmclock_read(&page) == 42);
}

/* Pages past the end of the file raise SIGBUS, as an absent pvclock page does. */
static char *map_pages(size_t backed, size_t mapped)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("vvar", MFD_CLOEXEC);
	char *map;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(backed * page)), 0);
	map = mmap(NULL, mapped * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	return map;
}

static void test_bus_error_is_caught(void **state)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *map = map_pages(1, 2);
	struct sigaction before, after;
	char copy = 1;

	(void)state;
	sigaction(SIGBUS, NULL, &before);
	assert_true(guarded_copy(&copy, map, 1));
	assert_int_equal(copy, 0);
	assert_false(guarded_copy(&copy, map + size, 1));
	assert_false(guarded_copy(&copy, map + size, 1));
	sigaction(SIGBUS, NULL, &after);
	assert_ptr_equal(after.sa_handler, before.sa_handler);
	munmap(map, 2 * size);
}

static void test_search(void **state)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *map = map_pages(3, 4);
	uintptr_t start = (uintptr_t)map;

	(void)state;
	assert_null(pvclock_search(start, start + 4 * size, 2.5e9));
	memcpy(map + 2 * size, &page_2500mhz, sizeof(page_2500mhz));
	assert_ptr_equal(pvclock_search(start, start + 4 * size, 2.5e9), map + 2 * size);
	assert_null(pvclock_search(start, start + 2 * size, 2.5e9));
	assert_null(pvclock_search(start, start + 4 * size, 1e9));
	munmap(map, 4 * size);
}

static void test_maps_line(void **state)
{
	uintptr_t start = 0, end = 0;

	(void)state;
	assert_true(
		maps_line_vvar("b7ef1000-b7ef5000 r--p 00000000 00:00 0          [vvar]\n", &start, &end));
	assert_true(start == 0xb7ef1000 && end == 0xb7ef5000);
	assert_true(
		maps_line_vvar("b7ef3000-b7ef5000 r--p 00000000 00:00 0   [vvar_vclock]\n", &start, &end));
	assert_true(start == 0xb7ef3000);
	assert_false(
		maps_line_vvar("b7ef5000-b7ef7000 r-xp 00000000 00:00 0          [vdso]\n", &start, &end));
	assert_false(maps_line_vvar("b7ef5000-b7ef7000 rw-p 00000000 00:00 0 \n", &start, &end));
	assert_false(maps_line_vvar("\n", &start, &end));
}

/* On a KVM guest: runs at the rate of CLOCK_MONOTONIC_RAW.  Elsewhere: says why not. */
static void test_this_machine(void **state)
{
	struct clock_setup setup = { .tsc_hz = test_tsc_hz() };
	struct clock_traits traits = { 0 };
	struct error err = { "" };
	uint64_t raw, ns;

	(void)state;
	if (kvmclock_open(&setup, &traits, &err) < 0) {
		assert_non_null(strstr(err.text, "no pvclock page"));
		print_message("%s\n", err.text);
		skip();
	}
	raw = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	ns = kvmclock_read(traits.state);
	test_spin(20 * NS_PER_MS);
	raw = posix_clock_ns(CLOCK_MONOTONIC_RAW) - raw;
	ns = kvmclock_read(traits.state) - ns;
	/* 5 ms: a preemption between the two reads of a pair. */
	assert_in_range(ns, raw - 5 * NS_PER_MS, raw + 5 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scale),
#ifdef __SIZEOF_INT128__
		cmocka_unit_test(test_scale_is_exact),
#endif
		cmocka_unit_test(test_ns),
		cmocka_unit_test(test_hz),
		cmocka_unit_test(test_plausible),
		cmocka_unit_test(test_consistent_while_updated),
		cmocka_unit_test(test_does_not_wait_for_a_stuck_writer),
		cmocka_unit_test(test_bus_error_is_caught),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_maps_line),
		cmocka_unit_test(test_this_machine),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/clock_kvmclock", tests, NULL, NULL);
}
