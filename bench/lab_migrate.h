/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Live migration of a lab guest to another QEMU on this machine, and when QEMU said what. */
#ifndef BENCH_LAB_MIGRATE_H
#define BENCH_LAB_MIGRATE_H

#include "bench/lab_guest.h"
#include "bench/outside.h"

/*
 * Starts a second QEMU, moves the guest there and ends the first one; the guest's warden and qmp are then the
 * second one's.  Fills stop_ns, resume_ns and what query-migrate says.  On failure the guest stays, and runs,
 * where it is if it can.  0 or -errno with err set.
 */
int lab_migrate(struct lab_guest *guest, struct outside_answer *answer, struct error *err);

/* Drops all events that have come; returns the realtime in us, so that older ones are not taken for new. */
uint64_t lab_events_drop(struct qmp *qmp);
/*
 * Waits for the next event of that name that QEMU sent at from_us of realtime or later, and drops those before
 * it.  *at_ns: when QEMU sent it, as monotonic_raw.  0, -ETIMEDOUT, -ECHILD (QEMU shuts down), -EINTR.
 */
int lab_event_await(struct lab_guest *guest, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err);

#endif
