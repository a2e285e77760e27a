/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

static int realtime_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return posix_clock_open(CLOCK_REALTIME, "realtime", traits, err);
}

const struct clock_reader clock_realtime = {
	.name = "realtime",
	.summary = "CLOCK_REALTIME: UTC, steered and stepped by time daemons",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_CLOCKSOURCE,
	.cadence = CADENCE_TIGHT,
	.steered = true,
	.open = realtime_open,
	.read = posix_clock_read,
};
