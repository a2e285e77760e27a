/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

static int monotonic_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return posix_clock_open(CLOCK_MONOTONIC, "monotonic", traits, err);
}

const struct clock_reader clock_monotonic = {
	.name = "monotonic",
	.summary = "CLOCK_MONOTONIC: since boot without suspend, rate steered by adjtimex",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_CLOCKSOURCE,
	.cadence = CADENCE_TIGHT,
	.steered = true,
	.open = monotonic_open,
	.read = posix_clock_read,
};
