/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/timex.h"

#include <errno.h>
#include <string.h>

#include "probes/tsc.h"
#include "results/units.h"
#include "probes/posix_clock.h"

#define BRACKETS 300

double timex_ppm(long freq, long tick)
{
	/* The kernel adds the two: ntp_update_frequency(). */
	return (double)freq / TIMEX_FREQ_PER_PPM + (double)(tick - TIMEX_TICK_US) * TIMEX_PPM_PER_TICK;
}

static int timex_call(struct timex *tx, const char *what, struct error *err)
{
	/* Its positive values are the state of the synchronisation. */
	return adjtimex(tx) < 0 ? error_set(err, -errno, "cannot %s: adjtimex: %s", what, strerror(errno))
				: 0;
}

int timex_read(struct timex *tx, struct error *err)
{
	*tx = (struct timex){ .modes = 0 };
	return timex_call(tx, "read the clock's frequency", err);
}

int timex_step(int64_t ns, uint64_t tsc[2], struct error *err)
{
	struct timex tx, step = { .modes = ADJ_SETOFFSET | ADJ_NANO }, micro = { .modes = ADJ_MICRO };
	uint64_t lo, hi;
	int rc = timex_read(&tx, err);

	if (rc)
		return rc;
	step.time.tv_sec = ns / NS_PER_SEC;
	step.time.tv_usec = ns % NS_PER_SEC; /* ns, and never negative: adjtimex(2) */
	if (step.time.tv_usec < 0) {
		step.time.tv_sec--;
		step.time.tv_usec += NS_PER_SEC;
	}
	lo = tsc_before();
	rc = adjtimex(&step) < 0 ? -errno : 0;
	hi = tsc_after();
	if (rc)
		return error_set(err, rc, "cannot step realtime: adjtimex: %s", strerror(-rc));
	if (tsc) {
		tsc[0] = lo;
		tsc[1] = hi;
	}
	return tx.status & STA_NANO ? 0 : timex_call(&micro, "set the clock's unit", err);
}

int timex_slew(long us, long *left, struct error *err)
{
	struct timex tx = { .modes = ADJ_OFFSET_SINGLESHOT, .offset = us };
	int rc = timex_call(&tx, "slew realtime", err);

	if (!rc)
		*left = tx.offset;
	return rc;
}

int timex_slew_left(long *left, struct error *err)
{
	struct timex tx = { .modes = ADJ_OFFSET_SS_READ };
	int rc = timex_call(&tx, "read what is left to slew", err);

	if (!rc)
		*left = tx.offset;
	return rc;
}

void timex_difference(clockid_t a, clockid_t b, int64_t *ns, int64_t *error_ns)
{
	int64_t narrowest = INT64_MAX;

	for (int i = 0; i < BRACKETS; i++) {
		int64_t before = (int64_t)posix_clock_ns(b), value = (int64_t)posix_clock_ns(a);
		int64_t after = (int64_t)posix_clock_ns(b);

		if (after - before < narrowest) {
			narrowest = after - before;
			*ns = value - before - narrowest / 2;
		}
	}
	*error_ns = narrowest / 2 + 1;
}
