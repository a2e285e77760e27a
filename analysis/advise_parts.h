/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Private to analysis/advise*.c. */
#ifndef ANALYSIS_ADVISE_PARTS_H
#define ANALYSIS_ADVISE_PARTS_H

#include "analysis/advise.h"
#include "analysis/subject.h"

#define COMMAND_LINE_BYTES 4096

/* All that the parts below look at. */
struct question {
	const json_t *facts;
	const struct profiles *catalogue;
	const struct advise_evidence *evidence;
	const char *wish;
	struct subject subject;
	char command_line[COMMAND_LINE_BYTES];
	struct advice *advice;
};

/* Adds a line, once only; what finds no room is left out. */
__attribute__((format(printf, 2, 3))) void advise_say(struct advice_lines *lines, const char *format, ...);

/* That situation's holds(): 1 yes, 0 no, -1 not known. */
int advise_holds(const struct question *q, const char *situation);

/* advise_force.c */

/* The profile is "clocksource=NAME" alone, and the kernel has taken that one, by itself or because it was told to. */
bool advise_is_current_clocksource(const json_t *facts, const char *parameters);
/* The clocksource that the profile's parameters ask for; "": none. */
void advise_clocksource(const struct profile *p, char *name, size_t size);
/* Sets advice->in_force: whether the profile's parameters are in force here; and says by what that shows. */
void advise_note_force(struct question *q, const struct profile *p);

/* advise_weigh.c: what was measured.  May change at_risk and the profile; p may be NULL.  Returns the profile. */
const struct profile *advise_weigh(struct question *q, const struct profile *p);

#endif
