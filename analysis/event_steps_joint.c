/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Steps between short segments: one fit of a slope and a level for each. */
#include "analysis/event_steps_parts.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/fit.h"

#define FREEDOM_LEAST 8	  /* of the one fit */
#define OUTLIER_CUT   6.0 /* robust standard deviations */
#define MAD_TO_SIGMA  1.4826
#define ALARM_JOINT   1e-4 /* that a clock which does not step is said to, for each pair */
#define ALARM_SINGLE  0.05 /* once stepping is proven: that one row too many is given */
/*
 * The variance of a difference grows with the distance at most like its cube (random walk of
 * the frequency), and the middles of neighbours are twice as far apart as those of halves.
 */
#define WANDER_GROWTH 8.0

/* The median of slopes between points half a segment apart. */
static double robust_slope(struct event_points *w, double *t, double *x)
{
	size_t m = 0;

	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];
		size_t lag = s->n - s->n / 2;

		event_segment_points(w, s, t, x);
		for (size_t i = 0; i + lag < s->n; i++)
			if (t[i + lag] > t[i])
				w->spare[m++] = (x[i + lag] - x[i]) / (t[i + lag] - t[i]);
	}
	return m ? gsl_stats_median(w->spare, 1, m) : 0;
}

/* Points far from the median of their segment are no longer used. */
static int reject_outliers(struct event_points *w, struct event_steps *out)
{
	double *t = malloc((w->n + 1) * sizeof(*t)), *x = malloc((w->n + 1) * sizeof(*x));
	double *level = malloc((w->count + 1) * sizeof(*level)), slope, limit;
	size_t m = 0;

	out->outliers = malloc((w->n + 1) * sizeof(*out->outliers));
	if (!t || !x || !level || !out->outliers) {
		free(t);
		free(x);
		free(level);
		return -ENOMEM;
	}
	slope = robust_slope(w, t, x);
	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];

		event_segment_points(w, s, t, x);
		for (size_t i = 0; i < s->n; i++)
			t[i] = x[i] -= slope * (t[i] - s->t);
		level[k] = gsl_stats_median(t, 1, s->n);
		for (size_t i = 0; i < s->n; i++)
			w->spare[m++] = fabs(x[i] - level[k]);
	}
	limit = MAD_TO_SIGMA * gsl_stats_median(w->spare, 1, m) * sqrt((double)m / (double)(m - w->count));
	/* On a grid more than half of the distances may be 0: a whole quantum is no outlier. */
	limit = OUTLIER_CUT * fmax(limit, sqrt(12) * w->in->floor_ns);
	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];

		for (size_t i = s->first, end = event_segment_end(w, s); i < end; i++) {
			if (!w->use[i] || fabs(w->x[i] - slope * (w->t[i] - s->t) - level[k]) <= limit)
				continue;
			w->use[i] = false;
			out->outliers[out->outlier_count++] = w->index[i];
		}
	}
	free(t);
	free(x);
	free(level);
	event_cut(w);
	return 0;
}

struct joint {
	size_t n;
	double freedom;
	double sxx, slope, slope_se;
	double variance; /* of a point */
	double wander;	 /* factor on the variance of a step; 1: the noise is white */
};

static void joint_slope(const struct event_points *w, struct joint *j)
{
	double sxy = 0;

	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];

		for (size_t i = s->first, end = event_segment_end(w, s); i < end; i++) {
			if (!w->use[i])
				continue;
			j->sxx += (w->t[i] - s->t) * (w->t[i] - s->t);
			sxy += (w->t[i] - s->t) * (w->x[i] - s->x);
		}
		j->n += s->n;
	}
	j->slope = sxy / j->sxx;
	j->freedom = (double)j->n - (double)w->count - 1;
}

/* Sums over one segment: squares, moment about its middle, second half less first half. */
static void segment_sums(const struct event_points *w, const struct event_segment *s, double slope,
	double *squares, double *moment, double *halves)
{
	size_t half = s->n / 2, k = 0;

	*squares = *moment = *halves = 0;
	for (size_t i = s->first; k < s->n; i++) {
		double r;

		if (!w->use[i])
			continue;
		r = w->x[i] - s->x - slope * (w->t[i] - s->t);
		*squares += r * r;
		*moment += r * (w->t[i] - s->t);
		if (k < half)
			*halves -= r / (double)half;
		else if (k >= s->n - half)
			*halves += r / (double)half;
		k++;
	}
}

static void joint_errors(const struct event_points *w, struct joint *j)
{
	double ssr = 0, moments = 0, m = (double)w->count, differences = 0, tested = 0, excess;

	for (size_t k = 0; k < w->count; k++) {
		double squares, moment, halves;

		segment_sums(w, &w->segments[k], j->slope, &squares, &moment, &halves);
		ssr += squares;
		moments += moment * moment;
		if (w->segments[k].n < 4)
			continue;
		tested++;
		differences += halves * halves * (double)(w->segments[k].n / 2) / 2;
	}
	j->variance = fmax(ssr / j->freedom, w->in->floor_ns * w->in->floor_ns);
	/* Segments bear their own witness: with a slope of their own they scatter more than white noise does. */
	j->slope_se = fmax(sqrt(j->variance / j->sxx), sqrt(moments * m / (m - 1)) / j->sxx);
	excess = tested > 0 ? differences / tested / j->variance - 1 : 0;
	/* The variance of a step is half that of a half segment's difference. */
	j->wander = tested > 0 && excess > EVENT_GATE * sqrt(2 / tested) ? 1 + 2 * WANDER_GROWTH * excess : 1;
}

static double step_variance(
	const struct joint *j, const struct event_segment *a, const struct event_segment *b)
{
	double lever = (b->t - a->t) * j->slope_se;

	return j->variance * j->wander * (1 / (double)a->n + 1 / (double)b->n) + lever * lever;
}

/* The steps all together, neighbours sharing a segment: correlated by -1/2, which spreads the sum of squares. */
static bool scatter_is_real(const struct event_steps *out, const struct joint *j)
{
	double sum = 0, k = (double)out->count, spread = 1 + 0.5 * (k - 1) / k;

	for (size_t i = 0; i < out->count; i++)
		sum += pow(out->steps[i].found.step_ns / out->steps[i].found.se_ns, 2);
	return gsl_cdf_fdist_Q(sum / k, k / spread, j->freedom) < ALARM_JOINT / 2;
}

/* Small steps the same way add up to a rate that the inside of the segments does not have. */
static bool sum_is_real(const struct event_points *w, const struct event_steps *out, const struct joint *j)
{
	const struct event_segment *a = &w->segments[0], *b = &w->segments[w->count - 1];
	double variance = step_variance(j, a, b), sum = 0, k = (double)out->count;

	for (size_t i = 0; i < out->count; i++) {
		sum += out->steps[i].found.step_ns;
		variance += (1 - 1 / j->wander) * pow(out->steps[i].found.se_ns, 2);
	}
	return fabs(sum / k) > w->in->floor_ns &&
	       2 * gsl_cdf_tdist_Q(fabs(sum) / sqrt(variance), j->freedom) < ALARM_JOINT / 2;
}

/* An error that is 1.96 of its kind at 95 %, whatever the degrees of freedom. */
static double as_normal(double freedom)
{
	return gsl_cdf_tdist_Pinv((1 + FIT_CONFIDENCE) / 2, freedom) /
	       gsl_cdf_ugaussian_Pinv((1 + FIT_CONFIDENCE) / 2);
}

/* What the free levels cost the slope, against a line through the same points. */
static void joint_cost(struct event_points *w, const struct joint *j, struct event_steps *out)
{
	double n = (double)j->n, mean = 0, between = 0;

	for (size_t k = 0; k < w->count; k++)
		mean += w->segments[k].t * (double)w->segments[k].n / n;
	for (size_t k = 0; k < w->count; k++)
		between += (double)w->segments[k].n * pow(w->segments[k].t - mean, 2);
	out->joint = true;
	out->levels = w->count;
	out->widen = sqrt((j->sxx + between) / j->sxx * (n - 2) / j->freedom) * as_normal(j->freedom) /
		     as_normal(n - 2);
	out->slope_se = j->slope_se * as_normal(j->freedom);
}

int event_measure_jointly(struct event_points *w, struct event_steps *out)
{
	struct joint j = { 0 };
	bool scatter, sum, large = false;
	double beyond;
	int rc = reject_outliers(w, out);

	if (rc || w->count < 2)
		return rc;
	joint_slope(w, &j);
	if (!(j.freedom >= FREEDOM_LEAST) || !(j.sxx > 0))
		return 0;
	joint_errors(w, &j);
	out->count = w->count - 1;
	for (size_t k = 0; k < out->count; k++) {
		const struct event_segment *a = &w->segments[k], *b = a + 1;
		struct event_step *step = &out->steps[k];

		event_step_place(w, k, step);
		step->found.step_ns = b->x - a->x - j.slope * (b->t - a->t);
		step->found.se_ns = sqrt(step_variance(&j, a, b));
	}
	scatter = scatter_is_real(out, &j);
	sum = sum_is_real(w, out, &j);
	beyond = gsl_cdf_tdist_Qinv(ALARM_SINGLE / 2 / (double)out->count, j.freedom);
	for (size_t k = 0; k < out->count; k++) {
		struct event_step *step = &out->steps[k];
		double size = fabs(step->found.step_ns);

		/* As in steps.c: a switch may turn the brackets one-sided, which moves their middles. */
		step->significant = size > beyond * step->found.se_ns && (sum || size > w->median_half);
		large |= step->significant;
		step->found.se_ns *= as_normal(j.freedom);
	}
	out->real = sum || (scatter && large);
	joint_cost(w, &j, out);
	return 0;
}
