/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/edf.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#define ALPHA_COUNT (NOISE_WHITE_PM - NOISE_RANDOM_RUN + 1)

/* Terms above which [GR03] goes over from sums to their limits (J_max there). */
#define SUM_MAX 100.0

/* [GR03]: above it the second difference in sx() loses its digits. */
#define FACTOR_MAX 1e6

/* Quantiles of GSL 2.7.1 fail to converge for some edf from 2300 on, and GSL then aborts; below, none did. */
#define EDF_NORMAL 1000.0

struct limit {
	double a0, a1;
};

const char *noise_name(int alpha)
{
	static const char *const names[ALPHA_COUNT] = { "random run FM", "flicker walk FM", "random walk FM",
		"flicker FM", "white FM", "flicker PM", "white PM" };

	if (alpha < NOISE_RANDOM_RUN || alpha > NOISE_WHITE_PM)
		return "unknown";
	return names[alpha - NOISE_RANDOM_RUN];
}

/* Takes the least squares line out of z; n >= 2. */
static void remove_line(double *z, size_t n)
{
	double middle = (double)(n - 1) / 2;
	double sum = 0, moment = 0, slope;

	for (size_t i = 0; i < n; i++) {
		sum += z[i];
		moment += ((double)i - middle) * z[i];
	}
	slope = 12 * moment / ((double)n * ((double)n * (double)n - 1));
	for (size_t i = 0; i < n; i++)
		z[i] -= sum / (double)n + slope * ((double)i - middle);
}

/* Lag 1 autocorrelation ([RG04] eq. 2); NaN where z is constant. */
static double lag1_autocorrelation(const double *z, size_t n)
{
	double mean = 0, c0 = 0, c1 = 0, last = 0;

	for (size_t i = 0; i < n; i++)
		mean += z[i];
	mean /= (double)n;
	for (size_t i = 0; i < n; i++) {
		double now = z[i] - mean;

		c0 += now * now;
		c1 += now * last;
		last = now;
	}
	return c0 > 0 ? c1 / c0 : NAN;
}

int noise_identify(const double *phase, size_t n, size_t m, double *scratch)
{
	size_t largest = (n - 1) / (NOISE_GOOD_POINTS - 1);
	size_t count = 0;

	if (n < NOISE_MIN_POINTS)
		return NOISE_UNKNOWN;
	if (m > largest)
		m = largest > 0 ? largest : 1;
	for (size_t i = 0; i < n; i += m)
		scratch[count++] = phase[i];
	remove_line(scratch, count);

	/* delta: half the exponent of what d differences leave; below 1/4 that is stationary. */
	for (int d = 0;; d++) {
		double r = lag1_autocorrelation(scratch, count);
		double delta = r / (1 + r);

		if (isnan(delta))
			return NOISE_UNKNOWN;
		if (delta < 0.25 || d == 3) {
			int alpha = 2 - 2 * d - (int)lround(2 * delta);

			return alpha < NOISE_RANDOM_RUN ? NOISE_RANDOM_RUN
			       : alpha > NOISE_WHITE_PM ? NOISE_WHITE_PM
							: alpha;
		}
		count--;
		for (size_t i = 0; i < count; i++)
			scratch[i] = scratch[i + 1] - scratch[i];
	}
}

/*
 * [GR03] eq. 7, the generalised autocovariance of the phase, without its sign:
 * only ratios of squares are taken.
 */
static double sw(double t, int alpha)
{
	double power = 1;

	t = fabs(t);
	if (t == 0)
		return 0;
	for (int k = alpha; k < 3; k++)
		power *= t;
	return alpha % 2 ? power * log(t) : power;
}

/* [GR03] eq. 8, of the phase averaged over 1/F; F may be infinite. */
static double sx(double t, double F, int alpha)
{
	if (isinf(F))
		return sw(t, alpha + 2);
	return F * F * (2 * sw(t, alpha) - sw(t - 1 / F, alpha) - sw(t + 1 / F, alpha));
}

/* [GR03] eq. 9, of the differences of order d. */
static double sz(double t, double F, int alpha, int d)
{
	static const double binomial[2][4] = { { 6, -4, 1, 0 }, { 20, -15, 6, -1 } };
	double sum = binomial[d - 2][0] * sx(t, F, alpha);

	for (int k = 1; k <= d; k++)
		sum += binomial[d - 2][k] * (sx(t - k, F, alpha) + sx(t + k, F, alpha));
	return sum;
}

/* [GR03] eq. 10, BasicSum: squares of the covariances of M windows, S of them in one tau. */
static double basic_sum(double J, double M, double S, double F, int alpha, int d)
{
	double z = sz(0, F, alpha, d);
	double sum = z * z;

	z = sz(J / S, F, alpha, d);
	sum += (1 - J / M) * z * z;
	for (int j = 1; j < J; j++) {
		z = sz(j / S, F, alpha, d);
		sum += 2 * (1 - j / M) * z * z;
	}
	return sum;
}

/* [GR03] table 1: modified variances, from random run FM to white PM; d = 2, 3. */
static const struct limit table_modified[ALPHA_COUNT][2] = {
	{ { NAN, NAN }, { 1.489, 0.702 } },
	{ { NAN, NAN }, { 1.194, 0.703 } },
	{ { 1.302, 0.535 }, { 1.175, 0.777 } },
	{ { 1.048, 0.534 }, { 1.180, 0.816 } },
	{ { 1.033, 0.607 }, { 1.184, 0.848 } },
	{ { 0.997, 0.616 }, { 1.141, 0.843 } },
	{ { 7.0 / 9, 1.0 / 2 }, { 22.0 / 25, 2.0 / 3 } },
};

/* [GR03] table 2: unmodified variances.  White PM: binom(4d, 2d) / binom(2d, d)^2 and d/2. */
static const struct limit table_plain[ALPHA_COUNT][2] = {
	{ { NAN, NAN }, { 1.302, 0.535 } },
	{ { NAN, NAN }, { 1.053, 0.553 } },
	{ { 1.079, 0.368 }, { 1.033, 0.607 } },
	{ { 0.852, 0.375 }, { 0.997, 0.617 } },
	{ { 2.0 / 3, 1.0 / 3 }, { 7.0 / 9, 1.0 / 2 } },
	{ { 790, 410 }, { 9950, 6520 } },
	{ { 35.0 / 18, 1 }, { 231.0 / 100, 3.0 / 2 } },
};

/* [GR03] table 3: sz(0, m, 1, d) tends to b0 + b1 log m. */
static const struct limit table_flicker_pm[2] = { { 15.23, 12 }, { 47.8, 40 } };

/* [GR03] case 4: windows of white PM only correlate at whole multiples of tau. */
static double inverse_edf_white_pm(int d, double M, double r)
{
	static const double ratio[2][3] = { { 4.0 / 6, 1.0 / 6, 0 }, { 15.0 / 20, 6.0 / 20, 1.0 / 20 } };
	const struct limit *tends = &table_plain[NOISE_WHITE_PM - NOISE_RANDOM_RUN][d - 2];
	double sum = 1;

	if (r > d)
		return (tends->a0 - tends->a1 / r) / M;
	for (int k = 1; k < r; k++)
		sum += 2 * (1 - k / r) * ratio[d - 2][k - 1] * ratio[d - 2][k - 1];
	return sum / M;
}

/* [GR03] section 5: the exact sum where it is short, else its limit for many windows in one tau. */
static double inverse_edf(const struct edf_filter *filter, int alpha, double m, double M)
{
	int d = filter->d;
	double S = filter->overlapped ? m : 1;
	double J = fmin(M, (d + 1) * S);
	double r = M / S;
	bool flicker_pm = alpha == NOISE_FLICKER_PM && !filter->modified;
	double F = filter->modified ? 1 : flicker_pm ? fmin(m, FACTOR_MAX) : INFINITY;
	double z0;

	if (alpha == NOISE_WHITE_PM && !filter->modified)
		return inverse_edf_white_pm(d, M, r);
	if (J <= SUM_MAX) {
		if (!filter->modified && m * (d + 1) <= SUM_MAX)
			F = m;
		z0 = sz(0, F, alpha, d);
		return basic_sum(J, M, S, F, alpha, d) / (z0 * z0 * M);
	}
	z0 = table_flicker_pm[d - 2].a0 + table_flicker_pm[d - 2].a1 * log(m);
	if (r > d + 1) {
		const struct limit *tends =
			&(filter->modified ? table_modified : table_plain)[alpha - NOISE_RANDOM_RUN][d - 2];

		return (tends->a0 - tends->a1 / r) / r / (flicker_pm ? z0 * z0 : 1);
	}
	S = SUM_MAX / r;
	if (flicker_pm)
		F = S;
	else
		z0 = sz(0, F, alpha, d);
	return basic_sum(SUM_MAX, SUM_MAX, S, F, alpha, d) / (z0 * z0 * SUM_MAX);
}

double edf_greenhall(const struct edf_filter *filter, int alpha, size_t m, size_t n)
{
	double length = filter->d * (double)m + (filter->modified ? (double)m : 1);
	double windows;

	if ((double)n < length)
		return NAN;
	if (alpha < 2 - 2 * filter->d)
		alpha = 2 - 2 * filter->d;
	windows = 1 + floor(((double)n - length) / (filter->overlapped ? 1 : (double)m));
	return fmax(1, 1 / inverse_edf(filter, alpha, (double)m, windows));
}

/* As good as the total variance while its reflected ends are short, and as the parabolic one at m < 3. */
static const struct edf_filter overlapped_allan = { .d = 2, .overlapped = true };

double edf_total(int alpha, size_t m, size_t n)
{
	static const struct limit table[] = { { 0.93, 0.36 }, { 1.17, 0.22 }, { 1.50, 0 } };
	double ratio = (double)(n - 1) / (double)m;

	if (!(ratio >= 2))
		return NAN;
	if (m < 4)
		return edf_greenhall(&overlapped_allan, alpha, m, n);
	if (alpha == NOISE_WHITE_PM) {
		double ends = 6 * ratio + 8;

		return 1 / (32 / (ends * ends) + 35.0 / 18 / (double)n);
	}
	if (alpha == NOISE_FLICKER_PM)
		return fmax(1.50 * ratio, edf_greenhall(&overlapped_allan, alpha, m, n));
	if (alpha < NOISE_RANDOM_WALK_FM)
		alpha = NOISE_RANDOM_WALK_FM;
	return table[alpha - NOISE_RANDOM_WALK_FM].a0 * ratio - table[alpha - NOISE_RANDOM_WALK_FM].a1;
}

double edf_parabolic(int alpha, size_t m, size_t n)
{
	double quarter = (double)(n / 4);
	double half = (double)n / 2;
	double a, x, edf;

	if (!((double)m < half))
		return NAN;
	if (m < 3 || quarter < 3)
		return edf_greenhall(&overlapped_allan, alpha, m, n);
	a = alpha < NOISE_RANDOM_WALK_FM ? NOISE_RANDOM_WALK_FM : alpha;
	a = 27 + a / 4 + 5 * a * a / 14 - 3 * a * a * a / 4;
	x = fmin((double)m, quarter);
	x /= (double)n - 2 * x + 1;
	edf = 35 / (a * x - 12 * x * x);
	if ((double)m > quarter)
		edf = 1 + (edf - 1) * pow(log(half / (double)m) / log(half / quarter), 1.5);
	return fmax(1, edf);
}

/* Quantile of chi-square; above EDF_NORMAL after Wilson and Hilferty, 1931. */
static double chi_square_quantile(double p, double edf)
{
	double v = 2 / (9 * edf);

	if (edf < EDF_NORMAL)
		return gsl_cdf_chisq_Pinv(p, edf);
	return edf * pow(1 - v + gsl_cdf_ugaussian_Pinv(p) * sqrt(v), 3);
}

void edf_interval(double deviation, double edf, double confidence, double *low, double *high)
{
	*low = NAN;
	*high = NAN;
	if (!(edf >= 1))
		return;
	*low = deviation * sqrt(edf / chi_square_quantile((1 + confidence) / 2, edf));
	*high = deviation * sqrt(edf / chi_square_quantile((1 - confidence) / 2, edf));
}
