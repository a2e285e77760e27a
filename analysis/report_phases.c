/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The phases in one table: what was done to the machine, what was seen of it, what came of it. */
#include "analysis/report_parts.h"

#include <math.h>
#include <string.h>

#include "analysis/format.h"

#define PHASES_MAX 500 /* more are left to phases.csv */

static const struct phase_result *find_result(const struct report *r, const char *phase)
{
	for (size_t i = 0; i < r->estimates->phase_count; i++)
		if (strcmp(r->estimates->phases[i].phase, phase) == 0)
			return &r->estimates->phases[i];
	return NULL;
}

/* "load share=90"; the plan below it in small letters. */
static void asked_cell(FILE *out, const struct phase *phase)
{
	fputs("<td class=\"w\">", out);
	if (phase->disturbance_count == 0)
		fputs("<span class=\"also\">idle</span>", out);
	for (size_t i = 0; i < phase->disturbance_count; i++) {
		const struct phase_disturbance *d = &phase->disturbances[i];

		fputs("<div><strong>", out);
		html_text(out, d->name);
		fputs("</strong> ", out);
		html_text(out, d->asked);
		if (d->plan[0]) {
			fputs("<div class=\"also\">", out);
			html_text(out, d->plan);
			fputs("</div>", out);
		}
		fputs("</div>", out);
	}
	fputs("</td>", out);
}

static void seen_cell(FILE *out, const struct phase *phase)
{
	static const char *const words[] = { "<span class=\"s inconclusive\">? not known</span>",
		"<span class=\"s unstable\">✗ not observed</span>",
		"<span class=\"s stable\">✓ observed</span>" };

	fputs("<td class=\"w\">", out);
	for (size_t i = 0; i < phase->disturbance_count; i++) {
		const struct phase_disturbance *d = &phase->disturbances[i];

		fprintf(out, "<div>%s", words[d->observed]);
		if (phase->disturbance_count > 1) {
			fputs(" ", out);
			html_text(out, d->name);
		}
		if (d->evidence[0]) {
			fputs("<div class=\"also\">", out);
			html_number(out, d->evidence);
			fputs("</div>", out);
		}
		fputs("</div>", out);
	}
	fputs("</td>", out);
}

static void verdict_cell(FILE *out, const struct phase *phase, const struct phase_result *result)
{
	static const char *const reasons[] = { "not known whether it happened", "not observed", "" };
	const char *reason = reasons[phase_observed(phase)];

	fputs("<td class=\"w\">", out);
	if (!result) {
		fputs("–", out);
	} else {
		html_status(out, result->status);
		if (strcmp(result->status, "none") == 0 && reason[0])
			fprintf(out, ": %s", reason);
		fputs("<div class=\"also\">", out);
		html_number(out, result->text);
		fputs("</div>", out);
	}
	fputs("</td>", out);
}

static void count_cells(FILE *out, const struct phase_result *result)
{
	if (!result) {
		fputs("<td class=\"n\">–</td><td class=\"n\">–</td>", out);
		return;
	}
	fprintf(out, "<td class=\"n\">%s", format_count(result->steps).text);
	if (result->steps)
		fprintf(out, " <span class=\"also\">(%s)</span>", format_count(result->steps_explained).text);
	fprintf(out, "</td><td class=\"n\">%s</td>", format_count(result->backward).text);
}

/* Of the phase as far as it was sampled. */
static double duration_s(const struct report *r, const struct phase *phase, const struct phase_result *result)
{
	double low = fmax(0, pair_source_seconds(r->source, phase->tsc_lo));
	double high = pair_source_seconds(r->source, phase->tsc_hi);

	if (result)
		return result->duration_s;
	return (high <= low ? r->length_s : fmin(high, r->length_s)) - low;
}

static void phase_row(FILE *out, const struct report *r, size_t index)
{
	const struct phase *phase = &r->run->phases[index];
	const struct phase_result *result = find_result(r, phase->name);

	fprintf(out, "<tr><td class=\"n\">%zu</td>", index + 1);
	html_text_cell(out, " class=\"k\"", phase->name);
	html_number_cell(out, format_duration(duration_s(r, phase, result)).text);
	asked_cell(out, phase);
	seen_cell(out, phase);
	verdict_cell(out, phase, result);
	count_cells(out, result);
	fputs("</tr>\n", out);
}

static void skipped_table(FILE *out, const struct run *run)
{
	if (run->skipped_count == 0)
		return;
	fputs("<h3>Phases that this machine could not do</h3>\n<div class=\"wide\"><table>\n"
	      "<thead><tr><th>Phase</th><th>Disturbance</th><th>Why</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < run->skipped_count; i++) {
		fputs("<tr>", out);
		html_text_cell(out, " class=\"k\"", run->skipped[i].phase);
		html_text_cell(out, "", run->skipped[i].disturbance);
		html_text_cell(out, " class=\"w\"", run->skipped[i].reason);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

void html_phases(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	fputs("<section id=\"phases\">\n<h2>Phases</h2>\n<p>What was done to the machine, what was seen of "
	      "it, "
	      "and what it did to the clocks. A phase whose disturbance was not observed has no verdict: it "
	      "shows "
	      "nothing. Steps of all pairs; those with a known cause in brackets.</p>\n",
		out);
	if (run->phase_count > PHASES_MAX)
		fprintf(out,
			"<p>The first %d of %zu phases; all are in <a "
			"href=\"phases.csv\">phases.csv</a>.</p>\n",
			PHASES_MAX, run->phase_count);
	fputs("<div class=\"wide\"><table class=\"phases\">\n<thead><tr><th class=\"n\"></th><th>Phase</th>"
	      "<th class=\"n\">Duration</th><th>Done</th><th>Seen</th><th>Verdict, and what it shows</th>"
	      "<th class=\"n\">Steps</th><th class=\"n\">Backward</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < run->phase_count && i < PHASES_MAX; i++)
		phase_row(out, r, i);
	fputs("</tbody></table></div>\n", out);
	skipped_table(out, run);
	fputs("</section>\n", out);
}
