/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The page: well-formed XML, no scripts, nothing from outside. */
#include "analysis/report_pair.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "results/file.h"

#define SVG_MAX	    (32u << 20)	   /* bytes; a larger plot is linked, not shown */
#define NO_BREAK    "\xc2\xa0"	   /* U+00A0 */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Length of the UTF-8 sequence that starts here, or 0 where there is none that XML allows. */
static size_t utf8_length(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *c = (const unsigned char *)text;
	size_t length = c[0] < 0x80		      ? 1
			: c[0] >= 0xf0 && c[0] < 0xf5 ? 4
			: c[0] >= 0xe0 && c[0] < 0xf0 ? 3
			: c[0] >= 0xc2 && c[0] < 0xe0 ? 2
						      : 0;
	uint32_t code;

	if (length <= 1)
		return length && (c[0] >= ' ' || c[0] == '\n' || c[0] == '\t') && c[0] != 0x7f ? length : 0;
	code = c[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3fu);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || code == 0xfffe ||
		code == 0xffff)
		return 0;
	return length;
}

/* Phases are told of where something was done to the machine in one, or was to be. */
static bool phases_told(const struct report *r)
{
	return r->disturbed || r->run->skipped_count > 0;
}

static const char *entity(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

/* The word that starts here is a unit of analysis/format.h. */
static bool is_unit(const char *text)
{
	static const char *const units[] = { "ppb", "ppm", "ns", "µs", "ms", "s", "min", "h", "d" };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i]);

		if (strncmp(text, units[i], length) == 0 && !isalnum((unsigned char)text[length]))
			return true;
	}
	return false;
}

static void escape(FILE *out, const char *text, bool number)
{
	char before = '\0';

	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0) {
			fputs(REPLACEMENT, out);
			text++;
			continue;
		}
		if (entity(*text))
			fputs(entity(*text), out);
		else if (number && *text == '-' && isdigit((unsigned char)text[1]) &&
			 !isalnum((unsigned char)before))
			fputs("−", out);
		else if (number && *text == ' ' &&
			 ((isdigit((unsigned char)before) && is_unit(text + 1)) ||
				 strncmp(text + 1, "±", 2) == 0))
			fputs(NO_BREAK, out);
		else
			fwrite(text, 1, length, out);
		before = *text;
		text += length;
	}
}

void html_text(FILE *out, const char *text)
{
	escape(out, text, false);
}

void html_number(FILE *out, const char *text)
{
	escape(out, text, true);
}

void html_status(FILE *out, const char *status)
{
	static const char *const known[][2] = { { "stable", "✓" }, { "unstable", "✗" },
		{ "inconclusive", "?" }, { "consistent", "≈" } };

	if (strcmp(status, "none") == 0) {
		fputs("<span class=\"s none\">– no verdict</span>", out);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(status, known[i][0]) == 0) {
			fprintf(out, "<span class=\"s %s\">%s %s</span>", status, known[i][1], status);
			return;
		}
	}
	html_text(out, status);
}

void html_text_cell(FILE *out, const char *attributes, const char *text)
{
	fprintf(out, "<td%s>", attributes);
	html_text(out, text);
	fputs("</td>", out);
}

void html_number_cell(FILE *out, const char *text)
{
	fputs("<td class=\"n\">", out);
	html_number(out, text);
	fputs("</td>", out);
}

/* Inside a tag: ids and what refers to them. */
static void svg_tag(FILE *out, const char *tag, size_t length, const char *prefix)
{
	static const char *const marks[] = { " id='", " id=\"", "href='#", "href=\"#", "url(#" };

	for (size_t i = 0; i < length;) {
		size_t matched = 0;

		for (size_t k = 0; k < sizeof(marks) / sizeof(marks[0]) && !matched; k++)
			if (strncmp(tag + i, marks[k], strlen(marks[k])) == 0)
				matched = strlen(marks[k]);
		if (matched) {
			fwrite(tag + i, 1, matched, out);
			fprintf(out, "%s-", prefix);
			i += matched;
		} else {
			fputc(tag[i++], out);
		}
	}
}

/* After a tag that is left out with all in it; the text's end where it is not closed. */
static const char *skip_element(const char *from, const char *closing)
{
	const char *end = strstr(from, closing);

	return end ? end + strlen(closing) : from + strlen(from);
}

/* One tag, from where it starts; returns what follows it. */
static const char *copy_tag(FILE *out, const char *at, const char *prefix)
{
	size_t length = strcspn(at, ">");

	length += at[length] == '>';
	svg_tag(out, at, length, prefix);
	return at + length;
}

void html_svg(FILE *out, const char *svg, const char *prefix, const char *label)
{
	const char *at = strstr(svg, "<svg");

	if (!at)
		return;
	fputs("<svg role=\"img\" aria-label=\"", out);
	html_text(out, label);
	fputc('"', out);
	at = copy_tag(out, at + strlen("<svg"), prefix);
	while (*at) {
		if (strncmp(at, "<title>", 7) == 0) {
			at = skip_element(at, "</title>");
		} else if (strncmp(at, "<desc>", 6) == 0) {
			at = skip_element(at, "</desc>");
		} else if (*at == '<') {
			at = copy_tag(out, at, prefix);
		} else {
			/* gnuplot leaves '>' as it is, but XML has no "]]>" in text. */
			if (*at == '>')
				fputs("&gt;", out);
			else
				fputc(*at, out);
			at++;
		}
	}
}

/* The whole file with a NUL behind it, or NULL where it cannot be shown. */
static char *read_svg(const char *dir, const char *name)
{
	char path[PATH_MAX], file[80], *text = NULL;
	FILE *in;
	long size;

	snprintf(file, sizeof(file), PLOTS_DIR "/%s.svg", name);
	if (path_join(path, sizeof(path), dir, file, NULL))
		return NULL;
	in = fopen(path, "re");
	if (!in)
		return NULL;
	if (fseek(in, 0, SEEK_END) == 0 && (size = ftell(in)) > 0 && size < (long)SVG_MAX) {
		rewind(in);
		text = malloc((size_t)size + 1);
		if (text)
			text[fread(text, 1, (size_t)size, in)] = '\0';
	}
	fclose(in);
	return text;
}

void html_figure(FILE *out, const char *dir, const struct figure *f)
{
	char *svg = f->absent[0] || f->none ? NULL : read_svg(dir, f->name);

	if (f->none)
		return;
	fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", f->name, f->heading);
	if (f->takeaway[0] && !f->absent[0]) {
		fputs("<p class=\"take\">", out);
		html_number(out, f->takeaway);
		fputs("</p>\n", out);
	}
	if (f->absent[0]) {
		fputs("<p>", out);
		html_text(out, f->absent);
		fputs("</p>\n</section>\n", out);
		return;
	}
	fputs("<figure>\n", out);
	if (svg)
		html_svg(out, svg, f->name, f->heading);
	else
		fputs("<p>The plot is too large to be shown here.</p>\n", out);
	fprintf(out, "<figcaption>%s", f->caption);
	html_number(out, f->note);
	fputs("</figcaption>\n</figure>\n", out);
	fprintf(out,
		"<p class=\"links\"><a href=\"plots/%s.svg\">SVG</a> · <a href=\"plots/%s.png\">PNG</a> · "
		"<a href=\"plots/%s.gp\">gnuplot script</a> · <a "
		"href=\"plots/%s.dat\">data</a></p>\n</section>\n",
		f->name, f->name, f->name, f->name);
	free(svg);
}

static void html_contents(
	FILE *out, const struct report *r, const struct figure *figures, size_t figure_count)
{
	fputs("<nav>\n", out);
	if (phases_told(r))
		fputs("<a href=\"#phases\">Phases</a>\n", out);
	fputs("<a href=\"#summary\">Summary</a>\n", out);
	for (size_t i = 0; i < figure_count; i++) {
		if (i == 1 && report_is_pair(r))
			fputs("<a href=\"#both\">Both machines</a>\n", out);
		if (!figures[i].none)
			fprintf(out, "<a href=\"#%s\">%s</a>\n", figures[i].name, figures[i].heading);
	}
	fputs("<a href=\"#tables\">Tables</a>\n<a href=\"#limits\">What it cannot tell</a>\n"
	      "<a href=\"#method\">Method</a>\n<a href=\"#files\">Files</a>\n</nav>\n",
		out);
}

void html_begin(FILE *out, const char *title, const char *status)
{
	fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
		out);
	html_text(out, title);
	fprintf(out, ": %s</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", status, report_style);
}

void html_end(FILE *out)
{
	fputs("</main>\n</body>\n</html>\n", out);
}

void html_page(FILE *out, const struct report *r, const struct figure *figures, size_t figure_count)
{
	html_begin(out, r->run->host[0] ? r->run->host : "clock drift",
		status_name(r->estimates->verdict.status));
	html_head(out, r);
	html_contents(out, r, figures, figure_count);
	if (phases_told(r)) {
		html_phases(out, r);
		html_grid(out, r);
	}
	html_summary(out, r);
	for (size_t i = 0; i < figure_count; i++) {
		/* Both machines follow the plot of the pair, which is the first. */
		if (i == 1)
			html_both(out, r);
		html_figure(out, r->run->dir, &figures[i]);
	}
	html_tables(out, r);
	html_notes(out, r);
	html_end(out);
}
