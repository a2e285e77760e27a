/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/boundary_steps.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/line.h"
#include "analysis/median.h"
#include "results/units.h"

#define LINE_LEAST 16 /* points; with less nothing is told */
#define LINE_POINTS                                                                                          \
	32 /* more where the gap is longer than these: a line is not carried far beyond its length */
#define ALARM_LOCAL  1e-6
#define SIGMAS	     1.96 /* in half of a 95 % interval */
#define CLEARLY_BEST 4.0  /* the squares about two lines are smaller by this factor */
#define SPACINGS     5.0  /* of the points: a longer gap is one in which they were not read */

/* ---- the points on one side ---- */

static int side_make(const struct pair *pair, bool end, double raise_ns, double slack_ns,
	struct boundary_side *side, struct error *err)
{
	double widest, last = -INFINITY;
	size_t first;

	*side = (struct boundary_side){ .phase = pair->phase,
		.t_s = malloc((pair->count + 1) * sizeof(double)),
		.offset_ns = malloc((pair->count + 1) * sizeof(double)) };
	if (!side->t_s || !side->offset_ns || median_width(pair->half_ns, pair->count, &widest))
		return error_set(err, -ENOMEM, "out of memory for %zu points", pair->count);
	side->half_ns = widest / 2;
	for (size_t i = 0; i < pair->count && (end || side->count < BOUNDARY_POINTS); i++) {
		/* Nor points of a TSC that went backward. */
		if (pair->half_ns[i] < 0 || 2 * pair->half_ns[i] > widest + slack_ns || pair->t_s[i] < last)
			continue;
		last = pair->t_s[i];
		side->t_s[side->count] = last;
		side->offset_ns[side->count++] = pair->offset_ns[i] + raise_ns;
	}
	first = side->count > BOUNDARY_POINTS ? side->count - BOUNDARY_POINTS : 0;
	side->count -= first;
	memmove(side->t_s, side->t_s + first, side->count * sizeof(double));
	memmove(side->offset_ns, side->offset_ns + first, side->count * sizeof(double));
	return 0;
}

/* A side is kept until the next phase. */
static void shrink(double **array, size_t count)
{
	double *less = realloc(*array, (count + 1) * sizeof(*less));

	if (less)
		*array = less;
}

int boundary_begin_make(
	const struct pair *pair, double slack_ns, struct boundary_side *side, struct error *err)
{
	return side_make(pair, false, 0, slack_ns, side, err);
}

int boundary_end_make(const struct pair *pair, double raise_ns, double slack_ns, struct boundary_side *side,
	struct error *err)
{
	int rc = side_make(pair, true, raise_ns, slack_ns, side, err);

	if (!rc) {
		shrink(&side->t_s, side->count);
		shrink(&side->offset_ns, side->count);
	}
	return rc;
}

void boundary_side_free(struct boundary_side *side)
{
	free(side->t_s);
	free(side->offset_ns);
	*side = (struct boundary_side){ 0 };
}

/* ---- two lines ---- */

struct points {
	const double *t, *x;
	size_t n;
	double floor_ns;
};

/* How far two lines miss each other in the middle between them. */
struct miss {
	double ns, se_ns;
	double bend_ns; /* that a change of rate, at one of the ends instead, makes of it */
	double squares; /* about both lines */
};

static double variance_at(const struct line *line, double t)
{
	return line->residual * line->residual / (double)line->n +
	       pow((t - line->t_mean) * line->slope_se, 2);
}

static double squares_about(const struct line *line)
{
	return line->residual * line->residual * (double)(line->n - 2);
}

/* The lines through the `left` points before index a, and through the `right` ones from index b on. */
static bool miss_between(
	const struct points *p, size_t a, size_t left, size_t b, size_t right, struct miss *miss)
{
	double at = (p->t[a - 1] + p->t[b]) / 2;
	struct line before, after;

	if (!line_fit(p->t + a - left, p->x + a - left, NULL, left, p->floor_ns, &before) ||
		!line_fit(p->t + b, p->x + b, NULL, right, p->floor_ns, &after))
		return false;
	*miss = (struct miss){
		.ns = line_at(&after, at) - line_at(&before, at),
		.se_ns = sqrt(variance_at(&before, at) + variance_at(&after, at)),
		.bend_ns = fabs(after.slope - before.slope) * (p->t[b] - p->t[a - 1]) / 2,
		.squares = squares_about(&before) + squares_about(&after),
	};
	return true;
}

/* ---- chance ---- */

struct chance {
	double squares; /* of misses in their standard errors */
	size_t count;
};

/* Points of a line; 0: there are too few. */
static size_t line_points(const struct boundary_side *side, bool end, double gap_s)
{
	size_t n = LINE_POINTS, most = side->count / 3 > LINE_LEAST ? side->count / 3 : LINE_LEAST;
	const double *t = side->t_s;

	if (side->count < LINE_LEAST)
		return 0;
	while (n < most && (end ? t[side->count - 1] - t[side->count - n] : t[n - 1] - t[0]) < gap_s)
		n++;
	return n < most ? n : most;
}

/* The same lines inside of a phase, as far apart as there, or as they can be. */
static void try_inside(
	const struct boundary_side *side, size_t line, double gap_s, double floor_ns, struct chance *chance)
{
	const struct points p = { side->t_s, side->offset_ns, side->count, floor_ns };
	struct miss miss;

	if (p.n < 2 * line)
		return;
	gap_s = fmin(gap_s, p.t[p.n - line] - p.t[line - 1]);
	for (size_t a = line, b = line; a + line <= p.n; a = b + 2 * line) {
		for (b = a; b + line <= p.n && p.t[b] - p.t[a - 1] < gap_s;)
			b++;
		if (b + line > p.n)
			break;
		if (!miss_between(&p, a, line, b, line, &miss))
			continue;
		chance->squares += pow(miss.ns / miss.se_ns, 2);
		chance->count++;
	}
}

/* ---- the boundary ---- */

/*
 * Where the change is: at the boundary, unless two lines fit clearly better so near to it that the search inside of the
 * phase has too few points.  Returns the index of the first point behind it, 0 where no lines can be laid.
 */
static size_t place(const struct points *p, size_t boundary, size_t left, size_t right, struct miss *miss)
{
	double least;
	size_t best = boundary;

	if (!miss_between(p, boundary, left, boundary, right, miss))
		return 0;
	least = miss->squares / CLEARLY_BEST;
	for (size_t i = boundary - LINE_LEAST + 1; i < boundary + LINE_LEAST; i++) {
		struct miss there;

		if (i < left || i + right > p->n || !miss_between(p, i, left, i, right, &there) ||
			there.squares >= least)
			continue;
		least = there.squares;
		best = i;
		*miss = there;
	}
	return best;
}

static double fold(const struct boundary_input *in, double ns)
{
	for (size_t i = 0; i < sizeof(in->turn_ns) / sizeof(in->turn_ns[0]); i++)
		if (isfinite(in->turn_ns[i]))
			ns = remainder(ns, in->turn_ns[i]);
	return ns;
}

/* How long nothing was read at the gap before index `at`, beyond the usual distance of the points before the boundary. */
static double unread_s(const struct points *p, size_t at, size_t boundary, size_t left)
{
	double spacing_s = (p->t[boundary - 1] - p->t[boundary - left]) / (double)(left - 1);

	return fmax(0, p->t[at] - p->t[at - 1] - SPACINGS * spacing_s);
}

static bool find(const struct boundary_input *in, const struct points *p, struct step_found *found)
{
	size_t boundary = in->before->count, at, left, right;
	double gap_s = p->t[boundary] - p->t[boundary - 1], beyond, systematic, open;
	struct chance chance = { 0 };
	struct miss miss;

	left = line_points(in->before, true, gap_s);
	right = line_points(in->after, false, gap_s);
	if (!left || !right || gap_s < 0)
		return false;
	try_inside(in->before, left, gap_s, in->floor_ns, &chance);
	try_inside(in->after, right, gap_s, in->floor_ns, &chance);
	at = place(p, boundary, left, right, &miss);
	if (!at || !chance.count)
		return false;
	miss.se_ns *= fmax(1, sqrt(chance.squares / (double)chance.count));
	beyond = gsl_cdf_tdist_Qinv(ALARM_LOCAL / 2, (double)chance.count);
	systematic = miss.bend_ns + in->slew * unread_s(p, at, boundary, left) * (double)NS_PER_SEC;
	open = in->before->half_ns + in->after->half_ns + sqrt(12) * in->floor_ns;
	*found = (struct step_found){
		.at_s = (p->t[at - 1] + p->t[at]) / 2,
		.from_s = p->t[at - 1],
		.to_s = p->t[at],
		.step_ns = fold(in, miss.ns),
		.se_ns = miss.se_ns + systematic / SIGMAS,
	};
	return fabs(found->step_ns) > open + systematic + beyond * miss.se_ns;
}

int boundary_step_find(
	const struct boundary_input *in, bool *is_step, struct step_found *found, struct error *err)
{
	const struct boundary_side *a = in->before, *b = in->after;
	size_t n = a->count + b->count;
	double *t, *x;

	*is_step = false;
	if (a->count < LINE_LEAST || b->count < LINE_LEAST)
		return 0;
	t = malloc(n * sizeof(*t));
	x = malloc(n * sizeof(*x));
	if (t && x) {
		const struct points p = { t, x, n, in->floor_ns };

		memcpy(t, a->t_s, a->count * sizeof(*t));
		memcpy(x, a->offset_ns, a->count * sizeof(*x));
		memcpy(t + a->count, b->t_s, b->count * sizeof(*t));
		memcpy(x + a->count, b->offset_ns, b->count * sizeof(*x));
		*is_step = find(in, &p, found);
	}
	free(t);
	free(x);
	return t && x ? 0 : error_set(err, -ENOMEM, "out of memory for %zu points", n);
}
