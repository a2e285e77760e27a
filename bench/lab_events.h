/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What QEMU tells of a lab guest unasked, and when it did. */
#ifndef BENCH_LAB_EVENTS_H
#define BENCH_LAB_EVENTS_H

#include "bench/lab_guest.h"

/* Drops all events that have come; returns the realtime in us, so that older ones are not taken for new. */
uint64_t lab_events_drop(struct qmp *qmp);
/*
 * Waits for the next event of that name that QEMU sent at from_us of realtime or later, and drops those before
 * it.  *at_ns: when QEMU sent it, as monotonic_raw.  0, -ETIMEDOUT, -ECHILD (QEMU shuts down), -EINTR.
 */
int lab_event_await(struct lab_guest *guest, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err);

#endif
