/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* stress-ng on the very CPUs that the vCPUs of a lab guest run on. */
#ifndef BENCH_LAB_LOAD_H
#define BENCH_LAB_LOAD_H

#include "bench/lab_guest.h"
#include "bench/outside.h"
#include "bench/placement.h"

struct lab_load;

/* 0, or -errno with the reason why this machine cannot do it. */
int lab_load_supported(struct error *why);

/*
 * Binds each vCPU to a CPU of its own and starts the load there; returns once it is in force.  NULL with err set.
 * report->text: where.
 */
struct lab_load *lab_load_start(struct lab_guest *guest, struct placement *placement,
	const struct outside_request *request, struct outside_report *report, struct error *err);

/* now_ns() from which on the lab need not wait any more to be asked for the end. */
uint64_t lab_load_overdue_ns(const struct lab_load *load);

/*
 * Ends it, within some 4 s, and sets the vCPUs free; report: what it took.  load is freed.  NULL is fine.
 * 0, or -EBUSY with err set: something of stress-ng is left.
 */
int lab_load_stop(struct lab_load *load, struct outside_report *report, struct error *err);

#endif
