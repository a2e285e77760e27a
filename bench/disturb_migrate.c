/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * migrate: the lab moves this guest, live, to another QEMU on the same host, a third into the phase.
 *
 * The guest stands still while the last of its state is moved; what it counts with is part of that state,
 * so its clocks are behind the host's by that time from then on.
 */
#include <stdio.h>

#include "bench/outside_guest.h"

#define PATIENCE_S 90 /* the lab gives up after 60 s and says so */

static int migrate_supported(const struct disturbance_setup *setup, struct error *why)
{
	(void)setup;
	return outside_guest_supported(OUTSIDE_MIGRATE, why);
}

static void migrate_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	(void)setup;
	snprintf(text, size, "has the lab migrate this guest, live, to another QEMU on the same host");
}

static int migrate_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	const struct outside_request request = { .kind = OUTSIDE_MIGRATE };

	return outside_guest_start(setup, &request, PATIENCE_S, state, err);
}

const struct disturbance disturb_migrate = {
	.name = "migrate",
	.summary = "has the lab migrate this guest, live, to another QEMU",
	.supported = migrate_supported,
	.plan = migrate_plan,
	.start = migrate_start,
	.observe = outside_guest_observe,
	.stop = outside_guest_stop,
};
