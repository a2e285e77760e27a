/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

static int monotonic_raw_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return posix_clock_open(CLOCK_MONOTONIC_RAW, "monotonic_raw", traits, err);
}

const struct clock_reader clock_monotonic_raw = {
	.name = "monotonic_raw",
	.summary = "CLOCK_MONOTONIC_RAW: the clocksource as the kernel scales it, not steered",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_CLOCKSOURCE,
	.cadence = CADENCE_TIGHT,
	.steered = false,
	.open = monotonic_raw_open,
	.read = posix_clock_read,
};
