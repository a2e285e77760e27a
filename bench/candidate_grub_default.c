/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A drop-in for /etc/default/grub.d, whose files Debian's grub-mkconfig and those made from it read after
 * /etc/default/grub, in the order of their names.  What the administrator wrote in any of them stays; what
 * contradicts the parameters is told.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/candidate.h"
#include "bench/kernel_line.h"
#include "bench/shell_values.h"

/* Behind all other files that people and packages put there: what they set, the drop-in adds to. */
#define DROP_IN "zz-clkdrift.cfg"

/* 10_linux writes them in this order: what stands in the second comes last and counts. */
static const char *const variables[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT" };

/* Before any file sets them they are empty. */
static const char beginning[] = "GRUB_CMDLINE_LINUX= GRUB_CMDLINE_LINUX_DEFAULT=";

/* How the name of a file sorts against the drop-in's: /etc/default/grub comes before it as it should. */
static int order(const struct candidate_beside *file)
{
	const char *slash = strrchr(file->path, '/');

	return strcmp(slash ? slash + 1 : file->path, DROP_IN);
}

/* The drop-in that is there; NULL: none. */
static const struct bytes *installed(const struct candidate_input *in)
{
	for (size_t i = 0; i < in->beside_count; i++)
		if (order(&in->beside[i]) == 0)
			return &in->beside[i].text;
	return NULL;
}

/* All files as a shell reads them, with this text in the place of the drop-in; NULL: without one. */
static void read_files(
	const struct candidate_input *in, const struct bytes *drop_in, struct shell_values *values)
{
	size_t i = 0;

	shell_values_read(values, "", beginning, strlen(beginning));
	for (; i < in->beside_count && order(&in->beside[i]) < 0; i++)
		shell_values_read(
			values, in->beside[i].path, in->beside[i].text.at, in->beside[i].text.length);
	if (drop_in)
		shell_values_read(values, DROP_IN, drop_in->at, drop_in->length);
	for (; i < in->beside_count; i++)
		if (order(&in->beside[i]) > 0)
			shell_values_read(
				values, in->beside[i].path, in->beside[i].text.at, in->beside[i].text.length);
}

/* What the files say with one drop-in, another one, or none. */
struct look {
	char *missing; /* of the parameters, those that neither variable has; NULL: out of memory */
	char *notes;   /* a line each for what contradicts them, or may */
};

/* A line for each place that has a part in the value and is not followed. */
static void note_doubts(const struct shell_text *line, FILE *notes)
{
	const struct origin *last = NULL;

	for (size_t i = 0; i < line->length; i++) {
		const struct origin *from = &line->from[i];

		if (line->at[i] || (last && last->path == from->path && last->number == from->number))
			continue;
		fprintf(notes,
			"%s:%lu: what is set here only a shell can tell; it may contradict the parameters\n",
			from->path, from->number);
		last = from;
	}
}

static char *look_at(const struct shell_text *line, const char *parameters, FILE *notes)
{
	struct kernel_line words;
	char *missing;

	kernel_line_begin(&words, line->at, 0, 1, false);
	words.from = line->from;
	kernel_line_words(&words, 0, line->length);
	missing = kernel_line_missing(&words, parameters, "", notes);
	note_doubts(line, notes);
	if (words.failed) {
		free(missing);
		missing = NULL;
	}
	kernel_line_free(&words);
	return missing;
}

static struct look look(const struct candidate_input *in, const struct bytes *drop_in)
{
	struct shell_values values = { 0 };
	struct shell_text line = { 0 };
	struct look look = { NULL, NULL };
	size_t size;
	FILE *notes = open_memstream(&look.notes, &size);

	read_files(in, drop_in, &values);
	for (size_t v = 0; v < sizeof(variables) / sizeof(variables[0]); v++) {
		const struct shell_text *value = shell_values_find(&values, variables[v]);

		for (size_t i = 0; value && i < value->length; i++)
			shell_text_add(&line, value->at[i], value->from[i]);
		shell_text_add(&line, ' ', (struct origin){ in->beside[0].path, 1 });
	}
	if (notes && !values.failed && !line.failed)
		look.missing = look_at(&line, in->request->parameters, notes);
	if (!notes || fclose(notes)) {
		free(look.missing);
		look.missing = NULL;
	}
	shell_text_free(&line);
	shell_values_free(&values);
	return look;
}

static void look_free(struct look *look)
{
	free(look->missing);
	free(look->notes);
}

static int has_them(const struct candidate_input *in, const struct look *now, struct error *err)
{
	const char *path = in->beside[0].path;

	if (*now->notes)
		return error_set(err, -ENODATA,
			"%s and grub.d: have the parameters, but %.*s: see to it by hand", path,
			(int)strcspn(now->notes, "\n"), now->notes);
	return error_set(err, -ENODATA, "%s and grub.d: have the parameters already", path);
}

static char *drop_in_text(const char *parameters)
{
	char *text;
	int length = asprintf(&text,
		"# Kernel parameters that keep this machine's clocks stable (clkdrift advise).\n"
		"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX %s\"\n",
		parameters);

	return length < 0 ? NULL : text;
}

/* What the drop-in is to add follows from the other files alone: it takes the place of one that is there. */
static int make_drop_in(const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct look others = look(in, NULL), then = { NULL, NULL };
	char *text = others.missing ? drop_in_text(others.missing) : NULL;
	int rc = 0;

	if (text)
		then = look(in, &(struct bytes){ text, strlen(text) });
	if (!then.missing) {
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->beside[0].path);
	} else if (*then.missing) {
		rc = error_set(err, -ENODATA,
			"%s.d: a file that is read after " DROP_IN
			" sets GRUB_CMDLINE_LINUX anew: add the parameters there by hand",
			in->beside[0].path);
	} else {
		fputs(text, out->text);
		fputs(others.notes, out->notes);
	}
	look_free(&others);
	look_free(&then);
	free(text);
	return rc;
}

static int grub_default_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct look now = look(in, installed(in));
	int rc;

	out->entries = out->changed = 1;
	if (!now.missing)
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->beside[0].path);
	else if (!*now.missing)
		rc = has_them(in, &now, err);
	else
		rc = make_drop_in(in, out, err);
	look_free(&now);
	return rc;
}

const struct candidate candidate_grub_default = {
	.name = "grub_default",
	.summary = DROP_IN ": a drop-in for /etc/default/grub.d that adds the parameters",
	.wanted = candidate_for_linux,
	.beside = (const char *const[]){ "/etc/default/grub", "/etc/default/grub.d/*.cfg", NULL },
	/* No GRUB 2, or none that is set up so. */
	.needs_beside = true,
	.file = DROP_IN,
	.home = "/etc/default/grub.d",
	.steps = "Debian, Ubuntu and those made from them read this directory, in the order of the names; "
		 "elsewhere put the line at the end of /etc/default/grub.\n"
		 "What is said above to contradict the parameters, take out of the file where it stands.\n"
		 "Back up /boot/grub/grub.cfg (/boot/grub2/grub.cfg), and copy the candidate to its place.\n"
		 "Make the boot menu anew: update-grub, or where there is none: grub2-mkconfig -o "
		 "/boot/grub2/grub.cfg\n"
		 "Compare grub.cfg with its backup: nothing but the added parameters may differ.\n"
		 "Reboot, and look at /proc/cmdline.\n",
	.transform = grub_default_transform,
};
