/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What is seen of the frequency of cpufreq policies: scaling_cur_freq, the MSRs APERF and MPERF where
 * they can be read, and the count of transitions.  Not from several threads at a time.
 */
#ifndef BENCH_FREQ_WATCH_H
#define BENCH_FREQ_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/disturbance.h"
#include "bench/freq_policy.h"

/* A frequency within 5 % of what was asked is that: hardware reports what it did on average. */
#define FREQ_NEAR 0.05

/* The two ends of toggling; what holds one frequency has only the first. */
enum freq_end { FREQ_LOW, FREQ_HIGH, FREQ_ENDS };

/* Of one way of seeing one policy. */
struct freq_count {
	uint64_t looks;		  /* values got */
	uint64_t failed;	  /* values not got */
	uint64_t near[FREQ_ENDS]; /* of the looks, near the frequency that was asked for */
	double least, most;	  /* of the values, kHz; NaN before the first */
};

struct freq_watched {
	const struct freq_policy *policy;
	unsigned long asked_khz[FREQ_ENDS]; /* 0: nothing is asked */
	struct freq_count kernel;	    /* scaling_cur_freq */
	struct freq_count effective;	    /* base frequency * dAPERF / dMPERF */
	int msr_fd;			    /* -1: not readable */
	double base_khz;		    /* MPERF's rate; NaN: not known */
	uint64_t aperf, mperf;		    /* at the last look */
	bool counts_transitions;	    /* false: stats/total_trans cannot be read */
	unsigned long transitions;	    /* at freq_watch_begin() */
};

struct freq_watch {
	struct freq_watched *watched; /* one for each policy of the set, in its order; owned */
	size_t count, next;
};

/* The set must outlive it.  0 or -ENOMEM with err.  Close it after a failure too. */
int freq_watch_open(struct freq_watch *watch, const struct freq_set *set, struct error *err);
void freq_watch_close(struct freq_watch *watch);

/* From now on transitions are counted: call it once the disturbance is in force. */
void freq_watch_begin(struct freq_watch *watch);

/* Looks at the policies (at some of them, in turn, where there are many) and tells the stage. */
void freq_watch_look(struct freq_watch *watch, struct stage *stage, uint64_t tsc);

/* Transitions since freq_watch_begin().  False: the count cannot be read. */
bool freq_watched_transitions(const struct freq_watched *watched, unsigned long *transitions);

/* Sums over all policies. */
struct freq_count freq_watch_sum(const struct freq_watch *watch, bool effective);

#endif
