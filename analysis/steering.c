/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/steering.h"

#include <math.h>

#include "analysis/pair.h"
#include "analysis/phase.h"

/* adjtimex of a snapshot in ppm: frequency, and the length of a tick against its nominal 10 ms. */
static double steering_of(const json_t *environment)
{
	const json_t *adjtimex = json_object_get(environment, "adjtimex");
	const json_t *freq = json_object_get(adjtimex, "freq_ppm"),
		     *tick = json_object_get(adjtimex, "tick_us");

	if (!json_is_number(freq) || !json_is_number(tick))
		return NAN;
	return json_number_value(freq) + (json_number_value(tick) - 10000) * 100;
}

/* 1 where the clock alone is steered, -1 where the reference alone is, else 0. */
static int side(const struct run *run, int clock, int reference)
{
	bool target = clock != PAIR_TSC && run->clocks[clock].steered;
	bool other = reference != PAIR_TSC && run->clocks[reference].steered;

	return target - other;
}

double steering_ppm(const struct run *run, const struct phase *phase, int clock, int reference)
{
	int sign = side(run, clock, reference);
	double before, after;

	if (sign == 0)
		return 0;
	if (isfinite(phase->steering_ppm))
		return sign * phase->steering_ppm;
	if (phase_has(phase, DISTURBANCE_SLEW))
		return NAN;
	before = steering_of(run->environment_before);
	after = run->environment_after ? steering_of(run->environment_after) : before;
	return sign * (before + after) / 2;
}

double steering_injected_ppm(const struct run *run, const struct phase *phase, int clock, int reference)
{
	int sign = side(run, clock, reference);

	if (sign == 0 || !phase_has(phase, DISTURBANCE_SLEW))
		return 0;
	return sign * (phase->steering_ppm - steering_of(run->environment_before));
}
