/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * pause: the lab stops this guest once, a third into the phase, and lets it go on.
 *
 * QEMU stops the guest's virtual clock, which all that the guest counts with is made from, except for the RTC:
 * it follows the host (-rtc clock=host).  So the guest's clocks are behind the host's by the pause from then on.
 */
#include <stdio.h>

#include "bench/outside_guest.h"

#define PATIENCE_S 10 /* beside the pause, which goes by on the guest's clocks where they are not stopped */

enum { SECONDS };

static const struct parameter parameters[] = {
	[SECONDS] = { .name = "seconds",
		.kind = PARAMETER_NUMBER,
		.initial = "2",
		.low = OUTSIDE_SECONDS_MIN,
		.high = OUTSIDE_SECONDS_MAX,
		.help = "how long the guest stands still" },
	{ .name = NULL },
};

static int pause_supported(const struct disturbance_setup *setup, struct error *why)
{
	(void)setup;
	return outside_guest_supported(OUTSIDE_PAUSE, why);
}

static void pause_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	snprintf(text, size, "has the lab stop this guest once for %g s", setup->arguments[SECONDS].number);
}

static int pause_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	const struct outside_request request = { .kind = OUTSIDE_PAUSE,
		.seconds = setup->arguments[SECONDS].number };

	return outside_guest_start(setup, &request, request.seconds + PATIENCE_S, state, err);
}

const struct disturbance disturb_pause = {
	.name = "pause",
	.summary = "has the lab stop this guest for a while",
	.parameters = parameters,
	.supported = pause_supported,
	.plan = pause_plan,
	.start = pause_start,
	.observe = outside_guest_observe,
	.stop = outside_guest_stop,
};
