/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/stamp_line.h"

#include <math.h>

#include "probes/posix_clock.h"
#include "probes/tsc.h"

#define ANCHOR_READS	  8 /* the narrowest is the anchor */
#define ROUNDING_NS	  2 /* of a difference of two clock reads */
#define RATE_CHANGE_PPM	  1000
#define STAMP_ROUNDING_NS 1

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_ns(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* CLOCK_MONOTONIC, read on both sides, has the same steps: they are those of the clocksource. */
struct stamp_anchor stamp_anchor_take_of(clockid_t id, uint64_t (*clock_ns)(clockid_t id))
{
	struct stamp_anchor anchor = { .ahead_min_ns = INT64_MIN, .ahead_max_ns = INT64_MAX };
	int64_t early, late = 0, step;
	struct reading now;

	for (int i = 0; i < ANCHOR_READS; i++) {
		early = (int64_t)clock_ns(CLOCK_MONOTONIC);
		step = early - late;
		if (i > 0 && step > 0 && (anchor.step_ns == 0 || step < anchor.step_ns))
			anchor.step_ns = step;
		now.tsc_lo = tsc_before();
		now.value = clock_ns(id);
		now.tsc_hi = tsc_after();
		late = (int64_t)clock_ns(CLOCK_MONOTONIC);

		anchor.ahead_min_ns = max_ns(anchor.ahead_min_ns, (int64_t)now.value - late);
		anchor.ahead_max_ns = min_ns(anchor.ahead_max_ns, (int64_t)now.value - early);
		if (i == 0 || reading_width(&now) < reading_width(&anchor.clock))
			anchor.clock = now;
	}
	return anchor;
}

struct stamp_anchor stamp_anchor_take(void)
{
	return stamp_anchor_take_of(CLOCK_REALTIME, posix_clock_ns);
}

bool stamp_anchor_stepped(const struct stamp_anchor *a, const struct stamp_anchor *b)
{
	return max_ns(a->ahead_min_ns, b->ahead_min_ns) >
	       min_ns(a->ahead_max_ns, b->ahead_max_ns) + ROUNDING_NS;
}

bool stamp_anchor_between(const struct stamp_anchor *a, const struct stamp_anchor *b, int64_t stamp_ns,
	double rate_change_ppm, uint64_t *lo, uint64_t *hi)
{
	double step = STAMP_ROUNDING_NS + (double)min_ns(a->step_ns, b->step_ns);
	double span = (double)(int64_t)(b->clock.value - a->clock.value);
	double at = (double)(int64_t)((uint64_t)stamp_ns - a->clock.value);
	double rate_lo = (double)(int64_t)(b->clock.tsc_lo - a->clock.tsc_lo) / span; /* cycles per ns */
	double rate_hi = (double)(int64_t)(b->clock.tsc_hi - a->clock.tsc_hi) / span;
	double slack;

	if (a->step_ns == 0 || b->step_ns == 0)
		return false;
	if (span <= 0 || at < -step || at > span + step)
		return false;
	slack = step + fmax(0, fmin(at, span - at)) * rate_change_ppm * PPM;
	*lo = a->clock.tsc_lo + (uint64_t)(int64_t)floor((at - slack) * rate_lo);
	*hi = a->clock.tsc_hi + (uint64_t)(int64_t)ceil((at + slack) * rate_hi);
	return true;
}

void stamp_bracket_open(struct stamp_bracket *bracket)
{
	bracket->a = stamp_anchor_take();
	bracket->tsc_hi = UINT64_MAX;
	bracket->tsc_lo = tsc_before();
}

void stamp_bracket_close(struct stamp_bracket *bracket, uint64_t tsc_hi)
{
	bracket->tsc_hi = tsc_hi ? tsc_hi : tsc_after();
	bracket->b = stamp_anchor_take();
}

static bool stamp_map(const struct stamp_bracket *bracket, int64_t stamp_ns, uint64_t *lo, uint64_t *hi)
{
	return !stamp_anchor_stepped(&bracket->a, &bracket->b) &&
	       stamp_anchor_between(&bracket->a, &bracket->b, stamp_ns, RATE_CHANGE_PPM, lo, hi);
}

bool stamp_bracket_sent(struct stamp_bracket *bracket, int64_t realtime_ns)
{
	uint64_t lo, hi;

	if (!stamp_map(bracket, realtime_ns, &lo, &hi))
		return false;
	if ((int64_t)(lo - bracket->tsc_lo) > 0 && (int64_t)(bracket->tsc_hi - lo) > 0)
		bracket->tsc_lo = lo;
	return true;
}

bool stamp_bracket_received(struct stamp_bracket *bracket, int64_t realtime_ns)
{
	uint64_t lo, hi;

	if (!stamp_map(bracket, realtime_ns, &lo, &hi))
		return false;
	if ((int64_t)(bracket->tsc_hi - hi) > 0 && (int64_t)(hi - bracket->tsc_lo) > 0)
		bracket->tsc_hi = hi;
	return true;
}
