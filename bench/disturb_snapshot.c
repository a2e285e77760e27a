/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * snapshot: the lab saves this guest's state once, a third into the phase, lets it run
 * on, and puts the state back (savevm, loadvm).
 *
 * What the guest counts with is part of that state, so its clocks are behind the host's from then
 * on by all the time since the saving.  What it sampled in between is lost with the rest of its memory.
 *
 * One clock may part from the others.  Under TCG, QEMU never lets its TSC read less than before: put back into the
 * same QEMU, it only stands still until the guest runs (cpu_get_ticks_locked in softmmu/cpu-timers.c of QEMU 7.2).
 */
#include <stdio.h>
#include <string.h>

#include "bench/outside_guest.h"

#define PATIENCE_S                                                                                           \
	150 /* beside the time in between; the lab gives up after 60 s for each half, and says so */

enum { SECONDS, QEMU };

static const struct parameter parameters[] = {
	[SECONDS] = { .name = "seconds",
		.kind = PARAMETER_NUMBER,
		.initial = "2",
		.low = OUTSIDE_SECONDS_MIN,
		.high = OUTSIDE_SECONDS_MAX,
		.help = "how long it runs on before its state is put back" },
	[QEMU] = { .name = "qemu",
		.kind = PARAMETER_WORD,
		.initial = "new",
		.words = "new,same",
		.help = "put back into a new one, as virsh restore does, or into the same one, as loadvm "
			"does" },
	{ .name = NULL },
};

static int snapshot_supported(const struct disturbance_setup *setup, struct error *why)
{
	(void)setup;
	return outside_guest_supported(OUTSIDE_SNAPSHOT, why);
}

static void snapshot_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	snprintf(text, size,
		"has the lab save this guest's state once, and put it back %g s later, into %s QEMU",
		setup->arguments[SECONDS].number,
		strcmp(setup->arguments[QEMU].text, "same") == 0 ? "the same" : "a new");
}

static int snapshot_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	const struct outside_request request = { .kind = OUTSIDE_SNAPSHOT,
		.seconds = setup->arguments[SECONDS].number,
		.same = strcmp(setup->arguments[QEMU].text, "same") == 0 };

	return outside_guest_start(setup, &request, request.seconds + PATIENCE_S, state, err);
}

const struct disturbance disturb_snapshot = {
	.name = "snapshot",
	.summary = "has the lab put this guest back to an earlier state",
	.parameters = parameters,
	.supported = snapshot_supported,
	.plan = snapshot_plan,
	.start = snapshot_start,
	.observe = outside_guest_observe,
	.stop = outside_guest_stop,
};
