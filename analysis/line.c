/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/line.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#define MAD_TO_SIGMA 1.4826 /* for a normal distribution: 1 / quantile(0.75) */
#define BEND_SIGMAS  3.0    /* slopes are alike up to so many standard errors */
#define HALF_95	     1.96   /* standard errors in half of a 95 % interval */

bool line_fit(const double *t, const double *x, const bool *use, size_t n, double floor_ns, struct line *line)
{
	double sxx = 0, sxy = 0, ssr = 0, sum_t = 0, sum_x = 0;

	*line = (struct line){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (use && !use[i])
			continue;
		line->n++;
		sum_t += t[i] - t[0];
		sum_x += x[i] - x[0];
	}
	if (line->n < 3)
		return false;
	line->t_mean = t[0] + sum_t / (double)line->n;
	line->at_mean = x[0] + sum_x / (double)line->n;
	for (size_t i = 0; i < n; i++) {
		if (use && !use[i])
			continue;
		sxx += (t[i] - line->t_mean) * (t[i] - line->t_mean);
		sxy += (t[i] - line->t_mean) * (x[i] - line->at_mean);
	}
	if (!(sxx > 0))
		return false;
	line->sxx = sxx;
	line->slope = sxy / sxx;
	for (size_t i = 0; i < n; i++) {
		double r;

		if (use && !use[i])
			continue;
		r = x[i] - line_at(line, t[i]);
		ssr += r * r;
	}
	line->residual = fmax(sqrt(ssr / (double)(line->n - 2)), floor_ns);
	line->slope_se = line->residual / sqrt(sxx);
	return true;
}

static double *pair_slopes(const double *t, const double *x, size_t n, size_t *count)
{
	double *slopes = malloc(n * (n - 1) / 2 * sizeof(*slopes));

	*count = 0;
	for (size_t i = 0; slopes && i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (t[j] != t[i])
				slopes[(*count)++] = (x[j] - x[i]) / (t[j] - t[i]);
	return slopes;
}

bool line_theil_sen(const double *t, const double *x, size_t n, struct line *line)
{
	double *slopes, *level;
	size_t count;

	*line = (struct line){ 0 };
	if (n < 3)
		return false;
	slopes = pair_slopes(t, x, n, &count);
	level = malloc(n * sizeof(*level));
	if (slopes && level && count) {
		line->n = n;
		line->slope = gsl_stats_median(slopes, 1, count);
		line->t_mean = gsl_stats_mean(t, 1, n);
		for (size_t i = 0; i < n; i++)
			level[i] = x[i] - line->slope * (t[i] - line->t_mean);
		line->at_mean = gsl_stats_median(level, 1, n);
	}
	free(slopes);
	free(level);
	return line->n > 0;
}

bool line_robust(
	const double *t, const double *x, size_t n, double cut, double floor_ns, bool *use, struct line *line)
{
	double *distance = malloc((n + 1) * sizeof(*distance));
	double mad;

	if (!distance || !line_theil_sen(t, x, n, line)) {
		free(distance);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		distance[i] = fabs(x[i] - line_at(line, t[i]));
	mad = gsl_stats_median(distance, 1, n);
	free(distance);
	for (size_t i = 0; i < n; i++)
		use[i] = fabs(x[i] - line_at(line, t[i])) <= fmax(cut * MAD_TO_SIGMA * mad, floor_ns);
	return line_fit(t, x, use, n, floor_ns, line);
}

double line_bend_se(const struct line *before, const struct line *after, double gap_s)
{
	double bend = fabs(after->slope - before->slope);

	if (!before->n || !after->n || bend <= BEND_SIGMAS * hypot(before->slope_se, after->slope_se))
		return 0;
	return bend * gap_s / HALF_95;
}
