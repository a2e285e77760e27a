/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * grub.conf.kvm from the grub.conf of GRUB legacy, as ktune's fix_clock_drift.sh made it.  The syntax is
 * that of GRUB 0.97's get_line_from_config(): a '#' at a line's beginning makes a comment, carriage returns
 * do not count, a backslash before a line end goes on in the next line, '=' parts a command as a blank does.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "bench/candidate.h"
#include "bench/kernel_line.h"
#include "bench/lines.h"

/* What boots Linux as a module: the parameters belong to Linux. */
static const char *const hypervisors[] = { "xen", "tboot" };
/* What is not Linux. */
static const char *const others[] = { "memtest", "ipxe", "gpxe", "memdisk" };

struct scan {
	const struct candidate_input *in;
	struct candidate_output *out;
	struct edits *edits;
	bool hypervisor; /* the entry's kernel is one: its Linux is among the modules */
	bool waiting;	 /* and has not been seen yet */
	unsigned long number;
	struct error *err;
};

/* A command with its continuation lines: arguments are text[begin, end). */
struct command_line {
	unsigned long number;
	size_t head, head_end, end;
};

static bool begins_with_any(
	const char *text, size_t begin, size_t end, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (end - begin >= strlen(prefixes[i]) &&
			strncasecmp(text + begin, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Index of the word that names the image, behind options as --type=...; count if there is none. */
static size_t image_index(const struct kernel_line *line)
{
	size_t i = 0;

	while (i < line->count && line->text[line->words[i].begin] == '-')
		i++;
	return i;
}

/* Where the image's name begins, behind "(hd0,0)/boot/". */
static size_t base_name(const char *text, const struct span *word)
{
	size_t begin = word->end;

	while (begin > word->begin && text[begin - 1] != '/' && text[begin - 1] != ')')
		begin--;
	return begin;
}

static int add_parameters(struct scan *s, const struct command_line *command, size_t begin)
{
	struct kernel_line line;
	int rc = 0;

	kernel_line_begin(&line, s->in->text.at, begin, command->number, true);
	kernel_line_words(&line, begin, command->end);
	if (line.failed)
		rc = error_set(s->err, -ENOMEM, "%s: out of memory", s->in->live);
	else if (kernel_line_edit(
			 &line, s->in->request->parameters, s->edits, s->out->notes, s->out->replaced))
		s->out->changed++;
	s->out->entries++;
	kernel_line_free(&line);
	return rc;
}

static void leave_out(struct scan *s, const struct command_line *command, const char *why)
{
	s->out->left_out++;
	fprintf(s->out->notes, "line %lu: %s: left as it is\n", command->number, why);
}

/* A word holds a line end only between quotes: which words those are, the second look tells a line at a time. */
static const char *trouble_of(const struct kernel_line *line)
{
	const char *trouble = kernel_line_trouble(line);

	for (size_t i = 0; !trouble && i < line->count; i++)
		if (memchr(line->text + line->words[i].begin, '\n',
			    line->words[i].end - line->words[i].begin))
			trouble = "a double quote is closed in a later line";
	return trouble;
}

static int image_line(struct scan *s, const struct command_line *command, bool module)
{
	const char *text = s->in->text.at;
	struct kernel_line line;
	size_t image, base = 0, end = 0;
	const char *trouble;

	kernel_line_begin(&line, text, command->head_end, command->number, true);
	kernel_line_words(&line, command->head_end + (text[command->head_end] == '='), command->end);
	image = image_index(&line);
	trouble = trouble_of(&line);
	if (image < line.count) {
		end = line.words[image].end;
		base = base_name(text, &line.words[image]);
	}
	kernel_line_free(&line);
	if (end &&
		begins_with_any(text, base, end, hypervisors, sizeof(hypervisors) / sizeof(hypervisors[0]))) {
		s->hypervisor = s->waiting = true;
		s->number = command->number;
		return 0;
	}
	if (!end)
		leave_out(s, command, "it names no kernel");
	else if (!module && begins_with_any(text, base, end, others, sizeof(others) / sizeof(others[0])))
		leave_out(s, command, "this is not Linux");
	else if (trouble)
		return error_set(s->err, -ENODATA, "%s:%lu: %s; add the parameters by hand", s->in->live,
			command->number, trouble);
	else
		return add_parameters(s, command, end);
	return 0;
}

/* A hypervisor whose Linux was not found. */
static void end_entry(struct scan *s)
{
	struct command_line command = { .number = s->number };

	if (s->waiting)
		leave_out(s, &command, "no module line with a Linux kernel follows");
	s->hypervisor = s->waiting = false;
}

static int scan_command(struct scan *s, const struct command_line *command)
{
	const char *text = s->in->text.at;

	if (span_is(text, command->head, command->head_end, "title")) {
		end_entry(s);
	} else if (span_is(text, command->head, command->head_end, "kernel")) {
		end_entry(s);
		return image_line(s, command, false);
	} else if (s->waiting && span_is(text, command->head, command->head_end, "module")) {
		s->waiting = false;
		return image_line(s, command, true);
	}
	return 0;
}

/* The line goes on in the next one; a comment does too. */
static bool goes_on(const char *text, const struct line *line)
{
	return line->end > line->begin && text[line->end - 1] == '\\' && line->next > line->end;
}

static int scan_lines(struct scan *s)
{
	const char *text = s->in->text.at;
	struct line line = { 0 };
	int rc = 0;

	while (!rc && line_next(text, s->in->text.length, &line)) {
		struct command_line command = { .number = line.number };

		line_head(text, &line, "=", &command.head, &command.head_end);
		while (goes_on(text, &line) && line_next(text, s->in->text.length, &line))
			;
		/* The last line may have a backslash and nothing to go on with. */
		command.end = line.end > line.begin && text[line.end - 1] == '\\' ? line.end - 1 : line.end;
		rc = scan_command(s, &command);
	}
	if (!rc)
		end_entry(s);
	return rc;
}

static int grub_conf_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct edits edits = { 0 };
	struct scan scan = { .in = in, .out = out, .edits = &edits, .err = err };
	int rc = scan_lines(&scan);

	if (!rc && edits.failed)
		rc = error_set(err, -ENOMEM, "%s: out of memory", in->live);
	if (!rc && !out->entries)
		rc = error_set(err, -ENODATA, "%s: no line boots a Linux kernel", in->live);
	else if (!rc && !edits.count)
		rc = error_set(err, -ENODATA, "%s: each kernel line has the parameters already", in->live);
	if (!rc)
		edits_apply(&edits, in->text.at, in->text.length, out->text);
	edits_free(&edits);
	return rc;
}

const struct candidate candidate_grub_conf = {
	.name = "grub_conf",
	.summary = "grub.conf.kvm: the grub.conf of GRUB legacy with the parameters on each kernel line",
	.wanted = candidate_for_linux,
	.live = (const char *const[]){ "/boot/grub/grub.conf", "/boot/grub/menu.lst",
		"/boot/efi/EFI/redhat/grub.conf", NULL },
	.file = "%s.kvm",
	.steps = "Back up the live file.\n"
		 "Compare the two: nothing but the added parameters may differ.\n"
		 "Rename the candidate to the name of the live file, on the same file system.\n"
		 "Reboot, and look at /proc/cmdline.\n"
		 "Where update-grub makes menu.lst, put the parameters into its \"# kopt=\" line as well.\n",
	.words = WORDS_LINUX,
	.heads = (const char *const[]){ "kernel", "module", NULL },
	.block = "title",
	.transform = grub_conf_transform,
};
