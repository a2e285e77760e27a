/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* CLOCK_MONOTONIC for deadlines: never for a reading. */
#ifndef PROBES_NOW_H
#define PROBES_NOW_H

#include <stdint.h>
#include <time.h>

#include "results/units.h"

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

#endif
