/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Is there any clock that went through all brackets of a pair without ever being faster or slower than so much?
 *
 * A bracket holds the offset for certain, so where there is none the clock jumped, whatever the scatter about a line
 * or a search for steps says: a few readings far off, a step close to an end, steps too dense to be told apart.
 * The other way round nothing follows: a small jump, or one behind wide brackets, fits.
 */
#ifndef ANALYSIS_JUMP_H
#define ANALYSIS_JUMP_H

#include <stddef.h>

struct jump_input {
	const double *t_s, *offset_ns, *half_ns, *apart_s; /* as in struct pair; in the order of time */
	size_t count;
	double rate_ppm; /* no honest clock of the pair is off by more, for however short a time */
	double slack_ns; /* what a bracket may be wrong by: grain of the TSC and of both clocks */
	double least_ns; /* beyond the brackets by less is no jump */
};

struct jumps {
	size_t count;	   /* 0 where so many are left that the clock is a coarse one, not one that jumps */
	double at_s;	   /* of the largest: the reading that shows it */
	double largest_ns; /* at least so far beyond; signed as an offset */
};

struct jumps jumps_find(const struct jump_input *in);

#endif
