/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/journal_time.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/timex.h"
#include "results/units.h"
#include "probes/posix_clock.h"

/* realtime - boottime is a whole number of ns in the kernel; this is on top of the errors of reading it. */
#define OFFSET_TOLERANCE_NS 200
/* The kernel's own estimate of its error grows by so much (MAXFREQ). */
#define MAXERROR_US_PER_S 500

/* Monotonic runs by timex_ppm() faster than monotonic_raw but for roundings; 0 was seen in 60 s. */
#define SLEW_TOLERANCE_NS  2000
#define SLEW_TOLERANCE_PPM 0.01
/* A slew begins and ends with a tick of the timer; an idle kernel may be late by 200 ms, of 500 us/s. */
#define SLEW_EXCESS_NS 100000

/* A slew is at rest if it moves by no more than REST_NS in REST_STEP_NS: the slowest moves 20 us in a second. */
#define REST_NS	     200
#define REST_STEP_NS (50 * NS_PER_MS)
#define REST_TRIES   50 /* what the kernel has taken up already goes on for a second */

static json_t *record(json_t *json, struct error *err)
{
	if (!json)
		error_set(err, -ENOMEM, "out of memory");
	return json;
}

static int entry_get(const json_t *entry, const char *key, int64_t *value, struct error *err)
{
	const json_t *json = json_object_get(entry, key);

	*value = json_integer_value(json);
	if (json_is_integer(json))
		return 0;
	error_set(err, -EINVAL, "an entry of the restore journal without the number \"%s\"", key);
	return -EINVAL; /* so that the compiler sees that it is not 0 */
}

/* ---- frequency, tick and status ---- */

json_t *journal_timex_record(struct error *err)
{
	struct timex tx;

	if (timex_read(&tx, err))
		return NULL;
	return record(json_pack("{s:s, s:I, s:I, s:i, s:I, s:I, s:I}", "kind", "timex", "freq",
			      (json_int_t)tx.freq, "tick", (json_int_t)tx.tick, "status", tx.status,
			      "maxerror", (json_int_t)tx.maxerror, "esterror", (json_int_t)tx.esterror,
			      "raw_ns", (json_int_t)posix_clock_ns(CLOCK_MONOTONIC_RAW)),
		err);
}

static int timex_parse(const json_t *entry, struct timex *tx, struct error *err)
{
	int64_t freq, tick, status, maxerror, esterror, raw_ns;
	int rc = entry_get(entry, "freq", &freq, err);

	rc = rc ? rc : entry_get(entry, "tick", &tick, err);
	rc = rc ? rc : entry_get(entry, "status", &status, err);
	rc = rc ? rc : entry_get(entry, "maxerror", &maxerror, err);
	rc = rc ? rc : entry_get(entry, "esterror", &esterror, err);
	rc = rc ? rc : entry_get(entry, "raw_ns", &raw_ns, err);
	if (rc)
		return rc;
	*tx = (struct timex){ .freq = freq, .tick = tick, .status = (int)status, .esterror = esterror };
	tx->maxerror = maxerror + ((int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW) - raw_ns) / NS_PER_SEC *
					  MAXERROR_US_PER_S;
	return 0;
}

/* Of the bits that adjtimex can write, and the unit of its offset. */
static bool timex_same(const struct timex *a, const struct timex *b)
{
	int mask = ~TIMEX_STATUS_READ_ONLY | STA_NANO;

	return a->freq == b->freq && a->tick == b->tick && (a->status & mask) == (b->status & mask);
}

int journal_timex_undo(const json_t *entry, char *text, size_t size, struct error *err)
{
	struct timex want, now, set;
	bool changed;
	int rc = timex_parse(entry, &want, err);

	rc = rc ? rc : timex_read(&now, err);
	if (rc)
		return rc;
	changed = !timex_same(&now, &want);
	if (changed) {
		set = want;
		set.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS |
			    (want.status & STA_NANO ? ADJ_NANO : ADJ_MICRO);
		/* With the maxerror of an unsynchronised clock STA_UNSYNC would come back within a second. */
		if (now.status & ~want.status & STA_UNSYNC)
			set.modes |= ADJ_MAXERROR | ADJ_ESTERROR;
		if (adjtimex(&set) < 0)
			return error_set(err, -errno,
				"cannot put adjtimex frequency %+.3f ppm, tick %ld us back: %s",
				timex_ppm(want.freq, TIMEX_TICK_US), (long)want.tick, strerror(errno));
		rc = timex_read(&now, err);
		if (!rc && !timex_same(&now, &want))
			rc = error_set(err, -EIO,
				"adjtimex took frequency %ld, tick %ld, status %d instead of %ld, %ld, %d",
				(long)now.freq, (long)now.tick, now.status, (long)want.freq, (long)want.tick,
				want.status);
	}
	if (!rc)
		snprintf(text, size, "adjtimex is %s frequency %+.3f ppm, tick %ld us, status %d",
			changed ? "put back to" : "already at", timex_ppm(now.freq, TIMEX_TICK_US),
			(long)now.tick, now.status);
	return rc;
}

/* ---- time that was set ---- */

json_t *journal_step_record(int64_t ns, struct error *err)
{
	int64_t offset, error;

	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &offset, &error);
	return record(json_pack("{s:s, s:I, s:I, s:I}", "kind", "time-step", "ns", (json_int_t)ns,
			      "offset_ns", (json_int_t)offset, "offset_error_ns", (json_int_t)error),
		err);
}

/* By how much realtime was set since the entry was written, and how well that is known. */
static int read_change(const json_t *entry, int64_t *change, int64_t *tolerance, struct error *err)
{
	int64_t then, then_error, now, now_error;
	int rc = entry_get(entry, "offset_ns", &then, err);

	rc = rc ? rc : entry_get(entry, "offset_error_ns", &then_error, err);
	if (rc)
		return rc;
	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &now, &now_error);
	*change = now - then;
	*tolerance = then_error + now_error + OFFSET_TOLERANCE_NS;
	return 0;
}

int journal_step_undo(const json_t *entry, char *text, size_t size, struct error *err)
{
	int64_t ns, change, tolerance, undone, done;
	int rc = entry_get(entry, "ns", &ns, err);

	rc = rc ? rc : read_change(entry, &change, &tolerance, err);
	if (rc)
		return rc;
	/* The step is exact, so only the error of reading counts; of a tiny one the nearer is true. */
	undone = llabs(change);
	done = llabs(change - ns);
	if (undone > tolerance && done > tolerance) {
		snprintf(text, size,
			"realtime was set by %+.6f ms since, not by the %+.6f ms of the run: somebody else "
			"has set the "
			"time, it is left",
			(double)change / (double)NS_PER_MS, (double)ns / (double)NS_PER_MS);
		return 0;
	}
	if (undone <= done) {
		snprintf(text, size, "realtime is not stepped: nothing to take back");
		return 0;
	}
	rc = timex_step(-ns, NULL, err);
	if (!rc)
		snprintf(text, size, "realtime is stepped back by %+.6f ms", -(double)ns / (double)NS_PER_MS);
	return rc;
}

/* ---- time that was slewed ---- */

/* How far monotonic was ahead of monotonic_raw, and when. */
struct ahead {
	int64_t ns, error_ns, raw_ns;
};

static struct ahead read_ahead(void)
{
	struct ahead now;

	timex_difference(CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, &now.ns, &now.error_ns);
	now.raw_ns = (int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW);
	return now;
}

/* What monotonic gained between the two beyond its frequency. */
static int64_t slewed_between(const struct ahead *from, const struct ahead *to, double ppm)
{
	return to->ns - from->ns - llround(ppm * PPM * (double)(to->raw_ns - from->raw_ns));
}

json_t *journal_slew_record(int64_t ns, struct error *err)
{
	struct ahead now;
	int64_t offset, error;
	struct timex tx;

	if (timex_read(&tx, err))
		return NULL;
	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &offset, &error);
	now = read_ahead();
	return record(
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "kind", "time-slew", "ns",
			(json_int_t)ns, "offset_ns", (json_int_t)offset, "offset_error_ns", (json_int_t)error,
			"ahead_ns", (json_int_t)now.ns, "raw_ns", (json_int_t)now.raw_ns, "freq",
			(json_int_t)tx.freq, "tick", (json_int_t)tx.tick),
		err);
}

struct slew {
	int64_t asked_ns, freq, tick;
	struct ahead then;
};

static int slew_parse(const json_t *entry, struct slew *slew, struct error *err)
{
	int rc = entry_get(entry, "ns", &slew->asked_ns, err);

	rc = rc ? rc : entry_get(entry, "ahead_ns", &slew->then.ns, err);
	rc = rc ? rc : entry_get(entry, "raw_ns", &slew->then.raw_ns, err);
	rc = rc ? rc : entry_get(entry, "freq", &slew->freq, err);
	return rc ? rc : entry_get(entry, "tick", &slew->tick, err);
}

/* Ends what is left of it.  1: what is under way is somebody else's. */
static int slew_cancel(const struct slew *slew, struct error *err)
{
	int64_t left_ns;
	long left;
	int rc = timex_slew_left(&left, err);

	if (rc || left == 0)
		return rc;
	left_ns = (int64_t)left * NS_PER_US;
	if ((left_ns > 0) != (slew->asked_ns > 0) || llabs(left_ns) > llabs(slew->asked_ns))
		return 1;
	return timex_slew(0, &left, err);
}

/* What the kernel has taken up for the present second goes on to its end.  1: it does not come to rest. */
static int slew_wait(double ppm, struct ahead *now)
{
	for (int i = 0; i < REST_TRIES; i++) {
		const struct timespec pause = { 0, REST_STEP_NS };
		struct ahead before = read_ahead();

		nanosleep(&pause, NULL);
		*now = read_ahead();
		if (llabs(slewed_between(&before, now, ppm)) <= REST_NS + before.error_ns + now->error_ns)
			return 0;
	}
	return 1;
}

/*
 * adjtime() leaves no trace of what it was asked for, and an idle kernel slews some us more or less
 * than that.  So what was slewed is measured: the gain of monotonic on monotonic_raw, which nothing else
 * explains while the frequency stays.  Right after the record, without a slew, it is 0.
 */
static int slew_take_back(const json_t *entry, const struct slew *slew, const struct ahead *now, double ppm,
	char *text, size_t size, struct error *err)
{
	int64_t slewed = slewed_between(&slew->then, now, ppm), change, tolerance;
	int64_t unsure = now->error_ns + SLEW_TOLERANCE_NS +
			 llround(SLEW_TOLERANCE_PPM * PPM * (double)(now->raw_ns - slew->then.raw_ns));
	int rc = read_change(entry, &change, &tolerance, err);

	if (rc)
		return rc;
	if (llabs(slewed + change) <= unsure) {
		snprintf(text, size, "realtime is not slewed, or set right already: nothing to take back");
		return 0;
	}
	if (llabs(change) > tolerance || (slewed > 0) != (slew->asked_ns > 0) ||
		llabs(slewed) > llabs(slew->asked_ns) + SLEW_EXCESS_NS) {
		snprintf(text, size,
			"realtime was set by %+.6f ms and slewed by %+.6f ms of %+.6f ms: somebody else has "
			"set the "
			"time, it is left",
			(double)change / (double)NS_PER_MS, (double)slewed / (double)NS_PER_MS,
			(double)slew->asked_ns / (double)NS_PER_MS);
		return 0;
	}
	rc = timex_step(-slewed, NULL, err);
	if (!rc)
		snprintf(text, size,
			"realtime is stepped back by the %+.6f ms that it was slewed; monotonic keeps them",
			(double)slewed / (double)NS_PER_MS);
	return rc;
}

int journal_slew_undo(const json_t *entry, char *text, size_t size, struct error *err)
{
	struct ahead now = { 0 };
	struct slew slew = { 0 };
	struct timex tx;
	double ppm;
	int rc = slew_parse(entry, &slew, err);

	rc = rc ? rc : timex_read(&tx, err);
	rc = rc ? rc : slew_cancel(&slew, err);
	if (rc < 0)
		return rc;
	ppm = timex_ppm(tx.freq, tx.tick);
	if (rc || tx.freq != slew.freq || tx.tick != slew.tick || slew_wait(ppm, &now)) {
		snprintf(text, size,
			"somebody else slews the clock or has changed its frequency: what the run slewed is "
			"left "
			"(at most %+.6f ms)",
			(double)slew.asked_ns / (double)NS_PER_MS);
		return 0;
	}
	return slew_take_back(entry, &slew, &now, ppm, text, size, err);
}
