/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What is behind the numbers: every drift, steps, events, losses, clocks that are missing, where the probes ran. */
#include "analysis/report_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/recovery.h"
#include "results/units.h"

#define ROWS_MAX   1500 /* of one table: more are left to the CSV files */
#define ROWS_OPEN  12	/* a longer table starts closed */
#define PLACES_MAX 512

/* Counts in estimates->losses, in words.  Unknown kinds are shown by their key. */
static const struct {
	const char *key, *name, *meaning;
	bool fatal; /* worth a warning at the head of the report */
} losses[] = {
	{ "dropped", "Lost readings", "the writer was slower than the probes: taken, but not stored", true },
	{ "failed", "Failed readings", "the clock gave no reading", true },
	{ "rejected", "Rejected readings", "left out of a fit: bracket inverted or far wider than usual",
		false },
	{ "backward", "Backward steps", "a reading below the one before it on the same CPU", true },
	{ "inverted", "Inverted brackets", "the second TSC read was below the first", true },
	{ "late", "Late bursts", "a deadline was missed by more than an interval", false },
	{ "cut_rows", "Cut rows", "last lines without an end: the mark of a killed run", true },
	{ "events_lost", "Lost events", "more events than a run may hold", true },
	{ "stored", "Stored readings", "what this report rests on", false },
};

#define LOSSES (sizeof(losses) / sizeof(losses[0]))

static json_int_t loss_count(const struct report *r, const char *key)
{
	return json_integer_value(json_object_get(r->estimates->losses, key));
}

static void warning(FILE *out, bool *open, const char *text)
{
	if (!*open)
		fputs("<ul class=\"notes\">\n", out);
	*open = true;
	fputs("<li>", out);
	html_text(out, text);
	fputs("</li>\n", out);
}

void html_warnings(FILE *out, const struct report *r)
{
	size_t changes = json_array_size(r->run->environment_changes);
	char text[256];
	bool open = false;

	if (r->run->state[0] && strcmp(r->run->state, "complete") != 0) {
		snprintf(text, sizeof(text),
			"The run did not end as planned (state: %s): this is what it had stored.",
			r->run->state);
		warning(out, &open, text);
	}
	for (size_t i = 0; i < LOSSES; i++) {
		if (!losses[i].fatal || loss_count(r, losses[i].key) == 0)
			continue;
		snprintf(text, sizeof(text), "%s: %s (%s).", losses[i].name,
			format_count((uint64_t)loss_count(r, losses[i].key)).text, losses[i].meaning);
		warning(out, &open, text);
	}
	if (changes) {
		snprintf(text, sizeof(text),
			"The environment changed while the run went on: %zu %s, see Tables.", changes,
			changes == 1 ? "change" : "changes");
		warning(out, &open, text);
	}
	if (open)
		fputs("</ul>\n", out);
}

static void count_cell(FILE *out, uint64_t count)
{
	fprintf(out, "<td class=\"n\">%s</td>", format_count(count).text);
}

static void real_cell(FILE *out, double value, struct formatted shown)
{
	html_number_cell(out, isfinite(value) ? shown.text : "–");
}

static void details_open(FILE *out, const char *title, size_t rows)
{
	fprintf(out, "<details%s>\n<summary>%s (%zu)</summary>\n",
		rows && rows <= ROWS_OPEN ? " open=\"open\"" : "", title, rows);
}

static void left_out(FILE *out, size_t rows, size_t shown, const char *file)
{
	if (rows > shown)
		fprintf(out, "<p>The first %zu of %zu rows; all are in <a href=\"%s\">%s</a>.</p>\n", shown,
			rows, file, file);
}

static void drift_row(FILE *out, const struct drift *d)
{
	char hull[80] = "–";

	if (isfinite(d->hull_low_ppm) && isfinite(d->hull_high_ppm))
		snprintf(hull, sizeof(hull), "%+.4g … %+.4g ppm", d->hull_low_ppm, d->hull_high_ppm);
	fputs("<tr>", out);
	html_text_cell(out, " class=\"k\"", d->clock);
	fprintf(out, "<td class=\"n\">%d</td>", d->cpu);
	html_text_cell(out, "", d->phase);
	html_number_cell(out, format_drift(d->drift_ppm, d->ci_low_ppm, d->ci_high_ppm).text);
	real_cell(out, d->systematic_ppm, format_ppm(d->systematic_ppm));
	html_number_cell(out, hull);
	real_cell(out, d->residual_ns, format_ns(d->residual_ns));
	real_cell(out, d->width_ns, format_ns(d->width_ns));
	count_cell(out, d->n);
	count_cell(out, d->rejected);
	count_cell(out, d->backward);
	real_cell(out, d->backward ? d->max_backward_ns : NAN, format_ns(d->max_backward_ns));
	html_text_cell(out, "", d->method);
	fputs("<td>", out);
	html_status(out, d->status);
	fputs("</td></tr>\n", out);
}

static void drift_table_html(FILE *out, const struct report *r)
{
	size_t rows = r->estimates->drift_count, shown = 0;

	fprintf(out, "<details>\n<summary>All drifts (%zu)</summary>\n", rows);
	left_out(out, rows, ROWS_MAX, "drift.csv");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th>Clock</th><th "
	      "class=\"n\">CPU</th><th>Phase</th><th class=\"n\">Drift, 95 %</th>"
	      "<th class=\"n\">Systematic ±</th><th class=\"n\">Inside every bracket</th><th "
	      "class=\"n\">Residual</th>"
	      "<th class=\"n\">Bracket</th><th class=\"n\">Used</th><th class=\"n\">Rejected</th>"
	      "<th class=\"n\">Backward</th><th "
	      "class=\"n\">Largest</th><th>Method</th><th>Status</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < rows && shown < ROWS_MAX; i++, shown++)
		drift_row(out, &r->estimates->drift[i]);
	fputs("</tbody></table></div>\n</details>\n", out);
}

static void steps_table_html(FILE *out, const struct report *r)
{
	size_t rows = r->estimates->step_count;

	if (rows == 0) {
		fputs("<h3>Steps</h3>\n<p>No sudden change of an offset was found.</p>\n", out);
		return;
	}
	details_open(out, "Steps", rows);
	left_out(out, rows, ROWS_MAX, "steps.csv");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th>Clock</th><th "
	      "class=\"n\">CPU</th><th>Phase</th><th class=\"n\">At</th>"
	      "<th class=\"n\">Step, 95 %</th><th>Cause, and when it was back</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < rows && i < ROWS_MAX; i++) {
		const struct step *s = &r->estimates->steps[i];
		double half = fmax(s->ci_high_ns - s->step_ns, s->step_ns - s->ci_low_ns);

		fputs("<tr>", out);
		html_text_cell(out, " class=\"k\"", s->clock);
		fprintf(out, "<td class=\"n\">%d</td>", s->cpu);
		html_text_cell(out, "", s->phase);
		fprintf(out, "<td class=\"n\">%.3f s</td>", s->at_s);
		html_number_cell(out, format_offset(s->step_ns, half).text);
		fputs("<td class=\"w\">", out);
		html_text(out, s->cause);
		html_text(out, recovery_words(s, r->run->environment_before).text);
		fputs(strcmp(s->injected, "yes") == 0 ? " <span class=\"also\">made on purpose</span></td>"
						      : "</td>",
			out);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</details>\n", out);
}

static void events_html(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	if (run->event_count == 0)
		return;
	details_open(out, "Events", run->event_count);
	left_out(out, run->event_count, ROWS_MAX, "run.json");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th "
	      "class=\"n\">At</th><th>Kind</th><th>What</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < run->event_count && i < ROWS_MAX; i++) {
		char at[40];

		snprintf(at, sizeof(at), "%.3f s", pair_source_seconds(r->source, run->events[i].tsc));
		fputs("<tr>", out);
		html_number_cell(out, at);
		fputs("<td class=\"k\">", out);
		html_text(out, run->events[i].kind);
		fputs(run->events[i].injected ? " <span class=\"also\">made on purpose</span></td>" : "</td>",
			out);
		html_text_cell(out, " class=\"w\"", run->events[i].text);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</details>\n", out);
}

static void losses_html(FILE *out, const struct report *r)
{
	const char *key;
	json_t *value;

	fputs("<h3>Lost, rejected and backward</h3>\n<div class=\"wide\"><table>\n<tbody>\n", out);
	for (size_t i = 0; i < LOSSES; i++) {
		if (!json_object_get(r->estimates->losses, losses[i].key))
			continue;
		fprintf(out, "<tr><td class=\"k\">%s</td>", losses[i].name);
		count_cell(out, (uint64_t)loss_count(r, losses[i].key));
		fprintf(out, "<td class=\"w\">%s</td></tr>\n", losses[i].meaning);
	}
	json_object_foreach(r->estimates->losses, key, value)
	{
		bool known = false;

		for (size_t i = 0; i < LOSSES; i++)
			known |= strcmp(losses[i].key, key) == 0;
		if (known || !json_is_integer(value))
			continue;
		fputs("<tr>", out);
		html_text_cell(out, " class=\"k\"", key);
		count_cell(out, (uint64_t)json_integer_value(value));
		fputs("<td></td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

/* Sums of one clock over all CPUs. */
static struct tally tally_sum(const struct run *run, unsigned clock)
{
	struct tally sum = { .clock = clock };

	for (size_t i = 0; i < run->tally_count; i++) {
		const struct tally *t = &run->tallies[i];

		if (t->clock != clock)
			continue;
		sum.readings += t->readings;
		sum.kept += t->kept;
		sum.dropped += t->dropped;
		sum.failed += t->failed;
		sum.inverted += t->inverted;
		sum.backward += t->backward;
		if (t->max_backward > sum.max_backward)
			sum.max_backward = t->max_backward;
	}
	return sum;
}

static void tallies_html(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	if (run->tally_count == 0)
		return;
	fputs("<h3>Readings per clock, all CPUs</h3>\n<div "
	      "class=\"wide\"><table>\n<thead><tr><th>Clock</th><th class=\"n\">Taken</th>"
	      "<th class=\"n\">Kept</th><th class=\"n\">Lost</th><th class=\"n\">Failed</th>"
	      "<th class=\"n\">Inverted</th><th class=\"n\">Backward</th><th "
	      "class=\"n\">Largest</th></tr></thead>\n<tbody>\n",
		out);
	for (unsigned i = 0; i < run->clock_count; i++) {
		struct tally sum = tally_sum(run, i);
		double largest_ns = (double)sum.max_backward * (double)NS_PER_SEC / run->clocks[i].hz;

		fputs("<tr>", out);
		html_text_cell(out, " class=\"k\"", run->clocks[i].name);
		count_cell(out, sum.readings);
		count_cell(out, sum.kept);
		count_cell(out, sum.dropped);
		count_cell(out, sum.failed);
		count_cell(out, sum.inverted);
		count_cell(out, sum.backward);
		real_cell(out, sum.backward ? largest_ns : NAN, format_ns(largest_ns));
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n<p>Of each burst the reading with the narrowest bracket is "
	      "kept.</p>\n",
		out);
}

static void unavailable_html(FILE *out, const struct report *r)
{
	if (r->run->unavailable_count == 0) {
		fputs("<h3>Clocks that could not be read</h3>\n<p>None: every clock that was asked for was "
		      "read.</p>\n",
			out);
		return;
	}
	fputs("<h3>Clocks that could not be read</h3>\n<div class=\"wide\"><table>\n<tbody>\n", out);
	for (size_t i = 0; i < r->run->unavailable_count; i++) {
		fputs("<tr>", out);
		html_text_cell(out, " class=\"k\"", r->run->unavailable[i].name);
		html_text_cell(out, " class=\"w\"", r->run->unavailable[i].reason);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void places_html(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	if (run->place_count == 0)
		return;
	details_open(out, "Where the probes ran", run->place_count);
	left_out(out, run->place_count, PLACES_MAX, "run.json");
	fputs("<div class=\"wide\"><table>\n<thead><tr><th class=\"n\">CPU</th><th "
	      "class=\"n\">Package</th><th class=\"n\">Core</th>"
	      "<th class=\"n\">Node</th><th>Scheduler</th><th>Bound</th><th>Memory locked</th><th "
	      "class=\"n\">Late</th>"
	      "<th class=\"n\">CPU time</th><th class=\"n\">TSC granularity</th><th class=\"n\">Empty "
	      "bracket</th></tr></thead>\n<tbody>\n",
		out);
	for (size_t i = 0; i < run->place_count && i < PLACES_MAX; i++) {
		const struct probe_place *p = &run->places[i];
		char share[32], granularity[40], empty[64];

		snprintf(share, sizeof(share), isfinite(p->cpu_share) ? "%.2f %%" : "–", p->cpu_share * 100);
		snprintf(granularity, sizeof(granularity), p->granularity_cycles > 0 ? "%.0f cycles" : "–",
			p->granularity_cycles);
		snprintf(empty, sizeof(empty), p->null_bracket_cycles > 0 ? "%.0f cycles, %s" : "–",
			p->null_bracket_cycles,
			format_ns(cycles_to_ns(p->null_bracket_cycles, run->tsc_hz)).text);
		fprintf(out,
			"<tr><td class=\"n\">%d</td><td class=\"n\">%d</td><td class=\"n\">%d</td><td "
			"class=\"n\">%d</td>",
			p->cpu, p->package, p->core, p->node);
		html_text_cell(out, "", p->scheduler);
		fprintf(out, "<td>%s</td><td>%s</td>", p->pinned ? "yes" : "no", p->locked ? "yes" : "no");
		count_cell(out, p->late);
		html_number_cell(out, share);
		html_number_cell(out, granularity);
		html_number_cell(out, empty);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</details>\n", out);
}

void html_tables(FILE *out, const struct report *r)
{
	fputs("<section id=\"tables\">\n<h2>Tables</h2>\n", out);
	drift_table_html(out, r);
	steps_table_html(out, r);
	events_html(out, r);
	losses_html(out, r);
	tallies_html(out, r);
	unavailable_html(out, r);
	places_html(out, r);
	html_environment(out, r);
	fputs("</section>\n", out);
}
