/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/fit.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/dependence.h"
#include "analysis/edges.h"
#include "analysis/hull.h"
#include "analysis/line.h"
#include "analysis/median.h"
#include "results/units.h"

/* Dependence is looked at on at most this many means of consecutive residuals. */
#define DEPENDENCE_BINS 512
/* The edges estimator must be sharper by this factor, wandering left aside, or the simpler one is kept. */
#define EDGES_ADVANTAGE 2.0
/* Brackets narrower than this many TSC granules are ruled by quantisation, not by delays. */
#define EDGES_GRANULES 20.0

/* Screening: inverted brackets always; far too wide ones where the midpoints are fitted. */
static uint64_t screen(const struct fit_input *in, double width, bool drop_wide, bool *use)
{
	double widest = WIDE_FACTOR * width + WIDE_GRANULES * in->granularity_ns;
	uint64_t rejected = 0;

	for (size_t i = 0; i < in->count; i++) {
		use[i] = in->half_ns[i] >= 0 && (!drop_wide || 2 * in->half_ns[i] <= widest);
		rejected += !use[i];
	}
	return rejected;
}

/* Means of consecutive residuals, so that a run of any length is tested alike.  Returns how many. */
static size_t residual_means(
	const struct fit_input *in, const bool *use, const struct line *line, double *t, double *residual)
{
	size_t each = (line->n + DEPENDENCE_BINS - 1) / DEPENDENCE_BINS, bins = 0, held = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (!use[i])
			continue;
		if (held == 0)
			t[bins] = residual[bins] = 0;
		t[bins] += in->t_s[i] / (double)each;
		residual[bins] += (in->offset_ns[i] - line_at(line, in->t_s[i])) / (double)each;
		if (++held == each) {
			bins++;
			held = 0;
		}
	}
	return bins;
}

static double half_interval(double se, double freedom)
{
	return se * gsl_cdf_tdist_Pinv((1 + FIT_CONFIDENCE) / 2, freedom);
}

/* Half the interval in ns/s, at least the one for independent residuals. */
static double midpoint_interval(const struct fit_input *in, const bool *use, const struct line *line,
	double plain, const char **dependent)
{
	double t[DEPENDENCE_BINS + 1], residual[DEPENDENCE_BINS + 1], freedom, se;
	const char *how;
	size_t bins = residual_means(in, use, line, t, residual);

	*dependent = NULL;
	if (!residuals_depend(residual, bins))
		return plain;
	se = dependent_slope_se(t, residual, bins, &freedom, &how);
	if (!isfinite(se))
		return plain;
	*dependent = how;
	return fmax(plain, half_interval(se, freedom));
}

static void fit_set(struct fit *fit, double slope, double half, const char *method, const char *dependent)
{
	fit->valid = true;
	fit->drift_ppm = slope / PPB_PER_PPM;
	fit->ci_low_ppm = (slope - half) / PPB_PER_PPM;
	fit->ci_high_ppm = (slope + half) / PPB_PER_PPM;
	snprintf(fit->method, sizeof(fit->method), "%s%s%s", method, dependent ? ", " : "",
		dependent ? dependent : "");
}

/* Standard deviation of the midpoints about a line that is not their own. */
static double scatter(const struct fit_input *in, const bool *use, const struct line *line)
{
	double squares = 0;

	for (size_t i = 0; i < in->count; i++)
		if (use[i])
			squares += pow(in->offset_ns[i] - line_at(line, in->t_s[i]), 2);
	return fmax(sqrt(squares / fmax((double)line->n - 2, 1)), in->resolution_ns);
}

/* plain: half the interval of the midpoints, were they independent. */
static bool try_edges(const struct fit_input *in, bool *use, double plain, struct fit *fit)
{
	struct line line;
	struct edges e;

	/* No midpoint is further off than half the widest bracket: more scatter is no delay, the clocks wander. */
	if (fit->valid && fit->residual_ns > WIDE_FACTOR / 2 * fit->width_ns)
		return false;
	if (fit->width_ns < EDGES_GRANULES * in->granularity_ns ||
		!edges_fit(in->t_s, in->offset_ns, in->half_ns, in->count, in->resolution_ns, &e))
		return false;
	/*
	 * Like with like: clocks that wander do so for midpoints and edges alike, so both are compared as if their
	 * residuals were independent.  What is sharper then has the smaller delays in it.
	 */
	if (fit->valid && EDGES_ADVANTAGE * half_interval(e.plain_se, e.plain_freedom) > plain)
		return false;
	line = (struct line){ .t_mean = e.t_mean, .at_mean = e.at_mean, .slope = e.slope, .n = fit->used };
	fit->residual_ns = scatter(in, use, &line);
	fit->rejected = screen(in, fit->width_ns, false, use);
	fit->used = in->count - fit->rejected;
	fit->t_mean_s = e.t_mean;
	fit->at_mean_ns = e.at_mean;
	fit_set(fit, e.slope, half_interval(e.slope_se, e.freedom), "bin minima of both edges", e.dependent);
	return true;
}

/* INFINITY: none was used in that stretch. */
static double narrowest_ns(const struct fit_input *in, const bool *use, double from_s, double to_s)
{
	double narrowest = INFINITY;

	for (size_t i = 0; i < in->count; i++)
		if (use[i] && in->t_s[i] >= from_s && in->t_s[i] <= to_s)
			narrowest = fmin(narrowest, 2 * in->half_ns[i]);
	return narrowest;
}

static void extent(const struct fit_input *in, const bool *use, struct fit *fit)
{
	double first = NAN, last = NAN, begin, end;

	for (size_t i = 0; i < in->count; i++) {
		if (!use[i])
			continue;
		/* A TSC that went backward must not make the span negative; fmin() passes over NaN. */
		first = fmin(first, in->t_s[i]);
		last = fmax(last, in->t_s[i]);
	}
	fit->span_s = last - first;
	/*
	 * If the narrowest bracket turned from balanced to one-sided between the
	 * ends of the run, its midpoint would move by half its width.  The ends may
	 * have brackets of their own: exchanges with a busy machine are wide for a while.
	 */
	begin = narrowest_ns(in, use, first, first + fit->span_s / 3);
	end = narrowest_ns(in, use, last - fit->span_s / 3, last);
	fit->systematic_ppm = fmax(begin, end) / (2 * fit->span_s) / PPB_PER_PPM;
}

int fit_drift(const struct fit_input *in, bool *use, struct fit *fit, struct error *err)
{
	bool *own = use ? use : malloc(in->count + 1);
	struct line line;
	const char *dependent;
	double plain = INFINITY, half, low, high;

	*fit = (struct fit){ .drift_ppm = NAN, .ci_low_ppm = NAN, .ci_high_ppm = NAN, .systematic_ppm = NAN };
	fit->hull_low_ppm = fit->hull_high_ppm = fit->residual_ns = fit->span_s = NAN;
	strcpy(fit->method, "none");
	if (!own || median_width(in->half_ns, in->count, &fit->width_ns)) {
		if (own != use)
			free(own);
		return error_set(err, -ENOMEM, "out of memory for %zu points", in->count);
	}
	fit->rejected = screen(in, fit->width_ns, true, own);
	fit->used = in->count - fit->rejected;
	if (line_fit(in->t_s, in->offset_ns, own, in->count, in->resolution_ns, &line)) {
		plain = half_interval(line.slope_se, (double)line.n - 2);
		half = midpoint_interval(in, own, &line, plain, &dependent);
		fit_set(fit, line.slope, half, "least squares", dependent);
		fit->residual_ns = line.residual;
		fit->t_mean_s = line.t_mean;
		fit->at_mean_ns = line.at_mean;
	}
	try_edges(in, own, plain, fit);
	if (fit->valid) {
		extent(in, own, fit);
		if (hull_slopes(in->t_s, in->offset_ns, in->half_ns, own, in->count, &low, &high)) {
			fit->hull_low_ppm = low / PPB_PER_PPM;
			fit->hull_high_ppm = high / PPB_PER_PPM;
		}
	}
	screen(in, fit->width_ns, true, own);
	if (own != use)
		free(own);
	return 0;
}
