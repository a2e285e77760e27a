/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The time daemons that a snapshot of the environment tells of. */
#ifndef ANALYSIS_DAEMONS_H
#define ANALYSIS_DAEMONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct daemons {
	char text[64]; /* "chronyd, phc2sys"; empty: none is known of */
};

/* environment may be NULL. */
struct daemons daemons_of(const json_t *environment);
/* It is known that none runs. */
bool daemons_none(const json_t *environment);

#endif
