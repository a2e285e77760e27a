/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Which timers the hypervisor should give a guest: what the libvirt and the QEMU candidate share. */
#ifndef BENCH_GUEST_TIMERS_H
#define BENCH_GUEST_TIMERS_H

#include "bench/candidate.h"

struct guest_timers {
	bool windows;	   /* local time in the RTC */
	bool enlightened;  /* a Windows that knows Hyper-V's enlightenments, or may */
	bool hpet;	   /* the guest is to read it; else it is better without */
	bool invtsc;	   /* the TSC is to be trusted */
	bool kvmclock_off; /* the guest is to do without kvm-clock */
	double tsc_hz;	   /* fixed rate for invtsc; 0: not known */
};

struct guest_timers guest_timers(const struct candidate_request *request);
/* The request is about a guest. */
bool guest_timers_wanted(const struct candidate_request *request);

#endif
