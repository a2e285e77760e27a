/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What is said of candidates: candidates.txt, the terminal, JSON.  And what writers ask of the request. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench/candidates.h"

/* ---- the request ---- */

static bool is_windows(const struct candidate_request *request)
{
	return strncasecmp(request->guest_os, "windows", 7) == 0;
}

/* The words that begin with '/' or those that do not; to be freed. */
static char *words_of(const struct candidate_request *request, bool switches)
{
	char *text = malloc(strlen(request->parameters) + 2), *to = text;
	const char *at = request->parameters;

	if (!text)
		return NULL;
	for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		if ((*at == '/') == switches) {
			if (to > text)
				*to++ = ' ';
			memcpy(to, at, length);
			to += length;
		}
		at += length;
	}
	*to = '\0';
	return text;
}

static bool has_words(const struct candidate_request *request, bool switches)
{
	char *text = words_of(request, switches);
	bool has = text && *text;

	free(text);
	return has;
}

bool candidate_for_linux(const struct candidate_request *request)
{
	return !is_windows(request) && has_words(request, false);
}

bool candidate_for_windows(const struct candidate_request *request)
{
	return has_words(request, true);
}

bool candidate_mentions(const struct candidate_request *request, const char *part)
{
	return strcasestr(request->host_settings, part) || strcasestr(request->hypervisor_settings, part);
}

bool candidate_for_ptp(const struct candidate_request *request)
{
	return candidate_mentions(request, "ptp_kvm") || strcasestr(request->note, "ptp_kvm");
}

char *candidate_expected(
	enum candidate_words words, const struct candidate_request *request, unsigned long max_khz)
{
	char *text;

	switch (words) {
	case WORDS_LINUX:
	case WORDS_WINDOWS:
		return words_of(request, words == WORDS_WINDOWS);
	case WORDS_SPEED:
		return asprintf(&text, "MIN_SPEED=%lu MAX_SPEED=%lu", max_khz, max_khz) < 0 ? NULL : text;
	default:
		return strdup("");
	}
}

int candidate_request_check(const struct candidate_request *request, struct error *err)
{
	unsigned words = 0;

	/* Quotes, '$', '`' and '\' mean something in one of the files. */
	for (const char *c = request->parameters; *c; c++) {
		if (*c != ' ' && !isalnum((unsigned char)*c) && !strchr("_-+.,:;/=@%~^()[]{}<>#!?*&|", *c))
			return error_set(err, -EINVAL,
				"parameters: the byte 0x%02x cannot be written into boot files",
				(unsigned char)*c);
		words += *c != ' ' && (c[1] == ' ' || !c[1]);
	}
	if (strstr(request->parameters, "lpj=n"))
		return error_set(err, -EINVAL,
			"lpj=n: its number is not known, it takes the TSC's frequency and the kernel's HZ");
	if (words > 31)
		return error_set(err, -EINVAL, "parameters: %u words, more than 31", words);
	if (!request->out_dir[0])
		return error_set(err, -EINVAL, "no directory for the candidates");
	return 0;
}

/* ---- text ---- */

void candidate_quote(FILE *out, const char *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		fputc((unsigned char)at[i] < ' ' || at[i] == 0x7f ? '?' : at[i], out);
}

/* grubby's option that takes them out, each once. */
static void write_remove_args(const char *replaced, FILE *out)
{
	const char *at = replaced;

	if (!*at)
		return;
	fputs(" --remove-args=\"", out);
	for (size_t length; *at; at += length + (at[length] == '\n')) {
		length = strcspn(at, "\n");
		fprintf(out, "%s%.*s", at > replaced ? " " : "", (int)length, at);
	}
	fputc('"', out);
}

char *candidate_steps(
	const struct candidate *c, const struct candidate_request *request, const char *replaced)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (const char *at = c->steps; out && *at; at++) {
		if (at[0] == '%' && at[1] == 'p') {
			fputs(request->parameters, out);
			at++;
		} else if (at[0] == '%' && at[1] == 'r') {
			write_remove_args(replaced, out);
			at++;
		} else {
			fputc(*at, out);
		}
	}
	if (!out || fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static const struct candidate *writer_of(const struct candidate_item *item)
{
	size_t i = 0;

	while (strcmp(candidates[i]->name, item->writer) != 0)
		i++;
	return candidates[i];
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Each line of text behind a prefix. */
static void write_lines(const char *text, const char *prefix, FILE *out)
{
	for (size_t length; text && *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		fprintf(out, "%s%.*s\n", prefix, (int)length, text);
	}
}

static void write_item(const struct candidate_item *item, FILE *out)
{
	const struct candidate *c = writer_of(item);

	fprintf(out, "\n%s\n  %s\n", base_of(item->path), c->summary);
	if (item->live[0])
		fprintf(out, "  made from %s, whose place and name it takes\n", item->live);
	else
		fprintf(out, "  belongs into: %s\n", c->home);
	if (c->words == WORDS_LINUX || c->words == WORDS_WINDOWS)
		fprintf(out, "  changed: %u of %u entries; checked: nothing else differs\n", item->changed,
			item->entries);
	else if (c->words == WORDS_SPEED)
		fprintf(out, "  changed: both values; checked: nothing else differs\n");
	write_lines(item->notes, "  note: ", out);
	write_lines(item->steps, "  - ", out);
}

void candidates_index(
	const struct candidate_report *report, const struct candidate_request *request, FILE *out)
{
	fprintf(out, "Candidate files of clkdrift advise.  No live file was opened for writing: what is to "
		     "be done\n"
		     "with them is up to you.  Before anything else make sure that you can boot without "
		     "them: a backup\n"
		     "of the live file, and a way to the boot menu.\n\n");
	if (request->profile[0])
		fprintf(out, "profile:    %s\n", request->profile);
	fprintf(out, "parameters: %s\n", request->parameters[0] ? request->parameters : "none");
	for (size_t i = 0; i < report->count; i++)
		if (report->items[i].path[0])
			write_item(&report->items[i], out);
	for (size_t i = 0; i < report->count; i++)
		if (!report->items[i].path[0])
			fprintf(out, "\nnot made: %s: %s\n", report->items[i].writer,
				report->items[i].reason);
}

/* What a file holds must not speak to the terminal. */
static void print_bytes(const struct bytes *bytes, FILE *out)
{
	for (size_t i = 0; i < bytes->length; i++) {
		char c = bytes->at[i];

		fputc(((unsigned char)c < ' ' && !strchr("\n\r\t", c)) || !c || c == 0x7f ? '?' : c, out);
	}
}

void candidates_print(const struct candidate_report *report, FILE *out)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct candidate_item *item = &report->items[i];

		if (!item->path[0]) {
			fprintf(out, "not made: %s: %s\n", item->writer, item->reason);
			continue;
		}
		fprintf(out, "%s\n", item->path);
		write_lines(item->notes, "  ", out);
		print_bytes(&item->difference, out);
	}
	if (report->made)
		fprintf(out, "%zu candidates made; %s says what to do with them\n", report->made,
			report->index);
	else
		fprintf(out, "no candidates were made\n");
}

/* ---- JSON ---- */

/* JSON is UTF-8; bytes of another coding become '?'. */
static json_t *text_json(const char *at, size_t length)
{
	json_t *json = json_stringn(at ? at : "", length);
	char *copy;

	if (json)
		return json;
	copy = malloc(length + 1);
	for (size_t i = 0; copy && i < length; i++)
		copy[i] = (unsigned char)at[i] < 0x80 ? at[i] : '?';
	json = copy ? json_stringn(copy, length) : NULL;
	free(copy);
	return json;
}

static json_t *lines_json(const char *text)
{
	json_t *lines = json_array();

	for (size_t length; text && *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		json_array_append_new(lines, text_json(text, length));
	}
	return lines;
}

json_t *candidates_to_json(const struct candidate_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct candidate_item *item = &report->items[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o}", "writer",
				      item->writer, "live", text_json(item->live, strlen(item->live)), "path",
				      text_json(item->path, strlen(item->path)), "reason",
				      text_json(item->reason, strlen(item->reason)), "entries",
				      (int)item->entries, "changed", (int)item->changed, "difference",
				      text_json(item->difference.at, item->difference.length), "notes",
				      lines_json(item->notes), "steps", lines_json(item->steps)));
	}
	return list;
}
