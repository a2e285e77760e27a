/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/steering.h"

#include <math.h>
#include <string.h>

#include "analysis/pair.h"
#include "analysis/phase.h"

double steering_of(const json_t *environment)
{
	const json_t *adjtimex = json_object_get(environment, "adjtimex");
	const json_t *freq = json_object_get(adjtimex, "freq_ppm"),
		     *tick = json_object_get(adjtimex, "tick_us");

	if (!json_is_number(freq) || !json_is_number(tick))
		return NAN;
	return json_number_value(freq) + (json_number_value(tick) - 10000) * 100;
}

static bool is_steered(const struct run *run, int clock)
{
	return clock != PAIR_TSC && run->clocks[clock].steered;
}

/* A clock of the other machine is steered by that machine's adjtimex. */
static bool is_remote(const struct run *run, int clock)
{
	const char *label = clock == PAIR_TSC ? "" : run->clocks[clock].oscillator;

	return strcmp(label, OSCILLATOR_LABEL_HOST) == 0 || strcmp(label, OSCILLATOR_LABEL_PEER) == 0;
}

bool steering_is_own(const struct run *run, int clock)
{
	return is_steered(run, clock) && !is_remote(run, clock);
}

static double mean_steering(const struct run *run)
{
	double before = steering_of(run->environment_before);
	double after = run->environment_after ? steering_of(run->environment_after) : before;

	return (before + after) / 2;
}

/* What adjtimex does to one clock; NaN: not known. */
static double rate_ppm(const struct run *run, const struct phase *phase, int clock)
{
	if (!is_steered(run, clock))
		return 0;
	if (is_remote(run, clock))
		return steering_of(run->peer_environment);
	if (isfinite(phase->steering_ppm))
		return phase->steering_ppm;
	return phase_has(phase, DISTURBANCE_SLEW) ? NAN : mean_steering(run);
}

static bool alike(const struct run *run, int clock, int reference)
{
	return is_steered(run, clock) == is_steered(run, reference) &&
	       (!is_steered(run, clock) || is_remote(run, clock) == is_remote(run, reference));
}

double steering_ppm(const struct run *run, const struct phase *phase, int clock, int reference)
{
	return alike(run, clock, reference) ? 0
					    : rate_ppm(run, phase, clock) - rate_ppm(run, phase, reference);
}

struct daemons steering_daemons(const struct run *run, int clock)
{
	return daemons_of(!is_steered(run, clock) ? NULL
			  : is_remote(run, clock) ? run->peer_environment
						  : run->environment_before);
}

bool steering_may_change(const struct run *run, const struct phase *phase, int clock, int reference)
{
	return !alike(run, clock, reference) && !phase_has(phase, DISTURBANCE_SLEW) &&
	       (steering_daemons(run, clock).text[0] || steering_daemons(run, reference).text[0]);
}

double steering_injected_ppm(const struct run *run, const struct phase *phase, int clock, int reference)
{
	int sign = steering_is_own(run, clock) - steering_is_own(run, reference);

	if (sign == 0 || !phase_has(phase, DISTURBANCE_SLEW))
		return 0;
	return sign * (phase->steering_ppm - steering_of(run->environment_before));
}
