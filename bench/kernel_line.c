/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/kernel_line.h"

#include <stdlib.h>
#include <string.h>

#include "bench/candidate.h"

/* ---- words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Length of the blank at `at`, a backslash before a line end among them; 0: a word begins. */
static size_t blank_at(const char *text, size_t at, size_t end)
{
	size_t next = at + 1;

	if (is_blank(text[at]))
		return 1;
	if (text[at] != '\\')
		return 0;
	while (next < end && text[next] == '\r')
		next++;
	return next < end && text[next] == '\n' ? next + 1 - at : 0;
}

void kernel_line_begin(
	struct kernel_line *line, const char *text, size_t start, unsigned long number, bool led)
{
	*line = (struct kernel_line){ .text = text, .start = start, .number = number, .led = led };
}

static void add_word(struct kernel_line *line, size_t begin, size_t end)
{
	/* Grows at powers of two. */
	if ((line->count & (line->count - 1)) == 0) {
		struct span *grown =
			reallocarray(line->words, line->count ? line->count * 2 : 1, sizeof(*grown));

		if (!grown) {
			line->failed = true;
			return;
		}
		line->words = grown;
	}
	line->words[line->count++] = (struct span){ begin, end };
}

void kernel_line_words(struct kernel_line *line, size_t begin, size_t end)
{
	size_t at = begin;

	while (at < end) {
		size_t word = at, blank = blank_at(line->text, at, end);
		bool quoted = false;

		if (blank) {
			at += blank;
			continue;
		}
		while (at < end && (quoted || !blank_at(line->text, at, end))) {
			if (line->text[at] == '"')
				quoted = !quoted;
			line->stray = line->stray || line->text[at] == '\r';
			at++;
		}
		line->quote = line->quote || quoted;
		add_word(line, word, at);
	}
}

const char *kernel_line_trouble(const struct kernel_line *line)
{
	if (line->quote)
		return "a double quote is not closed";
	return line->stray ? "a carriage return stands inside of it" : NULL;
}

void kernel_line_free(struct kernel_line *line)
{
	free(line->words);
	line->words = NULL;
	line->count = 0;
}

/* ---- edits ---- */

static void add_edit(struct edits *edits, size_t at, size_t remove, char *insert)
{
	if ((edits->count & (edits->count - 1)) == 0) {
		struct edit *grown =
			reallocarray(edits->rows, edits->count ? edits->count * 2 : 1, sizeof(*grown));

		if (!grown) {
			edits->failed = true;
			free(insert);
			return;
		}
		edits->rows = grown;
	}
	edits->rows[edits->count++] = (struct edit){ at, remove, insert };
}

void edits_apply(const struct edits *edits, const char *text, size_t length, FILE *out)
{
	size_t at = 0;

	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->rows[i];

		fwrite(text + at, 1, edit->at - at, out);
		if (edit->insert)
			fputs(edit->insert, out);
		at = edit->at + edit->remove;
	}
	fwrite(text + at, 1, length - at, out);
}

void edits_free(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		free(edits->rows[i].insert);
	free(edits->rows);
	*edits = (struct edits){ 0 };
}

/* ---- what is wanted against what is there ---- */

/* The kernel's part of the line ends before "--". */
static size_t kernel_words(const struct kernel_line *line)
{
	size_t count = 0;

	while (count < line->count && !(line->words[count].end - line->words[count].begin == 2 &&
					      memcmp(line->text + line->words[count].begin, "--", 2) == 0))
		count++;
	return count;
}

/* NULL for a word that is no text, which contradicts nothing. */
static char *word_text(const struct kernel_line *line, size_t i)
{
	size_t length = line->words[i].end - line->words[i].begin;
	const char *at = line->text + line->words[i].begin;

	return memchr(at, '\0', length) ? NULL : strndup(at, length);
}

/* "line 7: clocksource=tsc is replaced by ..."; beside another file's line its name stands first. */
static void note(const struct kernel_line *line, size_t i, const char *where, const char *what,
	const char *wanted, FILE *notes)
{
	unsigned long number = line->number;

	for (size_t at = line->start; at < line->words[i].begin; at++)
		number += line->text[at] == '\n';
	if (line->from)
		fprintf(notes, "%s:%lu: ", line->from[line->words[i].begin].path,
			line->from[line->words[i].begin].number);
	else if (where)
		fprintf(notes, "%s:%lu: ", where, number);
	else
		fprintf(notes, "line %lu: ", number);
	candidate_quote(notes, line->text + line->words[i].begin, line->words[i].end - line->words[i].begin);
	fprintf(notes, " %s %s\n", what, wanted);
}

/*
 * Takes the word out together with the blanks before it, or those behind it where the ones before hold a
 * line end: lines stay lines.  The blanks behind the last of count words stay for the new ones.
 */
static void remove_word(const struct kernel_line *line, size_t count, size_t i, struct edits *edits)
{
	size_t begin = line->words[i].begin, end = line->words[i].end;
	size_t before = i ? line->words[i - 1].end : line->start,
	       next = i + 1 < count ? line->words[i + 1].begin : end;

	/* Blanks that the word before took along. */
	if (edits->count && edits->rows[edits->count - 1].at + edits->rows[edits->count - 1].remove > before)
		before = edits->rows[edits->count - 1].at + edits->rows[edits->count - 1].remove;
	if ((i || (line->led && !line->head)) && before < begin &&
		!memchr(line->text + before, '\n', begin - before))
		begin = before;
	else if (!memchr(line->text + end, '\n', next - end))
		end = next;
	add_edit(edits, begin, end - begin, NULL);
}

/* One pass over what is wanted. */
struct pass {
	const struct kernel_line *line;
	size_t count;	   /* of words that are the kernel's */
	char *gone;	   /* [count]: is to be replaced */
	const char *where; /* whose line it is; NULL: it is to be edited */
	FILE *notes, *missing;
};

static void contradicted(struct pass *pass, size_t i, bool replace, const char *wanted)
{
	if (pass->where)
		note(pass->line, i, pass->where, "is there and contradicts", wanted, pass->notes);
	else if (replace)
		note(pass->line, i, NULL, "is replaced by", wanted, pass->notes);
	else
		note(pass->line, i, NULL, "stays, and may leave no effect to", wanted, pass->notes);
	pass->gone[i] = replace;
}

/* One wanted word against all that are there. */
static void look_for(struct pass *pass, const char *wanted)
{
	bool there = false;

	for (size_t i = 0; i < pass->count; i++) {
		char *word = word_text(pass->line, i);
		enum conflict conflict =
			word && !pass->gone[i] ? parameter_conflict(word, wanted) : CONFLICT_NONE;

		if (conflict == CONFLICT_SAME)
			there = true;
		else if (conflict != CONFLICT_NONE)
			contradicted(pass, i, conflict == CONFLICT_REPLACE, wanted);
		free(word);
	}
	if (!there)
		fprintf(pass->missing, "%s%s", ftell(pass->missing) ? " " : "", wanted);
}

/* A word asked for twice is wanted once. */
static bool is_repeated(const char *parameters, const char *word, size_t length)
{
	for (const char *at = parameters; at < word; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
			return true;
	return false;
}

/* The wanted words that are not there, joined by blanks; NULL: out of memory. */
static char *look_for_all(struct pass *pass, const char *parameters)
{
	const char *at = parameters + strspn(parameters, " ");
	char *missing = NULL;
	bool failed = false;
	size_t size = 0;

	pass->missing = open_memstream(&missing, &size);
	for (size_t length; pass->missing && *at; at += length, at += strspn(at, " ")) {
		char *wanted = strndup(at, length = strcspn(at, " "));

		failed = failed || !wanted;
		if (wanted && !is_repeated(parameters, at, length))
			look_for(pass, wanted);
		free(wanted);
	}
	failed = !pass->missing || fclose(pass->missing) || failed;
	if (failed)
		free(missing);
	return failed ? NULL : missing;
}

char *kernel_line_missing(
	const struct kernel_line *line, const char *parameters, const char *where, FILE *notes)
{
	struct pass pass = { .line = line, .count = kernel_words(line), .where = where, .notes = notes };
	char *missing;

	pass.gone = calloc(pass.count + 1, 1);
	missing = pass.gone ? look_for_all(&pass, parameters) : NULL;
	free(pass.gone);
	return missing;
}

/* Blanks where they are needed; insert has the new words. */
static void insert_words(const struct kernel_line *line, size_t count, const char *gone, const char *insert,
	struct edits *edits)
{
	/* Straight before the word "--", which has its blanks before it already. */
	bool first = !count && line->count, before = line->led && !first;
	size_t at = count ? line->words[count - 1].end : first ? line->words[0].begin : line->start;
	char *text;

	for (size_t i = 0; i < count; i++)
		before = before || !gone[i];
	/* The last word was the first of its line: it went without the blanks before it. */
	if (count && gone[count - 1] && edits->rows[edits->count - 1].at == line->words[count - 1].begin)
		before = false;
	if (asprintf(&text, "%s%s%s", before ? " " : "", insert, first ? " " : "") < 0)
		edits->failed = true;
	else
		add_edit(edits, at, 0, text);
}

bool kernel_line_edit(const struct kernel_line *line, const char *parameters, struct edits *edits,
	FILE *notes, FILE *replaced)
{
	struct pass pass = { .line = line, .count = kernel_words(line), .notes = notes };
	size_t edits_before = edits->count;
	char *missing;

	pass.gone = calloc(pass.count + 1, 1);
	missing = pass.gone ? look_for_all(&pass, parameters) : NULL;
	edits->failed = edits->failed || !missing;
	for (size_t i = 0; missing && i < pass.count; i++) {
		if (!pass.gone[i])
			continue;
		remove_word(line, pass.count, i, edits);
		fprintf(replaced, "%.*s\n", (int)(line->words[i].end - line->words[i].begin),
			line->text + line->words[i].begin);
	}
	if (missing && *missing)
		insert_words(line, pass.count, pass.gone, missing, edits);
	free(missing);
	free(pass.gone);
	return edits->count > edits_before;
}
