/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/steps.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/line.h"

#define WINDOW	     16	 /* points of each line in the search */
#define SPAN_MAX     256 /* points of each line for the estimate */
#define SCORE_LIMIT  8.0 /* misses above this many standard errors count: 1e-15 a point for normal noise */
#define SCALE_FACTOR 8	 /* points averaged from one scale to the next */
#define WHITENING    2.0 /* noise at a scale may exceed what averaging promises by this factor */
#define MAD_TO_SIGMA 1.4826

struct track {
	double *t, *x;
	size_t n;
};

/* Standard deviation of a point, from the differences of neighbours: a step or a slope hardly moves it. */
static int noise_of(const struct track *track, double floor_ns, double *sigma)
{
	double *d = malloc(track->n * sizeof(*d)), middle;
	size_t m = track->n - 1;

	if (!d)
		return -ENOMEM;
	for (size_t i = 0; i < m; i++)
		d[i] = track->x[i + 1] - track->x[i];
	middle = gsl_stats_median(d, 1, m);
	for (size_t i = 0; i < m; i++)
		d[i] = fabs(track->x[i + 1] - track->x[i] - middle);
	*sigma = fmax(MAD_TO_SIGMA * gsl_stats_median(d, 1, m) / M_SQRT2, floor_ns);
	free(d);
	return 0;
}

/* Weights that carry a line through WINDOW even points half a point beyond its end. */
static double carry_weights(double *w)
{
	double spread = WINDOW * (WINDOW * WINDOW - 1.0) / 12, sum = 0;

	for (int j = 0; j < WINDOW; j++) {
		w[j] = 1.0 / WINDOW + (j - (WINDOW - 1) / 2.0) * (WINDOW / 2.0) / spread;
		sum += w[j] * w[j];
	}
	return sum;
}

/* How far the lines on both sides of the gap before point i miss each other, on even spacing. */
static double miss_at(const double *x, size_t i, const double *w)
{
	double miss = 0;

	for (size_t j = 0; j < WINDOW; j++)
		miss += w[j] * (x[i + WINDOW - 1 - j] - x[i - WINDOW + j]);
	return miss;
}

/* Sum of squares about two lines that meet nowhere (a step before point i) inside [from, to). */
static double step_squares(const struct track *k, size_t from, size_t i, size_t to)
{
	struct line a, b;

	if (!line_fit(k->t + from, k->x + from, NULL, i - from, 0, &a) ||
		!line_fit(k->t + i, k->x + i, NULL, to - i, 0, &b))
		return INFINITY;
	return a.residual * a.residual * (double)(a.n - 2) + b.residual * b.residual * (double)(b.n - 2);
}

/*
 * Sum of squares about one line that bends at point `bend` inside [from, to): least
 * squares of x on (1, t, max(0, t - t[bend])), by taking out the straight line from both.
 */
static double bend_squares(const struct track *k, size_t from, size_t bend, size_t to)
{
	double hinge[4 * WINDOW], cross = 0, square = 0, left = 0;
	size_t n = to - from;
	struct line xl, hl;

	for (size_t i = 0; i < n; i++)
		hinge[i] = fmax(0, k->t[from + i] - k->t[bend]);
	if (!line_fit(k->t + from, k->x + from, NULL, n, 0, &xl) ||
		!line_fit(k->t + from, hinge, NULL, n, 0, &hl))
		return INFINITY;
	for (size_t i = 0; i < n; i++) {
		double xr = k->x[from + i] - line_at(&xl, k->t[from + i]);
		double hr = hinge[i] - line_at(&hl, k->t[from + i]);

		cross += xr * hr;
		square += hr * hr;
		left += xr * xr;
	}
	return square > 0 ? left - cross * cross / square : left;
}

/* Places the step where the broken line fits best, and tells whether a bent one fits as well. */
static bool step_place(const struct track *k, size_t *at, double sigma)
{
	size_t from = *at - WINDOW, to = *at + WINDOW, best = *at;
	double broken = INFINITY, bent = INFINITY;

	for (size_t i = from + 4; i + 4 <= to; i++) {
		double squares = step_squares(k, from, i, to);

		if (squares < broken) {
			broken = squares;
			best = i;
		}
		bent = fmin(bent, bend_squares(k, from, i, to));
	}
	*at = best;
	/* A true step leaves the bent line worse by far more than the noise of one more coefficient. */
	return bent - broken > SCORE_LIMIT * SCORE_LIMIT / 4 * fmax(sigma * sigma, broken / (2 * WINDOW - 4));
}

struct found {
	struct step_found *out;
	size_t count;
};

static void found_add(struct found *f, const struct step_found *s)
{
	size_t least = 0;

	if (f->count < STEPS_MAX) {
		f->out[f->count++] = *s;
		return;
	}
	for (size_t i = 1; i < f->count; i++)
		if (fabs(f->out[i].step_ns) < fabs(f->out[least].step_ns))
			least = i;
	if (fabs(s->step_ns) > fabs(f->out[least].step_ns))
		f->out[least] = *s;
}

/* Size and error of the step before point i: lines over up to SPAN_MAX points of [from, to) on each side. */
static bool step_measure(
	const struct track *k, size_t from, size_t i, size_t to, double floor_ns, struct step_found *s)
{
	size_t left = i - from < SPAN_MAX ? i - from : SPAN_MAX,
	       right = to - i < SPAN_MAX ? to - i : SPAN_MAX;
	struct line a, b;
	double at = (k->t[i - 1] + k->t[i]) / 2, va, vb;

	if (!line_fit(k->t + i - left, k->x + i - left, NULL, left, floor_ns, &a) ||
		!line_fit(k->t + i, k->x + i, NULL, right, floor_ns, &b))
		return false;
	va = a.residual * a.residual * (1.0 / (double)a.n + (at - a.t_mean) * (at - a.t_mean) / a.sxx);
	vb = b.residual * b.residual * (1.0 / (double)b.n + (at - b.t_mean) * (at - b.t_mean) / b.sxx);
	*s = (struct step_found){ at, line_at(&b, at) - line_at(&a, at), sqrt(va + vb) };
	return true;
}

/* The best place of each stretch of high scores; returns how many. */
static size_t scan(const struct track *k, double sigma, size_t *places, size_t max)
{
	double w[WINDOW], limit, best = 0;
	size_t count = 0, held = 0;

	limit = SCORE_LIMIT * sigma * sqrt(2 * carry_weights(w));
	for (size_t i = WINDOW; i + WINDOW <= k->n; i++) {
		double miss = fabs(miss_at(k->x, i, w));

		if (held && i - held >= WINDOW) {
			places[count++] = held;
			held = 0;
			best = 0;
			if (count == max)
				return count;
		}
		if (miss > limit && miss > best) {
			best = miss;
			held = i;
		}
	}
	if (held)
		places[count++] = held;
	return count;
}

static bool known(const struct found *f, double from_s, double to_s)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->out[i].at_s >= from_s && f->out[i].at_s <= to_s)
			return true;
	return false;
}

static int search_scale(const struct track *k, double sigma, struct found *f)
{
	size_t *places = malloc((STEPS_MAX + 1) * sizeof(*places)), count, kept = 0, before = f->count;

	if (!places)
		return -ENOMEM;
	count = scan(k, sigma, places, STEPS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t at = places[i];

		/* A coarser scale sees the steps of the finer ones again. */
		if (before && known(f, k->t[at - WINDOW], k->t[at + WINDOW - 1]))
			continue;
		if (step_place(k, &at, sigma))
			places[kept++] = at;
	}
	for (size_t i = 0; i < kept; i++) {
		struct step_found s;

		if (step_measure(k, i ? places[i - 1] : 0, places[i], i + 1 < kept ? places[i + 1] : k->n,
			    sigma / 2, &s) &&
			fabs(s.step_ns) > SCORE_LIMIT / 2 * s.se_ns)
			found_add(f, &s);
	}
	free(places);
	return 0;
}

static void coarsen(struct track *k)
{
	size_t m = k->n / SCALE_FACTOR;

	for (size_t i = 0; i < m; i++) {
		k->t[i] = gsl_stats_mean(k->t + i * SCALE_FACTOR, 1, SCALE_FACTOR);
		k->x[i] = gsl_stats_mean(k->x + i * SCALE_FACTOR, 1, SCALE_FACTOR);
	}
	k->n = m;
}

static int search(struct track *k, double floor_ns, struct found *f)
{
	double finest = 0, sigma, averaging = 1;

	for (; k->n >= 2 * WINDOW; coarsen(k), averaging /= sqrt(SCALE_FACTOR)) {
		int rc = noise_of(k, floor_ns * averaging, &sigma);

		if (rc)
			return rc;
		if (finest == 0)
			finest = sigma;
		else if (sigma > WHITENING * finest * averaging)
			break; /* the clocks wander: what looks like a step here may be that */
		rc = search_scale(k, sigma, f);
		if (rc)
			return rc;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct step_found *x = a, *y = b;

	return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

/* Points with brackets that are not wider than usual: delays have heavy tails, and a tail is no step. */
static int usable_points(const struct step_input *in, struct track *k)
{
	double *widths = malloc((in->count + 1) * sizeof(*widths)), widest;
	size_t m = 0;

	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < in->count; i++)
		if (in->half_ns[i] >= 0)
			widths[m++] = 2 * in->half_ns[i];
	widest = (m ? gsl_stats_median(widths, 1, m) : 0) + in->slack_ns;
	free(widths);
	for (size_t i = 0; i < in->count; i++) {
		if (in->half_ns[i] < 0 || 2 * in->half_ns[i] > widest)
			continue;
		k->t[k->n] = in->t_s[i];
		k->x[k->n++] = in->offset_ns[i];
	}
	return 0;
}

int steps_find(const struct step_input *in, struct step_found *out, size_t *count, struct error *err)
{
	struct track k = { .t = malloc((in->count + 1) * sizeof(double)),
		.x = malloc((in->count + 1) * sizeof(double)) };
	struct found f = { .out = out };
	int rc = -ENOMEM;

	if (k.t && k.x)
		rc = usable_points(in, &k);
	if (!rc)
		rc = search(&k, in->floor_ns, &f);
	free(k.t);
	free(k.x);
	if (rc)
		return error_set(err, rc, "out of memory for %zu points", in->count);
	if (f.count)
		qsort(out, f.count, sizeof(*out), by_time);
	*count = f.count;
	return 0;
}
