/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/unwrap.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "results/units.h"

/* Trust the rate seen so far once it covers this much TSC time. */
#define RATE_SPAN_S 0.05

/* Advance of a counter of `bits` bits from one raw value to the next, nearest to the predicted one (ticks). */
static double counter_advance(uint64_t from, uint64_t to, unsigned bits, double predicted)
{
	double turn, advance;

	if (bits == 64)
		return (double)(int64_t)(to - from);
	turn = ldexp(1.0, (int)bits);
	advance = (double)((to - from) & ((UINT64_C(1) << bits) - 1));
	return advance + turn * round((predicted - advance) / turn);
}

static void timeline_fill(const struct series *series, const struct clock_info *clock, struct timeline *line)
{
	const double ticks_per_cycle = clock->hz / line->hz;
	const double ns_per_tick = clock->unit == UNIT_NS ? 1.0 : (double)NS_PER_SEC / clock->hz;
	double ticks = 0, rate = ticks_per_cycle;

	for (size_t i = 0; i < series->count; i++) {
		const struct reading *r = &series->readings[i];
		double middle, cycles;

		line->tsc_lo[i] = (double)(int64_t)(r->tsc_lo - line->tsc_origin);
		line->tsc_hi[i] = (double)(int64_t)(r->tsc_hi - line->tsc_origin);
		if (i > 0) {
			middle = (line->tsc_lo[i] + line->tsc_hi[i]) / 2;
			cycles = middle - (line->tsc_lo[i - 1] + line->tsc_hi[i - 1]) / 2;
			ticks += counter_advance(r[-1].value, r->value, clock->bits, cycles * rate);
			cycles = middle - (line->tsc_lo[0] + line->tsc_hi[0]) / 2;
			if (cycles > RATE_SPAN_S * line->hz && ticks > 0)
				rate = ticks / cycles;
		}
		line->value_ns[i] = ticks * ns_per_tick;
	}
}

int timeline_make(const struct series *series, const struct clock_info *clock, double tsc_hz,
	uint64_t tsc_origin, struct timeline *line, struct error *err)
{
	size_t n = series->count;

	*line = (struct timeline){ .count = n, .tsc_origin = tsc_origin, .hz = tsc_hz };
	line->tsc_lo = malloc((n + 1) * sizeof(double));
	line->tsc_hi = malloc((n + 1) * sizeof(double));
	line->value_ns = malloc((n + 1) * sizeof(double));
	if (!line->tsc_lo || !line->tsc_hi || !line->value_ns) {
		timeline_free(line);
		return error_set(err, -ENOMEM, "out of memory for %zu readings", n);
	}
	timeline_fill(series, clock, line);
	return 0;
}

void timeline_free(struct timeline *line)
{
	free(line->tsc_lo);
	free(line->tsc_hi);
	free(line->value_ns);
	*line = (struct timeline){ 0 };
}
