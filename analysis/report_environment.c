/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The environment snapshots side by side: whatever keys they hold. */
#include "analysis/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/parameters.h"
#include "results/facts_get.h"

#define DEPTH_MAX 8
#define ROWS_MAX  600
#define VALUE_MAX 400 /* bytes of one value; a longer one is cut */

struct walk {
	FILE *out;
	const json_t *after; /* NULL: no second snapshot */
	size_t rows;
};

/* One value as one line: texts as they are, the rest as JSON. */
static void value_cell(FILE *out, const json_t *value)
{
	char *dump =
		json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
	const char *text = json_is_string(value) ? json_string_value(value) : dump ? dump : "";
	size_t length = strlen(text);

	fputs("<td class=\"w\">", out);
	if (length > VALUE_MAX) {
		char cut[VALUE_MAX + 1];

		length = VALUE_MAX;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		memcpy(cut, text, length);
		cut[length] = '\0';
		html_text(out, cut);
		fputs(" …", out);
	} else {
		html_text(out, text);
	}
	fputs("</td>", out);
	free(dump);
}

/* Objects are opened, everything else is one row: its path, and what it was before and after. */
static void walk_object(
	struct walk *w, const char *path, const json_t *before, const json_t *after, unsigned depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)before, key, value)
	{
		const json_t *later = json_object_get(after, key);
		char name[160];

		snprintf(name, sizeof(name), "%s%s%s", path, path[0] ? "." : "", key);
		if (json_is_object(value) && depth < DEPTH_MAX) {
			walk_object(w, name, value, later, depth + 1);
			continue;
		}
		if (w->rows++ >= ROWS_MAX)
			continue;
		fputs("<tr><td>", w->out);
		html_text(w->out, name);
		fputs("</td>", w->out);
		value_cell(w->out, value);
		if (w->after && later && !json_equal(value, later))
			value_cell(w->out, later);
		else
			fputs(w->after && !later ? "<td>–</td>" : "<td></td>", w->out);
		fputs("</tr>\n", w->out);
	}
}

static void changes(FILE *out, const struct report *r)
{
	json_t *change;
	size_t i;

	fputs("<h3>Changes of the environment during the run</h3>\n", out);
	if (!r->run->environment_changes) {
		fputs("<p>Not known: there is no second snapshot.</p>\n", out);
		return;
	}
	if (json_array_size(r->run->environment_changes) == 0) {
		fputs("<p>None that matters to timekeeping.</p>\n", out);
		return;
	}
	fputs("<ul>\n", out);
	json_array_foreach(r->run->environment_changes, i, change)
	{
		fputs("<li>", out);
		html_text(out, json_is_string(change) ? json_string_value(change) : "?");
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

static void parameter_row_of(FILE *out, const struct parameter_verdict *v)
{
	fputs("<tr>", out);
	html_text_cell(out, " class=\"w\"", parameter_spelled(v).text);
	fprintf(out, "<td>%s%s</td>", parameter_is_inert(v) ? "✗ " : "", parameter_effect_name(v->effect));
	html_text_cell(out, " class=\"w\"", v->why);
	html_text_cell(out, " class=\"w\"", v->modern);
	fputs("</tr>\n", out);
}

/* Of the machine that was measured; those that are not about time are counted. */
static void parameters(FILE *out, const struct report *r)
{
	struct parameter_verdict *list;
	struct error ignored = { "" };
	size_t count, others = 0;

	if (!facts_get(r->run->environment_before, "command_line.parameters") ||
		parameters_judge(r->run->environment_before, &list, &count, &ignored))
		return;
	for (size_t i = 0; i < count; i++)
		others += list[i].effect == PARAMETER_NOT_TIME;
	fputs("<h3>Kernel parameters on time</h3>\n", out);
	if (others < count) {
		fputs("<div class=\"wide\"><table>\n<thead><tr><th>Parameter</th><th>Effect</th><th>Why</th>"
		      "<th>Write instead</th></tr></thead>\n<tbody>\n",
			out);
		for (size_t i = 0; i < count; i++) {
			if (list[i].effect != PARAMETER_NOT_TIME)
				parameter_row_of(out, &list[i]);
		}
		fputs("</tbody></table></div>\n", out);
	}
	fprintf(out, "<p>%s%zu of %zu parameters of the command line are not about time.</p>\n",
		others < count ? "✗ marks those that changed nothing. " : "", others, count);
	free(list);
}

void html_environment(FILE *out, const struct report *r)
{
	struct walk w = { .out = out, .after = r->run->environment_after };

	changes(out, r);
	parameters(out, r);
	if (!r->run->environment_before) {
		fputs("<p>The run has no snapshot of its environment.</p>\n", out);
		return;
	}
	fputs("<details>\n<summary>Environment before and after</summary>\n<div "
	      "class=\"wide\"><table>\n<thead><tr><th>Fact</th><th>Before</th>"
	      "<th>After, where it differs</th></tr></thead>\n<tbody>\n",
		out);
	walk_object(&w, "", r->run->environment_before, r->run->environment_after, 0);
	fputs("</tbody></table></div>\n", out);
	if (w.rows > ROWS_MAX)
		fprintf(out,
			"<p>The first %d of %zu facts; all are in <a href=\"run.json\">run.json</a>.</p>\n",
			ROWS_MAX, w.rows);
	fputs("</details>\n", out);
}
