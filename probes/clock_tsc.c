/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <errno.h>

#include "probes/clock_reader.h"
#include "probes/tsc.h"

static int tsc_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	if (!(setup->tsc_hz > 0))
		return error_set(err, -EINVAL, "tsc: the nominal frequency of the TSC is not known");
	traits->hz = setup->tsc_hz;
	traits->bits = 64;
	return 0;
}

/* Not fenced: the bracket around it is, and the width of that bracket is the floor of all others. */
static uint64_t tsc_read(void *state)
{
	(void)state;
	return tsc_raw();
}

const struct clock_reader clock_tsc = {
	.name = "tsc",
	.summary = "the CPU's time stamp counter inside its own bracket: the pivot, and the null test",
	.unit = UNIT_TICKS,
	.oscillator = OSCILLATOR_TSC,
	.cadence = CADENCE_TIGHT,
	.open = tsc_open,
	.read = tsc_read,
};
