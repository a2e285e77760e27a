/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "analysis/stability.c"

#define SEED   20260103u
#define TRIALS 500
#define POINTS 257

#define SET_B 1000

/* The value, written with as many decimals as the text has, must be the text. */
static void assert_digits(double value, const char *text)
{
	const char *dot = strchr(text, '.');
	char got[64];

	assert_non_null(dot);
	snprintf(got, sizeof(got), "%.*f", (int)strlen(dot + 1), value);
	assert_string_equal(got, text);
}

static void compute(const double *phase, size_t n, const struct stability_options *options,
	const size_t *m_list, size_t m_count, struct stability_point *out)
{
	struct error err = { "" };
	int ret = stability_compute(phase, n, options, m_list, m_count, out, &err);

	if (ret)
		fail_msg("%d: %s", ret, err.text);
}

static void make_set_a(double *phase)
{
	static const double freq[9] = { 892, 809, 823, 798, 671, 644, 883, 903, 677 };

	stability_phase_from_freq(freq, 9, 1, phase);
}

/* NIST SP 1065 section 12.4 */
static void make_set_b(double *phase)
{
	double freq[SET_B];
	uint64_t value = 1234567890;

	for (size_t i = 0; i < SET_B; i++) {
		freq[i] = (double)value / 2147483647.0;
		value = value * 16807 % 2147483647;
	}
	stability_phase_from_freq(freq, SET_B, 1, phase);
}

struct known {
	enum stability_kind kind;
	const char *text[3]; /* for each m */
};

static void check_known(const double *phase, size_t n, const size_t *m_list, size_t m_count,
	const struct known *known, size_t known_count)
{
	const struct stability_options options = { .tau0_s = 1, .remove_mean = true };
	struct stability_point out[3];

	compute(phase, n, &options, m_list, m_count, out);
	for (size_t j = 0; j < m_count; j++) {
		assert_int_equal(out[j].m, m_list[j]);
		for (size_t k = 0; k < known_count; k++) {
			if (known[k].text[j])
				assert_digits(out[j].est[known[k].kind].value, known[k].text[j]);
		}
	}
}

static void test_known_answers_of_set_a(void **state)
{
	static const size_t m_list[] = { 1, 2 };
	static const struct known known[] = {
		{ STABILITY_ADEV, { "91.22944974", "115.8082107" } },
		{ STABILITY_OADEV, { "91.22944974", "85.95286984" } },
		{ STABILITY_MDEV, { "91.22944974", "74.78849343" } },
		{ STABILITY_TDEV, { "52.67134737", "86.35831363" } },
		{ STABILITY_HDEV, { "70.80607319", "116.7979916" } },
		{ STABILITY_OHDEV, { "70.80607319", "85.61487166" } },
		{ STABILITY_TOTDEV, { "91.22944974", "93.90379053" } },
		{ STABILITY_PDEV, { "91.22944974" } },
	};
	double phase[10];

	(void)state;
	make_set_a(phase);
	check_known(phase, 10, m_list, 2, known, sizeof(known) / sizeof(known[0]));
}

static void test_known_answers_of_set_b(void **state)
{
	static const size_t m_list[] = { 1, 10, 100 };
	static const struct known known[] = {
		{ STABILITY_ADEV, { "0.292231878107", "0.0996573606317", "0.038978043308" } },
		{ STABILITY_OADEV, { "0.292231878107", "0.0915995342012", "0.0324134302606" } },
		{ STABILITY_MDEV, { "0.292231878107", "0.0617237638245", "0.0217092091369" } },
		{ STABILITY_TDEV, { "0.168720153491", "0.356362316595", "1.25338177391" } },
		{ STABILITY_HDEV, { "0.294388329124", "0.105275419401", "0.0391086055975" } },
		{ STABILITY_OHDEV, { "0.294388329124", "0.0958108317325", "0.0323763825276" } },
		{ STABILITY_TOTDEV, { "0.292231878107", "0.091347432617", "0.0340653025218" } },
		{ STABILITY_PDEV, { "0.292231878107" } },
		{ STABILITY_MTIE, { NULL, "2.698815096" } },
		{ STABILITY_TIERMS, { NULL, "0.8758829604" } },
	};
	double phase[SET_B + 1];

	(void)state;
	make_set_b(phase);
	check_known(phase, SET_B + 1, m_list, 3, known, sizeof(known) / sizeof(known[0]));
}

/*
 * Set B again: MTIE as Stable32 1.60 gives it for PHASE.DAT, which is set B less
 * its mean frequency, to four decimals.
 */
static void test_mtie_of_set_b(void **state)
{
	static const size_t m_list[] = { 1, 3, 7, 15, 31, 63, 127, 255, 511 };
	static const double known[] = { 0.50597, 1.2984, 2.2922, 2.9949, 4.4550, 6.5989, 6.8061, 7.8205,
		7.8205 };
	const struct stability_options options = { .tau0_s = 1, .remove_mean = true };
	struct stability_point out[9];
	double phase[SET_B + 1];

	(void)state;
	make_set_b(phase);
	compute(phase, SET_B + 1, &options, m_list, 9, out);
	for (size_t j = 0; j < 9; j++) {
		assert_true(fabs(out[j].est[STABILITY_MTIE].value - known[j]) <= 0.5e-4);
		assert_int_equal(out[j].est[STABILITY_MTIE].count, SET_B + 1 - m_list[j]);
	}
}

/* The deviation of a filter of phase, by its definition and in one go. */
static double brute_pdev(const double *x, size_t n, size_t m, double tau0_s)
{
	double sum = 0, tau = (double)m * tau0_s;

	for (size_t i = 0; i < n - 2 * m; i++) {
		double line = 0;

		for (size_t k = 0; k < m; k++)
			line += ((double)(m - 1) / 2 - (double)k) * (x[i + k] - x[i + m + k]);
		sum += line * line;
	}
	return sqrt(72 * sum / (double)(n - 2 * m) / (pow((double)m, 4) * tau * tau));
}

static void test_pdev_is_the_sum_of_its_definition(void **state)
{
	static const size_t m_list[] = { 2, 3, 10, 100, 500 };
	const struct stability_options options = { .tau0_s = 0.25, .kinds = STABILITY_BIT(STABILITY_PDEV) };
	struct stability_point out[5];
	double phase[SET_B + 1];

	(void)state;
	make_set_b(phase);
	compute(phase, SET_B + 1, &options, m_list, 5, out);
	for (size_t j = 0; j < 5; j++) {
		double want = brute_pdev(phase, SET_B + 1, m_list[j], 0.25);

		assert_true(fabs(out[j].est[STABILITY_PDEV].value / want - 1) < 1e-10);
	}
}

/* Twice the interval: half of each deviation that is per second, TDEV and those in U as they were. */
static void test_units(void **state)
{
	struct stability_options options = { .tau0_s = 1, .remove_mean = true };
	struct stability_point one, two;
	double phase[SET_B + 1];
	size_t m = 7;

	(void)state;
	make_set_b(phase);
	compute(phase, SET_B + 1, &options, &m, 1, &one);
	options.tau0_s = 2;
	compute(phase, SET_B + 1, &options, &m, 1, &two);
	assert_true(one.tau_s == 7 && two.tau_s == 14);
	for (int k = 0; k < STABILITY_KINDS; k++) {
		bool in_phase_unit = k == STABILITY_TDEV || k == STABILITY_MTIE || k == STABILITY_TIERMS;
		double ratio = one.est[k].value / two.est[k].value;

		assert_true(fabs(ratio - (in_phase_unit ? 1 : 2)) < 1e-12);
	}
}

static void test_constant_frequency(void **state)
{
	struct stability_options options = { .tau0_s = 1, .remove_mean = true };
	double phase[SET_B + 1], fast[SET_B + 1];
	struct stability_point plain, removed, kept;
	size_t m = 10;

	(void)state;
	make_set_b(phase);
	for (size_t i = 0; i <= SET_B; i++)
		fast[i] = phase[i] + 1000 * (double)i - 5e6;
	compute(phase, SET_B + 1, &options, &m, 1, &plain);
	compute(fast, SET_B + 1, &options, &m, 1, &removed);
	options.remove_mean = false;
	compute(fast, SET_B + 1, &options, &m, 1, &kept);
	for (int k = 0; k < STABILITY_KINDS; k++) {
		assert_true(fabs(removed.est[k].value / plain.est[k].value - 1) < 1e-8);
		if (k != STABILITY_MTIE && k != STABILITY_TIERMS)
			assert_true(kept.est[k].value == removed.est[k].value);
	}
	/* Ten steps of 1000.5 each, give or take what the noise adds. */
	assert_true(fabs(kept.est[STABILITY_TIERMS].value - 10004.9) < 0.2);
	assert_true(fabs(kept.est[STABILITY_MTIE].value - 10004.9) < 3);
}

static void test_only_what_was_asked_for(void **state)
{
	double phase[SET_B + 1];
	size_t m = 10;

	(void)state;
	make_set_b(phase);
	for (int k = 0; k < STABILITY_KINDS; k++) {
		const struct stability_options one = { .tau0_s = 1, .kinds = STABILITY_BIT(k) };
		const struct stability_options all = { .tau0_s = 1, .kinds = STABILITY_ALL };
		struct stability_point got, want;

		compute(phase, SET_B + 1, &one, &m, 1, &got);
		compute(phase, SET_B + 1, &all, &m, 1, &want);
		for (int other = 0; other < STABILITY_KINDS; other++) {
			if (other == k) {
				assert_true(got.est[k].value == want.est[k].value);
				continue;
			}
			assert_true(isnan(got.est[other].value) && isnan(got.est[other].low));
			assert_int_equal(got.est[other].count, 0);
		}
	}
}

/* What is left at the largest m of each kind, and NaN beyond. */
static void test_m_too_large(void **state)
{
	static const struct {
		enum stability_kind kind;
		size_t largest;
	} limits[] = { { STABILITY_ADEV, 4 }, { STABILITY_OADEV, 4 }, { STABILITY_MDEV, 3 },
		{ STABILITY_TDEV, 3 }, { STABILITY_HDEV, 3 }, { STABILITY_OHDEV, 3 }, { STABILITY_TOTDEV, 9 },
		{ STABILITY_PDEV, 4 }, { STABILITY_MTIE, 9 }, { STABILITY_TIERMS, 9 } };
	static const size_t m_list[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, SIZE_MAX };
	const struct stability_options options = { .tau0_s = 1 };
	struct stability_point out[11];
	double phase[10];

	(void)state;
	make_set_a(phase);
	compute(phase, 10, &options, m_list, 11, out);
	for (size_t k = 0; k < STABILITY_KINDS; k++) {
		for (size_t j = 0; j < 11; j++) {
			const struct stability_estimate *est = &out[j].est[limits[k].kind];

			assert_int_equal(isfinite(est->value), m_list[j] <= limits[k].largest);
			assert_int_equal(est->count > 0, m_list[j] <= limits[k].largest);
		}
	}
	assert_string_equal(out[0].noise, "unknown");
	assert_true(out[0].est[STABILITY_OADEV].edf >= 1);
}

static void test_bad_input(void **state)
{
	struct stability_options options = { .tau0_s = 1 };
	double phase[10], bad[3] = { NAN, INFINITY, -INFINITY };
	struct stability_point out;
	struct error err = { "" };
	size_t one = 1, zero = 0;

	(void)state;
	make_set_a(phase);
	assert_int_equal(stability_compute(phase, 2, &options, &one, 1, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at least 3 points"));
	err.text[0] = '\0';
	assert_int_equal(stability_compute(phase, 10, &options, &zero, 1, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "averaging factor"));
	for (size_t k = 0; k < 3; k++) {
		phase[6] = bad[k];
		err.text[0] = '\0';
		assert_int_equal(stability_compute(phase, 10, &options, &one, 1, &out, &err), -EINVAL);
		assert_non_null(strstr(err.text, "phase value 7 "));
		make_set_a(phase);
		err.text[0] = '\0';
		options.tau0_s = bad[k];
		assert_int_equal(stability_compute(phase, 10, &options, &one, 1, &out, &err), -EINVAL);
		assert_non_null(strstr(err.text, "tau0"));
		options.tau0_s = 1;
	}
	options.tau0_s = 0;
	assert_int_equal(stability_compute(phase, 10, &options, &one, 1, &out, &err), -EINVAL);
	options.tau0_s = 1;
	options.confidence = 1;
	err.text[0] = '\0';
	assert_int_equal(stability_compute(phase, 10, &options, &one, 1, &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "confidence"));
}

static void test_zero_phase(void **state)
{
	const struct stability_options options = { .tau0_s = 1 };
	static const size_t m_list[] = { 1, 16 };
	struct stability_point out[2];
	double phase[100] = { 0 };

	(void)state;
	compute(phase, 100, &options, m_list, 2, out);
	for (size_t j = 0; j < 2; j++) {
		for (int k = 0; k < STABILITY_KINDS; k++)
			assert_true(out[j].est[k].value == 0);
		assert_true(out[j].est[STABILITY_OADEV].low == 0 && out[j].est[STABILITY_OADEV].high == 0);
		assert_string_equal(out[j].noise, "unknown");
	}
	compute(phase, 100, &options, m_list, 0, out);
}

static void test_octaves(void **state)
{
	size_t m_list[64];

	(void)state;
	assert_int_equal(stability_octaves(0, m_list, 64), 0);
	assert_int_equal(stability_octaves(2, m_list, 64), 0);
	assert_int_equal(stability_octaves(3, m_list, 64), 1);
	assert_int_equal(stability_octaves(6, m_list, 64), 1);
	assert_int_equal(stability_octaves(7, m_list, 64), 2);
	assert_int_equal(stability_octaves(10000001, m_list, 64), 22);
	assert_int_equal(m_list[0], 1);
	assert_int_equal(m_list[21], 1 << 21);
	assert_int_equal(stability_octaves(10000001, m_list, 5), 5);
	assert_true(stability_octaves(SIZE_MAX, m_list, 64) <= 64);
}

/* How often, of TRIALS records, the interval holds the truth. */
struct coverage {
	double mean_square[STABILITY_KINDS]; /* sum over the trials */
	struct stability_estimate est[TRIALS][STABILITY_KINDS];
};

static void make_noise(double *phase, bool white_fm, gsl_rng *rng)
{
	phase[0] = gsl_ran_gaussian_ziggurat(rng, 1);
	for (size_t i = 1; i < POINTS; i++)
		phase[i] = gsl_ran_gaussian_ziggurat(rng, 1) + (white_fm ? phase[i - 1] : 0);
}

static size_t count_covered(const struct coverage *c, enum stability_kind kind, double truth)
{
	size_t covered = 0;

	for (size_t t = 0; t < TRIALS; t++)
		covered += c->est[t][kind].low <= truth && truth <= c->est[t][kind].high;
	return covered;
}

/*
 * OADEV is known: sqrt(3)/tau for white PM, 1/sqrt(tau) for white FM, of unit
 * sigma.  For the others the truth is the root mean square over the trials.
 */
static void check_coverage(bool white_fm, size_t m, gsl_rng *rng)
{
	const struct stability_options options = { .tau0_s = 1 };
	struct coverage *c = calloc(1, sizeof(*c));
	double oadev = white_fm ? 1 / sqrt((double)m) : sqrt(3) / (double)m;
	struct stability_point point;
	double phase[POINTS];

	assert_non_null(c);
	for (size_t t = 0; t < TRIALS; t++) {
		make_noise(phase, white_fm, rng);
		compute(phase, POINTS, &options, &m, 1, &point);
		memcpy(c->est[t], point.est, sizeof(point.est));
		for (int k = 0; k < STABILITY_KINDS; k++)
			c->mean_square[k] += point.est[k].value * point.est[k].value / TRIALS;
	}
	for (int k = 0; k < STABILITY_MTIE; k++) {
		double truth = k == STABILITY_OADEV ? oadev : sqrt(c->mean_square[k]);
		size_t covered = count_covered(c, (enum stability_kind)k, truth);

		if (covered < TRIALS * 90 / 100 || covered > TRIALS * 99 / 100)
			fail_msg("%s of white %s at m = %zu: %zu of %d", stability_names[k],
				white_fm ? "FM" : "PM", m, covered, TRIALS);
	}
	free(c);
}

static void test_intervals_cover_the_truth(void **state)
{
	static const size_t m_list[] = { 1, 4, 16, 64 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	(void)state;
	assert_non_null(rng);
	gsl_rng_set(rng, SEED);
	print_message("seed %u\n", SEED);
	for (size_t j = 0; j < 4; j++) {
		check_coverage(false, m_list[j], rng);
		check_coverage(true, m_list[j], rng);
	}
	gsl_rng_free(rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers_of_set_a),
		cmocka_unit_test(test_known_answers_of_set_b),
		cmocka_unit_test(test_mtie_of_set_b),
		cmocka_unit_test(test_pdev_is_the_sum_of_its_definition),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_constant_frequency),
		cmocka_unit_test(test_only_what_was_asked_for),
		cmocka_unit_test(test_m_too_large),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_zero_phase),
		cmocka_unit_test(test_octaves),
		cmocka_unit_test(test_intervals_cover_the_truth),
	};

	return cmocka_run_group_tests_name("analysis/stability", tests, NULL, NULL);
}
