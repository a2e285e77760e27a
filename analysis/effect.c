/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/effect.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fit.h"
#include "analysis/judge.h"
#include "analysis/phase.h"

/* No interval is narrower: no offset in ns that is held in a double shows less in an hour. */
#define LEAST_PPM 1e-12

/* A drift row, whether its phase is idle, and for a disturbed one the place of its effect. */
struct member {
	const struct drift *row;
	bool idle;
	size_t effect;
};

static bool is_estimate(const struct drift *row)
{
	return isfinite(row->drift_ppm) && isfinite(row->ci_high_ppm - row->ci_low_ppm) && !judge_is_few(row);
}

static double normal_quantile(void)
{
	return gsl_cdf_ugaussian_Pinv((1 + FIT_CONFIDENCE) / 2);
}

/* u^2 of effect.h.  Intervals from few degrees of freedom are wider than normal ones: that errs to the safe side. */
static double formal_variance(const struct drift *row)
{
	double se = (row->ci_high_ppm - row->ci_low_ppm) / 2 / normal_quantile();
	double range = isfinite(row->systematic_ppm) ? row->systematic_ppm : 0;

	return fmax(se * se + range * range / 3, LEAST_PPM * LEAST_PPM);
}

/* The idle phases of one pair; names as in effect.h. */
struct idle {
	size_t k;
	double mean, sum_w, sum_w2, sum_w3;
	double cross; /* sum of w_i w_j over i < j: C without a difference of near equals */
	double chi2;
};

static struct idle idle_of(const struct member *first, const struct member *end)
{
	struct idle idle = { 0 };

	for (const struct member *m = first; m < end; m++) {
		double w, before = idle.mean;

		if (!m->idle || !is_estimate(m->row))
			continue;
		w = 1 / formal_variance(m->row);
		idle.k++;
		idle.cross += w * idle.sum_w;
		idle.sum_w += w;
		idle.sum_w2 += w * w;
		idle.sum_w3 += w * w * w;
		/* West's updating, which does not lose a small scatter beside a large mean. */
		idle.mean += w / idle.sum_w * (m->row->drift_ppm - before);
		idle.chi2 += w * (m->row->drift_ppm - before) * (m->row->drift_ppm - idle.mean);
	}
	return idle;
}

struct scatter {
	double ratio;	 /* R */
	double variance; /* V_scatter */
	double freedom;
};

static struct scatter scatter_of(const struct idle *idle, double u2)
{
	double sum = idle->sum_w, rank = (double)idle->k - 1;
	double c = 2 * idle->cross / sum, s2 = idle->chi2 / c, u02 = rank / c;
	double c2 = idle->sum_w2 - 2 * idle->sum_w3 / sum + idle->sum_w2 / sum * idle->sum_w2 / sum;
	struct scatter s = { .ratio = sqrt(idle->chi2 / rank), .freedom = c * c / c2 };

	s.variance = s2 + fmax(0, u2 - u02) + fmin(1, idle->chi2 / rank) / sum +
		     fmax(0, s2 - u02) * (idle->sum_w2 / sum / sum);
	/* Rounding may break what is so for all weights. */
	s.freedom = s.freedom >= 1 ? fmin(s.freedom, rank) : 1;
	return s;
}

static void effect_interval(struct effect *e, const struct idle *idle, double u2)
{
	double se = sqrt(1 / idle->sum_w + u2), size = fabs(e->effect_ppm), half = normal_quantile() * se;
	char how[44] = "formal errors";

	e->p = 2 * gsl_cdf_ugaussian_Q(size / se);
	if (idle->k > 1) {
		struct scatter s = scatter_of(idle, u2);
		double wide = gsl_cdf_tdist_Pinv((1 + FIT_CONFIDENCE) / 2, s.freedom) * sqrt(s.variance);

		if (s.variance > 0)
			e->p = fmax(e->p, 2 * gsl_cdf_tdist_Q(size / sqrt(s.variance), s.freedom));
		if (wide > half) {
			half = wide;
			snprintf(how, sizeof(how), "scatter %.2g x formal, t(%.3g)", s.ratio, s.freedom);
		}
	}
	e->ci_low_ppm = e->effect_ppm - half;
	e->ci_high_ppm = e->effect_ppm + half;
	if (idle->k == 1)
		snprintf(e->method, sizeof(e->method), "one idle phase, %s, scatter not known", how);
	else
		snprintf(e->method, sizeof(e->method), "weighted mean of %zu idle phases, %s", idle->k, how);
}

static void effect_fill(struct effect *e, const struct drift *row, const struct idle *idle)
{
	*e = (struct effect){ .cpu = row->cpu,
		.effect_ppm = NAN,
		.ci_low_ppm = NAN,
		.ci_high_ppm = NAN,
		.p = NAN,
		.idle_phases = idle->k,
		.significant = "unknown" };
	strcpy(e->phase, row->phase);
	strcpy(e->clock, row->clock);
	strcpy(e->reference, row->reference);
	if (!is_estimate(row)) {
		strcpy(e->method,
			judge_is_few(row) ? "too few readings in this phase" : "no drift in this phase");
	} else if (!idle->k) {
		strcpy(e->method, "no idle phase");
	} else {
		e->effect_ppm = row->drift_ppm - idle->mean;
		effect_interval(e, idle, formal_variance(row));
	}
}

static int by_pair(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->row->clock, y->row->clock);

	if (!order)
		order = strcmp(x->row->reference, y->row->reference);
	if (!order)
		order = (x->row->cpu > y->row->cpu) - (x->row->cpu < y->row->cpu);
	/* Sums must not depend on how qsort() leaves equals. */
	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool same_pair(const struct drift *a, const struct drift *b)
{
	return a->cpu == b->cpu && strcmp(a->clock, b->clock) == 0 && strcmp(a->reference, b->reference) == 0;
}

static void compare_pairs(struct member *members, size_t count, struct effect *effects)
{
	qsort(members, count, sizeof(*members), by_pair);
	for (size_t from = 0, to; from < count; from = to) {
		struct idle idle;

		for (to = from + 1; to < count && same_pair(members[from].row, members[to].row);)
			to++;
		idle = idle_of(members + from, members + to);
		for (size_t i = from; i < to; i++)
			if (!members[i].idle)
				effect_fill(&effects[members[i].effect], members[i].row, &idle);
	}
}

static int by_p(const void *a, const void *b)
{
	const struct effect *x = *(struct effect *const *)a, *y = *(struct effect *const *)b;

	return (x->p > y->p) - (x->p < y->p);
}

static int test_together(struct effect *effects, size_t count)
{
	struct effect **sorted = malloc((count + 1) * sizeof(struct effect *));
	size_t known = 0;
	bool still = true;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!isnan(effects[i].p))
			sorted[known++] = &effects[i];
	qsort(sorted, known, sizeof(struct effect *), by_p);
	for (size_t i = 0; i < known; i++) {
		still = still && sorted[i]->p <= EFFECT_FALSE_ALARMS / (double)(known - i);
		strcpy(sorted[i]->significant, still ? "yes" : "no");
	}
	free(sorted);
	return 0;
}

int effects_find(const struct run *run, struct estimates *estimates, struct error *err)
{
	size_t count = estimates->drift_count, effects = 0;
	struct member *members = calloc(count + 1, sizeof(*members));
	const struct phase *phase = NULL;
	int rc = members ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < count; i++) {
		const struct drift *row = &estimates->drift[i];

		phase = phase_find(run, row->phase, phase);
		members[i] = (struct member){ row, !phase || phase_is_idle(phase), effects };
		effects += !members[i].idle;
	}
	estimates->effects = rc ? NULL : calloc(effects + 1, sizeof(*estimates->effects));
	if (estimates->effects) {
		estimates->effect_count = effects;
		compare_pairs(members, count, estimates->effects);
		rc = test_together(estimates->effects, effects);
	} else {
		rc = -ENOMEM;
	}
	free(members);
	return rc ? error_set(err, rc, "out of memory") : 0;
}
