/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/progress.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "analysis/format.h"

#define COLUMNS_DEFAULT 80
#define LINE_BYTES	320

void progress_start(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	p->within[0] = '\0';
	p->shown = !quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

/* Of a terminal that is stopped (Ctrl-S) nobody waits: the run has to end, and put the machine back. */
static bool takes_text(const struct progress *p)
{
	struct pollfd terminal = { .fd = STDERR_FILENO, .events = POLLOUT };

	return p->shown && poll(&terminal, 1, 0) == 1 && terminal.revents & POLLOUT;
}

static size_t terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col
									       : COLUMNS_DEFAULT;
}

/* A line that wraps could not be taken back by "\r".  UTF-8: continuation bytes take no column. */
static void clip(char *line, size_t columns)
{
	for (size_t seen = 0; *line; line++) {
		seen += (*line & 0xc0) != 0x80;
		if (seen > columns) {
			*line = '\0';
			return;
		}
	}
}

void progress_show(struct progress *p, const char *phase, double left_s, uint64_t readings, uint64_t lost)
{
	char line[LINE_BYTES];

	if (!takes_text(p))
		return;
	snprintf(line, sizeof(line), "%s: %s left, %s readings, %s lost", phase,
		format_duration(ceil(fmax(left_s, 0))).text, format_count(readings).text,
		format_count(lost).text);
	clip(line, terminal_columns() - 1);
	fprintf(stderr, "\r\033[K%s", line);
}

void progress_say(struct progress *p, const char *what)
{
	char line[LINE_BYTES];

	if (!takes_text(p))
		return;
	snprintf(line, sizeof(line), "%s%s%s ...", p->within, p->within[0] ? ": " : "", what);
	clip(line, terminal_columns() - 1);
	fprintf(stderr, "\r\033[K%s", line);
}

void progress_end(struct progress *p)
{
	if (takes_text(p))
		fputs("\r\033[K", stderr);
}
