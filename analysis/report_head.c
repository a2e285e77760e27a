/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a reader sees first: the verdict and why, and what was measured. */
#include "analysis/report_parts.h"

#include <string.h>

#include "analysis/format.h"

#define REASONS_SHOWN 6

/* Text that the environment may hold; "" where it does not. */
static const char *environment_text(const struct report *r, const char *group, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(r->run->environment_before, group), key));

	return text ? text : "";
}

void html_fact(FILE *out, const char *name, const char *text)
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
	uint64_t taken = 0;

	cpu_list(r, cpus, sizeof(cpus));
	snprintf(text, sizeof(text), "%zu (%s)", r->cpu_count, cpus);
	html_fact(out, "CPUs measured", text);
	snprintf(text, sizeof(text), "%s", format_duration(r->length_s).text);
	if (run->phase_count > 1)
		snprintf(text, sizeof(text), "%s in %zu phases", format_duration(r->length_s).text,
			run->phase_count);
	html_fact(out, "Measured for", text);
	for (size_t i = 0; i < run->tally_count; i++)
		taken += run->tallies[i].readings;
	snprintf(text, sizeof(text), "%s stored%s%s%s", format_count(r->samples->rows).text,
		taken ? " of " : "", taken ? format_count(taken).text : "", taken ? " taken" : "");
	html_fact(out, "Readings", text);
	snprintf(text, sizeof(text), "%.6g MHz%s%s", run->tsc_hz / 1e6,
		run->tsc_hz_source[0] ? ", from " : "", run->tsc_hz_source);
	html_fact(out, "Nominal TSC", text);
	html_fact(out, "Reference",
		r->reference == PAIR_TSC ? "tsc at its nominal frequency" : r->reference_name);
}

static void key_facts(FILE *out, const struct report *r)
{
	const char *hypervisor = environment_text(r, "hypervisor", "name");
	json_t *present =
		json_object_get(json_object_get(r->run->environment_before, "hypervisor"), "present");

	fputs("<dl class=\"facts\">\n", out);
	html_fact(out, "Host", r->run->host);
	html_fact(out, "Started (UTC)", r->run->started);
	html_fact(out, "CPU", environment_text(r, "cpu", "model_name"));
	html_fact(out, "Kernel", environment_text(r, "kernel", "release"));
	html_fact(out, "Clocksource", environment_text(r, "clocksource", "current"));
	html_fact(out, "Hypervisor", hypervisor[0] ? hypervisor : json_is_false(present) ? "none" : "");
	facts_of_run(out, r);
	fputs("</dl>\n", out);
}

static void reason_item(FILE *out, const struct report *r, size_t index)
{
	fputs("<li>", out);
	html_number(out, r->estimates->verdict.reasons[index].text);
	fputs("</li>\n", out);
}

void html_verdict(FILE *out, enum status status, const char *words)
{
	static const char *const marks[] = { "✓", "✗", "?" };

	fprintf(out,
		"<section class=\"verdict %s\">\n<div class=\"mark\" "
		"aria-hidden=\"true\">%s</div>\n<div>\n<h1>%s</h1>\n",
		status_name(status), marks[status], words);
}

static void verdict_box(FILE *out, const struct report *r)
{
	static const char *const words[] = { "Stable", "Unstable", "Inconclusive" };
	const struct verdict *v = &r->estimates->verdict;

	html_verdict(out, v->status, words[v->status]);
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
