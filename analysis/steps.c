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
#include "analysis/median.h"

#define WINDOW	      16  /* points of each line in the search */
#define SPAN_MAX      256 /* points of each line for the estimate */
#define SCORE_LIMIT   8.0 /* misses above this many standard errors count: 1e-15 a point for normal noise */
#define SCALE_FACTOR  8	  /* points averaged from one scale to the next */
#define WHITENING     2.0 /* noise at a scale may exceed what averaging promises by this factor */
#define MAD_TO_SIGMA  1.4826
#define STRETCHES     101
#define CROOKED	      8.0 /* the floor is half of the noise: residuals may exceed the noise by 4 */
#define BENT_VARIANCE 5.0

struct track {
	double *t, *x;
	size_t n;
};

/*
 * Standard deviation of a point, from the second differences at that lag (variance 6
 * for white noise of 1): neither a slope, nor a step, nor a bend moves their median much.
 */
static int noise_at(const struct track *k, size_t lag, double *sigma)
{
	size_t stride = median_stride(k->n), m = 0;
	double *d = malloc((k->n / stride + 1) * sizeof(*d));

	if (!d)
		return -ENOMEM;
	for (size_t i = 0; i + 2 * lag < k->n; i += stride)
		d[m++] = fabs(k->x[i + 2 * lag] - 2 * k->x[i + lag] + k->x[i]);
	*sigma = MAD_TO_SIGMA * gsl_stats_median(d, 1, m) / sqrt(6);
	free(d);
	return 0;
}

/* Noise that wanders is small between neighbours: what it grows to within a window counts. */
static int noise_of(const struct track *k, double floor_ns, double *sigma)
{
	size_t lag = k->n / 8 < WINDOW / 2 ? k->n / 8 : WINDOW / 2;
	double near, far;
	int rc = noise_at(k, 1, &near);

	if (!rc)
		rc = noise_at(k, lag, &far);
	if (!rc)
		*sigma = fmax(fmax(near, far), floor_ns);
	return rc;
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

/* Lines on both sides of point i inside [from, to).  The point itself is left out: the change may lie inside its mean. */
static bool sides(const struct track *k, size_t from, size_t i, size_t to, struct line *a, struct line *b)
{
	return line_fit(k->t + from, k->x + from, NULL, i - from, 0, a) &&
	       line_fit(k->t + i + 1, k->x + i + 1, NULL, to - i - 1, 0, b);
}

static double squares_about(const struct line *line)
{
	return line->residual * line->residual * (double)(line->n - 2);
}

/* Variance of a line's value at t, for points of variance 1. */
static double variance_at(const struct line *line, double t)
{
	return 1.0 / (double)line->n + (t - line->t_mean) * (t - line->t_mean) / line->sxx;
}

/* How far b lies above a at t, in standard errors; a side that is not straight knows less. */
static double miss_score(const struct line *a, const struct line *b, double t, double sigma)
{
	double va = fmax(sigma, a->residual), vb = fmax(sigma, b->residual);

	va *= va * variance_at(a, t);
	vb *= vb * variance_at(b, t);
	return (line_at(b, t) - line_at(a, t)) / sqrt(va + vb);
}

/*
 * Places the change where two lines fit best, and tells whether it is a step: the
 * lines miss each other on both ends of the gap, the same way.  Where a clock only
 * changes its rate they cross inside the gap.
 */
static bool step_place(const struct track *k, size_t *at, double sigma)
{
	size_t from = *at - WINDOW, to = *at + WINDOW, best = *at;
	double least = INFINITY, before, after;
	struct line a, b;

	for (size_t i = from + 4; i + 4 < to; i++) {
		if (!sides(k, from, i, to, &a, &b) || squares_about(&a) + squares_about(&b) >= least)
			continue;
		least = squares_about(&a) + squares_about(&b);
		best = i;
	}
	from = best < WINDOW ? 0 : best - WINDOW;
	to = best + 1 + WINDOW < k->n ? best + 1 + WINDOW : k->n;
	if (!sides(k, from, best, to, &a, &b))
		return false;
	before = miss_score(&a, &b, k->t[best - 1], sigma);
	after = miss_score(&a, &b, k->t[best + 1], sigma);
	/* The point left out belongs to the nearer line. */
	*at = fabs(k->x[best] - line_at(&a, k->t[best])) < fabs(k->x[best] - line_at(&b, k->t[best]))
		      ? best + 1
		      : best;
	return fmin(before, after) > SCORE_LIMIT || fmax(before, after) < -SCORE_LIMIT;
}

struct found {
	struct step_found *out;
	size_t count;
	double least_ns; /* smaller ones are no steps of a clock */
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

/*
 * The points bend about the line, as while a daemon slews the clock: what it misses does not average out, and at its
 * ends it misses a parabola by the square root of 5 of its residuals.
 */
static bool crooked(const struct line *line, double floor_ns)
{
	return line->residual > CROOKED * floor_ns;
}

/* The line through n points, or through the WINDOW of them that are next to the step where it bends. */
static bool side(const double *t, const double *x, size_t n, bool before, double floor_ns, struct line *line)
{
	size_t skip = before && n > WINDOW ? n - WINDOW : 0;

	if (!line_fit(t, x, NULL, n, floor_ns, line))
		return false;
	return n <= WINDOW || !crooked(line, floor_ns) ||
	       line_fit(t + skip, x + skip, NULL, WINDOW, floor_ns, line);
}

/* Size and error of the step before point i: lines over up to SPAN_MAX points of [from, to) on each side. */
static bool step_measure(
	const struct track *k, size_t from, size_t i, size_t to, double floor_ns, struct step_found *s)
{
	size_t left = i - from < SPAN_MAX ? i - from : SPAN_MAX,
	       right = to - i < SPAN_MAX ? to - i : SPAN_MAX;
	struct line a, b;
	double at = (k->t[i - 1] + k->t[i]) / 2, va, vb;

	if (!side(k->t + i - left, k->x + i - left, left, true, floor_ns, &a) ||
		!side(k->t + i, k->x + i, right, false, floor_ns, &b))
		return false;
	va = a.residual * a.residual * (crooked(&a, floor_ns) ? BENT_VARIANCE : variance_at(&a, at));
	vb = b.residual * b.residual * (crooked(&b, floor_ns) ? BENT_VARIANCE : variance_at(&b, at));
	*s = (struct step_found){ at, k->t[i - 1], k->t[i], line_at(&b, at) - line_at(&a, at),
		hypot(sqrt(va + vb), line_bend_se(&a, &b, k->t[i] - k->t[i - 1])) };
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

/* So that a coarser scale sees what the finer ones did not. */
static void take_out(struct track *k, const size_t *places, const double *sizes, size_t count)
{
	double sum = 0;

	for (size_t i = 0, next = 0; count && i < k->n; i++) {
		while (next < count && places[next] == i)
			sum += sizes[next++];
		k->x[i] -= sum;
	}
}

static int search_scale(struct track *k, double sigma, struct found *f)
{
	size_t *places = malloc((STEPS_MAX + 1) * sizeof(*places)), count, kept = 0, before = f->count;
	double *sizes = malloc((STEPS_MAX + 1) * sizeof(*sizes));

	if (!places || !sizes) {
		free(places);
		free(sizes);
		return -ENOMEM;
	}
	count = scan(k, sigma, places, STEPS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t at = places[i];

		/* A coarser scale may see what is left of the steps of the finer ones. */
		if (before && known(f, k->t[at > WINDOW ? at - WINDOW - 1 : 0], k->t[at + WINDOW - 1]))
			continue;
		if (step_place(k, &at, sigma) && (!kept || at > places[kept - 1] + 2))
			places[kept++] = at;
	}
	for (size_t i = 0; i < kept; i++) {
		size_t end = i + 1 < kept ? places[i + 1] : k->n;
		struct step_found s = { 0 };

		if (step_measure(k, i ? places[i - 1] : 0, places[i], end, sigma / 2, &s) &&
			fabs(s.step_ns) > fmax(SCORE_LIMIT / 2 * s.se_ns, f->least_ns))
			found_add(f, &s);
		sizes[i] = s.step_ns;
	}
	take_out(k, places, sizes, kept);
	free(places);
	free(sizes);
	return 0;
}

static void coarsen(struct track *k)
{
	size_t m = k->n / SCALE_FACTOR;

	for (size_t i = 0; i < m; i++) {
		double t = 0, x = 0;

		for (size_t j = i * SCALE_FACTOR; j < (i + 1) * SCALE_FACTOR; j++) {
			t += k->t[j];
			x += k->x[j];
		}
		k->t[i] = t / SCALE_FACTOR;
		k->x[i] = x / SCALE_FACTOR;
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
static int usable_points(const struct step_input *in, struct track *k, double *median_half)
{
	double widest;

	if (median_width(in->half_ns, in->count, &widest))
		return -ENOMEM;
	*median_half = widest / 2;
	widest += in->slack_ns;
	for (size_t i = 0; i < in->count; i++) {
		if (in->half_ns[i] < 0 || 2 * in->half_ns[i] > widest)
			continue;
		k->t[k->n] = in->t_s[i];
		k->x[k->n++] = in->offset_ns[i];
	}
	return 0;
}

/*
 * Takes out the slope, the median of those of some stretches: the search supposes even
 * spacing, and a drift over uneven spacing looks like noise.
 */
static void flatten(struct track *k)
{
	size_t stride = k->n / STRETCHES + 1, m = 0;
	double slopes[STRETCHES], slope;

	for (size_t i = 0; i + stride < k->n; i += stride)
		if (k->t[i + stride] > k->t[i])
			slopes[m++] = (k->x[i + stride] - k->x[i]) / (k->t[i + stride] - k->t[i]);
	slope = m ? gsl_stats_median(slopes, 1, m) : 0;
	for (size_t i = k->n; i-- > 0;)
		k->x[i] -= slope * (k->t[i] - k->t[0]);
}

int steps_find(const struct step_input *in, struct step_found *out, size_t *count, struct error *err)
{
	struct track k = { .t = malloc((in->count + 1) * sizeof(double)),
		.x = malloc((in->count + 1) * sizeof(double)) };
	struct found f = { .out = out };
	int rc = -ENOMEM;

	if (k.t && k.x)
		rc = usable_points(in, &k, &f.least_ns);
	flatten(&k);
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
