/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

static int tai_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	(void)setup;
	return posix_clock_open(CLOCK_TAI, "tai", traits, err);
}

const struct clock_reader clock_tai = {
	.name = "tai",
	.summary = "CLOCK_TAI: CLOCK_REALTIME without leap seconds, if a time daemon told the kernel their "
		   "count",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_CLOCKSOURCE,
	.cadence = CADENCE_TIGHT,
	.steered = true,
	.open = tai_open,
	.read = posix_clock_read,
};
