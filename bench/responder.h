/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The responder: answers on a shared page with the clocks of this machine.
 *
 * It sleeps while nobody asks.  The asker announces each next burst; the
 * responder wakes a little before, spins through the burst, and sleeps again.
 * How much before, it learns: more when an ask was waiting already, a bit less
 * when none was.  An announcement that was missed costs one wide bracket: it
 * looks at the page now and then anyway.
 */
#ifndef BENCH_RESPONDER_H
#define BENCH_RESPONDER_H

#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probes/peer_page.h"
#include "results/error.h"

struct responder {
	/* Set by the caller, and zero the rest. */
	struct peer_page *page; /* prepared: peer_page_prepare() */
	double tsc_hz;		/* as it was prepared with, for the repair of its header */
	bool made;
	int cpu; /* to run on alone; -1: any */
	int (*bind)(void *context, int cpu);
	void *bind_context;

	/* Counters, to be read at any time. */
	_Atomic uint64_t exchanges, bursts;
	_Atomic uint64_t late;	 /* bursts whose first ask waited for the responder */
	_Atomic uint64_t errors; /* damaged asks and announcements, headers that were overwritten */
	atomic_bool stop;

	/* Of the thread. */
	pthread_t thread;
	bool alone;
	cpu_set_t allowed;	  /* none set: not known */
	int avoided;		  /* the CPU of an asker on this machine; -1: none */
	uint64_t seen, announced; /* sequences that were dealt with */
	uint64_t now_ns;	  /* monotonic_raw as it was read last */
	uint64_t woken_ns;	  /* since then awake */
	uint64_t next_ns;	  /* when the next burst begins, in monotonic_raw; 0: not known */
	uint64_t margin_ns;	  /* it wakes this long before */
	int64_t allowance_ns;	  /* that it may still be awake for */
};

/* Answers in this thread until r->stop is set, which is noticed within 50 ms.  0, or -errno: it cannot be bound. */
int responder_run(struct responder *r, struct error *err);

/* The same in a thread of its own, which blocks all signals. */
int responder_start(struct responder *r, struct error *err);
void responder_stop(struct responder *r);

/* Puts the facts of this machine into the page; what does not fit is left out, the kernel log first. */
int responder_tell_facts(struct peer_page *page, const json_t *facts, struct error *err);

#endif
