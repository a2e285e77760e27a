/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Which CPUs there are, which of them a run may use, and binding to them: hwloc.
 * With HWLOC_SYNTHETIC or HWLOC_XMLFILE in the environment the topology is another
 * machine's: then nothing is bound, and only simulated clocks make sense.
 */
#ifndef BENCH_PLACEMENT_H
#define BENCH_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"
#include "results/run.h"

struct placement;

/* Returns NULL with err set on failure.  Free with placement_free(). */
struct placement *placement_load(struct error *err);
void placement_free(struct placement *placement);

/* False for a synthetic topology. */
bool placement_is_real(const struct placement *placement);
/* "1 package, 2 cores, 2 CPUs", with "synthetic: " before it where it is. */
void placement_describe(const struct placement *placement, char *text, size_t size);

/*
 * CPUs of LIST ("0-3,8"; NULL: all), which must all be allowed to this process.
 * Sets *cpus (to be freed by the caller), ascending, and *count.
 */
int placement_select(
	const struct placement *placement, const char *list, int **cpus, size_t *count, struct error *err);

/* A CPU that is allowed and not among those given, or -1. */
int placement_spare(const struct placement *placement, const int *cpus, size_t count);

/* Where other CPUs are, seen from a set of CPUs; those of the set are in none but SAME. */
enum placement_where {
	PLACEMENT_SAME,	   /* the set itself */
	PLACEMENT_SIBLING, /* other threads of their cores */
	PLACEMENT_PACKAGE, /* other cores of their packages */
	PLACEMENT_NODE,	   /* NUMA nodes that none of the set is on */
};

/*
 * The allowed CPUs that are there.  Sets *found (to be freed by the caller), ascending, and *found_count.
 * -ENODEV with the reason where there is none; -ENOMEM.
 */
int placement_near(const struct placement *placement, enum placement_where where, const int *cpus,
	size_t count, int **found, size_t *found_count, struct error *err);

/* Writes CPUs as a list: "0-3,8".  What does not fit is cut. */
void placement_list(const int *cpus, size_t count, char *text, size_t size);

/* Package, core and NUMA node of a CPU; -1 where the topology does not tell. */
void placement_locate(const struct placement *placement, int cpu, struct probe_place *place);

/* Binds the calling thread to one CPU: 0 or -errno.  context is the placement. */
int placement_bind(void *context, int cpu);

#endif
