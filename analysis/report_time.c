/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_time.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/units.h"

#define READINGS_A_BIN 8
#define SHOWN_SINGLY   160 /* readings */
#define BINS_LEAST     120
#define AXIS_MARGIN    0.06 /* of the axis, at either end */

double piece_stepped_ns(const struct piece *piece, double t_s)
{
	double sum = 0;

	for (size_t i = 0; i < piece->step_count && piece->steps[i]->at_s < t_s; i++)
		sum += piece->steps[i]->step_ns;
	return sum;
}

static int step_order(const void *a, const void *b)
{
	const struct step *x = *(const struct step *const *)a, *y = *(const struct step *const *)b;

	return (x->at_s > y->at_s) - (x->at_s < y->at_s);
}

/* All that the fit had taken out.  What comes behind the last point is between two phases. */
static int piece_steps(
	const struct report *r, const struct pair *pair, const char *phase, struct piece *piece)
{
	const struct estimates *e = r->estimates;
	const char *clock = r->run->clocks[pair->clock].name;

	if (!pair->count || (!e->step_count && !e->level_count))
		return 0;
	piece->steps = malloc((e->step_count + e->level_count) * sizeof(const struct step *));
	if (!piece->steps)
		return -ENOMEM;
	for (size_t i = 0; i < e->step_count + e->level_count; i++) {
		const struct step *s = i < e->step_count ? &e->steps[i] : &e->levels[i - e->step_count];

		if (s->cpu == pair->cpu && strcmp(s->clock, clock) == 0 && strcmp(s->phase, phase) == 0 &&
			s->at_s < pair->t_s[pair->count - 1])
			piece->steps[piece->step_count++] = s;
	}
	qsort(piece->steps, piece->step_count, sizeof(*piece->steps), step_order);
	return 0;
}

/*
 * The rows hold a slope only: the fit is drawn through the median, which bears
 * outliers.  Fills residual[] with what is left of the offsets.
 */
static int piece_fit(struct piece *piece, const struct pair *pair, double *residual)
{
	double ns_per_s = piece->fit ? piece->fit->drift_ppm * PPM * (double)NS_PER_SEC : 0;
	double *sorted = malloc(pair->count * sizeof(*sorted)), stepped_ns = 0;
	size_t step = 0;

	if (!sorted)
		return -ENOMEM;
	piece->centre_s = gsl_stats_mean(pair->t_s, 1, pair->count);
	for (size_t i = 0; i < pair->count; i++) {
		while (step < piece->step_count && piece->steps[step]->at_s < pair->t_s[i])
			stepped_ns += piece->steps[step++]->step_ns;
		residual[i] = pair->offset_ns[i] - stepped_ns - ns_per_s * (pair->t_s[i] - piece->centre_s);
	}
	memcpy(sorted, residual, pair->count * sizeof(*sorted));
	piece->centre_ns = gsl_stats_median(sorted, 1, pair->count);
	for (size_t i = 0; i < pair->count; i++)
		residual[i] -= piece->centre_ns;
	free(sorted);
	return 0;
}

static int piece_make(const struct report *r, const struct pair *pair, const struct drift *fit, size_t bins,
	bool residuals, struct piece *piece)
{
	double *residual;
	int rc;

	piece->fit = fit && isfinite(fit->drift_ppm) ? fit : NULL;
	if (pair->count == 0 || (residuals && !piece->fit))
		return 0;
	residual = malloc(pair->count * sizeof(*residual));
	if (!residual)
		return -ENOMEM;
	piece->from_s = pair->t_s[0];
	piece->to_s = pair->t_s[pair->count - 1];
	rc = piece_fit(piece, pair, residual);
	if (!rc)
		rc = envelope_make(pair->t_s, residuals ? residual : pair->offset_ns, pair->count,
			r->length_s, bins, &piece->bins, &piece->count);
	free(residual);
	return rc;
}

static void piece_free(struct piece *piece)
{
	free(piece->bins);
	free(piece->steps);
}

/* A bin with some readings shows how they spread; few readings are shown one by one. */
static size_t bins_of(const struct report *r, int cpu, int clock, size_t most)
{
	const struct series *series = samples_find(r->samples, cpu, (unsigned)clock);
	size_t count = series ? series->count : 0, bins = count / READINGS_A_BIN;

	if (count <= SHOWN_SINGLY)
		return most;
	if (bins < BINS_LEAST)
		bins = BINS_LEAST;
	return bins < most ? bins : most;
}

static int curve_make(const struct report *r, int clock, size_t bins, bool residuals, struct curve *curve,
	struct error *err)
{
	const struct run *run = r->run;
	const char *name = run->clocks[clock].name;

	bins = bins_of(r, curve->cpu, clock, bins);
	curve->pieces = calloc(run->phase_count + 1, sizeof(*curve->pieces));
	if (!curve->pieces)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < run->phase_count; i++) {
		const char *phase = run->phases[i].name;
		enum pair_absence absence;
		struct pair pair;
		int rc = pair_make(r->source, curve->cpu, clock, r->reference, i, &pair, &absence, err);

		if (rc)
			return rc;
		curve->piece_count = i + 1;
		rc = piece_steps(r, &pair, phase, &curve->pieces[i]);
		if (!rc)
			rc = piece_make(r, &pair, report_drift(r, name, curve->cpu, phase), bins, residuals,
				&curve->pieces[i]);
		pair_free(&pair);
		if (rc)
			return error_set(err, rc, "out of memory");
	}
	return 0;
}

/*
 * The zero of an offset is its first reading, and a first reading often comes from
 * a cold cache: each curve is moved so that its fit starts at zero.
 */
static void curve_zero(struct curve *curve)
{
	double zero = NAN;

	for (size_t k = 0; k < curve->piece_count; k++) {
		struct piece *p = &curve->pieces[k];
		double ns_per_s = p->fit ? p->fit->drift_ppm * PPM * (double)NS_PER_SEC : 0;

		if (p->count && isnan(zero))
			zero = p->centre_ns + ns_per_s * (p->from_s - p->centre_s);
		for (size_t i = 0; i < p->count; i++) {
			p->bins[i].low -= zero;
			p->bins[i].median -= zero;
			p->bins[i].high -= zero;
		}
		p->centre_ns -= zero;
	}
}

static void collect(const struct panel *panel, double *low, double *high)
{
	size_t used = 0;

	for (size_t i = 0; i < panel->curve_count; i++) {
		for (size_t k = 0; k < panel->curves[i].piece_count; k++) {
			const struct piece *p = &panel->curves[i].pieces[k];

			for (size_t j = 0; j < p->count; j++, used++) {
				low[used] = p->bins[j].low;
				high[used] = p->bins[j].high;
			}
		}
	}
}

static int axis_make(struct panel *panel, bool whole)
{
	double *low, *high, margin;

	for (size_t i = 0; i < panel->curve_count; i++)
		for (size_t k = 0; k < panel->curves[i].piece_count; k++)
			panel->points += panel->curves[i].pieces[k].count;
	if (panel->points == 0)
		return 0;
	low = malloc(panel->points * sizeof(*low));
	high = malloc(panel->points * sizeof(*high));
	if (low && high) {
		collect(panel, low, high);
		panel->axis = axis_bulk(low, high, panel->points);
		panel->seen = (struct axis){ low[0], high[panel->points - 1] };
		if (whole)
			panel->axis = panel->seen;
		margin = AXIS_MARGIN * (panel->axis.high - panel->axis.low);
		if (!(margin > 0))
			margin = 1;
		panel->axis.low -= margin;
		panel->axis.high += margin;
	}
	free(low);
	free(high);
	return low && high ? 0 : -ENOMEM;
}

bool panel_has_step(const struct panel *panel, const struct step *step)
{
	if (strcmp(panel->clock, step->clock) != 0)
		return false;
	for (size_t i = 0; i < panel->curve_count; i++)
		if (panel->curves[i].cpu == step->cpu)
			return true;
	return false;
}

int panel_make(const struct report *r, int clock, size_t bins, bool residuals, struct panel *panel,
	struct error *err)
{
	const struct estimates *e = r->estimates;
	int cpus[CPUS_SHOWN], rc = 0;
	size_t count;

	*panel = (struct panel){ .clock = r->run->clocks[clock].name };
	count = report_cpus_shown(r, panel->clock, cpus);
	for (size_t i = 0; i < count && !rc; i++) {
		panel->curves[i].cpu = cpus[i];
		panel->curve_count++;
		rc = curve_make(r, clock, bins, residuals, &panel->curves[i], err);
		if (!rc && !residuals)
			curve_zero(&panel->curves[i]);
	}
	for (size_t i = 0; i < e->step_count; i++)
		panel->step_count += panel_has_step(panel, &e->steps[i]);
	if (!rc && axis_make(panel, !residuals && panel->step_count))
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc)
		panel_free(panel);
	return rc;
}

void panel_free(struct panel *panel)
{
	for (size_t i = 0; i < panel->curve_count; i++) {
		for (size_t k = 0; k < panel->curves[i].piece_count; k++)
			piece_free(&panel->curves[i].pieces[k]);
		free(panel->curves[i].pieces);
	}
	*panel = (struct panel){ 0 };
}
