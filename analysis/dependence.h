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
 * Standard error of a least-squares slope by a circular block bootstrap (Politis,
 * Romano 1992): blocks of residuals are drawn and laid along the same t.  The block
 * spans the residuals' correlation: twice the first lag where it falls below
 * 2/sqrt(n), at least n^(1/3), at most n/4.  Sets *freedom to the number of blocks
 * less 2 (at least 1), the degrees of freedom for a t interval.
 * Residuals (128 or more) that hang together over n/16 or more are beyond any block: they are also taken for
 * a random walk (white frequency noise), and the wider of both intervals counts.  The result is the same for the
 * same input.  NaN when out of memory or n < 8.
 */
double block_bootstrap_slope_se(const double *t, const double *residual, size_t n, double *freedom);

#endif
