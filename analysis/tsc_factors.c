/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/tsc_factors.h"

#include <math.h>
#include <string.h>

#include "analysis/kernel.h"
#include "analysis/pair.h"
#include "analysis/phase.h"
#include "results/facts_get.h"
#include "results/units.h"

#define SLACK_PPM 1e-3
#define KHZ_LEAST 1000

/* Rate against the TSC at its nominal frequency; NaN: not known. */
static double rate_of(const struct run *run, int clock, double khz)
{
	static const char *const kernels[] = { "monotonic", "monotonic_raw", "realtime", "boottime", "tai" };
	const char *name = clock == PAIR_TSC ? "tsc" : run->clocks[clock].name;
	double pvclock_khz;

	if (strcmp(name, "tsc") == 0)
		return 1;
	if (strcmp(name, "kvmclock") == 0)
		return facts_number(run->environment_before, "tsc.pvclock_khz", &pvclock_khz) &&
				       pvclock_khz > 0
			       ? khz / pvclock_khz
			       : NAN;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (strcmp(name, kernels[i]) == 0)
			return 1 + kernel_tsc_rounding_ppm(khz) / PPM_PER_ONE;
	return NAN;
}

/* The kernel's own kHz of the TSC that it counts; false: not known, or it counts something else. */
static bool counted_khz(const struct run *run, double *khz)
{
	const json_t *facts = run->environment_before;
	const char *current = facts_text(facts, "clocksource.current"),
		   *source = facts_text(facts, "tsc.source");

	return current && strcmp(current, "tsc") == 0 && source &&
	       strncmp(source, "kernel log", strlen("kernel log")) == 0 &&
	       facts_number(facts, "tsc.khz", khz) && *khz >= KHZ_LEAST && *khz <= UINT32_MAX &&
	       run->tsc_hz == *khz * 1e3;
}

double tsc_factors_ppm(const struct run *run, int clock, int reference)
{
	double khz, ratio;

	if (!counted_khz(run, &khz))
		return 0;
	ratio = rate_of(run, clock, khz) / rate_of(run, reference, khz);
	return isfinite(ratio) ? (ratio - 1) * PPM_PER_ONE : 0;
}

double tsc_factors_part(const struct drift *row, const struct phase *phase, double ppm)
{
	double steered = isfinite(row->steering_ppm) ? row->steering_ppm : 0;
	double slack = row->systematic_ppm + SLACK_PPM, own = row->drift_ppm - steered;

	/* Another clocksource for a part of the time: of that part nothing is known. */
	if (phase_has(phase, DISTURBANCE_CLOCKSOURCE))
		ppm = fmin(fmax(own, fmin(0, ppm)), fmax(0, ppm));
	return row->ci_low_ppm - slack <= ppm + steered && ppm + steered <= row->ci_high_ppm + slack ? ppm
												     : 0;
}
