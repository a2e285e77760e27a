/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the readers of the clock_gettime() clocks share.  Their state is the
 * clock id itself, carried in the pointer: nothing to allocate or to load.
 */
#ifndef PROBES_POSIX_CLOCK_H
#define PROBES_POSIX_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "probes/clock_reader.h"
#include "results/units.h"

/* A timespec as ns; times before its zero are kept as two's complement. */
static inline uint64_t timespec_ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * NS_PER_SEC + (uint64_t)ts->tv_nsec;
}

/* The clock now, in ns.  The id must have passed posix_clock_open(), or be CLOCK_MONOTONIC. */
static inline uint64_t posix_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return timespec_ns(&ts);
}

/* For clock_reader.open: 0, or -errno if this kernel does not have the clock. */
int posix_clock_open(clockid_t id, const char *name, struct clock_traits *traits, struct error *err);

/* For clock_reader.read, with the state that posix_clock_open() set. */
uint64_t posix_clock_read(void *state);

#endif
