/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/tsc_factors.c"

#include "analysis/synthetic_test.h"

/*
 * A KVM guest that was measured: its kernel found 2596128 kHz and multiplies with 6462399 / 2^24, its host says
 * 2596129 kHz.  Measured, to +-0.1 ppb: tsc +60.1 and kvmclock -325.0 ppb against monotonic_raw, kvmclock -385.2 against tsc.
 */
static void a_guest_that_was_measured(void **state)
{
	static const struct {
		const char *clock, *reference, *current, *source;
		double ppb;
	} cases[] = {
		{ "tsc", "monotonic_raw", "tsc", "kernel log: detected", 60.14 },
		{ "tsc", "boottime", "tsc", "kernel log: refined", 60.14 },
		{ "monotonic", "tsc", "tsc", "kernel log: detected", -60.14 },
		{ "realtime", NULL, "tsc", "kernel log: detected", -60.14 },
		{ "kvmclock", "monotonic_raw", "tsc", "kernel log: detected", -325.05 },
		{ "kvmclock", "tsc", "tsc", "kernel log: detected", -385.19 },
		{ "monotonic", "monotonic_raw", "tsc", "kernel log: detected", 0 },
		{ "hpet", "monotonic_raw", "tsc", "kernel log: detected", 0 },
		{ "tsc", "monotonic_raw", "kvm-clock", "kernel log: detected", 0 },
		{ "tsc", "monotonic_raw", "tsc", "/proc/cpuinfo bogomips, within 5 kHz", 0 },
	};
	static const char *const names[] = { "tsc", "monotonic", "monotonic_raw", "realtime", "boottime",
		"kvmclock", "hpet" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct synthetic s;
		double ppm;

		synthetic_init(&s);
		s.run.tsc_hz = 2596128e3;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			synthetic_ns_clock(&s, names[k], "tsc");
		synthetic_phase(&s, "all", 0, 10);
		s.run.environment_before =
			json_pack("{s:{s:s}, s:{s:i, s:s, s:f}}", "clocksource", "current", cases[i].current,
				"tsc", "khz", 2596128, "source", cases[i].source, "pvclock_khz", 2596129.0);
		ppm = tsc_factors_ppm(&s.run, run_clock_find(&s.run, cases[i].clock),
			cases[i].reference ? run_clock_find(&s.run, cases[i].reference) : PAIR_TSC);
		if (fabs(ppm * PPB_PER_PPM - cases[i].ppb) > 0.02)
			fail_msg("case %zu: %g ppb", i, ppm * PPB_PER_PPM);
		/* The run took the TSC for another frequency: nothing is known. */
		s.run.tsc_hz += 1000;
		assert_true(tsc_factors_ppm(&s.run, 0, 2) == 0);
		s.run.tsc_hz -= 1000;
		synthetic_free(&s);
	}
}

/* The kernel's own search for factor and shift, at frequencies where its result is known from its log or by hand. */
static void the_kernels_factor(void **state)
{
	(void)state;
	/* 1000000 kHz: one cycle is 1 ns, exactly. */
	assert_true(fabs(kernel_tsc_rounding_ppm(1e6)) < 1e-12);
	assert_true(fabs(kernel_tsc_rounding_ppm(2596128) * PPB_PER_PPM + 60.1368) < 1e-3);
	/* Half a unit of the factor at most, whatever the frequency. */
	for (double khz = 1000; khz <= UINT32_MAX; khz = floor(khz * 1.37) + 1)
		assert_true(fabs(kernel_tsc_rounding_ppm(khz)) < 1000);
	for (double khz = 800e3; khz <= 6e6; khz += 977)
		assert_true(fabs(kernel_tsc_rounding_ppm(khz)) < 0.25);
}

static void only_what_the_drift_bears_out(void **state)
{
	struct drift row = { .drift_ppm = 0.06,
		.ci_low_ppm = 0.0598,
		.ci_high_ppm = 0.0602,
		.systematic_ppm = 0.002,
		.steering_ppm = NAN };
	struct phase_disturbance switches = { .name = DISTURBANCE_CLOCKSOURCE };
	struct phase idle = { 0 }, switched = { .disturbances = &switches, .disturbance_count = 1 };

	(void)state;
	assert_true(tsc_factors_part(&row, &idle, 0.0601) == 0.0601);
	assert_true(tsc_factors_part(&row, &idle, 0.0631) == 0.0631);
	assert_true(tsc_factors_part(&row, &idle, 0.064) == 0);
	assert_true(tsc_factors_part(&row, &idle, -0.0601) == 0);
	/* For half of the time, all of it and a little more, the other way. */
	assert_true(tsc_factors_part(&row, &switched, 0.12) == 0.06);
	assert_true(tsc_factors_part(&row, &switched, 0.058) == 0.058);
	assert_true(tsc_factors_part(&row, &switched, 0.05) == 0);
	assert_true(tsc_factors_part(&row, &switched, -0.12) == 0);
	row.steering_ppm = 0.05;
	assert_true(tsc_factors_part(&row, &idle, 0.0101) == 0.0101);
	assert_true(fabs(tsc_factors_part(&row, &switched, 0.03) - 0.01) < 1e-12);
	row = (struct drift){
		.drift_ppm = NAN, .ci_low_ppm = NAN, .ci_high_ppm = NAN, .systematic_ppm = NAN
	};
	assert_true(tsc_factors_part(&row, &idle, 0.1) == 0);
	assert_true(tsc_factors_part(&row, &switched, 0.1) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_was_measured),
		cmocka_unit_test(the_kernels_factor),
		cmocka_unit_test(only_what_the_drift_bears_out),
	};

	return cmocka_run_group_tests_name("analysis/tsc_factors", tests, NULL, NULL);
}
