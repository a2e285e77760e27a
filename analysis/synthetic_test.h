/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Runs made in memory, with a known truth, for the tests of analysis/.
 */
#ifndef ANALYSIS_SYNTHETIC_TEST_H
#define ANALYSIS_SYNTHETIC_TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/sim.h"
#include "results/run.h"
#include "results/samples.h"
#include "results/units.h"

#define SYNTHETIC_HZ	2.6e9
#define SYNTHETIC_START UINT64_C(1000000000000)
#define SYNTHETIC_EPOCH UINT64_C(1000000000000) /* what the sim clock shows at 0 s */

static inline struct sim_model synthetic_model(const char *options, uint64_t seed)
{
	struct sim_model m = { .tsc_hz = SYNTHETIC_HZ, .tsc_start = SYNTHETIC_START, .seed = seed };
	struct error err = { "" };

	if (sim_model_parse(&m, options, &err))
		fail_msg("%s", err.text);
	return m;
}

/* n readings of the sim clock over span_s as points against its true TSC. */
static inline void synthetic_points(
	const struct sim_model *m, size_t n, double span_s, double *t, double *x, double *half)
{
	for (size_t i = 0; i < n; i++) {
		struct reading r = sim_reading(m, 0, span_s * ((double)i + 0.5) / (double)n);
		double lo = cycles_to_ns((double)(int64_t)(r.tsc_lo - m->tsc_start), m->tsc_hz);
		double hi = cycles_to_ns((double)(int64_t)(r.tsc_hi - m->tsc_start), m->tsc_hz);

		t[i] = ns_to_s((lo + hi) / 2);
		x[i] = (double)(int64_t)(r.value - SYNTHETIC_EPOCH) - (lo + hi) / 2;
		half[i] = (hi - lo) / 2;
	}
}

struct synthetic {
	struct run run;
	struct samples samples;
};

static inline void *synthetic_grow(void *array, size_t *count, size_t size)
{
	void *grown = reallocarray(array, *count + 1, size);

	assert_non_null(grown);
	memset((char *)grown + *count * size, 0, size);
	++*count;
	return grown;
}

static inline unsigned synthetic_clock(struct synthetic *s, const char *name, enum unit unit, double hz,
	unsigned bits, const char *oscillator)
{
	struct clock_info *c;

	s->run.clocks = synthetic_grow(s->run.clocks, &s->run.clock_count, sizeof(*s->run.clocks));
	c = &s->run.clocks[s->run.clock_count - 1];
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->oscillator, sizeof(c->oscillator), "%s", oscillator);
	c->unit = unit;
	c->hz = hz;
	c->bits = bits;
	return (unsigned)s->run.clock_count - 1;
}

static inline unsigned synthetic_ns_clock(struct synthetic *s, const char *name, const char *oscillator)
{
	return synthetic_clock(s, name, UNIT_NS, 1e9, 64, oscillator);
}

static inline uint64_t synthetic_tsc(double at_s)
{
	return SYNTHETIC_START + (uint64_t)(at_s * SYNTHETIC_HZ);
}

static inline void synthetic_phase(struct synthetic *s, const char *name, double from_s, double to_s)
{
	struct phase *p;

	s->run.phases = synthetic_grow(s->run.phases, &s->run.phase_count, sizeof(*s->run.phases));
	p = &s->run.phases[s->run.phase_count - 1];
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->tsc_lo = synthetic_tsc(from_s);
	p->tsc_hi = synthetic_tsc(to_s);
	p->steering_ppm = NAN;
}

/* Something that was done in the phase added last. */
static inline struct phase_disturbance *synthetic_disturbed(
	struct synthetic *s, const char *name, const char *asked, enum observed observed)
{
	struct phase *p = &s->run.phases[s->run.phase_count - 1];
	struct phase_disturbance *d;

	p->disturbances = synthetic_grow(p->disturbances, &p->disturbance_count, sizeof(*d));
	d = &p->disturbances[p->disturbance_count - 1];
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->asked, sizeof(d->asked), "%s", asked);
	d->observed = observed;
	return d;
}

/* An empty series; series must be added by CPU, then clock. */
static inline struct series *synthetic_series(struct synthetic *s, int cpu, unsigned clock, size_t capacity)
{
	struct series *series;

	s->samples.series =
		synthetic_grow(s->samples.series, &s->samples.series_count, sizeof(*s->samples.series));
	series = &s->samples.series[s->samples.series_count - 1];
	*series = (struct series){ .cpu = cpu, .clock = clock, .capacity = capacity };
	series->readings = calloc(capacity + 1, sizeof(*series->readings));
	assert_non_null(series->readings);
	return series;
}

/* n readings of a sim clock, from from_s on, each interval_s. */
static inline struct series *synthetic_sampled(struct synthetic *s, int cpu, unsigned clock,
	const struct sim_model *m, size_t n, double from_s, double interval_s)
{
	struct series *series = synthetic_series(s, cpu, clock, n);

	for (; series->count < n; series->count++)
		series->readings[series->count] =
			sim_reading(m, cpu, from_s + interval_s * (double)series->count);
	s->samples.rows += n;
	return series;
}

static inline void synthetic_init(struct synthetic *s)
{
	*s = (struct synthetic){ .run = { .tsc_hz = SYNTHETIC_HZ } };
}

static inline void synthetic_free(struct synthetic *s)
{
	samples_free(&s->samples);
	run_free(&s->run);
}

#endif
