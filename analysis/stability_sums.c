/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/stability_sums.h"

/* Windows after which a running sum starts anew, so that its rounding errors do not add up. */
#define RESTART_MIN 4096

size_t window_count(size_t n, size_t d, size_t m, size_t stride)
{
	return m > (n - 1) / d ? 0 : (n - 1 - d * m) / stride + 1;
}

struct squares sum_first_difference(const double *x, size_t n, size_t m)
{
	struct squares s = { .count = window_count(n, 1, m, 1) };

	double sum = 0;

#pragma omp simd reduction(+ : sum)
	for (size_t i = 0; i < s.count; i++) {
		double d = x[i + m] - x[i];

		sum += d * d;
	}
	s.sum = sum;
	return s;
}

struct squares sum_second_difference(const double *x, size_t n, size_t m, size_t stride)
{
	struct squares s = { .count = window_count(n, 2, m, stride) };

	double sum = 0;

#pragma omp simd reduction(+ : sum)
	for (size_t i = 0; i < s.count; i++) {
		const double *w = x + i * stride;
		double d = w[2 * m] - 2 * w[m] + w[0];

		sum += d * d;
	}
	s.sum = sum;
	return s;
}

struct squares sum_third_difference(const double *x, size_t n, size_t m, size_t stride)
{
	struct squares s = { .count = window_count(n, 3, m, stride) };

	double sum = 0;

#pragma omp simd reduction(+ : sum)
	for (size_t i = 0; i < s.count; i++) {
		const double *w = x + i * stride;
		double d = w[3 * m] - 3 * (w[2 * m] - w[m]) - w[0];

		sum += d * d;
	}
	s.sum = sum;
	return s;
}

/* End of the stretch of windows from start that share one running sum; m terms begin it. */
static size_t stretch_end(size_t start, size_t count, size_t m)
{
	size_t length = m > RESTART_MIN / 8 ? 8 * m : RESTART_MIN;

	return count - start < length ? count : start + length;
}

/*
 * Second differences summed over m neighbours.  The sum moves on by third
 * differences, which stay small where sums of phase itself would lose digits.
 */
struct squares sum_averaged_difference(const double *x, size_t n, size_t m)
{
	struct squares s = { .count = window_count(n + 1, 3, m, 1) };
	size_t end;

	for (size_t i = 0; i < s.count; i = end) {
		double sum = 0;

		end = stretch_end(i, s.count, m);
		for (size_t k = i; k < i + m; k++)
			sum += x[k + 2 * m] - 2 * x[k + m] + x[k];
		s.sum += sum * sum;
		for (size_t k = i; k + 1 < end; k++) {
			sum += x[k + 3 * m] - 3 * (x[k + 2 * m] - x[k + m]) - x[k];
			s.sum += sum * sum;
		}
	}
	return s;
}

/*
 * The difference of two regression lines of m points each, tau apart:
 * P(i) = sum over k < m of ((m - 1)/2 - k) z(i + k) with z(j) = x(j) - x(j + m).
 * P(i + 1) - P(i) = C(i) - (m - 1)/2 (z(i) + z(i + m)), where C(i) is the plain
 * sum of the m - 1 values z(i + 1) to z(i + m - 1).
 */
struct squares sum_regression_difference(const double *x, size_t n, size_t m)
{
	struct squares s = { .count = window_count(n, 2, m, 1) };
	double half = (double)(m - 1) / 2;
	size_t end;

	for (size_t i = 0; i < s.count; i = end) {
		double P = half * (x[i] - x[i + m]), C = 0;

		end = stretch_end(i, s.count, m);
		for (size_t k = 1; k < m; k++) {
			double z = x[i + k] - x[i + k + m];

			P += (half - (double)k) * z;
			C += z;
		}
		s.sum += P * P;
		for (size_t k = i; k + 1 < end; k++) {
			double z = x[k + m] - x[k + 2 * m];

			P += C - half * (x[k] - x[k + m] + z);
			C += z - (x[k + 1] - x[k + 1 + m]);
			s.sum += P * P;
		}
	}
	return s;
}

/* x(i), continued beyond either end by reflection in the end point, value and time. */
static double reflected(const double *x, size_t n, ptrdiff_t i)
{
	ptrdiff_t last = (ptrdiff_t)n - 1;

	if (i < 0)
		return 2 * x[0] - x[-i];
	if (i > last)
		return 2 * x[last] - x[2 * last - i];
	return x[i];
}

struct squares sum_reflected_difference(const double *x, size_t n, size_t m, struct squares inner)
{
	struct squares s = { .sum = inner.sum, .count = m < n ? n - 2 : 0 };

	for (size_t i = 1; s.count && i <= n - 2; i++) {
		ptrdiff_t at = (ptrdiff_t)i, step = (ptrdiff_t)m;
		double d;

		if (i == m && inner.count) {
			i = n - 1 - m;
			continue;
		}
		d = reflected(x, n, at - step) - 2 * x[i] + reflected(x, n, at + step);
		s.sum += d * d;
	}
	return s;
}
