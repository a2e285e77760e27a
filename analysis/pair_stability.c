/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/pair_stability.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "analysis/line.h"
#include "analysis/median.h"
#include "results/units.h"

#define POINTS_MIN  16
#define OCTAVES_MAX 64
#define COARSER_MAX 12 /* octaves that a grid may be coarser than wished */
/* A back-to-back run is taken apart no finer than this many places. */
#define GRID_MAX 20000000.0

struct grid {
	double *phase_s; /* NaN: empty */
	size_t count, filled;
	double tau0_s;
};

static double median_spacing(const struct pair *pair, const bool *use)
{
	size_t stride = median_stride(pair->count), n = 0, seen = 0;
	double *gaps = malloc((pair->count / stride + 1) * sizeof(*gaps)), last = NAN, median = 0;

	for (size_t i = 0; gaps && i < pair->count; i++) {
		if (!use[i])
			continue;
		if (pair->t_s[i] > last && seen++ % stride == 0)
			gaps[n++] = pair->t_s[i] - last;
		last = pair->t_s[i];
	}
	if (n)
		median = gsl_stats_median(gaps, 1, n);
	free(gaps);
	return median;
}

/* Places hold the mean of their points; a place without any gets the line between its neighbours. */
static void grid_fill(
	struct grid *g, const struct pair *pair, const bool *use, const struct line *line, double start)
{
	size_t last = 0, held = 0, here;

	for (size_t i = 0; i < g->count; i++)
		g->phase_s[i] = NAN;
	for (size_t i = 0; i < pair->count; i++) {
		double place = round((pair->t_s[i] - start) / g->tau0_s), x;

		if (!use[i] || !(place >= 0 && place < (double)g->count))
			continue;
		here = (size_t)place;
		x = ns_to_s(pair->offset_ns[i] - line_at(line, pair->t_s[i]));
		held = here == last && held ? held + 1 : 1;
		last = here;
		g->phase_s[here] = held == 1 ? x : g->phase_s[here] + (x - g->phase_s[here]) / (double)held;
	}
	last = 0;
	for (size_t i = 0; i < g->count; i++) {
		if (isnan(g->phase_s[i]))
			continue;
		for (size_t k = last + 1; k < i; k++, g->filled++)
			g->phase_s[k] = g->phase_s[last] + (g->phase_s[i] - g->phase_s[last]) *
								   (double)(k - last) / (double)(i - last);
		last = i;
	}
	g->count = last + 1;
}

/* Puts the points on a grid of that pitch.  An empty grid: too few places, or too many of them empty. */
static int grid_try(struct grid *g, const struct pair *pair, const bool *use, const struct line *line,
	double first, double last, double tau0_s, struct error *err)
{
	double places = round((last - first) / tau0_s) + 1;

	*g = (struct grid){ .tau0_s = tau0_s };
	if (!(places >= POINTS_MIN && places <= GRID_MAX))
		return 0;
	g->count = (size_t)places;
	g->phase_s = malloc(g->count * sizeof(*g->phase_s));
	if (!g->phase_s)
		return error_set(err, -ENOMEM, "out of memory for %zu points", g->count);
	grid_fill(g, pair, use, line, first);
	if ((double)g->filled > STABILITY_FILLED_MAX * (double)g->count) {
		free(g->phase_s);
		*g = (struct grid){ 0 };
	}
	return 0;
}

static int grid_make(
	const struct pair *pair, const bool *use, double interval_s, struct grid *g, struct error *err)
{
	double first = NAN, last = NAN, tau0_s = interval_s;
	struct line line;
	int rc = 0;

	*g = (struct grid){ 0 };
	if (!line_fit(pair->t_s, pair->offset_ns, use, pair->count, 0, &line) || line.n < POINTS_MIN)
		return 0;
	for (size_t i = 0; i < pair->count; i++) {
		if (!use[i])
			continue;
		first = isnan(first) ? pair->t_s[i] : first;
		last = pair->t_s[i];
	}
	/* A clock slower than the interval of the run (or a run with gaps) sets its own pace. */
	if (!(tau0_s > 0) || (double)line.n * tau0_s < (1 - STABILITY_FILLED_MAX) * (last - first))
		tau0_s = median_spacing(pair, use);
	for (int i = 0; i < COARSER_MAX && tau0_s > 0 && !rc && !g->phase_s; i++, tau0_s *= 2)
		rc = grid_try(g, pair, use, &line, first, last, tau0_s, err);
	return rc;
}

void stability_row(const struct stability_point *p, struct stability *row)
{
	const struct {
		double *value, *low, *high;
	} to[] = {
		[STABILITY_ADEV] = { &row->adev, &row->adev_low, &row->adev_high },
		[STABILITY_OADEV] = { &row->oadev, &row->oadev_low, &row->oadev_high },
		[STABILITY_MDEV] = { &row->mdev, &row->mdev_low, &row->mdev_high },
		[STABILITY_TDEV] = { &row->tdev, &row->tdev_low, &row->tdev_high },
		[STABILITY_HDEV] = { &row->hdev, &row->hdev_low, &row->hdev_high },
		[STABILITY_OHDEV] = { &row->ohdev, &row->ohdev_low, &row->ohdev_high },
		[STABILITY_TOTDEV] = { &row->totdev, &row->totdev_low, &row->totdev_high },
		[STABILITY_PDEV] = { &row->pdev, &row->pdev_low, &row->pdev_high },
	};

	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		*to[i].value = p->est[i].value;
		*to[i].low = p->est[i].low;
		*to[i].high = p->est[i].high;
	}
	row->tau_s = p->tau_s;
	row->mtie_ns = p->est[STABILITY_MTIE].value * (double)NS_PER_SEC;
	row->tierms_ns = p->est[STABILITY_TIERMS].value * (double)NS_PER_SEC;
	row->oadev_edf = p->est[STABILITY_OADEV].edf;
	snprintf(row->noise, sizeof(row->noise), "%s", p->noise);
}

static int grid_rows(const struct grid *g, struct stability **rows, size_t *count, struct error *err)
{
	struct stability_options options = { .tau0_s = g->tau0_s }; /* the line is out already */
	struct stability_point points[OCTAVES_MAX];
	size_t m_list[OCTAVES_MAX], m_count = stability_octaves(g->count, m_list, OCTAVES_MAX);
	int rc = stability_compute(g->phase_s, g->count, &options, m_list, m_count, points, err);

	if (rc)
		return rc;
	*rows = calloc(m_count + 1, sizeof(**rows));
	if (!*rows)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < m_count; i++) {
		stability_row(&points[i], &(*rows)[i]);
		(*rows)[i].n = g->count;
		(*rows)[i].filled = g->filled;
	}
	*count = m_count;
	return 0;
}

int pair_stability(const struct pair *pair, const bool *use, double interval_s, struct stability **rows,
	size_t *count, struct error *err)
{
	struct grid g;
	int rc = grid_make(pair, use, interval_s, &g, err);

	*rows = NULL;
	*count = 0;
	if (!rc && g.phase_s)
		rc = grid_rows(&g, rows, count, err);
	free(g.phase_s);
	return rc;
}
