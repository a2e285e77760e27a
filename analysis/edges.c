/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/edges.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "analysis/dependence.h"
#include "analysis/line.h"

/*
 * About 20 exchanges a bin reach close to the minimum of either delay; more bins than
 * that give Theil-Sen nothing.
 */
#define EXCHANGES_PER_BIN 20
#define BINS_MIN	  8
#define BINS_MAX	  256
#define MINIMUM_POINTS	  40
#define REJECT_CUT	  4.0 /* robust standard deviations */
#define DETREND_ROUNDS	  3

struct bins {
	size_t count;
	double *t, *x; /* the extreme edge of each bin, and when it was */
	bool *use;
};

/* sign +1: the lowest high edge; -1: the highest low edge. */
static size_t bins_fill(struct bins *b, const double *t, const double *middle, const double *half, size_t n,
	size_t wanted, double slope, double sign)
{
	double start = t[0], width = (t[n - 1] - t[0]) / (double)wanted;
	size_t bin = SIZE_MAX;

	b->count = 0;
	for (size_t i = 0; i < n; i++) {
		size_t here = (size_t)fmin(fmax((t[i] - start) / width, 0), (double)wanted - 1);
		double edge = middle[i] + sign * half[i];
		double flat = edge - slope * (t[i] - start);

		/* A TSC that went backward takes the reading into a bin that is closed. */
		if (half[i] < 0 || (bin != SIZE_MAX && here < bin))
			continue;
		if (here != bin) {
			bin = here;
			b->count++;
		} else if (sign * flat >=
			   sign * (b->x[b->count - 1] - slope * (b->t[b->count - 1] - start))) {
			continue;
		}
		b->t[b->count - 1] = t[i];
		b->x[b->count - 1] = edge;
	}
	return b->count;
}

/* A first slope that bears heavy tails: between the medians of the first and the last third. */
static double rough_slope(const double *t, const double *middle, size_t n, const struct bins *scratch)
{
	struct line line;
	size_t step = n / BINS_MAX + 1, m = 0;

	for (size_t i = 0; i < n; i += step, m++) {
		scratch->t[m] = t[i];
		scratch->x[m] = middle[i];
	}
	return line_theil_sen(scratch->t, scratch->x, m, &line) ? line.slope : 0;
}

static bool edge_line(struct bins *b, const double *t, const double *middle, const double *half, size_t n,
	size_t wanted, double slope, double sign, double floor_ns, struct line *line)
{
	bins_fill(b, t, middle, half, n, wanted, slope, sign);
	return line_robust(b->t, b->x, b->count, REJECT_CUT, floor_ns, b->use, line);
}

/* Standard error of one edge's slope if its bins are independent. */
static double edge_se(const struct bins *b, const struct line *line)
{
	/* A rejected bin is a doubt, not a gain: it counts as one at the cut. */
	double rejected = REJECT_CUT * REJECT_CUT * (double)(b->count - line->n) / (double)line->n;

	return line->slope_se * sqrt(1 + rejected);
}

/* What the mean of both lines leaves in each bin, half of each edge's residual; NaN where one was rejected. */
struct common {
	double t[BINS_MAX], x[BINS_MAX];
};

static void common_add(struct common *common, const struct bins *b, const struct line *line)
{
	for (size_t i = 0; i < b->count; i++) {
		common->t[i] += b->t[i] / 2;
		common->x[i] += b->use[i] ? (b->x[i] - line_at(line, b->t[i])) / 2 : NAN;
	}
}

/*
 * The bins depend on each other where delays wander, and where the clocks do, which moves both edges alike: then
 * the edges are not independent either, and only their mean tells how far the slope may be off.
 */
static void widen(struct edges *e, struct common *common)
{
	const char *how;
	double freedom, se;
	size_t m = 0;

	for (size_t i = 0; i < e->bins; i++) {
		if (isnan(common->x[i]))
			continue;
		common->t[m] = common->t[i];
		common->x[m++] = common->x[i];
	}
	if (!residuals_depend(common->x, m))
		return;
	se = dependent_slope_se(common->t, common->x, m, &freedom, &how);
	if (!isfinite(se))
		return;
	e->slope_se = fmax(e->slope_se, se);
	e->freedom = fmin(e->freedom, freedom);
	e->dependent = how;
}

static bool edges_solve(struct edges *e, struct bins *b, const double *t, const double *middle,
	const double *half, size_t n, double floor_ns)
{
	size_t wanted = n / EXCHANGES_PER_BIN;
	struct line high, low;
	double slope = rough_slope(t, middle, n, b), se_high, se_low;
	struct common common = { 0 };

	wanted = wanted < BINS_MIN ? BINS_MIN : wanted > BINS_MAX ? BINS_MAX : wanted;
	for (int i = 0; i < DETREND_ROUNDS; i++) {
		if (!edge_line(b, t, middle, half, n, wanted, slope, -1, floor_ns, &low) ||
			!edge_line(b, t, middle, half, n, wanted, slope, +1, floor_ns, &high))
			return false;
		slope = (high.slope + low.slope) / 2;
	}
	e->bins = b->count;
	se_high = edge_se(b, &high);
	common_add(&common, b, &high);
	edge_line(b, t, middle, half, n, wanted, slope, -1, floor_ns, &low);
	se_low = edge_se(b, &low);
	common_add(&common, b, &low);
	e->bins_rejected = 2 * e->bins - high.n - low.n;
	e->slope = (high.slope + low.slope) / 2;
	e->plain_se = e->slope_se = hypot(se_high, se_low) / 2;
	/* Welch-Satterthwaite for the mean of two estimates. */
	e->plain_freedom = e->freedom =
		pow(hypot(se_high, se_low), 4) /
		(pow(se_high, 4) / (double)(high.n - 2) + pow(se_low, 4) / (double)(low.n - 2));
	widen(e, &common);
	e->t_mean = (high.t_mean + low.t_mean) / 2;
	e->at_mean = (line_at(&high, e->t_mean) + line_at(&low, e->t_mean)) / 2;
	return true;
}

bool edges_fit(const double *t, const double *middle, const double *half, size_t n, double floor_ns,
	struct edges *edges)
{
	size_t room = 2 * BINS_MAX + 2, usable = 0;
	struct bins b = {
		.t = malloc(room * sizeof(double)),
		.x = malloc(room * sizeof(double)),
		.use = malloc(room * sizeof(bool)),
	};
	bool ok = false;

	*edges = (struct edges){ 0 };
	for (size_t i = 0; i < n; i++)
		usable += half[i] >= 0;
	if (b.t && b.x && b.use && usable >= MINIMUM_POINTS && t[n - 1] > t[0])
		ok = edges_solve(edges, &b, t, middle, half, n, floor_ns);
	free(b.t);
	free(b.x);
	free(b.use);
	return ok;
}
