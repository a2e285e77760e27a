/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Whether a kernel parameter of a booted command line had any effect on time.
 *
 * A function of the snapshot alone (bench/facts.h): the command line, the boot
 * log and the state found.  What none of them tells is "not known", never guessed.
 */
#ifndef ANALYSIS_PARAMETERS_H
#define ANALYSIS_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "results/error.h"

enum parameter_effect {
	PARAMETER_IN_FORCE,
	PARAMETER_ALIAS,	/* in force, under a name that is deprecated or that means another one */
	PARAMETER_UNKNOWN,	/* this kernel does not know it: misspelt, or of other versions */
	PARAMETER_WRONG_ARCH,	/* of another architecture */
	PARAMETER_OVERRIDDEN,	/* by a later one of the same kind */
	PARAMETER_DEFAULT,	/* it would be so without it */
	PARAMETER_CONTRADICTED, /* by another one, which wins */
	PARAMETER_NO_EFFECT,	/* asked for, and not found in the state */
	PARAMETER_NOT_TIME,	/* none of the parameters of timekeeping */
	PARAMETER_NOT_KNOWN,	/* the snapshot does not show it */
};

struct parameter_verdict {
	char name[64], value[96]; /* as given, cut where longer; value "": none */
	enum parameter_effect effect;
	char why[240];	 /* "": nothing to be said */
	char modern[96]; /* what to write today, or what was meant; "": nothing else */
};

/*
 * One verdict for each parameter of facts' command line, in its order.  *list
 * is to be freed.  0, or -ENOMEM; no command line: none, and 0.
 */
int parameters_judge(const json_t *facts, struct parameter_verdict **list, size_t *count, struct error *err);

/* "in force", "deprecated alias", "unknown", "wrong architecture", "overridden", "already the default",
 * "contradicted", "without effect", "not about time", "not known" */
const char *parameter_effect_name(enum parameter_effect effect);

/* Something about time was asked for with it, and it changed nothing. */
bool parameter_is_inert(const struct parameter_verdict *verdict);

/* "name=value", or "name". */
struct parameter_spelled {
	char text[168];
};
struct parameter_spelled parameter_spelled(const struct parameter_verdict *verdict);

#endif
