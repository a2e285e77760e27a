/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/unwrap.c"

#include "analysis/synthetic_test.h"

#define PM_HZ	3579545.0
#define HPET_HZ 14318180.0

/* Readings at the given instants of a counter that starts at `start`; the TSC truly runs at tsc_hz. */
static struct series counter_series(
	const double *at_s, size_t n, double hz, unsigned bits, uint64_t start, double tsc_hz)
{
	struct series s = { .count = n, .readings = calloc(n, sizeof(struct reading)) };
	uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

	assert_non_null(s.readings);
	for (size_t i = 0; i < n; i++) {
		s.readings[i].tsc_lo = SYNTHETIC_START + (uint64_t)(at_s[i] * tsc_hz);
		s.readings[i].tsc_hi = s.readings[i].tsc_lo + 2600;
		s.readings[i].value = (start + (uint64_t)(at_s[i] * hz)) & mask;
	}
	return s;
}

static struct clock_info counter(double hz, unsigned bits)
{
	return (struct clock_info){ .name = "c", .unit = UNIT_TICKS, .hz = hz, .bits = bits };
}

static void make(const struct series *s, const struct clock_info *c, struct timeline *line)
{
	struct error err = { "" };

	assert_int_equal(timeline_make(s, c, SYNTHETIC_HZ, SYNTHETIC_START, line, &err), 0);
	assert_int_equal(line->count, s->count);
}

/* The time line must be the counter's own time since its first reading, to one tick. */
static void assert_true_time(const double *at_s, size_t n, double hz, unsigned bits, double tsc_hz)
{
	struct clock_info c = counter(hz, bits);
	struct series s = counter_series(at_s, n, hz, bits, (UINT64_C(1) << (bits - 1)) + 12345, tsc_hz);
	struct timeline line;

	make(&s, &c, &line);
	for (size_t i = 0; i < n; i++)
		if (fabs(line.value_ns[i] - (at_s[i] - at_s[0]) * 1e9) > 1.01e9 / hz)
			fail_msg("TSC at %.0f Hz, %u bits, reading %zu at %g s: %.0f ns", tsc_hz, bits, i,
				at_s[i], line.value_ns[i]);
	timeline_free(&line);
	free(s.readings);
}

static void pm_timer_survives_gaps_of_a_minute(void **state)
{
	static const double at_first[] = { 0, 60, 120, 121, 181, 600, 660 };
	static const double learned[] = { 0, 0.001, 0.06, 60.06, 120, 420, 480, 480.001, 3000 };
	static const double error[] = { 0, 1e-6, -1e-6, 0.01, -0.01, 0.038, -0.037 };

	(void)state;
	for (size_t i = 0; i < sizeof(error) / sizeof(error[0]); i++) {
		assert_true_time(at_first, 4, PM_HZ, 24, SYNTHETIC_HZ * (1 + error[i]));
		/* Once the rate is known, far longer ones. */
		assert_true_time(at_first, 7, PM_HZ, 24, SYNTHETIC_HZ * (1 + error[i]));
		assert_true_time(learned, 9, PM_HZ, 24, SYNTHETIC_HZ * (1 + error[i]));
	}
}

static void wider_counters_survive_too(void **state)
{
	static const double at[] = { 0, 0.01, 250, 500, 501, 4000 };

	(void)state;
	/* 32 bits at 14.3 MHz turn in 300 s. */
	assert_true_time(at, 6, HPET_HZ, 32, SYNTHETIC_HZ * 1.038);
	assert_true_time(at, 6, HPET_HZ, 32, SYNTHETIC_HZ * 0.963);
	assert_true_time(at, 6, PM_HZ, 32, SYNTHETIC_HZ);
	assert_true_time(at, 6, HPET_HZ, 63, SYNTHETIC_HZ);
	assert_true_time(at, 6, HPET_HZ, 64, SYNTHETIC_HZ);
}

static void backward_steps_stay_backward(void **state)
{
	static const struct {
		unsigned bits;
		uint64_t from, to;
		double ticks;
	} cases[] = {
		{ 24, 5, 0xfffffd, -8 },
		{ 24, 0xfffffd, 5, 8 },
		{ 24, 1000, 900, -100 },
		{ 32, 2, 0xfffffffe, -4 },
		{ 32, 0xfffffffe, 2, 4 },
		{ 64, 3, UINT64_MAX, -4 },
		{ 64, UINT64_MAX, 3, 4 },
		{ 64, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 7, -7 },
		{ 1, 1, 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(counter_advance(cases[i].from, cases[i].to, cases[i].bits, 3) == cases[i].ticks);
}

static void a_step_back_over_the_wrap_is_kept(void **state)
{
	/* Taken 1 us apart: 4 ticks on, 9 back over zero, 4 on. */
	static const uint64_t values[] = { 0, 4, 0xfffffb, 0xffffff, 3 };
	static const double ticks[] = { 0, 4, -5, -1, 3 };
	struct clock_info c = counter(PM_HZ, 24);
	struct reading r[5];
	struct series s = { .readings = r, .count = 5 };
	struct timeline line;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		r[i] = (struct reading){ SYNTHETIC_START + 2600 * i, values[i],
			SYNTHETIC_START + 2600 * i + 40 };
	make(&s, &c, &line);
	for (unsigned i = 0; i < 5; i++)
		assert_true(fabs(line.value_ns[i] - ticks[i] * 1e9 / PM_HZ) < 1e-6);
	timeline_free(&line);
}

static void ns_clocks_keep_every_sign(void **state)
{
	struct clock_info c = { .name = "realtime", .unit = UNIT_NS, .hz = 1e9, .bits = 64 };
	struct reading r[] = {
		{ SYNTHETIC_START - 26, UINT64_MAX - 9, SYNTHETIC_START },
		{ SYNTHETIC_START + 26, 90, SYNTHETIC_START + 52 },
		{ SYNTHETIC_START + 104, UINT64_MAX - 99, SYNTHETIC_START + 78 },
	};
	struct series s = { .readings = r, .count = 3 };
	struct timeline line;

	(void)state;
	make(&s, &c, &line);
	assert_true(line.value_ns[0] == 0 && line.value_ns[1] == 100 && line.value_ns[2] == -90);
	assert_true(line.tsc_lo[0] == -26 && line.tsc_hi[0] == 0);
	/* The inverted bracket stays inverted. */
	assert_true(line.tsc_lo[2] == 104 && line.tsc_hi[2] == 78);
	timeline_free(&line);
}

static void nothing_makes_an_empty_line(void **state)
{
	struct clock_info c = counter(PM_HZ, 24);
	struct series s = { 0 };
	struct timeline line;

	(void)state;
	make(&s, &c, &line);
	timeline_free(&line);
	assert_null(line.value_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pm_timer_survives_gaps_of_a_minute),
		cmocka_unit_test(wider_counters_survive_too),
		cmocka_unit_test(backward_steps_stay_backward),
		cmocka_unit_test(a_step_back_over_the_wrap_is_kept),
		cmocka_unit_test(ns_clocks_keep_every_sign),
		cmocka_unit_test(nothing_makes_an_empty_line),
	};

	return cmocka_run_group_tests_name("analysis/unwrap", tests, NULL, NULL);
}
