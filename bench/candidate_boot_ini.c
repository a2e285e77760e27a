/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* boot.ini of Windows XP and Server 2003: /usepmtimer on each Windows of its list. */
#include <errno.h>
#include <strings.h>

#include "bench/candidate.h"
#include "bench/lines.h"

static bool equal_caseless(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* Has the entry the switch?  Names between quotes may hold anything. */
static bool has_switch(const char *text, const struct line *line, const char *word, size_t length)
{
	bool quoted = false;

	for (size_t at = line->begin; at < line->end; at++) {
		size_t end = at;

		quoted ^= text[at] == '"';
		if (quoted || text[at] != '/')
			continue;
		while (end < line->end && text[end] != ' ' && text[end] != '\t' && text[end] != '\r')
			end++;
		if (end - at == length && strncasecmp(text + at, word, length) == 0)
			return true;
	}
	return false;
}

/* Windows: "multi(0)...=...".  An entry as C:\="MS-DOS" is a boot sector's, which takes no switches. */
static bool is_entry(const char *text, const struct line *line)
{
	static const char *const devices[] = { "multi(", "scsi(", "signature(" };
	size_t head, head_end;

	line_head(text, line, "=", &head, &head_end);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (line->end - head > strlen(devices[i]) &&
			strncasecmp(text + head, devices[i], strlen(devices[i])) == 0)
			return memchr(text + head, '=', line->end - head);
	return false;
}

/* Whatever were added behind a quote that is not closed would belong to the name. */
static bool is_open(const char *text, const struct line *line)
{
	bool quoted = false;

	for (size_t at = line->begin; at < line->end; at++)
		quoted ^= text[at] == '"';
	return quoted;
}

/* The switches that the entry lacks, behind its last word. */
static void write_entry(
	const struct candidate_input *in, const struct line *line, struct candidate_output *out)
{
	const char *text = in->text.at,
		   *word = in->request->parameters + strspn(in->request->parameters, " ");
	size_t end = line->end;
	bool changed = false;

	while (end > line->begin && (text[end - 1] == ' ' || text[end - 1] == '\t' || text[end - 1] == '\r'))
		end--;
	fwrite(text + line->begin, 1, end - line->begin, out->text);
	for (size_t length; *word; word += length, word += strspn(word, " ")) {
		length = strcspn(word, " ");
		if (*word != '/' || has_switch(text, line, word, length))
			continue;
		fprintf(out->text, " %.*s", (int)length, word);
		changed = true;
	}
	fwrite(text + end, 1, line->next - end, out->text);
	out->entries++;
	out->changed += changed;
}

static int boot_ini_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	static const char section[] = "[operating systems]";
	const char *text = in->text.at;
	struct line line = { 0 };
	bool inside = false;

	while (line_next(text, in->text.length, &line)) {
		size_t begin = line.begin, end = line.end;

		while (begin < end && (text[begin] == ' ' || text[begin] == '\t'))
			begin++;
		while (end > begin && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (begin < end && text[begin] == '[')
			inside = equal_caseless(text + begin, end - begin, section);
		if (inside && is_entry(text, &line) && is_open(text, &line))
			return error_set(err, -ENODATA,
				"%s:%lu: a double quote is not closed; add the switch by hand", in->live,
				line.number);
		if (inside && is_entry(text, &line))
			write_entry(in, &line, out);
		else
			fwrite(text + line.begin, 1, line.next - line.begin, out->text);
	}
	if (!out->entries)
		return error_set(err, -ENODATA, "%s: no Windows under %s", in->live, section);
	if (!out->changed)
		return error_set(err, -ENODATA, "%s: each system has the switch already", in->live);
	return 0;
}

const struct candidate candidate_boot_ini = {
	.name = "boot_ini",
	.summary = "boot.ini with /usepmtimer on each Windows",
	.wanted = candidate_for_windows,
	.takes_boot_ini = true,
	.file = "%s.kvm",
	.steps = "Back up boot.ini; it is hidden, read-only and of the system: attrib -h -r -s C:\\boot.ini\n"
		 "Compare the two: nothing but the added switch may differ.\n"
		 "Entries of boot sectors, as C:\\=\"MS-DOS\", stay as they are.\n"
		 "Rename the candidate to boot.ini, set the attributes again, and reboot.\n",
	.words = WORDS_WINDOWS,
	.section = "[operating systems]",
	.transform = boot_ini_transform,
};
