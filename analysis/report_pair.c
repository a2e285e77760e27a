/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_pair.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/line.h"
#include "results/clock_info.h"
#include "results/units.h"

#define AXIS_MARGIN 0.08 /* of the axis, at either end */
#define WIDE_FACTOR 4	 /* times the median bracket */
#define LINE_POINTS 500	 /* at most, of the line that is taken out: it costs their square */

static bool is_remote(const struct clock_info *c)
{
	return strcmp(c->oscillator, OSCILLATOR_LABEL_HOST) == 0 ||
	       strcmp(c->oscillator, OSCILLATOR_LABEL_PEER) == 0;
}

bool report_is_pair(const struct report *r)
{
	return r->reference != PAIR_TSC && is_remote(&r->run->clocks[r->reference]);
}

/* The one that programs ask for is known best, then the finest counter of each oscillator. */
static int rank(const struct clock_info *c)
{
	return strcmp(c->name, "monotonic") == 0			     ? 2
	       : strcmp(c->name, "tsc") == 0 || strcmp(c->name, "hpet") == 0 ? 1
									     : 0;
}

size_t report_pair_clocks(const struct report *r, int clocks[PAIR_CLOCKS_MAX])
{
	const struct clock_info *all = r->run->clocks;
	size_t count = 0;

	for (size_t i = 0; i < r->clock_count; i++) {
		const struct clock_info *c = &all[r->clocks[i]];
		size_t k = 0;

		if (is_remote(c) || c->cadence != CADENCE_TIGHT)
			continue;
		while (k < count && strcmp(all[clocks[k]].oscillator, c->oscillator) != 0)
			k++;
		if (k == count && count < PAIR_CLOCKS_MAX)
			clocks[count++] = r->clocks[i];
		else if (k < count && rank(c) > rank(&all[clocks[k]]))
			clocks[k] = r->clocks[i];
	}
	/* First the one that counts most. */
	for (size_t k = 1; k < count; k++) {
		if (rank(&all[clocks[k]]) > rank(&all[clocks[0]])) {
			int swapped = clocks[0];

			clocks[0] = clocks[k];
			clocks[k] = swapped;
		}
	}
	return count;
}

static const char *boot_of(const json_t *facts)
{
	const char *id = json_string_value(json_object_get(facts, "boot_id"));

	return id ? id : "";
}

static bool under_hypervisor(const json_t *facts)
{
	return json_is_true(json_object_get(json_object_get(facts, "hypervisor"), "present"));
}

struct pair_roles report_pair_roles(const struct report *r)
{
	static const struct pair_roles guest = { "guest", "host", "the guest", "the host",
		"Guest against its host" },
				       host = { "host", "guest", "the host", "the guest",
					       "Host against its guest" },
				       peers = { "this machine", "peer", "this machine", "the peer",
					       "This machine against its peer" };
	const json_t *ours = r->run->environment_before, *theirs = r->run->peer_environment;
	bool shared = r->reference != PAIR_TSC &&
		      strcmp(r->run->clocks[r->reference].oscillator, OSCILLATOR_LABEL_HOST) == 0;

	if (r->run->lab)
		return guest;
	if (!shared || (boot_of(ours)[0] && strcmp(boot_of(ours), boot_of(theirs)) == 0))
		return peers;
	/* Nested guests have a hypervisor on both sides: then nobody can tell from here. */
	if (under_hypervisor(ours) && !(theirs && under_hypervisor(theirs)))
		return guest;
	return theirs && under_hypervisor(theirs) && !under_hypervisor(ours) ? host : peers;
}

static int by_time(const void *a, const void *b)
{
	const struct step *x = *(const struct step *const *)a, *y = *(const struct step *const *)b;

	return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

static int gather_steps(const struct report *r, struct pair_curve *c)
{
	const struct estimates *e = r->estimates;

	c->steps = malloc((e->step_count + 1) * sizeof(const struct step *));
	if (!c->steps)
		return -ENOMEM;
	for (size_t i = 0; i < e->step_count; i++) {
		const struct step *s = &e->steps[i];

		if (s->cpu != c->cpu || strcmp(s->clock, c->clock) != 0)
			continue;
		c->steps[c->step_count++] = s;
		c->stepped_ns += s->step_ns;
	}
	qsort(c->steps, c->step_count, sizeof(*c->steps), by_time);
	return 0;
}

/* Of each stretch the narrowest bracket: it says most of where the offset is. */
static void add_points(struct pair_curve *c, const struct pair *pair, double bin_s)
{
	size_t last_bin = SIZE_MAX, first = c->count;

	for (size_t i = 0; i < pair->count; i++) {
		size_t bin = pair->t_s[i] > 0 ? (size_t)(pair->t_s[i] / bin_s) : 0;
		struct pair_point p = {
			.t_s = pair->t_s[i], .offset_ns = pair->offset_ns[i], .half_ns = pair->half_ns[i]
		};

		if (!(p.half_ns >= 0) || !isfinite(p.offset_ns))
			continue;
		p.gap = c->count == first;
		if (bin != last_bin) {
			c->points[c->count++] = p;
			last_bin = bin;
		} else if (p.half_ns < c->points[c->count - 1].half_ns) {
			p.gap = c->points[c->count - 1].gap;
			c->points[c->count - 1] = p;
		}
	}
}

static int gather_points(
	const struct report *r, int clock, size_t bins, struct pair_curve *c, struct error *err)
{
	for (size_t i = 0; i < r->run->phase_count; i++) {
		enum pair_absence absence;
		struct pair_point *grown;
		struct pair pair;
		int rc = pair_make(r->source, c->cpu, clock, r->reference, i, &pair, &absence, err);

		if (rc)
			return rc;
		grown = reallocarray(c->points, c->count + pair.count + 1, sizeof(*grown));
		if (grown) {
			c->points = grown;
			add_points(c, &pair, r->length_s / (double)bins);
		}
		pair_free(&pair);
		if (!grown)
			return error_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static struct axis with_margin(double *low, double *high, size_t n, bool whole)
{
	struct axis seen = axis_bulk(low, high, n); /* sorts them */
	double margin;

	if (whole)
		seen = (struct axis){ low[0], high[n - 1] };
	margin = AXIS_MARGIN * (seen.high - seen.low);
	if (!(margin > 0))
		margin = 1;
	return (struct axis){ seen.low - margin, seen.high + margin };
}

/* Both axes, of the points with narrow brackets.  At least half of them are. */
static void measure_axes(struct pair_curve *c, double *low, double *high)
{
	size_t used = 0;

	for (size_t i = 0; i < c->count; i++)
		low[i] = c->points[i].half_ns;
	c->half_ns = gsl_stats_median(low, 1, c->count);
	for (size_t i = 0; i < c->count; i++) {
		struct pair_point *p = &c->points[i];

		p->wide = p->half_ns > WIDE_FACTOR * c->half_ns;
		c->wide += p->wide;
		if (p->wide)
			continue;
		low[used] = p->flat_ns - p->half_ns;
		high[used++] = p->flat_ns + p->half_ns;
	}
	c->flat = with_margin(low, high, used, false);
	used = 0;
	for (size_t i = 0; i < c->count; i++) {
		if (c->points[i].wide)
			continue;
		low[used] = c->points[i].offset_ns - c->points[i].half_ns;
		high[used++] = c->points[i].offset_ns + c->points[i].half_ns;
	}
	c->offset = with_margin(low, high, used, true);
}

/* Takes the steps and one line out of the points.  t, x, high: room for all points. */
static void flatten(struct pair_curve *c, double *t, double *x, double *high)
{
	double stepped = 0, zero = c->points[0].offset_ns;
	struct line line;
	size_t step = 0, used = 0, stride = c->count / LINE_POINTS + 1;

	for (size_t i = 0; i < c->count; i++) {
		struct pair_point *p = &c->points[i];

		while (step < c->step_count && c->steps[step]->at_s < p->t_s)
			stepped += c->steps[step++]->step_ns;
		p->offset_ns -= zero;
		p->flat_ns = p->offset_ns - stepped;
	}
	for (size_t i = 0; i < c->count; i += stride, used++) {
		t[used] = c->points[i].t_s;
		x[used] = c->points[i].flat_ns;
	}
	if (line_theil_sen(t, x, used, &line)) {
		c->mean_ppm = line.slope / (double)NS_PER_SEC / PPM;
		for (size_t i = 0; i < c->count; i++)
			c->points[i].flat_ns -= line_at(&line, c->points[i].t_s);
	}
	measure_axes(c, x, high);
}

/* The first CPU on which the clock was compared at all. */
static bool choose_cpu(const struct report *r, const char *clock, int *cpu)
{
	for (size_t i = 0; i < r->cpu_count; i++) {
		for (size_t k = 0; k < r->run->phase_count; k++) {
			const struct drift *d = report_drift(r, clock, r->cpus[i], r->run->phases[k].name);

			*cpu = r->cpus[i];
			if (d && isfinite(d->drift_ppm))
				return true;
		}
	}
	return false;
}

int pair_curve_make(const struct report *r, int clock, size_t bins, struct pair_curve *c, struct error *err)
{
	double *room = NULL;
	int rc;

	*c = (struct pair_curve){ .clock = r->run->clocks[clock].name, .mean_ppm = NAN };
	if (!(r->length_s > 0) || !choose_cpu(r, c->clock, &c->cpu))
		return 0;
	rc = gather_steps(r, c);
	if (rc)
		error_set(err, rc, "out of memory");
	else
		rc = gather_points(r, clock, bins, c, err);
	if (!rc && c->count) {
		room = malloc(3 * c->count * sizeof(*room));
		if (room)
			flatten(c, room, room + c->count, room + 2 * c->count);
		else
			rc = error_set(err, -ENOMEM, "out of memory");
	}
	free(room);
	if (rc)
		pair_curve_free(c);
	return rc;
}

void pair_curve_free(struct pair_curve *c)
{
	free(c->points);
	free(c->steps);
	*c = (struct pair_curve){ 0 };
}
