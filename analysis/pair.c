/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/pair.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "analysis/unwrap.h"
#include "results/units.h"

/* A clock's rate against the nominal TSC is the median of its rates over this many stretches. */
#define RATE_STRETCHES 101
/* Readings with a senseless bracket, one after the other, that the search steps over. */
#define SEEK_AHEAD 4

struct track {
	struct timeline line;
	double rate; /* clock's ns per nominal TSC ns */
	bool made;
};

struct pair_source {
	const struct run *run;
	const struct samples *samples;
	uint64_t tsc_origin;  /* smallest tsc_lo of the first readings */
	struct track *tracks; /* one a series */
};

struct pair_source *pair_source_new(const struct run *run, const struct samples *samples, struct error *err)
{
	struct pair_source *source = calloc(1, sizeof(*source));

	if (source)
		source->tracks = calloc(samples->series_count + 1, sizeof(*source->tracks));
	if (!source || !source->tracks) {
		free(source);
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	source->run = run;
	source->samples = samples;
	source->tsc_origin = UINT64_MAX;
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];

		if (s->count && s->readings[0].tsc_lo < source->tsc_origin)
			source->tsc_origin = s->readings[0].tsc_lo;
	}
	return source;
}

void pair_source_free(struct pair_source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->samples->series_count; i++)
		timeline_free(&source->tracks[i].line);
	free(source->tracks);
	free(source);
}

double pair_source_seconds(const struct pair_source *source, uint64_t tsc)
{
	return (double)(int64_t)(tsc - source->tsc_origin) / source->run->tsc_hz;
}

static double middle(const struct timeline *line, size_t i)
{
	return (line->tsc_lo[i] + line->tsc_hi[i]) / 2;
}

/* The median bears a step or a spell of another rate. */
static double track_rate(const struct timeline *line)
{
	double rates[RATE_STRETCHES];
	size_t found = 0, stride = line->count / RATE_STRETCHES;

	if (stride == 0)
		stride = 1;
	for (size_t i = 0; i + stride < line->count && found < RATE_STRETCHES; i += stride) {
		double ns = cycles_to_ns(middle(line, i + stride) - middle(line, i), line->hz);

		if (ns > 0)
			rates[found++] = (line->value_ns[i + stride] - line->value_ns[i]) / ns;
	}
	return found ? gsl_stats_median(rates, 1, found) : 1.0;
}

static int track_get(
	struct pair_source *source, const struct series *series, struct track **track, struct error *err)
{
	struct track *t = &source->tracks[series - source->samples->series];
	int rc;

	*track = t;
	if (t->made)
		return 0;
	rc = timeline_make(series, &source->run->clocks[series->clock], source->run->tsc_hz,
		source->tsc_origin, &t->line, err);
	if (rc)
		return rc;
	t->rate = track_rate(&t->line);
	if (!(t->rate > 0))
		t->rate = 1.0;
	t->made = true;
	return 0;
}

/* A slow clock has no reference on its own CPU when no probe ran there: any CPU's will do then. */
const struct series *pair_reference_series(const struct samples *samples, int cpu, int reference)
{
	const struct series *series = samples_find(samples, cpu, (unsigned)reference);

	for (size_t i = 0; !series && i < samples->series_count; i++)
		if (samples->series[i].clock == (unsigned)reference)
			series = &samples->series[i];
	return series;
}

/* Beyond so many of its mean spacings a clock's rate is not trusted to carry a reading. */
#define REACH_SPACINGS 10

static double mean_spacing(const struct timeline *line)
{
	double low = INFINITY, high = -INFINITY;

	for (size_t i = 0; i < line->count; i++) {
		low = fmin(low, middle(line, i));
		high = fmax(high, middle(line, i));
	}
	return line->count > 1 ? (high - low) / (double)(line->count - 1) : INFINITY;
}

struct matcher {
	const struct track *target, *reference; /* reference NULL: the pivot */
	bool at_target; /* points stand at the target's readings, else at the reference's */
	size_t other;	/* nearest reading of the other clock */
	double reach;	/* cycles: a reading of the other clock further away says nothing here */
	double ns_per_cycle, base_ns;
};

/*
 * Moves m->other to the reading nearest to the instant; time lines run forward, but
 * for brackets that make no sense, and a few of these must not hold the search up.
 */
static void matcher_seek(struct matcher *m, const struct timeline *other, double instant)
{
	double best = fabs(middle(other, m->other) - instant);

	for (size_t i = m->other + 1; i < other->count && i <= m->other + SEEK_AHEAD; i++) {
		double distance = fabs(middle(other, i) - instant);

		if (distance > best)
			continue;
		m->other = i;
		best = distance;
	}
}

/* The point at reading i of the sparser clock. */
static void matcher_point(
	struct matcher *m, size_t i, double *t_s, double *offset_ns, double *half_ns, double *apart_s)
{
	const struct timeline *own = m->at_target ? &m->target->line : &m->reference->line;
	double instant = middle(own, i), carried, value;
	double width = own->tsc_hi[i] - own->tsc_lo[i];

	*apart_s = 0;
	if (!m->reference) {
		*offset_ns = own->value_ns[i] - instant * m->ns_per_cycle;
		*t_s = ns_to_s(instant * m->ns_per_cycle);
	} else {
		const struct track *other = m->at_target ? m->reference : m->target;
		double other_width;

		matcher_seek(m, &other->line, instant);
		carried = (instant - middle(&other->line, m->other)) * m->ns_per_cycle * other->rate;
		value = other->line.value_ns[m->other] + carried;
		*offset_ns = m->at_target ? own->value_ns[i] - value : value - own->value_ns[i];
		*t_s = ns_to_s(instant * m->ns_per_cycle * m->reference->rate);
		*apart_s = ns_to_s(
			(middle(&other->line, m->other) - instant) * m->ns_per_cycle * m->reference->rate);
		other_width = other->line.tsc_hi[m->other] - other->line.tsc_lo[m->other];
		/* An inverted bracket stays visible, it must not be made good by the other's width. */
		width = width < 0 || other_width < 0 ? fmin(width, other_width) : width + other_width;
		if (fabs(instant - middle(&other->line, m->other)) > m->reach)
			width = -1;
	}
	*offset_ns -= m->base_ns;
	*half_ns = width * m->ns_per_cycle / 2;
}

static int pair_alloc(struct pair *pair, size_t capacity, struct error *err)
{
	pair->t_s = malloc((capacity + 1) * sizeof(double));
	pair->offset_ns = malloc((capacity + 1) * sizeof(double));
	pair->half_ns = malloc((capacity + 1) * sizeof(double));
	pair->apart_s = malloc((capacity + 1) * sizeof(double));
	if (pair->t_s && pair->offset_ns && pair->half_ns && pair->apart_s)
		return 0;
	pair_free(pair);
	return error_set(err, -ENOMEM, "out of memory for %zu points", capacity);
}

void pair_free(struct pair *pair)
{
	free(pair->t_s);
	free(pair->offset_ns);
	free(pair->half_ns);
	free(pair->apart_s);
	*pair = (struct pair){ 0 };
}

static bool in_phase(const struct phase *phase, const struct reading *r)
{
	return r->tsc_lo >= phase->tsc_lo && r->tsc_lo < phase->tsc_hi;
}

static size_t count_in_phase(const struct phase *phase, const struct series *series)
{
	size_t count = 0;

	for (size_t i = 0; i < series->count; i++)
		count += in_phase(phase, &series->readings[i]);
	return count;
}

/* phase NULL: the whole run. */
static void count_backward(const struct series *series, const struct timeline *line,
	const struct phase *phase, uint64_t *count, double *largest_ns)
{
	*count = 0;
	*largest_ns = 0;
	for (size_t i = 1; i < series->count; i++) {
		double back = line->value_ns[i - 1] - line->value_ns[i];

		if (back > 0 && (!phase || in_phase(phase, &series->readings[i]))) {
			(*count)++;
			*largest_ns = fmax(*largest_ns, back);
		}
	}
}

int pair_source_backward(
	struct pair_source *source, size_t series, uint64_t *count, double *largest_ns, struct error *err)
{
	const struct series *s = &source->samples->series[series];
	struct track *track;
	int rc = track_get(source, s, &track, err);

	if (!rc)
		count_backward(s, &track->line, NULL, count, largest_ns);
	return rc;
}

static int pair_fill(struct pair *pair, const struct phase *phase, const struct series *own,
	struct matcher *m, struct error *err)
{
	double t_s, base_ns, half_ns, apart_s;
	int rc = pair_alloc(pair, count_in_phase(phase, own), err);

	if (rc)
		return rc;
	matcher_point(m, 0, &t_s, &base_ns, &half_ns, &apart_s);
	m->base_ns = base_ns;
	for (size_t i = 0; i < own->count; i++) {
		if (!in_phase(phase, &own->readings[i]))
			continue;
		matcher_point(m, i, &pair->t_s[pair->count], &pair->offset_ns[pair->count],
			&pair->half_ns[pair->count], &pair->apart_s[pair->count]);
		pair->count++;
	}
	return 0;
}

static int make_pair(struct pair_source *source, bool at_target, int cpu, int clock, int reference,
	size_t phase, struct pair *pair, enum pair_absence *absence, struct error *err)
{
	const struct phase *span = &source->run->phases[phase];
	const struct series *target, *other = NULL;
	struct track *target_track, *other_track = NULL;
	struct matcher m = { .at_target = true };
	int rc;

	*pair = (struct pair){ .cpu = cpu, .clock = clock, .reference = reference, .phase = phase };
	*absence = PAIR_NO_TARGET;
	target = samples_find(source->samples, cpu, (unsigned)clock);
	if (!target || !target->count || !count_in_phase(span, target))
		return 0;
	rc = track_get(source, target, &target_track, err);
	if (rc)
		return rc;
	count_backward(target, &target_track->line, span, &pair->backward, &pair->max_backward_ns);
	*absence = PAIR_NO_REFERENCE;
	if (reference != PAIR_TSC) {
		other = pair_reference_series(source->samples, cpu, reference);
		if (!other || !other->count || !count_in_phase(span, other))
			return 0;
		rc = track_get(source, other, &other_track, err);
		if (rc)
			return rc;
		m.at_target = at_target || target->count <= other->count;
	}
	*absence = PAIR_PRESENT;
	m.target = target_track;
	m.reference = other_track;
	pair->time_rate = other_track ? other_track->rate : 1;
	m.ns_per_cycle = (double)NS_PER_SEC / source->run->tsc_hz;
	m.reach =
		other ? REACH_SPACINGS * mean_spacing(m.at_target ? &other_track->line : &target_track->line)
		      : 0;
	return pair_fill(pair, span, m.at_target ? target : other, &m, err);
}

int pair_make(struct pair_source *source, int cpu, int clock, int reference, size_t phase, struct pair *pair,
	enum pair_absence *absence, struct error *err)
{
	return make_pair(source, false, cpu, clock, reference, phase, pair, absence, err);
}

int pair_make_at_target(struct pair_source *source, int cpu, int clock, int reference, size_t phase,
	struct pair *pair, enum pair_absence *absence, struct error *err)
{
	return make_pair(source, true, cpu, clock, reference, phase, pair, absence, err);
}
