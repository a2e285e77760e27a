/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The live line on stderr: only on a terminal, gone when the run ends. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;	  /* set by progress_start() */
	char within[200]; /* of progress_say(): what the step is part of; empty: nothing */
};

/* Decides whether to show anything: a terminal, and not quiet. */
void progress_start(struct progress *progress, bool quiet);
void progress_show(
	struct progress *progress, const char *phase, double left_s, uint64_t readings, uint64_t lost);
/* A step that takes a moment: "drawing the report". */
void progress_say(struct progress *progress, const char *what);
void progress_end(struct progress *progress);

#endif
