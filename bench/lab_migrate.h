/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Live migration of a lab guest to another QEMU on this machine. */
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

/*
 * What it takes for another QEMU in this one's place.  make: an empty *next in a private directory, which is the
 * caller's to remove.  take: ends the guest's QEMU and puts that of next there.  drop: ends that of next.
 */
int lab_place_make(
	const struct lab_guest *guest, char dir[PATH_MAX], struct lab_guest *next, struct error *err);
int lab_place_take(struct lab_guest *guest, const struct lab_guest *next, struct error *err);
void lab_place_drop(struct lab_guest *next);

#endif
