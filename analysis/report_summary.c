/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a reader sees first: the verdict and why, the machine, and the drift of each clock. */
#include "analysis/report_parts.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "results/units.h"

#define REASONS_SHOWN 8
#define CPU_COLUMNS   8	 /* with more CPUs: median, lowest and highest */
#define SUMMARY_ROWS  60 /* with more clocks times phases: one phase of each clock, the worst */

/* Text that the environment may hold; "" where it does not. */
static const char *environment_text(const struct report *r, const char *group, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(r->run->environment_before, group), key));

	return text ? text : "";
}

static void fact(FILE *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "<div><dt>%s</dt><dd>", name);
	html_text(out, text);
	fputs("</dd></div>\n", out);
}

/* "0-3, 8" */
static void cpu_list(const struct report *r, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->cpu_count && used < size; i++) {
		size_t last = i;

		while (last + 1 < r->cpu_count && r->cpus[last + 1] == r->cpus[last] + 1)
			last++;
		used += (size_t)snprintf(text + used, size - used, last > i ? "%s%d-%d" : "%s%d",
			i ? ", " : "", r->cpus[i], r->cpus[last]);
		i = last;
	}
}

static void facts_of_run(FILE *out, const struct report *r)
{
	const struct run *run = r->run;
	char cpus[160], text[512];

	cpu_list(r, cpus, sizeof(cpus));
	snprintf(text, sizeof(text), "%zu (%s)", r->cpu_count, cpus);
	fact(out, "CPUs measured", text);
	snprintf(text, sizeof(text), "%s%s%s", format_duration(r->length_s).text,
		run->phase_count > 1 ? ", phases: " : "", "");
	if (run->phase_count > 1)
		snprintf(text, sizeof(text), "%s in %zu phases", format_duration(r->length_s).text,
			run->phase_count);
	fact(out, "Measured for", text);
	snprintf(text, sizeof(text), "%s stored", format_count(r->samples->rows).text);
	fact(out, "Readings", text);
	snprintf(text, sizeof(text), "%.6g MHz%s%s", run->tsc_hz / 1e6,
		run->tsc_hz_source[0] ? ", from " : "", run->tsc_hz_source);
	fact(out, "Nominal TSC", text);
	fact(out, "Reference", r->reference == PAIR_TSC ? "tsc at its nominal frequency" : r->reference_name);
}

static void key_facts(FILE *out, const struct report *r)
{
	const char *hypervisor = environment_text(r, "hypervisor", "name");
	json_t *present =
		json_object_get(json_object_get(r->run->environment_before, "hypervisor"), "present");

	fputs("<dl class=\"facts\">\n", out);
	fact(out, "Host", r->run->host);
	fact(out, "Started (UTC)", r->run->started);
	fact(out, "CPU", environment_text(r, "cpu", "model_name"));
	fact(out, "Kernel", environment_text(r, "kernel", "release"));
	fact(out, "Clocksource", environment_text(r, "clocksource", "current"));
	fact(out, "Hypervisor", hypervisor[0] ? hypervisor : json_is_false(present) ? "none" : "");
	facts_of_run(out, r);
	fputs("</dl>\n", out);
}

static void reason_item(FILE *out, const struct report *r, size_t index)
{
	fputs("<li>", out);
	html_number(out, r->estimates->verdict.reasons[index].text);
	fputs("</li>\n", out);
}

static void verdict_box(FILE *out, const struct report *r)
{
	static const char *const marks[] = { "✓", "✗", "?" }, *const words[] = { "Stable", "Unstable",
		"Inconclusive" };
	const struct verdict *v = &r->estimates->verdict;

	fprintf(out,
		"<section class=\"verdict %s\">\n<div class=\"mark\" "
		"aria-hidden=\"true\">%s</div>\n<div>\n<h1>%s</h1>\n",
		status_name(v->status), marks[v->status], words[v->status]);
	if (v->reason_count) {
		fputs("<ul>\n", out);
		for (size_t i = 0; i < v->reason_count && i < REASONS_SHOWN; i++)
			reason_item(out, r, i);
		fputs("</ul>\n", out);
	}
	if (v->reason_count > REASONS_SHOWN) {
		fprintf(out, "<details>\n<summary>%zu more</summary>\n<ul>\n",
			v->reason_count - REASONS_SHOWN);
		for (size_t i = REASONS_SHOWN; i < v->reason_count; i++)
			reason_item(out, r, i);
		fputs("</ul>\n</details>\n", out);
	}
	fputs("</div>\n</section>\n", out);
}

void html_head(FILE *out, const struct report *r)
{
	fputs("<header><span class=\"brand\">clkdrift</span><span class=\"what\">", out);
	html_text(out, r->run->scenario[0] ? r->run->scenario : "run");
	fputs(" on ", out);
	html_text(out, r->run->host[0] ? r->run->host : "an unnamed host");
	if (r->run->started[0]) {
		fputs(", ", out);
		html_text(out, r->run->started);
	}
	fputs("</span></header>\n", out);
	verdict_box(out, r);
	html_warnings(out, r);
	key_facts(out, r);
}

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

static int severity(const char *status)
{
	static const char *const order[] = { "stable", "consistent", "inconclusive", "unstable" };

	for (int i = 0; i < 4; i++)
		if (strcmp(status, order[i]) == 0)
			return i;
	return -1;
}

static void group_extremes(struct group *g, double *values)
{
	double most = 0;
	size_t count = 0;

	g->lowest = g->highest = NULL;
	for (size_t i = 0; i < g->count; i++) {
		const struct drift *d = g->rows[i];

		if (isfinite(d->systematic_ppm))
			g->systematic_ppm = fmax(g->systematic_ppm, d->systematic_ppm);
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
	g->systematic_ppm = 0;
	for (size_t i = 0; i < r->cpu_count; i++) {
		const struct drift *d = report_drift(r, clock, r->cpus[i], phase);

		if (!d)
			continue;
		g->rows[g->count++] = d;
		if (severity(d->status) > severity(g->status)) {
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

static void cpu_cells(FILE *out, const struct report *r, const struct group *g)
{
	size_t used = 0;

	for (size_t i = 0; i < r->cpu_count; i++) {
		if (used < g->count && g->rows[used]->cpu == r->cpus[i]) {
			number_cell(
				out, format_value(g->rows[used]->drift_ppm, half_of(g->rows[used]), g->unit));
			used++;
		} else {
			fputs("<td class=\"n\">–</td>", out);
		}
	}
}

static void extreme_cell(FILE *out, const struct drift *d, const struct format_unit *unit)
{
	if (!d) {
		fputs("<td class=\"n\">–</td>", out);
		return;
	}
	fputs("<td class=\"n\">", out);
	html_number(out, format_value(d->drift_ppm, half_of(d), unit).text);
	fprintf(out, " <span class=\"also\">CPU %d</span></td>", d->cpu);
}

static void aggregate_cells(FILE *out, const struct group *g)
{
	double digits = g->lowest ? half_of(g->lowest) : NAN;
	struct formatted median = format_value(g->median_ppm, digits, g->unit);
	char *interval = strstr(median.text, " ±");

	/* The median has the digits of one CPU's interval, but that interval is not its own. */
	if (interval)
		*interval = '\0';
	number_cell(out, median);
	extreme_cell(out, g->lowest, g->unit);
	extreme_cell(out, g->highest, g->unit);
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

static void group_row(FILE *out, const struct report *r, const struct group *g, bool first, bool phases)
{
	const struct drift *d = g->rows[0];

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
	if (r->cpu_count <= CPU_COLUMNS)
		cpu_cells(out, r, g);
	else
		aggregate_cells(out, g);
	fprintf(out, "<td class=\"u\">%s</td>", g->unit->name);
	number_cell(out, format_ppm(g->systematic_ppm));
	if (isfinite(d->limit_ppm)) {
		fprintf(out, "<td>±%s <span class=\"also\">", format_ppm(d->limit_ppm).text);
		html_text(out, d->limit);
		fputs("</span></td><td>", out);
	} else {
		fputs("<td>none</td><td>", out);
	}
	html_text(out, d->relation);
	fputs("</td><td>", out);
	html_status(out, g->status);
	if (g->count > 1 && g->of_status < g->count)
		fprintf(out, " <span class=\"also\">%zu of %zu CPUs</span>", g->of_status, g->count);
	fputs("</td></tr>\n", out);
}

static void summary_header(FILE *out, const struct report *r, bool phases)
{
	fputs("<div class=\"wide\"><table>\n<thead><tr><th>Clock</th>", out);
	if (phases)
		fputs("<th>Phase</th>", out);
	if (r->cpu_count <= CPU_COLUMNS)
		for (size_t i = 0; i < r->cpu_count; i++)
			fprintf(out, "<th class=\"n\">%sCPU %d</th>", r->cpu_count == 1 ? "Drift, " : "",
				r->cpus[i]);
	else
		fputs("<th class=\"n\">Median</th><th class=\"n\">Lowest</th><th class=\"n\">Highest</th>",
			out);
	fputs("<th class=\"u\"></th><th class=\"n\">Systematic "
	      "±</th><th>Limit</th><th>Relation</th><th>Status</th></tr></thead>\n<tbody>\n",
		out);
}

/* Further from zero, or worse off. */
static bool worse(const struct group *a, const struct group *b)
{
	double x = a->lowest ? fmax(fabs(a->lowest->drift_ppm), fabs(a->highest->drift_ppm)) : -1;
	double y = b->lowest ? fmax(fabs(b->lowest->drift_ppm), fabs(b->highest->drift_ppm)) : -1;

	return severity(a->status) != severity(b->status) ? severity(a->status) > severity(b->status) : x > y;
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
