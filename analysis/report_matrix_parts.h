/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Private to analysis/report_matrix*.c. */
#ifndef ANALYSIS_REPORT_MATRIX_PARTS_H
#define ANALYSIS_REPORT_MATRIX_PARTS_H

#include "analysis/matrix.h"
#include "analysis/report_parts.h"

/* What the report shows of a matrix. */
struct matrix_report {
	const struct matrix_result *r;
	const char **profiles; /* each once, in the order of the matrix; owned, the names are borrowed */
	size_t profile_count;
};

/* "✓" and the like for a status, "–" for no result. */
const char *matrix_mark(const char *status);
/* A word for class attributes and colours: "stable", "none", ... */
const char *matrix_class(const char *status);

figure_draw plot_matrix_map, plot_matrix_tradeoff; /* the context is a struct matrix_report */

void html_matrix_cells(FILE *out, const struct matrix_report *m); /* report_matrix_tables.c */
void html_matrix_choices(FILE *out, const struct matrix_report *m);

#endif
