/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/event_steps.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/event_steps_parts.h"
#include "analysis/fit.h"
#include "analysis/median.h"
#include "results/units.h"

#define SEGMENT_LEAST 2	 /* points; with less there is no segment */
#define SEGMENT_LONG  64 /* median points of a segment: from here on each has a line of its own */

static void work_free(struct event_points *w)
{
	free(w->t);
	free(w->x);
	free(w->width);
	free(w->place);
	free(w->use);
	free(w->index);
	free(w->spare);
	free(w->segments);
}

static size_t events_before(const struct event_steps_input *in, double t)
{
	size_t low = 0, high = in->event_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (in->at_s[middle] <= t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Both readings of the point, brackets included, are on the same side of every event. */
static bool is_clear(const struct event_steps_input *in, size_t i, size_t before)
{
	double other = in->t_s[i] + (in->apart_s ? in->apart_s[i] : 0);
	double margin = EVENT_GUARD_S + ns_to_s(in->half_ns[i]);
	double low = fmin(in->t_s[i], other) - margin, high = fmax(in->t_s[i], other) + margin;

	return in->half_ns[i] >= 0 && high <= in->end_s && (!before || in->at_s[before - 1] < low) &&
	       (before == in->event_count || in->at_s[before] > high);
}

static int work_make(struct event_points *w)
{
	const struct event_steps_input *in = w->in;
	size_t room = in->count + 1;

	w->t = malloc(room * sizeof(double));
	w->x = malloc(room * sizeof(double));
	w->width = malloc(room * sizeof(double));
	w->place = malloc(room * sizeof(*w->place));
	w->use = malloc(room * sizeof(*w->use));
	w->index = malloc(room * sizeof(*w->index));
	w->spare = malloc(room * sizeof(double));
	w->segments = malloc((in->event_count + 1) * sizeof(*w->segments));
	if (!w->t || !w->x || !w->width || !w->place || !w->use || !w->index || !w->spare || !w->segments ||
		median_width(in->half_ns, in->count, &w->median_half))
		return -ENOMEM;
	w->median_half /= 2;
	for (size_t i = 0; i < in->count; i++) {
		size_t before = events_before(in, in->t_s[i]);

		/* A TSC that went backward must not mix the segments. */
		if (!is_clear(in, i, before) || (w->n && in->t_s[i] < w->t[w->n - 1]))
			continue;
		w->index[w->n] = i;
		w->t[w->n] = in->t_s[i];
		w->x[w->n] = in->offset_ns[i];
		w->width[w->n] = 2 * in->half_ns[i];
		w->place[w->n++] = before;
	}
	return 0;
}

static void screen(struct event_points *w, double widest)
{
	for (size_t i = 0; i < w->n; i++)
		w->use[i] = w->width[i] <= widest;
}

/*
 * The narrower half of the points, and of each segment its own: what an event changes may be the width of all brackets
 * behind it, and the wider side would be left without a point.
 */
static void screen_halves(struct event_points *w)
{
	double slack = 2 * w->in->granularity_ns;

	for (size_t i = 0, next; i < w->n; i = next) {
		double own;

		for (next = i; next < w->n && w->place[next] == w->place[i]; next++)
			w->spare[next - i] = w->width[next];
		own = gsl_stats_median(w->spare, 1, next - i);
		for (size_t k = i; k < next; k++)
			w->use[k] = w->use[k] && w->width[k] <= fmax(2 * w->median_half, own) + slack;
	}
}

void event_cut(struct event_points *w)
{
	w->count = 0;
	for (size_t i = 0, next; i < w->n; i = next) {
		struct event_segment s = { .first = i, .from = w->t[i], .event_after = w->place[i] };

		for (next = i; next < w->n && w->place[next] == w->place[i]; next++) {
			s.to = w->t[next];
			if (!w->use[next])
				continue;
			s.n++;
			s.t += (w->t[next] - s.t) / (double)s.n;
			s.x += (w->x[next] - s.x) / (double)s.n;
		}
		if (s.n >= SEGMENT_LEAST)
			w->segments[w->count++] = s;
	}
}

size_t event_segment_end(const struct event_points *w, const struct event_segment *s)
{
	size_t i = s->first;

	while (i < w->n && w->place[i] == w->place[s->first])
		i++;
	return i;
}

void event_segment_points(const struct event_points *w, const struct event_segment *s, double *t, double *x)
{
	for (size_t i = s->first, k = 0; k < s->n; i++)
		if (w->use[i]) {
			t[k] = w->t[i];
			x[k++] = w->x[i];
		}
}

void event_step_place(const struct event_points *w, size_t k, struct event_step *step)
{
	const struct event_segment *a = &w->segments[k], *b = a + 1;

	step->first = a->event_after;
	step->events = b->event_after - a->event_after;
	step->found.from_s = a->to;
	step->found.to_s = b->from;
	step->found.at_s = (w->in->at_s[step->first] + w->in->at_s[step->first + step->events - 1]) / 2;
}

static double segment_median(const struct event_points *w)
{
	for (size_t k = 0; k < w->count; k++)
		w->spare[k] = (double)w->segments[k].n;
	return gsl_stats_median(w->spare, 1, w->count);
}

static int measure(struct event_points *w, struct event_steps *out)
{
	const struct event_steps_input *in = w->in;
	int rc;

	screen(w, WIDE_FACTOR * 2 * w->median_half + WIDE_GRANULES * in->granularity_ns);
	event_cut(w);
	if (w->count < 2)
		return 0;
	out->steps = calloc(w->count, sizeof(*out->steps));
	if (!out->steps)
		return -ENOMEM;
	if (segment_median(w) < SEGMENT_LONG) {
		rc = event_measure_jointly(w, out);
	} else {
		screen_halves(w);
		event_cut(w);
		rc = w->count < 2 ? 0 : event_measure_apart(w, out);
	}
	if (!rc && w->count) {
		out->first_s = w->segments[0].from;
		out->last_s = w->segments[w->count - 1].to;
	}
	for (size_t k = 0; k < out->count; k++)
		out->significant += out->steps[k].significant;
	return rc;
}

int event_steps_find(const struct event_steps_input *in, struct event_steps *out, struct error *err)
{
	struct event_points w = { .in = in };
	int rc;

	*out = (struct event_steps){ .widen = 1 };
	if (!in->event_count || !in->count)
		return 0;
	rc = work_make(&w);
	if (!rc)
		rc = measure(&w, out);
	work_free(&w);
	return rc ? error_set(err, rc, "out of memory for %zu points", in->count) : 0;
}

void event_steps_free(struct event_steps *steps)
{
	free(steps->steps);
	free(steps->outliers);
	*steps = (struct event_steps){ 0 };
}
