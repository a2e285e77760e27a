/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Both machines of a pair: their steps, the exact map of a KVM host, and their facts side by side. */
#include "analysis/report_pair.h"

#include <math.h>
#include <string.h>

#include "analysis/exact_map.h"
#include "analysis/format.h"
#include "analysis/steering.h"
#include "results/facts_get.h"
#include "results/text.h"
#include "results/units.h"

#define STEPS_MAX 60
#define FACT_MAX  600

/* Each writes what a machine's facts say, or leaves the text empty: not known. */
typedef void fact_writer(const json_t *facts, char *text, size_t size);

static void write_text(const json_t *facts, const char *path, char *text, size_t size)
{
	const char *value = facts_text(facts, path);

	text_add(text, size, "%s", value ? value : "");
}

static const char *yes_no(const json_t *value)
{
	return !json_is_boolean(value) ? "unknown" : json_is_true(value) ? "yes" : "no";
}

static void name(const json_t *facts, char *text, size_t size)
{
	write_text(facts, "hostname", text, size);
}

static void kernel(const json_t *facts, char *text, size_t size)
{
	write_text(facts, "kernel.release", text, size);
}

static void processor(const json_t *facts, char *text, size_t size)
{
	const json_t *online = facts_get(facts, "cpu.online_count");

	write_text(facts, "cpu.model_name", text, size);
	if (json_is_integer(online))
		text_add(text, size, "%s%lld online", text[0] ? ", " : "",
			(long long)json_integer_value(online));
}

static void hypervisor(const json_t *facts, char *text, size_t size)
{
	const json_t *present = facts_get(facts, "hypervisor.present");

	if (json_is_false(present))
		text_add(text, size, "none");
	else if (facts_text(facts, "hypervisor.name"))
		write_text(facts, "hypervisor.name", text, size);
	else if (present)
		text_add(text, size, "one without a name");
}

static void tsc_rate(const json_t *facts, char *text, size_t size)
{
	const json_t *khz = facts_get(facts, "tsc.khz");
	const char *source = facts_text(facts, "tsc.source");

	if (json_is_number(khz))
		text_add(text, size, "%.0f kHz%s%s", json_number_value(khz), source ? ", " : "",
			source ? source : "");
}

static void tsc_flags(const json_t *facts, char *text, size_t size)
{
	const json_t *constant = facts_get(facts, "cpu.flags.constant_tsc");
	const json_t *nonstop = facts_get(facts, "cpu.flags.nonstop_tsc");

	if (constant || nonstop)
		text_add(text, size, "constant: %s, nonstop: %s", yes_no(constant), yes_no(nonstop));
}

static void add_words(const json_t *list, char *text, size_t size)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word) if (json_is_string(word))
		text_add(text, size, "%s%s", i ? " " : "", json_string_value(word));
}

static void clocksource(const json_t *facts, char *text, size_t size)
{
	const json_t *available = facts_get(facts, "clocksource.available");

	write_text(facts, "clocksource.current", text, size);
	if (text[0] && json_is_array(available)) {
		text_add(text, size, " (of ");
		add_words(available, text, size);
		text_add(text, size, ")");
	}
}

static void idle(const json_t *facts, char *text, size_t size)
{
	write_text(facts, "idle.driver", text, size);
	if (!text[0] && facts_get(facts, "idle"))
		text_add(text, size, "none");
}

static void cpufreq(const json_t *facts, char *text, size_t size)
{
	const json_t *policies = facts_get(facts, "cpufreq.policies");
	const json_t *first = json_array_get(policies, 0);
	const char *driver = facts_text(first, "driver"), *governor = facts_text(first, "governor");

	if (driver)
		text_add(text, size, "%s%s%s", driver, governor ? ", " : "", governor ? governor : "");
	else if (json_is_array(policies) && json_array_size(policies) == 0)
		text_add(text, size, "none");
}

static void daemon_name(const json_t *facts, char *text, size_t size)
{
	const json_t *running = facts_get(facts, "time_daemon.running"), *entry;
	size_t i;

	json_array_foreach(running, i, entry) text_add(text, size, "%s%s", i ? ", " : "",
		facts_text(entry, "name") ? facts_text(entry, "name") : "?");
	if (json_is_array(running) && json_array_size(running) == 0)
		text_add(text, size, "none");
}

static void steering(const json_t *facts, char *text, size_t size)
{
	const json_t *synchronised = facts_get(facts, "adjtimex.synchronised");
	double ppm = steering_of(facts);

	if (isfinite(ppm))
		text_add(text, size, "%s%.6g ppm", ppm < 0 ? "−" : ppm > 0 ? "+" : "", fabs(ppm));
	if (json_is_boolean(synchronised))
		text_add(text, size, "%s%s", text[0] ? ", " : "",
			json_is_true(synchronised) ? "synchronised" : "not synchronised");
}

/* What stands behind "--" belongs to init. */
static void command_line(const json_t *facts, char *text, size_t size)
{
	const json_t *list = facts_get(facts, "command_line.parameters"), *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *value = facts_text(entry, "value"), *parameter = facts_text(entry, "name");

		text_add(text, size, "%s%s%s%s", i ? " " : "", parameter ? parameter : "?", value ? "=" : "",
			value ? value : "");
	}
	if (json_is_array(list) && json_array_size(list) == 0)
		text_add(text, size, "none");
}

/* ---- where a difference matters ---- */

struct pair_facts {
	const json_t *ours, *theirs;
	struct pair_roles roles;
};

/* Says what a difference does, or nothing. */
typedef void fact_judge(const struct pair_facts *p, char *text, size_t size);

/* A clock that divides by a rate that is too low runs fast. */
static void rates_differ(const struct pair_facts *p, char *text, size_t size)
{
	double ours = json_number_value(facts_get(p->ours, "tsc.khz"));
	double theirs = json_number_value(facts_get(p->theirs, "tsc.khz"));

	if (ours > 0 && theirs > 0 && ours != theirs)
		text_add(text, size,
			"If both count one and the same TSC, a clock of %s that is made from it runs %s "
			"%s "
			"than one of %s.",
			p->roles.we, format_ppm(fabs(theirs / ours - 1) / PPM).text,
			theirs > ours ? "faster" : "slower", p->roles.they);
}

static void flags_differ(const struct pair_facts *p, char *text, size_t size)
{
	bool ours = json_is_true(facts_get(p->ours, "cpu.flags.constant_tsc")) &&
		    json_is_true(facts_get(p->ours, "cpu.flags.nonstop_tsc"));
	bool theirs = json_is_true(facts_get(p->theirs, "cpu.flags.constant_tsc")) &&
		      json_is_true(facts_get(p->theirs, "cpu.flags.nonstop_tsc"));

	if (ours != theirs && facts_get(p->ours, "cpu.flags") && facts_get(p->theirs, "cpu.flags"))
		text_add(text, size,
			"The kernel of %s does not trust its TSC: it watches it, and may leave it for "
			"another clocksource.",
			ours ? p->roles.they : p->roles.we);
}

static void clocksources_differ(const struct pair_facts *p, char *text, size_t size)
{
	const char *ours = facts_text(p->ours, "clocksource.current");
	const char *theirs = facts_text(p->theirs, "clocksource.current");

	if (ours && theirs && strcmp(ours, theirs) != 0)
		text_add(text, size, "The two kernels keep time by different counters.");
}

static void daemons_differ(const struct pair_facts *p, char *text, size_t size)
{
	const json_t *ours = facts_get(p->ours, "time_daemon.running");
	const json_t *theirs = facts_get(p->theirs, "time_daemon.running");

	if (json_is_array(ours) && json_is_array(theirs) &&
		(json_array_size(ours) > 0) != (json_array_size(theirs) > 0))
		text_add(text, size, "Only %s is steered: realtime and monotonic of the two part by that.",
			json_array_size(ours) ? p->roles.we : p->roles.they);
}

static void steerings_differ(const struct pair_facts *p, char *text, size_t size)
{
	double apart = steering_of(p->ours) - steering_of(p->theirs);

	if (isfinite(apart) && apart != 0)
		text_add(text, size, "Realtime and monotonic of %s are made to run %s %s than those of %s.",
			p->roles.we, format_ppm(fabs(apart)).text, apart > 0 ? "faster" : "slower",
			p->roles.they);
}

static const struct {
	const char *name;
	fact_writer *write;
	fact_judge *judge; /* NULL: a difference is no news */
} rows[] = {
	{ "Name", name, NULL },
	{ "Kernel", kernel, NULL },
	{ "Processor", processor, NULL },
	{ "Hypervisor below", hypervisor, NULL },
	{ "TSC rate, as the kernel takes it", tsc_rate, rates_differ },
	{ "TSC", tsc_flags, flags_differ },
	{ "Clocksource", clocksource, clocksources_differ },
	{ "Time daemon", daemon_name, daemons_differ },
	{ "Steered by adjtimex", steering, steerings_differ },
	{ "Idle driver", idle, NULL },
	{ "Frequency driver", cpufreq, NULL },
	{ "Kernel parameters", command_line, NULL },
};

static void side_cell(FILE *out, const json_t *facts, fact_writer *write)
{
	char text[FACT_MAX] = "";

	write(facts, text, sizeof(text));
	fputs("<td class=\"w\">", out);
	if (text[0])
		html_text(out, text);
	else
		fputs("<span class=\"also\">unknown</span>", out);
	fputs("</td>", out);
}

static void facts_table(FILE *out, const struct pair_facts *p)
{
	fprintf(out,
		"<h3>What they are</h3>\n<div class=\"wide\"><table class=\"both\">\n<thead><tr><th></th>"
		"<th>%s</th><th>%s</th><th>What the difference does</th></tr></thead>\n<tbody>\n",
		p->roles.ours, p->roles.theirs);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[FACT_MAX] = "";

		if (rows[i].judge)
			rows[i].judge(p, text, sizeof(text));
		fprintf(out, "<tr%s><td class=\"k\">%s</td>", text[0] ? " class=\"differs\"" : "",
			rows[i].name);
		side_cell(out, p->ours, rows[i].write);
		side_cell(out, p->theirs, rows[i].write);
		fputs("<td class=\"w\">", out);
		html_number(out, text);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
	if (!p->theirs)
		fprintf(out,
			"<p>The %s did not tell its facts: they travel over shared memory (shm) only.</p>\n",
			p->roles.theirs);
}

/* ---- what the lab made ---- */

static void lab_fact(FILE *out, const char *title, const char *text)
{
	fprintf(out, "<div><dt>%s</dt><dd>", title);
	html_text(out, text && text[0] ? text : "unknown");
	fputs("</dd></div>\n", out);
}

static void lab_facts(FILE *out, const json_t *lab)
{
	const char *used = facts_text(lab, "accelerator.used"),
		   *reason = facts_text(lab, "accelerator.reason");
	const char *wanted = facts_text(lab, "accelerator.wanted"), *append = facts_text(lab, "append");
	const char *configuration = facts_text(lab, "configuration"), *summary = facts_text(lab, "summary");
	char text[FACT_MAX];

	if (!lab)
		return;
	fputs("<h3>How the guest was made</h3>\n<dl class=\"facts\">\n", out);
	snprintf(text, sizeof(text), "%s%s%s", configuration ? configuration : "", summary ? ": " : "",
		summary ? summary : "");
	lab_fact(out, "Configuration", text);
	lab_fact(out, "QEMU", facts_text(lab, "qemu"));
	snprintf(text, sizeof(text), "%s%s%s%s%s", used ? used : "", wanted ? ", asked for: " : "",
		wanted ? wanted : "", reason ? "; " : "", reason ? reason : "");
	lab_fact(out, "Accelerator", text);
	snprintf(text, sizeof(text), "%s, machine %s, HPET %s, C-states %s, P-states %s",
		facts_text(lab, "cpu") ? facts_text(lab, "cpu") : "unknown",
		facts_text(lab, "machine") ? facts_text(lab, "machine") : "unknown",
		yes_no(facts_get(lab, "hpet")), yes_no(facts_get(lab, "cstates")),
		yes_no(facts_get(lab, "pstates")));
	lab_fact(out, "CPU model and devices", text);
	lab_fact(out, "Kernel package", facts_text(lab, "kernel.package"));
	lab_fact(out, "Parameters added", append && append[0] ? append : append ? "none" : NULL);
	fputs("</dl>\n", out);
}

/* ---- steps of the clocks that are shown ---- */

static bool is_shown(const struct report *r, const int *clocks, size_t count, const char *name_of_clock)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(r->run->clocks[clocks[i]].name, name_of_clock) == 0)
			return true;
	return false;
}

static void step_row(FILE *out, const struct step *s, bool cpus)
{
	double half = fmax(s->ci_high_ns - s->step_ns, s->step_ns - s->ci_low_ns);
	char at[40];

	snprintf(at, sizeof(at), "%.3f s", s->at_s);
	fputs("<tr>", out);
	html_text_cell(out, " class=\"k\"", s->clock);
	if (cpus)
		fprintf(out, "<td class=\"n\">%d</td>", s->cpu);
	html_number_cell(out, at);
	html_number_cell(out, format_offset(s->step_ns, half).text);
	html_text_cell(out, " class=\"w\"", s->cause[0] ? s->cause : "not known");
	fputs("</tr>\n", out);
}

static void pair_steps(FILE *out, const struct report *r, const int *clocks, size_t count)
{
	size_t shown = 0, all = 0;

	for (size_t i = 0; i < r->estimates->step_count; i++)
		all += is_shown(r, clocks, count, r->estimates->steps[i].clock);
	fputs("<h3>Steps and their causes</h3>\n", out);
	if (all == 0) {
		fputs("<p>No step of these clocks was found.</p>\n", out);
		return;
	}
	fprintf(out,
		"<div class=\"wide\"><table>\n<thead><tr><th>Clock</th>%s<th class=\"n\">At</th><th "
		"class=\"n\">Step, 95 %%</th><th>Cause</th></tr></thead>\n<tbody>\n",
		r->cpu_count > 1 ? "<th class=\"n\">CPU</th>" : "");
	for (size_t i = 0; i < r->estimates->step_count && shown < STEPS_MAX; i++) {
		const struct step *s = &r->estimates->steps[i];

		if (!is_shown(r, clocks, count, s->clock))
			continue;
		step_row(out, s, r->cpu_count > 1);
		shown++;
	}
	fputs("</tbody></table></div>\n", out);
	if (all > shown)
		fprintf(out, "<p>The first %zu of %zu; all are in <a href=\"steps.csv\">steps.csv</a>.</p>\n",
			shown, all);
}

/* ---- the exact map ---- */

static void map_html(FILE *out, const struct report *r)
{
	struct error ignored = { "" };
	struct exact_map map;
	int rc = exact_map_make(r->run, r->samples, &map, &ignored);

	if (!map.asked && !rc)
		return;
	fputs("<h3>The exact map of the TSC</h3>\n", out);
	if (rc || map.count == 0) {
		fputs("<p>There is none to compare with: ", out);
		html_text(out, rc ? ignored.text : map.absent);
		fputs(".</p>\n", out);
	} else {
		fputs("<p>KVM makes the guest's TSC from the host's by a ratio and an offset, which the host "
		      "reads to the last cycle. Each exchange bounds the offset from both sides.</p>\n<ul>\n",
			out);
		for (size_t i = 0; i < map.count; i++) {
			char text[FACT_MAX];

			exact_map_say(&map.cpus[i], text, sizeof(text));
			fputs("<li>", out);
			html_number(out, text);
			fputs("</li>\n", out);
		}
		fputs("</ul>\n", out);
	}
	exact_map_free(&map);
}

void html_both(FILE *out, const struct report *r)
{
	struct pair_facts p = { r->run->environment_before, r->run->peer_environment, report_pair_roles(r) };
	int clocks[PAIR_CLOCKS_MAX];
	size_t count;

	if (!report_is_pair(r))
		return;
	count = report_pair_clocks(r, clocks);
	fprintf(out, "<section id=\"both\">\n<h2>Both machines: %s and %s</h2>\n", p.roles.ours,
		p.roles.theirs);
	pair_steps(out, r, clocks, count);
	facts_table(out, &p);
	lab_facts(out, r->run->lab);
	map_html(out, r);
	fputs("</section>\n", out);
}
