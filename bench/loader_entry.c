/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/loader_entry.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/kernel_line.h"
#include "bench/lines.h"

const char *const loader_entry_heads[] = { "options", NULL };

/* What an entry boots, and its options: all such lines make one command line. */
struct entry {
	bool boots_linux, variable;
	unsigned options;
	struct kernel_line line;
};

/* "$kernelopts": the boot loader puts more words in its place. */
static bool has_variable(const struct kernel_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (line->text[line->words[i].begin] == '$')
			return true;
	return false;
}

static void entry_read(const struct candidate_input *in, struct entry *entry)
{
	const char *text = in->text.at;
	struct line line = { 0 };
	size_t head, head_end;

	while (line_next(text, in->text.length, &line)) {
		line_head(text, &line, "", &head, &head_end);
		entry->boots_linux = entry->boots_linux || span_is(text, head, head_end, "linux");
		if (!span_is(text, head, head_end, "options"))
			continue;
		/* Where no options line has words the last one takes the new ones. */
		if (!entry->options++ || !entry->line.count) {
			kernel_line_free(&entry->line);
			kernel_line_begin(&entry->line, text, head_end, line.number, true);
		}
		kernel_line_words(&entry->line, head_end, line.end);
	}
	entry->line.head = true;
	entry->variable = has_variable(&entry->line);
}

/* What stands in grubenv's kernelopts comes before the entry's own words. */
static void note_variable(
	const struct candidate_input *in, const struct candidate_beside *env, struct candidate_output *out)
{
	const char *text = env->text.at;
	struct line line = { 0 };
	size_t head, head_end;

	while (line_next(text, env->text.length, &line)) {
		struct kernel_line words;

		line_head(text, &line, "=", &head, &head_end);
		if (!span_is(text, head, head_end, "kernelopts") || head_end == line.end)
			continue;
		kernel_line_begin(&words, text, head_end + 1, line.number, false);
		kernel_line_words(&words, head_end + 1, line.end);
		free(kernel_line_missing(&words, in->request->parameters, env->path, out->notes));
		kernel_line_free(&words);
	}
}

static int entry_refuse(const struct candidate_input *in, const struct entry *entry, struct error *err)
{
	if (entry->line.failed)
		return error_set(err, -ENOMEM, "%s: out of memory", in->live);
	if (!entry->boots_linux)
		return error_set(err, -ENODATA,
			"%s: boots no Linux kernel of its own: it has no \"linux\" line", in->live);
	if (kernel_line_trouble(&entry->line))
		return error_set(err, -ENODATA, "%s: its options: %s; add the parameters by hand", in->live,
			kernel_line_trouble(&entry->line));
	return 0;
}

/* Each word once, a blank between them. */
static void write_words(const char *parameters, FILE *out)
{
	struct kernel_line none;
	char *words;

	kernel_line_begin(&none, "", 0, 1, false);
	words = kernel_line_missing(&none, parameters, "", out);
	if (words)
		fputs(words, out);
	free(words);
}

/* An entry without options gets a line of them. */
static void add_line(const struct candidate_input *in, struct candidate_output *out)
{
	const struct bytes *text = &in->text;

	fwrite(text->at, 1, text->length, out->text);
	if (text->length && text->at[text->length - 1] != '\n')
		fputc('\n', out->text);
	fputs("options ", out->text);
	write_words(in->request->parameters, out->text);
	line_end_again(text->at, text->length, out->text);
	fprintf(out->notes, "it had no options: a line is added\n");
	out->changed++;
}

int loader_entry_transform(const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct entry entry = { 0 };
	struct edits edits = { 0 };
	int rc;

	entry_read(in, &entry);
	rc = entry_refuse(in, &entry, err);
	out->entries = 1;
	if (!rc && !entry.options) {
		add_line(in, out);
	} else if (!rc) {
		for (size_t i = 0; entry.variable && i < in->beside_count; i++)
			note_variable(in, &in->beside[i], out);
		if (kernel_line_edit(&entry.line, in->request->parameters, &edits, out->notes, out->replaced))
			out->changed++;
		if (edits.failed)
			rc = error_set(err, -ENOMEM, "%s: out of memory", in->live);
		else if (!edits.count)
			rc = error_set(err, -ENODATA, "%s: has the parameters already", in->live);
		else
			edits_apply(&edits, in->text.at, in->text.length, out->text);
	}
	edits_free(&edits);
	kernel_line_free(&entry.line);
	return rc;
}
