/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_kvm_note.h"

#include <stdio.h>
#include <string.h>

#include "bench/lab_tool.h"
#include "results/file.h"
#include "results/text.h"

#define NAME "kvm-failed"

/* A line without its end; false where there is none. */
static bool read_line(FILE *in, char *line, size_t size)
{
	if (!fgets(line, (int)size, in))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

bool kvm_note_read(const char *cache, const char *boot_id, char *why, size_t size)
{
	char path[PATH_MAX], boot[128], reason[400];
	bool failed = false;
	FILE *in;

	why[0] = '\0';
	if (!boot_id || path_join(path, sizeof(path), cache, NAME, NULL))
		return false;
	in = fopen(path, "re");
	if (in) {
		failed = read_line(in, boot, sizeof(boot)) && strcmp(boot, boot_id) == 0 &&
			 read_line(in, reason, sizeof(reason)) && text_is_plain(reason, strlen(reason));
		fclose(in);
	}
	if (failed)
		snprintf(why, size, "%s (an earlier guest since this boot; remove %s to try again)", reason,
			path);
	return failed;
}

void kvm_note_write(const char *cache, const char *boot_id, const char *why)
{
	struct file_replace file;
	struct error ignored = { "" };

	if (!boot_id || lab_make_directory(cache, &ignored) ||
		file_replace_begin(&file, cache, NAME, &ignored))
		return;
	fprintf(file.out, "%s\n%s\n", boot_id, why);
	file_replace_commit(&file, &ignored);
}
