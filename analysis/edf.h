/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How sure a stability statistic is: the type of the noise, the equivalent
 * degrees of freedom (edf) of the estimate under that noise, and the
 * chi-square interval that follows from both.
 *
 * A noise type is the exponent alpha of the frequency spectrum S_y(f) ~ f^alpha.
 *
 * Sources:
 *   [SP1065] W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065, 2008
 *   [GR03]   C. A. Greenhall, W. J. Riley, Uncertainty of stability variances based on finite
 *            differences, 35th PTTI, 2003 (SP 1065 section 5.4)
 *   [RG04]   W. J. Riley, C. A. Greenhall, Power law noise identification using the lag 1
 *            autocorrelation, 18th EFTF, 2004 (SP 1065 section 5.5.6)
 *   [VCR20]  F. Vernotte, S. Chen, E. Rubiola, Response and uncertainty of the parabolic variance
 *            PVAR to non-integer exponents of the power law, arXiv:2005.13631, 2020
 */
#ifndef ANALYSIS_EDF_H
#define ANALYSIS_EDF_H

#include <stdbool.h>
#include <stddef.h>

#define NOISE_WHITE_PM	     2
#define NOISE_FLICKER_PM     1
#define NOISE_WHITE_FM	     0
#define NOISE_FLICKER_FM     (-1)
#define NOISE_RANDOM_WALK_FM (-2)
#define NOISE_FLICKER_WALK   (-3)
#define NOISE_RANDOM_RUN     (-4)
#define NOISE_UNKNOWN	     99

/* Points that the lag 1 autocorrelation needs at least ([SP1065] section 5.5.6). */
#define NOISE_MIN_POINTS 30

/*
 * Points that every m-th value must leave.  With 30 the type was one off so often that the
 * 95 % intervals of OADEV covered the truth in 88 % of 500 records (257 points of white FM,
 * m = 64); with 64 in 95 %.
 */
#define NOISE_GOOD_POINTS 64

/* "white PM", "flicker PM", "white FM", ..., "unknown". */
const char *noise_name(int alpha);

/*
 * The dominant noise type of n phase values, equally spaced, at the averaging
 * factor m >= 1: lag 1 autocorrelation of every m-th value less its least
 * squares line, differenced until it is stationary.  Where fewer than
 * NOISE_GOOD_POINTS values would be left, the largest m that leaves so many
 * decides, or m = 1.  scratch has room for n values and is overwritten.
 *
 * Returns alpha, NOISE_RANDOM_RUN to NOISE_WHITE_PM, or NOISE_UNKNOWN where n
 * is below NOISE_MIN_POINTS or every phase is 0.
 */
int noise_identify(const double *phase, size_t n, size_t m, double *scratch);

/* The variances that are finite differences of phase ([GR03]). */
struct edf_filter {
	int d;		 /* order of the difference: 2 Allan, 3 Hadamard */
	bool overlapped; /* windows at every point, not at every m-th */
	bool modified;	 /* phase is averaged over m points first; implies overlapped */
};

/*
 * Degrees of freedom of an estimate from n phase points at the averaging factor
 * m, both >= 1, under the noise alpha (not NOISE_UNKNOWN).  An alpha that is too
 * red for the variance, below -2 for d = 2 and below -4 for d = 3, counts as
 * that limit.  Each returns >= 1, or NaN where there is no window or no formula.
 */
double edf_greenhall(const struct edf_filter *filter, int alpha, size_t m, size_t n);

/*
 * Total variance, T = n - 1, NaN for m > T/2.
 *   m < 4: that of the overlapped Allan variance, of which b T/m - c would be more than twice
 *   FM: b T/m - c ([SP1065] table 7)
 *   flicker PM: the larger of overlapped Allan and white FM
 *   white PM: 1/edf = 32/(6T/m + 8)^2 + 35/(18 n).  The mean is (6n + 8m) sigma^2; each end point is in it
 *   m times with weight 4, which makes the first term; the second is the edf of all other points.
 * The exact values are up to twice as large for flicker PM at m = T/2 and
 * within 12 % for the others (edf_test.c).
 */
double edf_total(int alpha, size_t m, size_t n);

/*
 * Parabolic variance: 35 / (A m/M - B (m/M)^2), M = n - 2m + 1, for m <= n/4
 * ([VCR20] section III); below m = 3 that of the overlapped Allan variance,
 * which it equals at m = 1.  Between n/4 and n/2, where [VCR20] ends, down to 1
 * as log(n/2m)^1.5, which stays within a third of the exact values.
 */
double edf_parabolic(int alpha, size_t m, size_t n);

/*
 * The interval of a deviation: deviation * sqrt(edf / quantile of chi-square)
 * ([SP1065] section 5.3).  0 < confidence <= EDF_CONFIDENCE_MAX; both NaN where edf is NaN.
 */
#define EDF_CONFIDENCE_MAX 0.999999
void edf_interval(double deviation, double edf, double confidence, double *low, double *high);

#endif
