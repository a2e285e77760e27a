/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Each phase and clock in one table: drift, effect of the disturbance, status. */
#include "analysis/judge.h"
#include "analysis/report_parts.h"

#include <math.h>
#include <string.h>

#include "analysis/format.h"

#define ROWS_MAX 200 /* more are left to drift.csv and effects.csv */

struct cell {
	const struct drift *drift; /* NULL: there is none */
	const struct effect *effect;
};

static bool significant(const struct effect *effect)
{
	return effect && strcmp(effect->significant, "yes") == 0;
}

/* What tells CPUs of one status apart: the size of the effect, else of the drift. */
static double weight(const struct cell *c)
{
	double size =
		c->effect && isfinite(c->effect->effect_ppm) ? c->effect->effect_ppm : c->drift->drift_ppm;

	return isfinite(size) ? fabs(size) : -1;
}

static bool worse(const struct cell *a, const struct cell *b)
{
	int x, y;

	if (!b->drift)
		return true;
	x = judge_severity(a->drift->status);
	y = judge_severity(b->drift->status);
	if (x != y)
		return x > y;
	if (significant(a->effect) != significant(b->effect))
		return significant(a->effect);
	return weight(a) > weight(b);
}

static struct cell worst_of(const struct report *r, const char *clock, const char *phase)
{
	struct cell worst = { 0 };

	for (size_t i = 0; i < r->cpu_count; i++) {
		struct cell c = { .drift = report_drift(r, clock, r->cpus[i], phase) };

		if (!c.drift)
			continue;
		c.effect = report_effect(r, clock, r->cpus[i], phase);
		if (worse(&c, &worst))
			worst = c;
	}
	return worst;
}

static void effect_line(FILE *out, const struct effect *e)
{
	if (!e)
		return;
	fputs("<div class=\"also\">effect ", out);
	if (isfinite(e->effect_ppm))
		html_number(out, format_drift(e->effect_ppm, e->ci_low_ppm, e->ci_high_ppm).text);
	else
		fputs("cannot be told", out);
	if (significant(e))
		fputs(" <strong class=\"sig\">significant</strong>", out);
	fputs("</div>", out);
}

/* The colour is that of the status; its mark says the same without colour. */
static void cell_html(FILE *out, const struct report *r, const struct cell *c, bool observed)
{
	static const char *const marks[] = { "✓", "≈", "?", "✗" };
	static const char *const classes[] = { "stable", "consistent", "inconclusive", "unstable" };
	int severity;

	if (!c->drift) {
		fputs("<td class=\"c\">–</td>", out);
		return;
	}
	severity = judge_severity(c->drift->status);
	if (!observed || severity < 0)
		fprintf(out, "<td class=\"c none\"><span class=\"s none\">%s</span> ",
			observed ? "" : "no verdict");
	else
		fprintf(out, "<td class=\"c %s\"><span class=\"s %s\" title=\"%s\">%s</span> ",
			classes[severity], classes[severity], classes[severity], marks[severity]);
	html_number(out, format_drift(c->drift->drift_ppm, c->drift->ci_low_ppm, c->drift->ci_high_ppm).text);
	if (r->cpu_count > 1)
		fprintf(out, " <span class=\"also\">CPU %d</span>", c->drift->cpu);
	effect_line(out, c->effect);
	fputs("</td>", out);
}

static void grid_row(FILE *out, const struct report *r, size_t index)
{
	const struct phase *phase = &r->run->phases[index];
	enum observed observed = phase_observed(phase);

	fprintf(out, "<tr><td class=\"n\">%zu</td><td class=\"k\">", index + 1);
	html_text(out, phase->name);
	if (observed != OBSERVED_YES)
		fprintf(out, "<div class=\"also\">%s</div>",
			observed == OBSERVED_NO ? "not observed" : "not known whether it happened");
	fputs("</td>", out);
	for (size_t i = 0; i < r->clock_count; i++) {
		struct cell c = worst_of(r, r->run->clocks[r->clocks[i]].name, phase->name);

		cell_html(out, r, &c, observed == OBSERVED_YES);
	}
	fputs("</tr>\n", out);
}

void html_grid(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	if (r->clock_count == 0)
		return;
	fputs("<section id=\"grid\">\n<h2>Each phase and clock</h2>\n<p>Drift against ", out);
	html_text(out, r->reference_name);
	fputs(" with its 95 % interval", out);
	if (r->estimates->effect_count)
		fputs(", and how far the phase moved it against the idle phases", out);
	fputs(". ✓ stable, ✗ unstable, ? inconclusive, ≈ consistent", out);
	fputs(r->cpu_count > 1 ? "; of all CPUs the worst one is shown" : "", out);
	fputs(". All numbers are in <a href=\"drift.csv\">drift.csv</a>", out);
	if (r->estimates->effect_count)
		fputs(" and <a href=\"effects.csv\">effects.csv</a>", out);
	fputs(".</p>\n", out);
	if (run->phase_count > ROWS_MAX)
		fprintf(out, "<p>The first %d of %zu phases are shown.</p>\n", ROWS_MAX, run->phase_count);
	fputs("<div class=\"wide\"><table class=\"grid\">\n<thead><tr><th class=\"n\"></th><th>Phase</th>",
		out);
	for (size_t i = 0; i < r->clock_count; i++) {
		fputs("<th>", out);
		html_text(out, run->clocks[r->clocks[i]].name);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < run->phase_count && i < ROWS_MAX; i++)
		grid_row(out, r, i);
	fputs("</tbody></table></div>\n</section>\n", out);
}
