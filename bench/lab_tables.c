/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/data_path.h"
#include "results/file.h"

#define COMPILE_S 30
#define TEXT_MAX  16384
#define OBJECT	  "\\_SB.CPUS.C" /* as QEMU's pc machine names its CPUs, with three hexadecimal digits behind */

/* The table's text with the CPU put in; no macro of iasl 2020 goes into a path. */
static int write_for_cpu(const char *text, FILE *out, unsigned cpu)
{
	const char *at;
	int count = 0;

	for (; (at = strstr(text, OBJECT)); count++) {
		fprintf(out, "%.*s%s%03X", (int)(at - text), text, OBJECT, cpu);
		text = at + strlen(OBJECT "000");
	}
	fputs(text, out);
	return count;
}

static int write_source(const char *from, const char *to, unsigned cpu, struct error *err)
{
	char text[TEXT_MAX];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n = in && out ? fread(text, 1, sizeof(text) - 1, in) : 0;
	int rc = 0;

	text[n] = '\0';
	if (!in || !out)
		rc = error_set(err, -errno, "%s: %s", in ? to : from, strerror(errno));
	else if (write_for_cpu(text, out, cpu) == 0)
		rc = error_set(err, -EINVAL, "%s: names no %s000", from, OBJECT);
	if (in)
		fclose(in);
	if (out && fclose(out) && !rc)
		rc = error_set(err, -errno, "%s: cannot write: %s", to, strerror(errno));
	return rc;
}

int lab_table_compile(
	struct lab_wait *wait, const char *dir, const char *name, unsigned cpu, struct error *err)
{
	char from[PATH_MAX], to[PATH_MAX], data[64], base[64];
	const char *const argv[] = { "iasl", "-p", base, to, NULL };
	struct error why = { "" };
	int rc;

	snprintf(data, sizeof(data), "bench/lab/%s.asl", name);
	snprintf(base, sizeof(base), "%s-%03X", name, cpu);
	rc = data_path(data, from, err);
	if (!rc)
		rc = path_join(to, sizeof(to) - 8, dir, base, err);
	if (rc)
		return rc;
	strcat(to, ".asl");
	rc = write_source(from, to, cpu, err);
	if (!rc)
		rc = lab_tool_run(wait, dir, argv, COMPILE_S, NULL, &why);
	if (rc == -ENOENT)
		return error_set(
			err, rc, "iasl is not installed; install it (Debian: apt install acpica-tools)");
	return rc ? error_set(err, rc, "%s", why.text) : 0;
}
