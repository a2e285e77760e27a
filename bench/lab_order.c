/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SCENARIO_DEFAULT "quick"

static void add(struct lab_order *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct lab_order *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (w->count == LAB_WORDS_MAX || vasprintf(&w->word[w->count], format, args) < 0) {
		w->word[w->count] = NULL;
		w->failed = true;
	} else {
		w->count++;
	}
	va_end(args);
}

static void add_text(struct lab_order *w, const char *option, const char *text)
{
	if (text && text[0])
		add(w, "--%s=%s", option, text);
}

int lab_order_make(struct lab_order *w, const struct options *o, const struct lab_config *config,
	struct progress *progress, struct error *err)
{
	*w = (struct lab_order){ .plan = { .config = config,
					 .append = o->append ? o->append : "",
					 .scenario = o->scenario ? o->scenario : SCENARIO_DEFAULT,
					 .cache = o->cache,
					 .kernel = o->kernel,
					 .modules = o->modules,
					 .program = o->program,
					 .output = o->output,
					 .parent = LAB_RUNS_DIR,
					 .duration_s = o->duration_s,
					 .deadline_s = o->deadline_s,
					 .arguments = (const char *const *)w->word,
					 .progress = progress } };
	add(w, "--peer=shm:auto");
	if (o->duration_s > 0)
		add(w, "--duration=%.9g", o->duration_s);
	if (o->interval_s >= 0)
		add(w, "--interval=%.9g", o->interval_s);
	if (o->burst)
		add(w, "--burst=%u", o->burst);
	if (o->seed_given)
		add(w, "--seed=%" PRIu64, o->seed);
	if (o->judging.limit_ppm > 0)
		add(w, "--limit=%.17g", o->judging.limit_ppm);
	add_text(w, "limits", o->judging.limits);
	add_text(w, "reference", o->judging.reference);
	add_text(w, "clocks", o->clocks);
	add_text(w, "cpus", o->cpus);
	return w->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

void lab_order_free(struct lab_order *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->word[i]);
	w->count = 0;
}
