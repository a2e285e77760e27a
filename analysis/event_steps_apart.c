/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Steps between long segments: lines on both sides of an event. */
#include "analysis/event_steps_parts.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/line.h"

#define LINE_LEAST   16	 /* points; with less a side takes the slope of the other */
#define SPAN_MAX     256 /* points of a line, as in steps.c */
#define SPAN_SHORT   32	 /* and of one that the clock's wandering hardly bends */
#define DISAGREE     3.0 /* standard deviations: the clock wanders along the long line */
#define ALARM_LOCAL  1e-3
#define MAD_TO_SIGMA 1.4826
#define CROOKED	     4.0 /* residuals of a short line may exceed the noise by this factor */

/* Value and variance at that instant of the line through n points. */
static bool carry(const double *t, const double *x, size_t n, double floor_ns, const struct line *other,
	double at, double *value, double *variance)
{
	struct line own;

	if (n >= LINE_LEAST && line_fit(t, x, NULL, n, floor_ns, &own)) {
		*value = line_at(&own, at);
		*variance =
			own.residual * own.residual / (double)n + pow((at - own.t_mean) * own.slope_se, 2);
		return true;
	}
	if (!other->n)
		return false;
	own = *other;
	own.t_mean = gsl_stats_mean(t, 1, n);
	own.at_mean = gsl_stats_mean(x, 1, n);
	*value = line_at(&own, at);
	*variance = own.residual * own.residual / (double)n + pow((at - own.t_mean) * own.slope_se, 2);
	return true;
}

/* The step between the first `before` of n points and the others. */
static bool measure_between(const double *t, const double *x, size_t before, size_t n, double floor_ns,
	double at, double *step, double *se)
{
	struct line a = { 0 }, b = { 0 };
	double left, right, left_variance, right_variance;

	line_fit(t, x, NULL, before >= LINE_LEAST ? before : 0, floor_ns, &a);
	line_fit(t + before, x + before, NULL, n - before >= LINE_LEAST ? n - before : 0, floor_ns, &b);
	if (!carry(t, x, before, floor_ns, &b, at, &left, &left_variance) ||
		!carry(t + before, x + before, n - before, floor_ns, &a, at, &right, &right_variance))
		return false;
	*step = right - left;
	*se = hypot(sqrt(left_variance + right_variance), line_bend_se(&a, &b, t[before] - t[before - 1]));
	return true;
}

static size_t at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

/*
 * How much larger than white noise allows the steps between lines of up to so many points are where there is no
 * event; 1: not more than chance.
 */
static double placebo(struct event_points *w, size_t most)
{
	double sum = 0, tested = 0, step, se;

	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];
		size_t span = at_most(s->n / 2, most);
		double *t = w->spare, *x = w->spare + s->n;

		event_segment_points(w, s, t, x);
		for (size_t i = 0; span >= LINE_LEAST && i + 2 * span <= s->n; i += 2 * span) {
			if (!measure_between(t + i, x + i, span, 2 * span, w->in->floor_ns,
				    (t[i + span - 1] + t[i + span]) / 2, &step, &se))
				continue;
			sum += pow(step / se, 2);
			tested++;
		}
	}
	return tested > 0 && sum / tested > 1 + EVENT_GATE * sqrt(2 / tested) ? sqrt(sum / tested) : 1;
}

/* The points in use next to an event: up to SPAN_MAX on each side, in w->spare.  Returns how many are before it. */
static size_t points_beside(
	const struct event_points *w, const struct event_segment *a, size_t *n, double **t, double **x)
{
	const struct event_segment *b = a + 1;
	size_t left = at_most(a->n, SPAN_MAX), right = at_most(b->n, SPAN_MAX), held = left;

	*n = left + right;
	*t = w->spare;
	*x = w->spare + *n;
	for (size_t i = event_segment_end(w, a); held;)
		if (w->use[--i]) {
			(*t)[--held] = w->t[i];
			(*x)[held] = w->x[i];
		}
	held = left;
	for (size_t i = b->first; held < *n; i++)
		if (w->use[i]) {
			(*t)[held] = w->t[i];
			(*x)[held++] = w->x[i];
		}
	return left;
}

/* Standard deviation of a point, from second differences inside the segments, as in steps.c. */
static double robust_noise(struct event_points *w)
{
	size_t m = 0;

	for (size_t k = 0; k < w->count; k++) {
		const struct event_segment *s = &w->segments[k];
		double *t = w->spare + w->n,
		       *x = w->spare + m; /* the differences take the place of the values */

		/* Times are not needed: they are overwritten from segment to segment. */
		event_segment_points(w, s, t, x);
		for (size_t i = 0; i + 2 < s->n; i++)
			w->spare[m++] = fabs(x[i + 2] - 2 * x[i + 1] + x[i]);
	}
	return m ? fmax(MAD_TO_SIGMA * gsl_stats_median(w->spare, 1, m) / sqrt(6), w->in->floor_ns)
		 : INFINITY;
}

/* No point of the n is far off the line through the others: the event is where it says. */
static bool is_straight(const double *t, const double *x, size_t n, double noise)
{
	struct line line;

	return n < LINE_LEAST || (line_fit(t, x, NULL, n, 0, &line) && line.residual <= CROOKED * noise);
}

/*
 * Long lines are sharp and short ones bear a clock that wanders: where it does, a step shows in both.  One inside of the
 * brackets may as well be a delay that changed at the event: it is not significant, but it would bend the drift as a step
 * does.  False: it cannot be measured.  *proven: there is one, of either kind.
 */
static bool measure_one(const struct event_points *w, const struct event_segment *a, const double scale[2],
	double noise, double beyond, struct event_step *s, bool *proven)
{
	bool wanders = scale[0] > 1 || scale[1] > 1;
	struct step_found *found = &s->found;
	double floor_ns = w->in->floor_ns, at = found->at_s, *t, *x, step, se;
	size_t n, before = points_beside(w, a, &n, &t, &x);
	size_t left = at_most(before, SPAN_SHORT), right = at_most(n - before, SPAN_SHORT);

	if (!measure_between(t, x, before, n, floor_ns, at, &found->step_ns, &found->se_ns) ||
		!measure_between(
			t + before - left, x + before - left, left, left + right, floor_ns, at, &step, &se))
		return false;
	if (!is_straight(t + before - left, x + before - left, left, noise) ||
		!is_straight(t + before, x + before, right, noise))
		return false;
	found->se_ns *= scale[0];
	se *= scale[1];
	*proven = fabs(found->step_ns) > beyond * found->se_ns && (!wanders || fabs(step) > beyond * se);
	s->significant = *proven && fabs(found->step_ns) > w->median_half && fabs(step) > w->median_half &&
			 fabs(step) > beyond * se;
	if (fabs(found->step_ns - step) > DISAGREE * hypot(se, found->se_ns)) {
		found->step_ns = step;
		found->se_ns = se;
	}
	return true;
}

int event_measure_apart(struct event_points *w, struct event_steps *out)
{
	double *room = realloc(w->spare, (2 * w->n + 1) * sizeof(*room)), scale[2], beyond, noise;
	size_t kept = 0;
	bool any = false;

	if (!room)
		return -ENOMEM;
	w->spare = room;
	noise = robust_noise(w);
	scale[0] = placebo(w, SPAN_MAX);
	scale[1] = placebo(w, SPAN_SHORT);
	beyond = gsl_cdf_ugaussian_Qinv(ALARM_LOCAL / 2 / (double)(w->count - 1));
	for (size_t k = 0; k + 1 < w->count; k++) {
		struct event_step s = { 0 };
		bool proven = false;

		event_step_place(w, k, &s);
		if (measure_one(w, &w->segments[k], scale, noise, beyond, &s, &proven))
			out->steps[kept++] = s;
		any |= proven;
	}
	/* Where one event makes a step the others do, too, and it may be too small to be seen. */
	out->real = any;
	out->count = any ? kept : 0;
	return 0;
}
