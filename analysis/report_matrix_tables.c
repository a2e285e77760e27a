/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Tables of a matrix: profiles of each configuration, and what each boot showed. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "analysis/format.h"
#include "analysis/report_matrix_parts.h"
#include "results/file.h"

static void status_html(FILE *out, const char *status)
{
	if (strcmp(status, MATRIX_NO_RESULT) == 0)
		fputs("<span class=\"s none\">– no result</span>", out);
	else
		html_status(out, status);
}

static void head(FILE *out, const char *const *names)
{
	fputs("<div class=\"wide\"><table class=\"matrix\">\n<thead><tr>", out);
	for (; *names; names++)
		fprintf(out,
			strstr("Order clock_gettime Side effects", *names) ? "<th class=\"n\">%s</th>"
									   : "<th>%s</th>",
			*names);
	fputs("</tr></thead>\n<tbody>\n", out);
}

/* A cost has no sign. */
static struct formatted cost_words(double ns, double half_ns)
{
	struct formatted f = format_offset(ns, half_ns);

	if (!isfinite(ns))
		strcpy(f.text, "–");
	else if (f.text[0] == '+')
		memmove(f.text, f.text + 1, strlen(f.text));
	return f;
}

static void choice_row(FILE *out, const struct matrix_choice *g)
{
	char text[64];

	fputs("<tr><td class=\"s0\">", out);
	html_text(out, g->profile);
	if (g->parameters[0]) {
		fputs("<div class=\"also\"><code>", out);
		html_text(out, g->parameters);
		fputs("</code></div>", out);
	}
	fputs("</td><td class=\"s0\">", out);
	status_html(out, g->status);
	if (strcmp(g->role, g->status) != 0)
		fprintf(out, "<div class=\"also\">%s</div>", g->role);
	fputs("</td><td class=\"w\">", out);
	html_number(out, g->why);
	fputs("</td>", out);
	html_text_cell(out, " class=\"s0\"", g->clocksource);
	html_number_cell(out, cost_words(g->read_ns, g->read_half_ns).text);
	snprintf(text, sizeof(text), "%d", g->side_effects);
	html_text_cell(out, " class=\"n\"", g->side_effects >= 0 ? text : "–");
	html_text_cell(out, "", g->cost);
	fputs("</tr>\n", out);
}

void html_matrix_choices(FILE *out, const struct matrix_report *m)
{
	static const char *const names[] = { "Profile", "Verdict", "Why", "Clocksource", "clock_gettime",
		"Side effects", "What else it costs", NULL };

	fputs("<section id=\"choices\">\n<h2>Profiles of each configuration</h2>\n"
	      "<p>All boots of one taken together. Side effects: how much else the profile changes, 0 is "
	      "nothing but "
	      "the clock.</p>\n",
		out);
	for (size_t i = 0; i < m->r->advice_count; i++) {
		const struct matrix_advice *a = &m->r->advice[i];

		fputs("<h3>", out);
		html_text(out, a->configuration);
		fputs("</h3>\n", out);
		head(out, names);
		for (int k = a->first; k < a->end; k++)
			choice_row(out, &m->r->choices[k]);
		fputs("</tbody></table></div>\n", out);
	}
	fputs("</section>\n", out);
}

/* What a deprecated or inert one should be is shown when one points at it. */
static void effects_html(FILE *out, const struct matrix_result_cell *c)
{
	if (!c->judged_count)
		fputs("<span class=\"also\">none about time</span>", out);
	for (size_t i = 0; i < c->judged_count; i++) {
		const struct parameter_verdict *v = &c->judged[i];
		bool odd = v->effect != PARAMETER_IN_FORCE && v->effect != PARAMETER_DEFAULT;

		fputs("<div><code>", out);
		html_text(out, parameter_spelled(v).text);
		fputs(odd ? "</code> <strong title=\"" : "</code> <span title=\"", out);
		html_text(out, v->why);
		fprintf(out, "\">%s</%s>", parameter_effect_name(v->effect), odd ? "strong" : "span");
		if (v->modern[0]) {
			fputs(", today <code>", out);
			html_text(out, v->modern);
			fputs("</code>", out);
		}
		fputs("</div>", out);
	}
}

/* Where a reader finds more: the cell's own report, else its directory. */
static void link_html(FILE *out, const struct matrix *m, const struct matrix_result_cell *c)
{
	char path[PATH_MAX], run[PATH_MAX];
	bool report = path_join(run, sizeof(run), m->dir, c->run, NULL) == 0 &&
		      path_join(path, sizeof(path), run, "report.html", NULL) == 0 && access(path, F_OK) == 0;

	if (!c->run[0]) {
		fputs("no run", out);
		return;
	}
	fputs("<a href=\"", out);
	html_text(out, c->run);
	fprintf(out, "/%s\">%s</a>", report ? "report.html" : "", report ? "report" : "run");
}

static void drift_html(FILE *out, const struct matrix_result_cell *c)
{
	if (!c->clock[0]) {
		fputs("<td class=\"w\">", out);
		html_text(out, c->reason);
		fputs("</td>", out);
		return;
	}
	fputs("<td class=\"s0\">", out);
	html_number(out, format_drift(c->drift_ppm, c->ci_low_ppm, c->ci_high_ppm).text);
	fputs("<div class=\"also\">systematic ± ", out);
	html_number(out, format_ppm(c->systematic_ppm).text);
	fputs("</div><div class=\"also\">", out);
	html_text(out, c->clock);
	fprintf(out, ", CPU %d, ", c->cpu);
	html_text(out, c->phase);
	fputs("</div></td>", out);
}

static void steps_html(FILE *out, const struct matrix_result_cell *c)
{
	fputs("<td class=\"s0\">", out);
	if (!c->steps && !c->backward)
		fputs(c->clock[0] ? "none" : "–", out);
	if (c->steps) {
		html_number(out, format_offset(c->step_ns, (c->step_high_ns - c->step_low_ns) / 2).text);
		fprintf(out, "<div class=\"also\">%s, the largest of %llu; ", c->step_clock,
			(unsigned long long)c->steps);
		html_text(out, c->step_cause);
		fputs("</div>", out);
	}
	if (c->backward)
		fprintf(out, "<div>%llu backward</div><div class=\"also\">by up to %s</div>",
			(unsigned long long)c->backward, format_ns(c->max_backward_ns).text);
	fputs("</td>", out);
}

/* What the clocks were made from, and what a read costs with it. */
static void source_html(FILE *out, const struct matrix_result_cell *c)
{
	double half = fmax(c->read_high_ns - c->read_ns, c->read_ns - c->read_low_ns);

	fputs("<td class=\"s0\">", out);
	html_text(out, c->clocksource_before);
	if (c->clocksource_after[0] && strcmp(c->clocksource_before, c->clocksource_after) != 0) {
		fputs(" → ", out);
		html_text(out, c->clocksource_after);
	}
	fputs("<div>", out);
	html_number(out, cost_words(c->read_ns, half).text);
	fputs("</div></td>", out);
}

static void said_html(FILE *out, const struct matrix_result_cell *c)
{
	fputs("<td class=\"w\">", out);
	for (size_t i = 0; i < c->said_count; i++) {
		fprintf(out, "<div%s>", c->said[i].risk ? "" : " class=\"also\"");
		html_text(out, c->said[i].text);
		fputs("</div>", out);
	}
	fputs("</td>", out);
}

static void cell_row(FILE *out, const struct matrix *m, const struct matrix_result_cell *c)
{
	fprintf(out, "<tr><td class=\"n\">%llu</td><td class=\"k\">", (unsigned long long)c->order);
	html_text(out, c->configuration);
	fputs("<div class=\"also\">", out);
	html_text(out, c->profile);
	fprintf(out, "</div><div class=\"also\">boot %llu, ", (unsigned long long)c->repeat + 1);
	link_html(out, m, c);
	fputs("</div></td><td class=\"s0\">", out);
	status_html(out, c->status);
	fputs("</td>", out);
	drift_html(out, c);
	steps_html(out, c);
	source_html(out, c);
	fputs("<td class=\"w\">", out);
	effects_html(out, c);
	fputs("</td>", out);
	said_html(out, c);
	fputs("</tr>\n", out);
}

void html_matrix_cells(FILE *out, const struct matrix_report *m)
{
	static const char *const names[] = { "Order", "Cell", "Verdict", "Worst drift", "Worst step",
		"Clocksource, clock_gettime", "Parameters", "Kernel", NULL };

	fputs("<section id=\"cells\">\n<h2>Each boot</h2>\n<p>In the order in which they were booted. A step "
	      "is one "
	      "that was not made on purpose; the kernel's words are those of its log on the TSC and the "
	      "clocksources.</p>\n",
		out);
	head(out, names);
	for (size_t i = 0; i < m->r->count; i++)
		cell_row(out, m->r->matrix, &m->r->cells[i]);
	fputs("</tbody></table></div>\n</section>\n", out);
}
