/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/format.h"

void progress_start(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	p->shown = !quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

void progress_show(struct progress *p, const char *phase, double left_s, uint64_t readings, uint64_t lost)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K%s: %s left, %s readings, %s lost", phase,
			format_duration(ceil(fmax(left_s, 0))).text, format_count(readings).text,
			format_count(lost).text);
}

void progress_say(struct progress *p, const char *what)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K%s ...", what);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
}
