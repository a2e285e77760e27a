/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/matrix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/matrix_parts.h"

static struct judging judging_of(const struct judging *wish)
{
	struct judging judging = *wish;

	if (!judging.reference[0])
		strcpy(judging.reference, "peer");
	if (!(judging.limit_ppm > 0) && !judging.limits[0])
		strcpy(judging.limits, MATRIX_LIMIT);
	return judging;
}

static int analyze_cells(const struct matrix *m, const struct limits *limits, const struct judging *judging,
	void (*progress)(void *context, size_t done, size_t all), void *context, struct matrix_result *r,
	struct error *err)
{
	for (size_t i = 0; i < m->count; i++) {
		int rc;

		if (progress)
			progress(context, i, m->count);
		rc = matrix_cell_analyze(m, &m->cells[i], limits, judging, &r->cells[i], err);
		r->count = i + 1;
		if (rc)
			return rc;
	}
	return 0;
}

int matrix_analyze(const struct matrix *m, const struct limits *limits, const struct judging *wish,
	void (*progress)(void *context, size_t done, size_t all), void *context, struct matrix_result *r,
	struct error *err)
{
	struct judging judging = judging_of(wish);
	int rc;

	*r = (struct matrix_result){ .matrix = m, .cells = calloc(m->count + 1, sizeof(*r->cells)) };
	if (!r->cells)
		return error_set(err, -ENOMEM, "out of memory");
	if (!(judging.limit_ppm > 0) && !limits_find(limits, judging.limits))
		rc = error_set(err, -EINVAL, "limit preset \"%s\" is not known; see 'clkdrift list limits'",
			judging.limits);
	else
		rc = analyze_cells(m, limits, &judging, progress, context, r, err);
	if (!rc)
		rc = matrix_groups_make(r, err);
	if (!rc)
		rc = matrix_choose(r, err);
	if (rc)
		matrix_result_free(r);
	return rc;
}

void matrix_result_free(struct matrix_result *r)
{
	for (size_t i = 0; i < r->count; i++)
		matrix_cell_free(&r->cells[i]);
	free(r->cells);
	free(r->choices);
	free(r->advice);
	free(r->notes);
	*r = (struct matrix_result){ 0 };
}
