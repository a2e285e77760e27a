/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The kernel's clock discipline, adjtimex(2): what is in force, and the changes of it that are made on purpose. */
#ifndef BENCH_TIMEX_H
#define BENCH_TIMEX_H

#include <stdint.h>
#include <sys/timex.h>
#include <time.h>

#include "results/error.h"

#define TIMEX_FREQ_PER_PPM  65536 /* of timex.freq */
#define TIMEX_TICK_US	    10000 /* nominal: USER_HZ is 100 on every Linux */
#define TIMEX_PPM_PER_TICK  100	  /* 1 us of 10 ms */
#define TIMEX_TICK_RANGE_US 1000  /* the kernel takes the nominal tick +- 10 % */
#define TIMEX_SLEW_US_PER_S 500	  /* of adjtime(): MAX_TICKADJ in the kernel's ntp.c */
#define TIMEX_STATUS_READ_ONLY                                                                               \
	(STA_PPSSIGNAL | STA_PPSJITTER | STA_PPSWANDER | STA_PPSERROR | STA_CLOCKERR | STA_NANO | STA_MODE | \
		STA_CLK) /* STA_RONLY of the kernel */

/* What freq and tick together do to realtime and monotonic, in ppm; positive: they run fast. */
double timex_ppm(long freq, long tick);

/* Reads, changing nothing.  0 or -errno with err. */
int timex_read(struct timex *tx, struct error *err);

/*
 * Steps CLOCK_REALTIME by ns (ADJ_SETOFFSET).  tsc: instants right before and after, may be NULL.
 * The kernel drops an adjtime() under way and forgets that the clock was synchronised (STA_UNSYNC,
 * maxerror 16 s): its ntp_clear().  Units of timex.offset (STA_NANO) are left as they were.
 */
int timex_step(int64_t ns, uint64_t tsc[2], struct error *err);

/* Begins adjtime() by us in place of the one under way; 0 ends it.  *left: what of that was still to come. */
int timex_slew(long us, long *left, struct error *err);
/* What is still to come, in us. */
int timex_slew_left(long *left, struct error *err);

/*
 * *ns = clock a - clock b, by the narrowest of many brackets (b, a, b); *error_ns: half of its width,
 * rounded up.  Two clocks that can be read always: it does not fail.
 */
void timex_difference(clockid_t a, clockid_t b, int64_t *ns, int64_t *error_ns);

#endif
