/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Facts that a hand may have written: a known key of a wrong type would be taken for one that is not known, and the
 * answer would ask for what stands there.
 */
#ifndef ANALYSIS_FACTS_CHECK_H
#define ANALYSIS_FACTS_CHECK_H

#include <jansson.h>

#include "results/error.h"

/*
 * Refuses a value that the advice looks at and cannot read, with its key and what it may be.  Null is "not known", and
 * keys that nobody knows are left alone.  place goes in front: the file.  Returns 0 or -EINVAL with err set.
 */
int facts_check(const json_t *facts, const char *place, struct error *err);

#endif
