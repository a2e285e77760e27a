/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a line of the kernel's log says of the TSC and the clocksources.
 */
#ifndef ANALYSIS_KERNEL_SAYS_H
#define ANALYSIS_KERNEL_SAYS_H

#include <stdbool.h>

struct kernel_saying {
	const char *text; /* part of the line */
	const char *id;	  /* several texts of one kind share it */
	bool risk;	  /* to the clocks; else it is to be known, and no more */
	const char *meaning;
	bool guest_risk;
	const char *guest_meaning; /* NULL: the same */
};

/* What that line says, or NULL where it is none that is known. */
const struct kernel_saying *kernel_saying_of(const char *line);

#endif
