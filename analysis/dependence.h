/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Are residuals independent, and what does a slope's interval become if not?
 */
#ifndef ANALYSIS_DEPENDENCE_H
#define ANALYSIS_DEPENDENCE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Wald-Wolfowitz runs test: the normal score of the number of runs of residuals
 * above and below their median (equal ones are left out).  Negative: too few runs,
 * the residuals wander.  0 where there are less than 10 on a side.
 */
double runs_test(const double *residual, size_t n);

/* Two-sided 1 % point of the normal distribution: beyond it, independence is rejected. */
#define RUNS_TEST_LIMIT 2.576

/*
 * Sum of the squares of the residuals' partial sums, over n times the sum of the residuals' own squares: the locally
 * best test of white noise about a line against white noise and a random walk (Nyblom, Mäkeläinen 1983).  It sees
 * wandering that is slow and small against the noise, where the runs hardly change.  0 with n < 8.
 */
double wander_test(const double *residual, size_t n);

/* Its 1 % and 10 % points about a line (Kwiatkowski, Phillips, Schmidt, Shin 1992, table 1). */
#define WANDER_TEST_LIMIT  0.216
#define WANDER_TEST_LIKELY 0.119

/* Does either test reject independence? */
bool residuals_depend(const double *residual, size_t n);

/*
 * Standard error of a least-squares slope whose residuals depend on each other, by a circular block bootstrap
 * (Politis, Romano 1992): blocks of residuals are drawn and laid along the same t.  The block
 * spans the residuals' correlation: twice the first lag where it falls below
 * 2/sqrt(n), at least n^(1/3), at most n/4.  Sets *freedom to the number of blocks
 * less 2 (at least 1), the degrees of freedom for a t interval.
 * No block spans a random walk.  Where the means of the blocks wander as well (10 % point; with less than 16 blocks:
 * where the residuals do), the slopes of the four quarters are taken as independent estimates (Ibragimov, Müller 2010),
 * which they are for a walk, if that interval is the wider one.  Sets *how to the name of what counted.  The result is
 * the same for the same input.  NaN when out of memory or n < 8.
 */
double dependent_slope_se(
	const double *t, const double *residual, size_t n, double *freedom, const char **how);

#endif
