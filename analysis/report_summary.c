/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The drift of each clock in one table. */
#include "analysis/judge.h"
#include "analysis/report_parts.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/judge.h"
#include "results/units.h"

#define CPU_COLUMNS   4 /* as many as the page is wide; with more: median, lowest and highest */
#define PHASES_LISTED 40
#define SUMMARY_ROWS  60 /* with more clocks times phases: one phase of each clock, the worst */

/* The larger half of the 95 % interval. */
static double half_of(const struct drift *d)
{
	return fmax(d->ci_high_ppm - d->drift_ppm, d->drift_ppm - d->ci_low_ppm);
}

/* Rows of one clock in one phase, CPU by CPU; absent ones are left out. */
struct group {
	const char *clock, *phase;
	const struct drift **rows; /* room for all CPUs */
	size_t count;
	double median_ppm;
	const struct drift *lowest, *highest;
	const struct format_unit *unit;
	const char *status; /* the worst */
	size_t of_status;
	double systematic_ppm; /* the largest */
};

static void group_extremes(struct group *g, double *values)
{
	double most = 0;
	size_t count = 0;

	g->lowest = g->highest = NULL;
	for (size_t i = 0; i < g->count; i++) {
		const struct drift *d = g->rows[i];

		g->systematic_ppm = fmax(g->systematic_ppm, d->systematic_ppm); /* a NaN gives way */
		if (!isfinite(d->drift_ppm))
			continue;
		values[count++] = d->drift_ppm;
		most = fmax(most, fabs(d->drift_ppm));
		if (isfinite(half_of(d)))
			most = fmax(most, half_of(d));
		if (!g->lowest || d->drift_ppm < g->lowest->drift_ppm)
			g->lowest = d;
		if (!g->highest || d->drift_ppm > g->highest->drift_ppm)
			g->highest = d;
	}
	g->unit = format_drift_unit(most);
	g->median_ppm = count ? gsl_stats_median(values, 1, count) : NAN;
}

static void group_make(
	const struct report *r, const char *clock, const char *phase, double *values, struct group *g)
{
	g->clock = clock;
	g->phase = phase;
	g->count = g->of_status = 0;
	g->status = "";
	g->systematic_ppm = NAN;
	for (size_t i = 0; i < r->cpu_count; i++) {
		const struct drift *d = report_drift(r, clock, r->cpus[i], phase);

		if (!d)
			continue;
		g->rows[g->count++] = d;
		if (judge_severity(d->status) > judge_severity(g->status)) {
			g->status = d->status;
			g->of_status = 0;
		}
		g->of_status += strcmp(d->status, g->status) == 0;
	}
	group_extremes(g, values);
}

static void number_cell(FILE *out, struct formatted value)
{
	fputs("<td class=\"n\">", out);
	html_number(out, value.text);
	fputs("</td>", out);
}

/* "+12.3 ± 0.4" with its interval a little smaller, and the CPU where one is named. */
static void drift_cell(FILE *out, const struct drift *d, const struct format_unit *unit, bool name_cpu)
{
	struct formatted both;
	char *interval;

	fputs("<td class=\"n\">", out);
	if (d) {
		both = format_value(d->drift_ppm, half_of(d), unit);
		interval = strstr(both.text, " ±");
		if (interval)
			*interval++ = '\0';
		html_number(out, both.text);
		fputs(" <span class=\"also\">", out);
		html_number(out, interval ? interval : "");
		if (name_cpu)
			fprintf(out, " CPU %d", d->cpu);
		fputs("</span>", out);
	} else {
		fputs("–", out);
	}
	fputs("</td>", out);
}

static void cpu_cells(FILE *out, const struct report *r, const struct group *g)
{
	size_t used = 0;

	for (size_t i = 0; i < r->cpu_count; i++) {
		bool there = used < g->count && g->rows[used]->cpu == r->cpus[i];

		drift_cell(out, there ? g->rows[used] : NULL, g->unit, false);
		used += there;
	}
}

static void aggregate_cells(FILE *out, const struct group *g)
{
	/* The median has the digits of one CPU's interval, but that interval is not its own. */
	struct formatted median = format_value(g->median_ppm, g->lowest ? half_of(g->lowest) : NAN, g->unit);
	char *interval = strstr(median.text, " ±");

	if (interval)
		*interval = '\0';
	number_cell(out, median);
	drift_cell(out, g->lowest, g->unit, true);
	drift_cell(out, g->highest, g->unit, true);
}

/* What the kernel does to the clock by itself, where it is known. */
static void steering_note(FILE *out, const struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		char text[80];

		if (!isfinite(g->rows[i]->steering_ppm) || g->rows[i]->steering_ppm == 0)
			continue;
		snprintf(text, sizeof(text), "steered %+.6g ppm by adjtimex", g->rows[i]->steering_ppm);
		fputs("<div class=\"also\">", out);
		html_number(out, text);
		fputs("</div>", out);
		return;
	}
}

/* "crystal ±50 ppm"; the limit's name only where it is not that of the relation. */
static void limit_cell(FILE *out, const struct drift *d)
{
	fputs("<td class=\"s0\">", out);
	html_text(out, d->relation);
	if (isfinite(d->limit_ppm)) {
		fputs(" <span class=\"also\">", out);
		if (strcmp(d->limit, d->relation) != 0) {
			html_text(out, d->limit);
			fputc(' ', out);
		}
		fprintf(out, "±%s</span>", format_ppm(d->limit_ppm).text);
	}
	fputs("</td>", out);
}

static bool phase_seen(const struct report *r, const char *name)
{
	const struct phase *phase = phase_find(r->run, name, NULL);

	return !phase || phase_observed(phase) == OBSERVED_YES;
}

static void group_row(FILE *out, const struct report *r, const struct group *g, bool first, bool phases)
{
	fprintf(out, "<tr%s><td class=\"k\">", first ? " class=\"new\"" : "");
	if (first) {
		html_text(out, g->clock);
		steering_note(out, g);
	}
	fputs("</td>", out);
	if (phases) {
		fputs("<td>", out);
		html_text(out, g->phase);
		fputs("</td>", out);
	}
	fputs("<td class=\"s0\">", out);
	html_status(out, phase_seen(r, g->phase) ? g->status : "none");
	if (phase_seen(r, g->phase) && g->of_status < g->count)
		fprintf(out, " <span class=\"also\">%zu of %zu</span>", g->of_status, g->count);
	fputs("</td>", out);
	if (r->cpu_count <= CPU_COLUMNS)
		cpu_cells(out, r, g);
	else
		aggregate_cells(out, g);
	fprintf(out, "<td class=\"u\">%s</td>", g->lowest ? g->unit->name : "");
	number_cell(
		out, isfinite(g->systematic_ppm) ? format_ppm(g->systematic_ppm) : (struct formatted){ "–" });
	limit_cell(out, g->rows[0]);
	fputs("</tr>\n", out);
}

/* Names and numbers of the phases: plots use the number where the name does not fit. */
static void phase_list(FILE *out, const struct report *r)
{
	if (r->run->phase_count < 2 || r->run->phase_count > PHASES_LISTED)
		return;
	fputs("<p>Phases: ", out);
	for (size_t i = 0; i < r->run->phase_count; i++) {
		fprintf(out, "%s%zu\xc2\xa0", i ? ", " : "", i + 1);
		html_text(out, r->run->phases[i].name);
	}
	fputs(".</p>\n", out);
}

static void summary_header(FILE *out, const struct report *r, bool phases)
{
	fputs("<div class=\"wide\"><table>\n<thead><tr><th>Clock</th>", out);
	if (phases)
		fputs("<th>Phase</th>", out);
	fputs("<th>Status</th>", out);
	if (r->cpu_count <= CPU_COLUMNS)
		for (size_t i = 0; i < r->cpu_count; i++)
			fprintf(out, "<th class=\"n\">%sCPU %d</th>", r->cpu_count == 1 ? "Drift, " : "",
				r->cpus[i]);
	else
		fputs("<th class=\"n\">Median</th><th class=\"n\">Lowest</th><th class=\"n\">Highest</th>",
			out);
	fputs("<th class=\"u\"></th><th class=\"n\">Systematic "
	      "±</th><th>Relation, limit</th></tr></thead>\n<tbody>\n",
		out);
}

/* From zero; -1: no drift, or one from too few readings. */
static double furthest(const struct group *g)
{
	double low = g->lowest && !judge_is_few(g->lowest) ? fabs(g->lowest->drift_ppm) : -1;
	double high = g->highest && !judge_is_few(g->highest) ? fabs(g->highest->drift_ppm) : -1;

	return fmax(low, high);
}

/* Further from zero, or worse off. */
static bool worse(const struct group *a, const struct group *b)
{
	double x = furthest(a), y = furthest(b);

	return judge_severity(a->status) != judge_severity(b->status)
		       ? judge_severity(a->status) > judge_severity(b->status)
		       : x > y;
}

struct summary_memory {
	const struct drift **rows, **kept_rows;
	double *values;
};

static void clock_rows(
	FILE *out, const struct report *r, const char *clock, bool all, struct summary_memory *m)
{
	struct group group = { .rows = m->rows }, worst = { .rows = m->kept_rows };
	bool first = true;

	for (size_t i = 0; i < r->run->phase_count; i++) {
		group_make(r, clock, r->run->phases[i].name, m->values, &group);
		if (group.count == 0)
			continue;
		if (all) {
			group_row(out, r, &group, first, r->run->phase_count > 1);
			first = false;
		} else if (worst.count == 0 || worse(&group, &worst)) {
			group_make(r, clock, r->run->phases[i].name, m->values, &worst);
		}
	}
	if (!all && worst.count)
		group_row(out, r, &worst, true, true);
}

void html_summary(FILE *out, const struct report *r)
{
	bool all = r->run->phase_count * r->clock_count <= SUMMARY_ROWS;
	struct summary_memory m = {
		.rows = calloc(r->cpu_count + 1, sizeof(const struct drift *)),
		.kept_rows = calloc(r->cpu_count + 1, sizeof(const struct drift *)),
		.values = calloc(r->cpu_count + 1, sizeof(double)),
	};

	fputs("<section id=\"summary\">\n<h2>Drift of each clock against ", out);
	html_text(out, r->reference_name);
	fputs("</h2>\n", out);
	if (r->clock_count == 0) {
		fputs("<p>No clock could be compared with the reference.</p>\n", out);
	} else if (m.rows && m.kept_rows && m.values) {
		fputs("<p>Positive: the clock runs fast. ± is the 95 % interval of the noise; a change of "
		      "the delays "
		      "inside the brackets could add the systematic part.</p>\n",
			out);
		phase_list(out, r);
		if (!all)
			fputs("<p>Of each clock the worst phase is shown; all phases are in the table of all "
			      "drifts.</p>\n",
				out);
		summary_header(out, r, r->run->phase_count > 1);
		for (size_t i = 0; i < r->clock_count; i++)
			clock_rows(out, r, r->run->clocks[r->clocks[i]].name, all, &m);
		fputs("</tbody></table></div>\n", out);
	}
	fputs("</section>\n", out);
	free(m.rows);
	free(m.kept_rows);
	free(m.values);
}
