/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_matrix.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_matrix_parts.h"
#include "results/file.h"

static const struct {
	const char *name, *heading, *caption;
	figure_draw *draw;
} figures[] = {
	{ "matrix", "Which profile keeps which configuration stable",
		"Each cell: the verdict as mark and colour, the drift of monotonic, realtime, boottime and "
		"tai against "
		"the host where it is worst, of all boots the one that decides; below it the clocksource and "
		"the "
		"median cost of a clock_gettime. The frame is around the least intrusive profile that is "
		"stable. "
		"Did nothing: its parameters had no effect on this guest, so that it is "
		"one more boot without them. Hatched: no result.",
		plot_matrix_map },
	{ "tradeoff", "What stability costs",
		"Logarithmic axes; bars are 95 %, of the drift with its systematic part. A hollow symbol "
		"says that the "
		"drift may be zero: it stands at the most that it can be, and the bar goes down to the axis. "
		"The "
		"shade is below the limit.",
		plot_matrix_tradeoff },
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

const char *matrix_mark(const char *status)
{
	return strcmp(status, "stable") == 0	     ? "✓"
	       : strcmp(status, "unstable") == 0     ? "✗"
	       : strcmp(status, "inconclusive") == 0 ? "?"
						     : "–";
}

const char *matrix_class(const char *status)
{
	return strcmp(status, MATRIX_NO_RESULT) == 0 ? "none" : status;
}

static void html_matrix_facts(FILE *out, const struct matrix_result *r)
{
	const struct matrix *m = r->matrix;
	size_t done = 0;
	double limit = NAN;
	char text[128];

	for (size_t i = 0; i < r->count; i++) {
		done += strcmp(r->cells[i].status, MATRIX_NO_RESULT) != 0;
		limit = isfinite(r->cells[i].limit_ppm) ? r->cells[i].limit_ppm : limit;
	}
	fputs("<dl class=\"facts\">\n", out);
	html_fact(out, "Host", m->host);
	html_fact(out, "Started (UTC)", m->started);
	html_fact(out, "Finished (UTC)", m->finished[0] ? m->finished : "not yet");
	snprintf(text, sizeof(text), "%zu of %zu with a result", done, r->count);
	html_fact(out, "Boots", text);
	html_fact(out, "Scenario", m->scenario);
	snprintf(text, sizeof(text), "%s", format_duration(m->duration_s).text);
	html_fact(out, "Sampled in each", m->duration_s > 0 ? text : "");
	snprintf(text, sizeof(text), "%" PRIu64, m->seed);
	html_fact(out, "Seed of the order", text);
	snprintf(text, sizeof(text), "%s", format_ppm(limit).text);
	html_fact(out, "Limit", isfinite(limit) ? text : "");
	fputs("</dl>\n", out);
}

static void html_matrix_verdict(FILE *out, const struct matrix_result *r)
{
	static const char *const words[] = { "Each configuration has a stable profile",
		"A configuration has no stable profile", "Not decided for each configuration" };

	html_verdict(out, r->status, words[r->status]);
	fputs("<ul>\n", out);
	for (size_t i = 0; i < r->advice_count; i++) {
		const struct matrix_advice *a = &r->advice[i];

		fputs("<li>", out);
		html_text(out, a->configuration);
		fputs(": ", out);
		if (a->choice >= 0) {
			html_text(out, r->choices[a->choice].profile);
			fputs(", ", out);
			html_number(out, r->choices[a->choice].why);
		} else {
			fputs(strcmp(a->status, "unstable") == 0 ? "all profiles fail" : "not decided", out);
		}
		fputs("</li>\n", out);
	}
	fputs("</ul>\n</div>\n</section>\n", out);
}

static void html_against(FILE *out, const struct matrix_choice *g)
{
	fputs("<li><strong>", out);
	html_text(out, g->profile);
	fprintf(out, "</strong>, %s: ", g->role);
	html_number(out, g->why);
	fputs("</li>\n", out);
}

static void html_advice(FILE *out, const struct matrix_result *r)
{
	fputs("<section id=\"advice\">\n<h2>Recommendation</h2>\n<p>Of each configuration the least "
	      "intrusive "
	      "profile "
	      "that is stable: the fewest side effects first, then the cheapest reads.</p>\n",
		out);
	for (size_t i = 0; i < r->advice_count; i++) {
		fputs("<h3>", out);
		html_text(out, r->advice[i].configuration);
		fputs(" ", out);
		html_status(out, r->advice[i].status);
		fputs("</h3>\n<p>", out);
		html_number(out, r->advice[i].text);
		fputs("</p>\n<ul>\n", out);
		for (int k = r->advice[i].first; k < r->advice[i].end; k++)
			if (k != r->advice[i].choice)
				html_against(out, &r->choices[k]);
		fputs("</ul>\n", out);
	}
	fputs("</section>\n", out);
}

static void html_matrix_limits(FILE *out, const struct matrix_result *r)
{
	fputs("<section id=\"limits\">\n<h2>What it cannot tell</h2>\n<ul>\n", out);
	for (size_t i = 0; i < r->note_count; i++) {
		fputs("<li>", out);
		html_text(out, r->notes[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n</section>\n", out);
}

static void html_matrix_method(FILE *out, const struct matrix_result *r)
{
	fputs("<section id=\"method\">\n<h2>How it was measured</h2>\n"
	      "<p>Every configuration was booted with every profile, in random order and interleaved, so "
	      "that heat "
	      "or a busy neighbour is not credited to a parameter. In each guest the clocks that programs "
	      "get were "
	      "read against <code>peer</code>, the clock of the host, and judged as <code>clkdrift "
	      "analyze</code> "
	      "judges a run; raw counters do not decide.</p>\n"
	      "<p>Of several boots all must hold. Where they drift apart by more than their intervals, the "
	      "next boot "
	      "is predicted from them (Student's t, 95 %) and must be within the limit as well. A guest "
	      "calibrates "
	      "its TSC anew at each boot: fewer than three boots on the TSC are no proof where another one "
	      "in the "
	      "matrix drifts beyond the limit.</p>\n"
	      "<p>A read costs the median bracket of monotonic less an empty one. Boots of one configuration "
	      "on one "
	      "clocksource read it by the same code: how far their costs scatter is the uncertainty of "
	      "one.</p>\n<p>",
		out);
	html_text(out, r->matrix->tool[0] ? r->matrix->tool : "clkdrift");
	fputs(". Judge it again: <code>clkdrift analyze ", out);
	html_text(out, r->matrix->dir);
	fputs("</code></p>\n</section>\n<section id=\"files\">\n<h2>Files</h2>\n<div "
	      "class=\"wide\"><table>\n<tbody>\n",
		out);
	html_file_row(out, "matrix.json", "what was booted with what, in which order");
	html_file_row(out, "matrix.csv", "a row for each cell");
	html_file_row(out, "verdict.json", "recommendations, and all cells with their reasons");
	html_file_row(out, "cells/", "the run of each cell");
	html_file_row(out, "plots/",
		"each plot as SVG and PNG, its data and its gnuplot script: cd plots, gnuplot matrix.gp");
	fputs("</tbody></table></div>\n</section>\n", out);
}

static void html_matrix_page(FILE *out, const struct matrix_report *m, const struct figure *list)
{
	const struct matrix *matrix = m->r->matrix;

	html_begin(out, matrix->host[0] ? matrix->host : "matrix", status_name(m->r->status));
	fputs("<header><span class=\"brand\">clkdrift</span><span class=\"what\">matrix of ", out);
	fprintf(out, "%zu configuration%s and %zu profile%s on ", m->r->advice_count,
		m->r->advice_count == 1 ? "" : "s", m->profile_count, m->profile_count == 1 ? "" : "s");
	html_text(out, matrix->host[0] ? matrix->host : "an unnamed host");
	fputs("</span></header>\n", out);
	html_matrix_verdict(out, m->r);
	html_matrix_facts(out, m->r);
	fputs("<nav>\n<a href=\"#matrix\">Map</a>\n<a href=\"#advice\">Recommendation</a>\n<a "
	      "href=\"#tradeoff\">Cost"
	      "</a>\n<a href=\"#choices\">Profiles</a>\n<a href=\"#cells\">Cells</a>\n<a "
	      "href=\"#limits\">What it "
	      "cannot tell</a>\n<a href=\"#method\">Method</a>\n<a href=\"#files\">Files</a>\n</nav>\n",
		out);
	html_figure(out, matrix->dir, &list[0]);
	html_advice(out, m->r);
	html_figure(out, matrix->dir, &list[1]);
	html_matrix_choices(out, m);
	html_matrix_cells(out, m);
	html_matrix_limits(out, m->r);
	html_matrix_method(out, m->r);
	html_end(out);
}

static int by_catalogue(const void *a, const void *b, void *context)
{
	const struct matrix *m = context;
	size_t place[2] = { SIZE_MAX, SIZE_MAX };
	const char *const names[2] = { *(const char *const *)a, *(const char *const *)b };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < json_array_size(m->profiles); i++)
			if (json_array_get(m->profiles, i) == matrix_profile(m, names[k]))
				place[k] = i;
	return place[0] != place[1] ? (place[0] < place[1] ? -1 : 1) : strcmp(names[0], names[1]);
}

static int gather_profiles(struct matrix_report *m)
{
	m->profiles = calloc(m->r->choice_count + 1, sizeof(*m->profiles));
	if (!m->profiles)
		return -ENOMEM;
	for (size_t i = 0; i < m->r->choice_count; i++) {
		size_t k = 0;

		while (k < m->profile_count && strcmp(m->profiles[k], m->r->choices[i].profile) != 0)
			k++;
		if (k == m->profile_count)
			m->profiles[m->profile_count++] = m->r->choices[i].profile;
	}
	qsort_r(m->profiles, m->profile_count, sizeof(*m->profiles), by_catalogue, (void *)m->r->matrix);
	return 0;
}

int report_matrix_write(const struct matrix_result *result, struct error *err)
{
	struct matrix_report m = { .r = result };
	struct figure list[FIGURES];
	struct file_replace page;
	char dir[PATH_MAX];
	int rc, drawn = 0;

	rc = figures_dir(result->matrix->dir, dir, sizeof(dir), err);
	if (rc)
		return rc;
	if (gather_profiles(&m))
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < FIGURES; i++) {
		list[i] = (struct figure){
			.name = figures[i].name, .heading = figures[i].heading, .caption = figures[i].caption
		};
		rc = figure_make(dir, &list[i], figures[i].draw, &m, err);
		drawn = drawn ? drawn : rc;
	}
	rc = file_replace_begin(&page, result->matrix->dir, "report.html", err);
	if (!rc) {
		html_matrix_page(page.out, &m, list);
		rc = file_replace_commit(&page, err);
	}
	free(m.profiles);
	return drawn ? drawn : rc;
}
