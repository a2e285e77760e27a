/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the report cannot tell, how it was measured, and where the files are. */
#include "analysis/report_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/format.h"

#define METHODS_SHOWN 12

static bool has_relation(const struct report *r, const char *clock, const char *relation)
{
	for (size_t i = 0; i < r->estimates->drift_count; i++)
		if (strcmp(r->estimates->drift[i].clock, clock) == 0 &&
			strcmp(r->estimates->drift[i].relation, relation) == 0)
			return true;
	return false;
}

/* Names of the clocks in that relation to the reference; returns how many. */
static size_t name_clocks(FILE *out, const struct report *r, const char *relation)
{
	size_t count = 0;

	for (size_t i = 0; i < r->clock_count; i++) {
		const char *clock = r->run->clocks[r->clocks[i]].name;

		if (!has_relation(r, clock, relation))
			continue;
		fputs(count++ ? ", <strong>" : "<strong>", out);
		html_text(out, clock);
		fputs("</strong>", out);
	}
	return count;
}

static bool any_relation(const struct report *r, const char *relation, bool equal)
{
	for (size_t i = 0; i < r->estimates->drift_count; i++)
		if ((strcmp(r->estimates->drift[i].relation, relation) == 0) == equal)
			return true;
	return false;
}

static void independence(FILE *out, const struct report *r)
{
	if (any_relation(r, "arithmetic", true)) {
		fputs("<li>These clocks follow the same oscillator as the reference: ", out);
		name_clocks(out, r, "arithmetic");
		fputs(". They can only disagree by arithmetic or by steering, so their agreement does not "
		      "show that "
		      "either is right: if the oscillator is wrong, all are wrong together.</li>\n",
			out);
	}
	if (!any_relation(r, "arithmetic", false))
		fputs("<li>No clock of this run follows another oscillator than the reference. Nothing here "
		      "tells "
		      "whether the machine's time is right.</li>\n",
			out);
}

static void cannot_tell(FILE *out, const struct report *r)
{
	double systematic = 0;

	for (size_t i = 0; i < r->estimates->drift_count; i++)
		if (isfinite(r->estimates->drift[i].systematic_ppm))
			systematic = fmax(systematic, r->estimates->drift[i].systematic_ppm);
	fputs("<section id=\"limits\">\n<h2>What this report cannot tell</h2>\n<ul>\n", out);
	independence(out, r);
	fputs("<li>A delay that is longer on one side of the bracket than on the other shifts an offset by "
	      "up to half "
	      "the bracket. While it stays the same it does not touch the drift.</li>\n",
		out);
	if (systematic > 0)
		fprintf(out,
			"<li>If that asymmetry changed during the run, a drift could be off by the "
			"systematic part, "
			"at most %s here. It shrinks in proportion to the length of the run.</li>\n",
			format_ppm(systematic).text);
	fprintf(out,
		"<li>It speaks of the %s that were measured. Temperature, load, suspend and migration move "
		"clocks "
		"later.</li>\n</ul>\n</section>\n",
		format_duration(r->length_s).text);
}

/* Each method once, with the number of series that it served; the rarer ones are left to the table. */
static void methods(FILE *out, const struct report *r)
{
	struct {
		const char *name;
		size_t count;
	} seen[METHODS_SHOWN];
	size_t count = 0;

	for (size_t i = 0; i < r->estimates->drift_count; i++) {
		const char *name = r->estimates->drift[i].method;
		size_t k = 0;

		while (k < count && strcmp(seen[k].name, name) != 0)
			k++;
		if (k == METHODS_SHOWN)
			continue;
		if (k == count) {
			seen[count].name = name;
			seen[count++].count = 0;
		}
		seen[k].count++;
	}
	fputs("<p>Drift estimators, chosen from the noise of each series:</p>\n<ul>\n", out);
	for (size_t k = 0; k < count; k++) {
		fputs("<li>", out);
		html_text(out, seen[k].name);
		fprintf(out, " (%zu series)</li>\n", seen[k].count);
	}
	fputs("</ul>\n", out);
}

static void method(FILE *out, const struct report *r)
{
	const struct run *run = r->run;

	fputs("<section id=\"method\">\n<h2>How it was measured</h2>\n<p>Every clock is read between two "
	      "fenced reads of the same "
	      "CPU's TSC",
		out);
	if (run->tsc_fence[0]) {
		fputs(" (", out);
		html_text(out, run->tsc_fence);
		fputs(")", out);
	}
	fputs("; the true instant lies inside that bracket. One thread per CPU", out);
	if (run->burst)
		fprintf(out,
			" takes a burst of %u readings of every clock and keeps the one with the narrowest "
			"bracket",
			run->burst);
	if (run->interval_s > 0)
		fprintf(out, ", every %s", format_duration(run->interval_s).text);
	fputs(". The offset is target less reference; its slope over time is the drift.</p>\n", out);
	if (r->estimates->drift_count)
		methods(out, r);
	fputs("<p>Stability statistics have the mean frequency removed; their intervals are χ² with the "
	      "degrees of freedom of the "
	      "noise type found.</p>\n<p>",
		out);
	html_text(out, run->tool[0] ? run->tool : "clkdrift");
	if (run->seed)
		fprintf(out, ", seed %" PRIu64, run->seed);
	fputs(". Judge the run again: <code>clkdrift analyze ", out);
	html_text(out, run->dir ? run->dir : "RUN");
	fputs("</code></p>\n</section>\n", out);
}

void html_file_row(FILE *out, const char *name, const char *meaning)
{
	fprintf(out, "<tr><td class=\"k\"><a href=\"%s\">%s</a></td><td>%s</td></tr>\n", name, name, meaning);
}

static void files(FILE *out, const struct report *r)
{
	static const char *const list[][2] = {
		{ "run.json", "what was measured, where and how" },
		{ "samples/", "raw readings: clock, tsc_lo, value, tsc_hi" },
		{ "drift.csv", "every drift with its interval" },
		{ "stability.csv", "the whole Allan family with intervals" },
		{ "steps.csv", "sudden changes" },
		{ "verdict.json", "verdict, reasons, losses" },
		{ "plots/", "each plot as SVG and PNG, its data and its gnuplot script: cd plots, gnuplot "
			    "offset.gp" },
	};

	fputs("<section id=\"files\">\n<h2>Files</h2>\n<div class=\"wide\"><table>\n<tbody>\n", out);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		html_file_row(out, list[i][0], list[i][1]);
	if (r->estimates->crosscpu_count)
		html_file_row(out, "crosscpu.csv", "raw exchanges between CPUs");
	if (r->lane_count)
		html_file_row(out, EVIDENCE_FILE, "what was seen of the disturbances over time");
	if (r->disturbed) {
		html_file_row(out, "effects.csv", "how far each disturbed phase moved each drift");
		html_file_row(out, "phases.csv", "each phase: what was done, seen and found");
	}
	fputs("</tbody></table></div>\n</section>\n", out);
}

void html_notes(FILE *out, const struct report *r)
{
	cannot_tell(out, r);
	method(out, r);
	files(out, r);
}
