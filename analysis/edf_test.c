/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "analysis/edf.c"

#define SEED 20260104u

/*
 * The exact edf of a mean of squares of Gaussian windows with the covariances
 * R(j) is M^2 R(0)^2 / sum over all pairs of R(i - j)^2.  Power-law phase is white noise through
 * (1 - B)^(alpha/2 - 1) (Kasdin and Walter, 1992), so that R follows from the filter
 * of the statistic alone, without any of the approximations under test.
 */
static void power_law_response(double *psi, size_t count, int alpha)
{
	double beta = 1 - alpha / 2.0;

	psi[0] = 1;
	for (size_t k = 1; k < count; k++)
		psi[k] = psi[k - 1] * ((double)k - 1 + beta) / (double)k;
}

/* The response of filter and noise together; count well beyond taps, where it has died away. */
static double *response(const double *filter, size_t taps, int alpha, size_t count)
{
	double *psi = calloc(count, sizeof(*psi));
	double *g = calloc(count, sizeof(*g));

	assert_non_null(psi);
	assert_non_null(g);
	power_law_response(psi, count, alpha);
	for (size_t i = 0; i < taps; i++) {
		for (size_t j = 0; filter[i] != 0 && i + j < count; j++)
			g[i + j] += filter[i] * psi[j];
	}
	free(psi);
	return g;
}

static double exact_edf(const double *filter, size_t taps, int alpha, size_t windows, size_t stride)
{
	size_t count = 40 * taps + 2000;
	double *g = response(filter, taps, alpha, count);
	double sum = 0, r0 = 0;

	for (size_t j = 0; j < windows && j * stride < count; j++) {
		double r = 0;

		for (size_t k = 0; k + j * stride < count; k++)
			r += g[k] * g[k + j * stride];
		if (j == 0)
			r0 = r;
		sum += (j ? 2 : 1) * (double)(windows - j) * r * r;
	}
	free(g);
	return (double)windows * (double)windows * r0 * r0 / sum;
}

/* Filter of the finite difference, averaged over m points where it is modified; returns its taps. */
static size_t difference_filter(double *h, const struct edf_filter *f, size_t m)
{
	static const double binomial[2][4] = { { 1, -2, 1 }, { -1, 3, -3, 1 } };
	size_t average = f->modified ? m : 1;
	size_t taps = (size_t)f->d * m + average;

	memset(h, 0, taps * sizeof(*h));
	for (size_t k = 0; k <= (size_t)f->d; k++) {
		for (size_t j = 0; j < average; j++)
			h[k * m + j] += binomial[f->d - 2][k];
	}
	return taps;
}

static void assert_ratio(
	double got, double exact, double below, double above, const char *what, int alpha, size_t m)
{
	if (!(got >= exact * (1 - below) && got <= exact * (1 + above)))
		fail_msg("%s, %s, m = %zu: edf %.4g, exact %.4g", what, noise_name(alpha), m, got, exact);
}

/*
 * How far [GR03] may be off.  White PM is exact.  At small m it models each point
 * as an average over tau0 and not as an instant, which shifts edf by up to a third;
 * that shift stays for flicker PM, whose level depends on the bandwidth.
 */
static double allowed(const struct edf_filter *f, int alpha, size_t m)
{
	if (alpha == NOISE_WHITE_PM)
		return 0.003;
	if (m < 4)
		return 0.34;
	if (alpha == NOISE_FLICKER_PM && !f->modified && f->overlapped)
		return 0.18;
	return m < 16 ? 0.13 : m < 32 ? 0.06 : 0.03;
}

static void check_filter(const struct edf_filter *f, size_t n, size_t m)
{
	double *h = calloc(4 * m + 1, sizeof(*h));
	size_t taps, stride = f->overlapped ? 1 : m;

	assert_non_null(h);
	taps = difference_filter(h, f, m);
	for (int alpha = 2 - 2 * f->d; alpha <= NOISE_WHITE_PM; alpha++) {
		double got = edf_greenhall(f, alpha, m, n);

		if (n < taps) {
			assert_true(isnan(got));
			continue;
		}
		assert_ratio(got, exact_edf(h, taps, alpha, (n - taps) / stride + 1, stride),
			allowed(f, alpha, m), allowed(f, alpha, m),
			f->modified ? "modified"
			: f->d == 2 ? "Allan"
				    : "Hadamard",
			alpha, m);
	}
	free(h);
}

static const struct edf_filter filters[] = {
	{ .d = 2 },
	{ .d = 2, .overlapped = true },
	{ .d = 2, .overlapped = true, .modified = true },
	{ .d = 3 },
	{ .d = 3, .overlapped = true },
	{ .d = 3, .overlapped = true, .modified = true },
};

static void test_greenhall_against_exact_covariances(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(filters) / sizeof(filters[0]); k++) {
		for (size_t m = 1; m <= 301; m *= 2)
			check_filter(&filters[k], 301, m);
		/* Long sums: their limits for many windows in one tau, with many tau and with few. */
		check_filter(&filters[k], 601, 64);
		check_filter(&filters[k], 601, 140);
	}
}

static void test_greenhall_limits(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(filters) / sizeof(filters[0]); k++) {
		const struct edf_filter *f = &filters[k];
		size_t taps = f->modified ? (size_t)f->d * 10 + 10 : (size_t)f->d * 10 + 1;

		for (int alpha = NOISE_RANDOM_RUN; alpha <= NOISE_WHITE_PM; alpha++) {
			assert_true(isnan(edf_greenhall(f, alpha, 10, taps - 1)));
			assert_true(fabs(edf_greenhall(f, alpha, 10, taps) - 1) < 1e-9);
			/* A month of 10 us, at all octaves: finite, never more than there are windows. */
			for (size_t m = 1; m < 800000000; m *= 2) {
				double edf = edf_greenhall(f, alpha, m, 2592000000u);

				assert_true(edf >= 1 && edf < 2592000000.0);
			}
		}
		assert_true(edf_greenhall(f, -9, 10, 500) == edf_greenhall(f, 2 - 2 * f->d, 10, 500));
	}
}

/*
 * Total variance has no stationary windows: exact edf = (trace S)^2 / trace(S^2)
 * with S the covariance of all its n - 2 terms.
 */
static double exact_total_edf(int alpha, size_t m, size_t n)
{
	size_t history = 3000, count = history + n, rows = n - 2;
	double *g = calloc(rows * count, sizeof(*g));
	double *psi = calloc(count, sizeof(*psi));
	double trace = 0, squares = 0;

	assert_non_null(g);
	assert_non_null(psi);
	power_law_response(psi, count, alpha);
	for (size_t i = 1; i <= rows; i++) {
		double *h = calloc(n, sizeof(*h));

		assert_non_null(h);
		h[i] -= 2;
		if (i >= m) {
			h[i - m] += 1;
		} else {
			h[0] += 2;
			h[m - i] -= 1;
		}
		if (i + m < n) {
			h[i + m] += 1;
		} else {
			h[n - 1] += 2;
			h[2 * (n - 1) - i - m] -= 1;
		}
		for (size_t j = 0; j < n; j++) {
			for (size_t k = 0; h[j] != 0 && k <= history + j; k++)
				g[(i - 1) * count + history + j - k] += h[j] * psi[k];
		}
		free(h);
	}
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j <= i; j++) {
			double s = 0;

			for (size_t k = 0; k < count; k++)
				s += g[i * count + k] * g[j * count + k];
			trace += i == j ? s : 0;
			squares += (i == j ? 1 : 2) * s * s;
		}
	}
	free(psi);
	free(g);
	return trace * trace / squares;
}

static void test_total_against_exact_covariances(void **state)
{
	static const size_t m_list[] = { 1, 2, 4, 8, 13, 21, 32 };

	(void)state;
	for (int alpha = NOISE_RANDOM_WALK_FM; alpha <= NOISE_WHITE_PM; alpha++) {
		for (size_t j = 0; j < sizeof(m_list) / sizeof(m_list[0]); j++) {
			size_t m = m_list[j];
			double below = alpha == NOISE_FLICKER_PM ? 0.52 : m < 4 ? 0.25 : 0.12;

			assert_ratio(edf_total(alpha, m, 65), exact_total_edf(alpha, m, 65), below,
				m < 4 ? 0.18 : 0.09, "total", alpha, m);
		}
		assert_true(isnan(edf_total(alpha, 33, 65)));
		assert_true(isnan(edf_total(alpha, SIZE_MAX, 65)));
	}
	assert_true(edf_total(NOISE_RANDOM_RUN, 9, 65) == edf_total(NOISE_RANDOM_WALK_FM, 9, 65));
}

static void test_parabolic_against_exact_covariances(void **state)
{
	static const size_t n_list[] = { 22, 34, 101, 301 };
	double h[2 * 150 + 1];

	(void)state;
	for (size_t k = 0; k < sizeof(n_list) / sizeof(n_list[0]); k++) {
		size_t n = n_list[k];

		for (size_t m = 2; 2 * m < n; m += m < 20 ? 1 : 13) {
			memset(h, 0, sizeof(h));
			for (size_t j = 0; j < m; j++) {
				h[j] = (double)(m - 1) / 2 - (double)j;
				h[m + j] = -h[j];
			}
			for (int alpha = NOISE_RANDOM_WALK_FM; alpha <= NOISE_WHITE_PM; alpha++)
				assert_ratio(edf_parabolic(alpha, m, n),
					exact_edf(h, 2 * m + 1, alpha, n - 2 * m, 1),
					m < 3 || m > n / 4 ? 0.35 : 0.1, m < 4 ? 0.23 : 0.2, "parabolic",
					alpha, m);
		}
		assert_true(isnan(edf_parabolic(0, (n + 1) / 2, n)));
	}
	assert_true(edf_parabolic(0, 1, 300) == edf_greenhall(&filters[1], 0, 1, 300));
	assert_true(edf_parabolic(NOISE_RANDOM_RUN, 9, 300) == edf_parabolic(NOISE_RANDOM_WALK_FM, 9, 300));
	assert_true(isnan(edf_parabolic(0, SIZE_MAX, 300)));
}

/*
 * Intervals of Stable32 1.60 for PHASE.DAT (1001 points, white FM, confidence 0.683), as
 * distributed with the tests of allantools; five digits.
 */
struct published {
	double (*edf)(int alpha, size_t m, size_t n);
	size_t m;
	double low, value, high;
};

static double edf_adev(int alpha, size_t m, size_t n)
{
	return edf_greenhall(&filters[0], alpha, m, n);
}

static double edf_oadev(int alpha, size_t m, size_t n)
{
	return edf_greenhall(&filters[1], alpha, m, n);
}

static double edf_mdev(int alpha, size_t m, size_t n)
{
	return edf_greenhall(&filters[2], alpha, m, n);
}

static double edf_hdev(int alpha, size_t m, size_t n)
{
	return edf_greenhall(&filters[3], alpha, m, n);
}

static double edf_ohdev(int alpha, size_t m, size_t n)
{
	return edf_greenhall(&filters[4], alpha, m, n);
}

static const struct published published[] = {
	{ edf_adev, 1, 2.8515e-01, 2.9223e-01, 2.9987e-01 },
	{ edf_adev, 16, 5.6510e-02, 6.2381e-02, 7.0567e-02 },
	{ edf_adev, 128, 2.6481e-02, 3.3855e-02, 5.5744e-02 },
	{ edf_oadev, 2, 1.9520e-01, 2.0102e-01, 2.0738e-01 },
	{ edf_oadev, 16, 5.7696e-02, 6.1915e-02, 6.7217e-02 },
	{ edf_oadev, 32, 4.3654e-02, 4.8082e-02, 5.4202e-02 },
	{ edf_oadev, 64, 3.1755e-02, 3.6237e-02, 4.3377e-02 },
	{ edf_oadev, 128, 2.3045e-02, 2.7674e-02, 3.7027e-02 },
	{ edf_mdev, 2, 1.5336e-01, 1.5821e-01, 1.6355e-01 },
	{ edf_mdev, 16, 3.8022e-02, 4.1376e-02, 4.5809e-02 },
	{ edf_mdev, 128, 1.4874e-02, 1.8669e-02, 2.8584e-02 },
	{ edf_hdev, 4, 1.4054e-01, 1.4890e-01, 1.5896e-01 },
	{ edf_hdev, 128, 2.8841e-02, 3.8060e-02, 7.3807e-02 },
	{ edf_ohdev, 8, 1.0388e-01, 1.0987e-01, 1.1704e-01 },
	{ edf_ohdev, 128, 2.3761e-02, 2.9147e-02, 4.1367e-02 },
	{ edf_total, 4, 1.3947e-01, 1.4444e-01, 1.4998e-01 },
	{ edf_total, 32, 4.4255e-02, 4.8580e-02, 5.4484e-02 },
	{ edf_total, 256, 1.0734e-02, 1.3369e-02, 1.9924e-02 },
};

static void test_published_intervals(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(published) / sizeof(published[0]); k++) {
		const struct published *p = &published[k];
		double low, high;

		edf_interval(p->value, p->edf(NOISE_WHITE_FM, p->m, 1001), 0.683, &low, &high);
		if (fabs(low / p->low - 1) > 1e-3 || fabs(high / p->high - 1) > 1e-3)
			fail_msg("row %zu: %.5g to %.5g instead of %.5g to %.5g", k, low, high, p->low,
				p->high);
	}
}

/* GSL would abort the process where a quantile does not converge; and the two ways must meet. */
static void test_quantiles(void **state)
{
	static const double confidence[] = { 0.001, 0.5, 0.6827, 0.9, 0.95, 0.99, 0.999, EDF_CONFIDENCE_MAX };
	double low, high;

	(void)state;
	for (size_t k = 0; k < sizeof(confidence) / sizeof(confidence[0]); k++) {
		double p = (1 - confidence[k]) / 2, before, after;

		for (double edf = 1; edf < 1e9; edf *= 1.003) {
			double q = chi_square_quantile(p, edf);

			assert_true(edf >= EDF_NORMAL || fabs(gsl_cdf_chisq_P(q, edf) / p - 1) < 1e-9);
			edf_interval(2, edf, confidence[k], &low, &high);
			assert_true(low > 0 && low < high && isfinite(high));
		}
		before = chi_square_quantile(p, EDF_NORMAL * (1 - 1e-12));
		after = chi_square_quantile(p, EDF_NORMAL);
		assert_true(fabs(after / before - 1) < 1.5e-4);
	}
	/* Tables of chi-square: 2.5 % and 97.5 % at 10 degrees. */
	edf_interval(1, 10, 0.95, &low, &high);
	assert_true(fabs(low - sqrt(10 / 20.483177)) < 1e-7);
	assert_true(fabs(high - sqrt(10 / 3.246973)) < 1e-6);
	edf_interval(1, NAN, 0.95, &low, &high);
	assert_true(isnan(low) && isnan(high));
}

/* Kasdin's filter on Gaussian noise, with a past of its own length. */
static void make_noise(double *x, size_t n, int alpha, gsl_rng *rng)
{
	double *psi = calloc(2 * n, sizeof(*psi));
	double *white = calloc(2 * n, sizeof(*white));

	assert_non_null(psi);
	assert_non_null(white);
	power_law_response(psi, 2 * n, alpha);
	for (size_t i = 0; i < 2 * n; i++)
		white[i] = gsl_ran_gaussian_ziggurat(rng, 1);
	for (size_t i = 0; i < n; i++) {
		x[i] = 0;
		for (size_t k = 0; k <= n + i; k++)
			x[i] += psi[k] * white[n + i - k];
	}
	free(white);
	free(psi);
}

static void test_noise_types(void **state)
{
	enum { POINTS = 1200, TRIALS = 40 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double x[POINTS], scratch[POINTS];

	(void)state;
	assert_non_null(rng);
	gsl_rng_set(rng, SEED);
	print_message("seed %u\n", SEED);
	for (int alpha = NOISE_RANDOM_RUN; alpha <= NOISE_WHITE_PM; alpha++) {
		size_t right = 0, decimated = 0;

		for (int t = 0; t < TRIALS; t++) {
			make_noise(x, POINTS, alpha, rng);
			/* A clock that runs fast changes nothing. */
			for (size_t i = 0; i < POINTS; i++)
				x[i] += 1e3 * (double)i - 1e6;
			right += noise_identify(x, POINTS, 1, scratch) == alpha;
			decimated += noise_identify(x, POINTS, 8, scratch) == alpha;
		}
		if (right < TRIALS * 95 / 100)
			fail_msg("%s: %zu of %d", noise_name(alpha), right, TRIALS);
		/* Flicker does not stay itself when only every eighth point of it is kept. */
		if (alpha % 2 == 0 && decimated < TRIALS * 75 / 100)
			fail_msg("%s at m = 8: %zu of %d", noise_name(alpha), decimated, TRIALS);
	}
	gsl_rng_free(rng);
}

static void test_noise_of_few_points(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double x[300], scratch[300], zero[300] = { 0 };

	(void)state;
	assert_non_null(rng);
	gsl_rng_set(rng, SEED);
	make_noise(x, 300, NOISE_WHITE_FM, rng);
	assert_int_equal(noise_identify(x, NOISE_MIN_POINTS - 1, 1, scratch), NOISE_UNKNOWN);
	assert_int_not_equal(noise_identify(x, NOISE_MIN_POINTS, 1, scratch), NOISE_UNKNOWN);
	/* 300 points: m = 4 leaves 75, m = 5 would leave 60. */
	for (size_t m = 5; m < 1000; m++)
		assert_int_equal(noise_identify(x, 300, m, scratch), noise_identify(x, 300, 4, scratch));
	assert_int_equal(noise_identify(x, 300, SIZE_MAX, scratch), noise_identify(x, 300, 4, scratch));
	assert_int_equal(noise_identify(zero, 300, 1, scratch), NOISE_UNKNOWN);
	gsl_rng_free(rng);
}

static void test_noise_names(void **state)
{
	(void)state;
	assert_string_equal(noise_name(NOISE_WHITE_PM), "white PM");
	assert_string_equal(noise_name(NOISE_FLICKER_PM), "flicker PM");
	assert_string_equal(noise_name(NOISE_WHITE_FM), "white FM");
	assert_string_equal(noise_name(NOISE_FLICKER_FM), "flicker FM");
	assert_string_equal(noise_name(NOISE_RANDOM_WALK_FM), "random walk FM");
	assert_string_equal(noise_name(NOISE_FLICKER_WALK), "flicker walk FM");
	assert_string_equal(noise_name(NOISE_RANDOM_RUN), "random run FM");
	assert_string_equal(noise_name(NOISE_UNKNOWN), "unknown");
	assert_string_equal(noise_name(NOISE_RANDOM_RUN - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greenhall_against_exact_covariances),
		cmocka_unit_test(test_greenhall_limits),
		cmocka_unit_test(test_total_against_exact_covariances),
		cmocka_unit_test(test_parabolic_against_exact_covariances),
		cmocka_unit_test(test_published_intervals),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_noise_types),
		cmocka_unit_test(test_noise_of_few_points),
		cmocka_unit_test(test_noise_names),
	};

	return cmocka_run_group_tests_name("analysis/edf", tests, NULL, NULL);
}
