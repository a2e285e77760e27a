/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/stability.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/edf.h"
#include "analysis/mtie.h"
#include "analysis/stability_sums.h"

const char *const stability_names[STABILITY_KINDS] = {
	[STABILITY_ADEV] = "adev",
	[STABILITY_OADEV] = "oadev",
	[STABILITY_MDEV] = "mdev",
	[STABILITY_TDEV] = "tdev",
	[STABILITY_HDEV] = "hdev",
	[STABILITY_OHDEV] = "ohdev",
	[STABILITY_TOTDEV] = "totdev",
	[STABILITY_PDEV] = "pdev",
	[STABILITY_MTIE] = "mtie",
	[STABILITY_TIERMS] = "tierms",
};

/* What the kinds have in common while one phase record is worked on. */
struct record {
	const double *x;   /* phase less the line through its ends */
	const double *tie; /* phase as MTIE and TIE rms want it */
	double *scratch;   /* room for n values */
	size_t n;
	double confidence;
	unsigned kinds;
};

/* NaN for those that have no chi-square interval. */
static double kind_edf(enum stability_kind kind, int alpha, size_t m, size_t n)
{
	static const struct edf_filter filters[] = {
		[STABILITY_ADEV] = { .d = 2 },
		[STABILITY_OADEV] = { .d = 2, .overlapped = true },
		[STABILITY_MDEV] = { .d = 2, .overlapped = true, .modified = true },
		[STABILITY_TDEV] = { .d = 2, .overlapped = true, .modified = true },
		[STABILITY_HDEV] = { .d = 3 },
		[STABILITY_OHDEV] = { .d = 3, .overlapped = true },
	};

	switch (kind) {
	case STABILITY_TOTDEV:
		return edf_total(alpha, m, n);
	case STABILITY_PDEV:
		return edf_parabolic(alpha, m, n);
	case STABILITY_MTIE:
	case STABILITY_TIERMS:
	case STABILITY_KINDS:
		return NAN;
	default:
		return edf_greenhall(&filters[kind], alpha, m, n);
	}
}

/* Where the noise is not known, the type that leaves the widest interval counts. */
static double cautious_edf(enum stability_kind kind, int alpha, size_t m, size_t n)
{
	double edf = INFINITY;

	if (alpha != NOISE_UNKNOWN)
		return kind_edf(kind, alpha, m, n);
	for (alpha = NOISE_RANDOM_WALK_FM; alpha <= NOISE_WHITE_PM; alpha++) {
		double other = kind_edf(kind, alpha, m, n);

		if (!(other >= edf))
			edf = other;
	}
	return edf;
}

static double mean_square(struct squares s)
{
	return s.count ? s.sum / (double)s.count : NAN;
}

static void set_estimate(struct stability_point *point, enum stability_kind kind, const struct record *r,
	double value, size_t count)
{
	struct stability_estimate *est = &point->est[kind];

	if (!(r->kinds & STABILITY_BIT(kind)) || !count)
		return;
	est->value = value;
	est->count = count;
	est->edf = cautious_edf(kind, point->alpha, point->m, r->n);
	edf_interval(value, est->edf, r->confidence, &est->low, &est->high);
}

static void compute_allan(struct stability_point *p, const struct record *r)
{
	struct squares s = sum_second_difference(r->x, r->n, p->m, p->m);

	set_estimate(p, STABILITY_ADEV, r, sqrt(mean_square(s) / 2) / p->tau_s, s.count);
	if (!(r->kinds & (STABILITY_BIT(STABILITY_OADEV) | STABILITY_BIT(STABILITY_TOTDEV) |
				 STABILITY_BIT(STABILITY_PDEV))))
		return;
	s = sum_second_difference(r->x, r->n, p->m, 1);
	set_estimate(p, STABILITY_OADEV, r, sqrt(mean_square(s) / 2) / p->tau_s, s.count);
	if (p->m == 1)
		set_estimate(p, STABILITY_PDEV, r, sqrt(mean_square(s) / 2) / p->tau_s, s.count);
	s = sum_reflected_difference(r->x, r->n, p->m, s);
	set_estimate(p, STABILITY_TOTDEV, r, sqrt(mean_square(s) / 2) / p->tau_s, s.count);
}

static void compute_modified(struct stability_point *p, const struct record *r)
{
	struct squares s;
	double mdev;

	if (!(r->kinds & (STABILITY_BIT(STABILITY_MDEV) | STABILITY_BIT(STABILITY_TDEV))))
		return;
	s = sum_averaged_difference(r->x, r->n, p->m);
	mdev = sqrt(mean_square(s) / 2) / ((double)p->m * p->tau_s);
	set_estimate(p, STABILITY_MDEV, r, mdev, s.count);
	set_estimate(p, STABILITY_TDEV, r, p->tau_s * mdev / sqrt(3), s.count);
}

static void compute_hadamard(struct stability_point *p, const struct record *r)
{
	struct squares s = sum_third_difference(r->x, r->n, p->m, p->m);

	set_estimate(p, STABILITY_HDEV, r, sqrt(mean_square(s) / 6) / p->tau_s, s.count);
	if (!(r->kinds & STABILITY_BIT(STABILITY_OHDEV)))
		return;
	s = sum_third_difference(r->x, r->n, p->m, 1);
	set_estimate(p, STABILITY_OHDEV, r, sqrt(mean_square(s) / 6) / p->tau_s, s.count);
}

static void compute_parabolic(struct stability_point *p, const struct record *r)
{
	double m = (double)p->m;
	struct squares s;

	if (p->m == 1 || !(r->kinds & STABILITY_BIT(STABILITY_PDEV)))
		return;
	s = sum_regression_difference(r->x, r->n, p->m);
	set_estimate(p, STABILITY_PDEV, r, sqrt(72 * mean_square(s)) / (m * m * p->tau_s), s.count);
}

static void compute_tie_rms(struct stability_point *p, const struct record *r)
{
	struct squares s;

	if (!(r->kinds & STABILITY_BIT(STABILITY_TIERMS)))
		return;
	s = sum_first_difference(r->tie, r->n, p->m);
	set_estimate(p, STABILITY_TIERMS, r, sqrt(mean_square(s)), s.count);
}

static void compute_point(struct stability_point *p, const struct record *r, size_t m, double tau0_s)
{
	p->m = m;
	p->tau_s = (double)m * tau0_s;
	p->alpha = noise_identify(r->x, r->n, m, r->scratch);
	p->noise = noise_name(p->alpha);
	for (int kind = 0; kind < STABILITY_KINDS; kind++)
		p->est[kind] = (struct stability_estimate){ NAN, NAN, NAN, NAN, 0 };
	compute_allan(p, r);
	compute_modified(p, r);
	compute_hadamard(p, r);
	compute_parabolic(p, r);
	compute_tie_rms(p, r);
}

static int compute_mtie(struct stability_point *out, size_t m_count, const size_t *m_list,
	const struct record *r, struct error *err)
{
	double *range;
	int ret;

	if (!(r->kinds & STABILITY_BIT(STABILITY_MTIE)) || !m_count)
		return 0;
	range = malloc(m_count * sizeof(*range));
	if (!range)
		return error_set(err, -ENOMEM, "out of memory for %zu averaging factors", m_count);
	ret = mtie_compute(r->tie, r->n, m_list, m_count, range, err);
	for (size_t j = 0; !ret && j < m_count; j++)
		set_estimate(&out[j], STABILITY_MTIE, r, range[j], window_count(r->n, 1, m_list[j], 1));
	free(range);
	return ret;
}

static int check_input(const double *phase, size_t n, const struct stability_options *options,
	const size_t *m_list, size_t m_count, struct error *err)
{
	if (n < 3)
		return error_set(err, -EINVAL, "stability needs at least 3 points of phase, not %zu", n);
	if (!isfinite(options->tau0_s) || options->tau0_s <= 0)
		return error_set(
			err, -EINVAL, "the interval tau0 must be above 0 s, not %g", options->tau0_s);
	if (!(options->confidence >= 0 && options->confidence <= EDF_CONFIDENCE_MAX))
		return error_set(err, -EINVAL, "the confidence must be above 0 and at most %g, not %g",
			EDF_CONFIDENCE_MAX, options->confidence);
	for (size_t j = 0; j < m_count; j++) {
		if (!m_list[j])
			return error_set(err, -EINVAL, "an averaging factor must be at least 1, not 0");
	}
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(phase[i]))
			return error_set(
				err, -EINVAL, "phase value %zu is not a finite number: %g", i + 1, phase[i]);
	}
	return 0;
}

int stability_compute(const double *phase, size_t n, const struct stability_options *options,
	const size_t *m_list, size_t m_count, struct stability_point *out, struct error *err)
{
	struct record r = { .n = n, .kinds = options->kinds, .confidence = options->confidence };
	double *x = NULL;
	double slope;
	int ret = check_input(phase, n, options, m_list, m_count, err);

	if (ret)
		return ret;
	if (!r.kinds)
		r.kinds = STABILITY_ALL;
	if (r.confidence == 0)
		r.confidence = STABILITY_CONFIDENCE;
	x = malloc(n * sizeof(*x));
	r.scratch = malloc(n * sizeof(*r.scratch));
	if (!x || !r.scratch) {
		ret = error_set(err, -ENOMEM, "out of memory for %zu points of phase", n);
		goto out;
	}
	slope = (phase[n - 1] - phase[0]) / (double)(n - 1);
	for (size_t i = 0; i < n; i++)
		x[i] = phase[i] - phase[0] - slope * (double)i;
	r.x = x;
	r.tie = options->remove_mean ? x : phase;

	for (size_t j = 0; j < m_count; j++)
		compute_point(&out[j], &r, m_list[j], options->tau0_s);
	free(r.scratch);
	r.scratch = NULL;
	ret = compute_mtie(out, m_count, m_list, &r, err);
out:
	free(r.scratch);
	free(x);
	return ret;
}

size_t stability_octaves(size_t n, size_t *m_list, size_t max)
{
	size_t count = 0;

	if (n < 3)
		return 0;
	for (size_t m = 1; count < max && (m == 1 || m <= (n - 1) / 3); m *= 2)
		m_list[count++] = m;
	return count;
}

void stability_phase_from_freq(const double *freq, size_t n, double tau0_s, double *phase)
{
	double sum = 0;

	phase[0] = 0;
	for (size_t i = 0; i < n; i++) {
		sum += freq[i];
		phase[i + 1] = sum * tau0_s;
	}
}
