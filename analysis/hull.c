/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/hull.h"

#include <math.h>
#include <stdlib.h>

struct point {
	double t, x;
};

struct hull {
	struct point *points;
	size_t count;
};

static double turn(const struct point *a, const struct point *b, const struct point *c)
{
	return (b->t - a->t) * (c->x - a->x) - (b->x - a->x) * (c->t - a->t);
}

/* Andrew's monotone chain; sign +1 keeps the lower hull, -1 the upper one. */
static void hull_push(struct hull *hull, struct point p, double sign)
{
	while (hull->count >= 2 &&
		sign * turn(&hull->points[hull->count - 2], &hull->points[hull->count - 1], &p) <= 0)
		hull->count--;
	hull->points[hull->count++] = p;
}

/* Steepest (sign +1) or flattest (sign -1) line that is forced by no pair of an earlier and a later point. */
static double extreme_slope(const struct hull *from, const struct hull *to, double sign)
{
	double best = sign * INFINITY;

	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < to->count; j++) {
			double dt = to->points[j].t - from->points[i].t;
			double slope = (to->points[j].x - from->points[i].x) / dt;

			if (dt > 0 && sign * slope < sign * best)
				best = slope;
		}
	return best;
}

bool hull_slopes(const double *t, const double *middle, const double *half, const bool *use, size_t n,
	double *low, double *high)
{
	struct hull above = { .points = malloc(
				      (n + 1) * sizeof(struct point)) }; /* lower hull of the high edges */
	struct hull below = { .points = malloc(
				      (n + 1) * sizeof(struct point)) }; /* upper hull of the low edges */
	size_t used = 0;

	*low = *high = NAN;
	for (size_t i = 0; above.points && below.points && i < n; i++) {
		if ((use && !use[i]) || half[i] < 0 || (used && t[i] <= above.points[above.count - 1].t))
			continue;
		hull_push(&above, (struct point){ t[i], middle[i] + half[i] }, +1);
		hull_push(&below, (struct point){ t[i], middle[i] - half[i] }, -1);
		used++;
	}
	if (used >= 3) {
		*high = extreme_slope(&below, &above, +1);
		*low = extreme_slope(&above, &below, -1);
	}
	free(above.points);
	free(below.points);
	if (used >= 3 && *low <= *high)
		return true;
	*low = *high = NAN;
	return false;
}
