/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a run directory says of a clock: everything that the analysis needs to
 * turn its raw values into time, and to know which clocks can tell on it.
 */
#ifndef RESULTS_CLOCK_INFO_H
#define RESULTS_CLOCK_INFO_H

#include <stdbool.h>

#define CLOCK_NAME_MAX	     32 /* bytes, with the terminating NUL */
#define CLOCK_OSCILLATOR_MAX 32
/* Labels of the other machine's clocks: this guest's host (or this host's guest), and any other machine. */
#define OSCILLATOR_LABEL_HOST "host"
#define OSCILLATOR_LABEL_PEER "peer"

enum unit {
	UNIT_NS,    /* value is nanoseconds */
	UNIT_TICKS, /* value counts ticks of hz, modulo 2^bits */
};

enum cadence {
	CADENCE_TIGHT, /* read in the per-CPU loop */
	CADENCE_SLOW,  /* read by a thread of its own, stored in samples/slow.csv */
};

struct clock_info {
	char name[CLOCK_NAME_MAX];
	enum unit unit;
	double hz;     /* nominal ticks per second; 1e9 for UNIT_NS */
	unsigned bits; /* counter width, 1 to 64; 64 for UNIT_NS */
	/*
	 * The physical oscillator that it follows: clocks with the same label can
	 * only disagree by arithmetic.  Free text: "tsc", "platform", "rtc", ...
	 */
	char oscillator[CLOCK_OSCILLATOR_MAX];
	bool oscillator_assumed; /* run.json did not say it */
	bool clocksource;	 /* made from the kernel's clocksource: a phase may name another oscillator */
	bool steered;		 /* adjtimex changes its rate (monotonic, realtime, ...) */
	enum cadence cadence;
};

#endif
