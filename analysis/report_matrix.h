/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * report.html and plots/ of a matrix: which profile keeps which configuration stable, and what it costs.
 */
#ifndef ANALYSIS_REPORT_MATRIX_H
#define ANALYSIS_REPORT_MATRIX_H

#include "analysis/matrix.h"

/* As report_write() of analysis/report.h, in the matrix's directory. */
int report_matrix_write(const struct matrix_result *result, struct error *err);

#endif
