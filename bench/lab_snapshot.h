/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The state of a lab guest saved, and put back a while later (savevm, loadvm).
 *
 * Its memory and devices go back.  The shared page and the disk for the result do
 * not, as what is outside of a guest never does: the page stays as the host left it,
 * and the guest does not write to the disk before the end of its run.
 */
#ifndef BENCH_LAB_SNAPSHOT_H
#define BENCH_LAB_SNAPSHOT_H

#include "bench/lab_guest.h"
#include "bench/outside.h"

/*
 * Saves it, lets it run on for so long, puts it back into this QEMU or into a new one that takes its place (as after
 * lab_migrate()).  Fills stop_ns (it stood to be saved), resume_ns (it went on from there) and lost_ns (it ran in
 * between).  The state is kept in a file of $TMPDIR that has no name, as large as the memory that the guest
 * uses.  On failure the guest runs on, if it can.  0 or -errno with err set.
 */
int lab_snapshot(struct lab_guest *guest, const struct outside_request *request,
	struct outside_answer *answer, struct error *err);

#endif
