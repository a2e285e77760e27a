/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

static int boottime_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return posix_clock_open(CLOCK_BOOTTIME, "boottime", traits, err);
}

const struct clock_reader clock_boottime = {
	.name = "boottime",
	.summary = "CLOCK_BOOTTIME: CLOCK_MONOTONIC with the time in suspend",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_CLOCKSOURCE,
	.cadence = CADENCE_TIGHT,
	.steered = true,
	.open = boottime_open,
	.read = posix_clock_read,
};
