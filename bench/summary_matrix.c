/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A matrix on the terminal. */
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "bench/summary_parts.h"

#define NAME_COLUMNS 16
#define CELL_COLUMNS 19
#define ROLE_COLUMNS 14
#define A_BLOCK	     ((LINE_COLUMNS - NAME_COLUMNS) / (CELL_COLUMNS + 2))

static enum status status_of(const char *text)
{
	return strcmp(text, "stable") == 0     ? STATUS_STABLE
	       : strcmp(text, "unstable") == 0 ? STATUS_UNSTABLE
					       : STATUS_INCONCLUSIVE;
}

static void cell_words(const struct matrix_choice *g, char *text, size_t size)
{
	static const char *const marks[] = { "✓", "✗", "?" };

	if (!g)
		snprintf(text, size, " ");
	else if (strcmp(g->status, MATRIX_NO_RESULT) == 0)
		snprintf(text, size, "– no result");
	else
		snprintf(text, size, "%s %s", marks[status_of(g->status)],
			format_drift(g->drift_ppm, g->drift_ppm - g->half_ppm, g->drift_ppm + g->half_ppm)
				.text);
}

static void print_cell(const struct matrix_choice *g, bool colour, FILE *out)
{
	bool painted = colour && g && strcmp(g->status, MATRIX_NO_RESULT) != 0;
	char text[80];

	cell_words(g, text, sizeof(text));
	fputs(painted ? summary_paint(status_of(g->status), colour) : "", out);
	summary_cell(text, CELL_COLUMNS, out);
	fputs(painted ? "\033[0m" : "", out);
}

/* The first of its profile: each has one row. */
static bool is_first(const struct matrix_result *r, size_t choice)
{
	for (size_t i = 0; i < choice; i++)
		if (strcmp(r->choices[i].profile, r->choices[choice].profile) == 0)
			return false;
	return true;
}

static void print_block(const struct matrix_result *r, size_t first, size_t end, bool colour, FILE *out)
{
	fputc('\n', out);
	summary_cell("", NAME_COLUMNS - 2, out);
	for (size_t i = first; i < end; i++)
		summary_cell(r->advice[i].configuration, CELL_COLUMNS, out);
	for (size_t k = 0; k < r->choice_count; k++) {
		if (!is_first(r, k))
			continue;
		fputc('\n', out);
		summary_cell(r->choices[k].profile, NAME_COLUMNS - 2, out);
		for (size_t i = first; i < end; i++)
			print_cell(matrix_choice_find(r, r->advice[i].configuration, r->choices[k].profile),
				colour, out);
	}
	fputc('\n', out);
}

static double limit_of(const struct matrix_result *r)
{
	for (size_t i = 0; i < r->choice_count; i++)
		if (isfinite(r->choices[i].limit_ppm))
			return r->choices[i].limit_ppm;
	return NAN;
}

/* The recommendation, and each other profile with what is said of it. */
static void print_advice(const struct matrix_result *r, const struct matrix_advice *a, FILE *out)
{
	fprintf(out, "\n%s\n  ", a->configuration);
	summary_wrapped(a->text, 2, out);
	for (int i = a->first; i < a->end; i++) {
		const struct matrix_choice *g = &r->choices[i];

		if (i == a->choice)
			continue;
		fputs("  - ", out);
		summary_cell(g->profile, NAME_COLUMNS - 4, out);
		summary_cell(g->role, ROLE_COLUMNS, out);
		summary_wrapped(g->why, 4 + NAME_COLUMNS - 2 + ROLE_COLUMNS + 2, out);
	}
}

void summary_print_matrix(const struct matrix_result *r, bool colour, FILE *out)
{
	fprintf(out, "verdict: %s%s%s\n", summary_paint(r->status, colour), status_name(r->status),
		colour ? "\033[0m" : "");
	fputs("\ndrift of what programs get, where it is worst, against the host", out);
	if (isfinite(limit_of(r)))
		fprintf(out, "; limit %s", format_ppm(limit_of(r)).text);
	fputc('\n', out);
	for (size_t i = 0; i < r->advice_count; i += A_BLOCK)
		print_block(r, i, i + A_BLOCK < r->advice_count ? i + A_BLOCK : r->advice_count, colour, out);
	for (size_t i = 0; i < r->advice_count; i++)
		print_advice(r, &r->advice[i], out);
	for (size_t i = 0; i < r->note_count; i++) {
		fputs(i ? "  - " : "\nwhat this cannot tell\n  - ", out);
		summary_wrapped(r->notes[i].text, 4, out);
	}
}
