/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Statistics of stability of the Allan family, from phase (time error) data.
 *
 * Phase is n points in any unit of time U, tau0_s seconds apart; N = n - 1
 * frequencies lie between them.  The deviations ADEV, OADEV, MDEV, HDEV, OHDEV,
 * TOTDEV and PDEV come in U per second: for phase in s they are fractional
 * frequency, for phase in ns they are 1e-9 of it.  TDEV, MTIE and TIE rms come
 * in U.  tau = m tau0.
 *
 * A constant frequency changes none of them but MTIE and TIE rms; for those two
 * remove_mean takes out the mean frequency, the line through both end points.
 *
 * Sources: W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065,
 * 2008, section 5.2, for all but PDEV.  PDEV: F. Vernotte et al.,
 * The parabolic variance, IEEE Trans. UFFC 63(4), 2016 (arXiv:1506.00687), with its factor
 * 72/(m^4 tau^2) and M = n - 2m windows; at m = 1 it is ADEV by definition.
 * TOTDEV is reflected at both ends and not corrected for its bias, which is
 * known for flicker and random walk FM only.
 */
#ifndef ANALYSIS_STABILITY_H
#define ANALYSIS_STABILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"

enum stability_kind {
	STABILITY_ADEV,	  /* Allan, windows side by side */
	STABILITY_OADEV,  /* Allan, overlapped */
	STABILITY_MDEV,	  /* modified Allan */
	STABILITY_TDEV,	  /* time deviation: tau MDEV / sqrt(3) */
	STABILITY_HDEV,	  /* Hadamard, windows side by side */
	STABILITY_OHDEV,  /* Hadamard, overlapped */
	STABILITY_TOTDEV, /* total */
	STABILITY_PDEV,	  /* parabolic */
	STABILITY_MTIE,	  /* maximum time interval error */
	STABILITY_TIERMS, /* root mean square time interval error */
	STABILITY_KINDS
};

#define STABILITY_BIT(kind)  (1u << (kind))
#define STABILITY_ALL	     (STABILITY_BIT(STABILITY_KINDS) - 1)
#define STABILITY_CONFIDENCE 0.95

/* "adev", "oadev", ..., as in stability.csv and in JSON. */
extern const char *const stability_names[STABILITY_KINDS];

struct stability_options {
	double tau0_s;	   /* seconds between two points of phase, > 0 */
	bool remove_mean;  /* for MTIE and TIE rms */
	double confidence; /* of the intervals, up to 0.999999; 0: STABILITY_CONFIDENCE */
	unsigned kinds;	   /* STABILITY_BIT() of those wanted; 0: STABILITY_ALL */
};

/*
 * One statistic.  NaN where it was not asked for or has no window; low, high
 * and edf are NaN for MTIE and TIE rms too, whose distribution is not
 * chi-square, and for TOTDEV above half the data.
 */
struct stability_estimate {
	double value;
	double low, high; /* chi-square interval, see analysis/edf.h */
	double edf;	  /* equivalent degrees of freedom */
	size_t count;	  /* windows that it is the mean of, or the largest of */
};

/* All statistics at one tau. */
struct stability_point {
	size_t m;
	double tau_s;
	int alpha;	   /* noise type at this tau, see analysis/edf.h */
	const char *noise; /* its name, static; "unknown" below 30 points: then the intervals are the widest
			      of any type */
	struct stability_estimate est[STABILITY_KINDS];
};

/*
 * Fills out[0 .. m_count - 1] for the averaging factors m_list, in any order,
 * each >= 1; those too large for n give NaN.  O(n) for each m and each kind; at
 * most three more arrays of n doubles.
 *
 * Returns 0, -EINVAL with a line in err (n < 3, a value that is not finite,
 * m = 0, tau0 or confidence out of range) or -ENOMEM; out is undefined on error.
 */
int stability_compute(const double *phase, size_t n, const struct stability_options *options,
	const size_t *m_list, size_t m_count, struct stability_point *out, struct error *err);

/*
 * Octaves m = 1, 2, 4, ... as far as n points give every statistic at least one
 * window (m <= (n - 1)/3), but m = 1 from three points on.  Stores at most max
 * of them (64 always suffice) and returns how many.
 */
size_t stability_octaves(size_t n, size_t *m_list, size_t max);

/* Phase of n frequencies, in their unit times seconds: n + 1 points, the first 0. */
void stability_phase_from_freq(const double *freq, size_t n, double tau0_s, double *phase);

#endif
