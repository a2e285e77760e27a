/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/placement.h"

#include <ctype.h>
#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_LIMIT 65536 /* no machine has as many; keeps a slip of the finger from filling the memory */

struct placement {
	hwloc_topology_t topology;
	hwloc_bitmap_t usable; /* online, allowed, and in this process's binding */
	bool real;
};

struct placement *placement_load(struct error *err)
{
	struct placement *p = calloc(1, sizeof(*p));
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();

	if (!p || !bound || hwloc_topology_init(&p->topology)) {
		error_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	if (hwloc_topology_load(p->topology)) {
		error_set(err, -EIO, "hwloc cannot read the topology of this machine");
		hwloc_topology_destroy(p->topology);
		goto fail;
	}
	p->real = hwloc_topology_is_thissystem(p->topology);
	p->usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(p->topology));
	if (!p->usable) {
		error_set(err, -ENOMEM, "out of memory");
		hwloc_topology_destroy(p->topology);
		goto fail;
	}
	if (p->real && hwloc_get_cpubind(p->topology, bound, HWLOC_CPUBIND_THREAD) == 0)
		hwloc_bitmap_and(p->usable, p->usable, bound);
	hwloc_bitmap_free(bound);
	return p;
fail:
	hwloc_bitmap_free(bound);
	free(p);
	return NULL;
}

void placement_free(struct placement *p)
{
	if (!p)
		return;
	hwloc_bitmap_free(p->usable);
	hwloc_topology_destroy(p->topology);
	free(p);
}

bool placement_is_real(const struct placement *p)
{
	return p->real;
}

/* Appends; what does not fit is cut. */
static void describe_count(
	const struct placement *p, hwloc_obj_type_t type, const char *name, char *text, size_t size)
{
	int count = hwloc_get_nbobjs_by_type(p->topology, type);
	size_t used = strlen(text);

	if (count > 0)
		snprintf(text + used, size - used, "%d %s%s%s", count, name, count == 1 ? "" : "s",
			type == HWLOC_OBJ_PU ? "" : ", ");
}

void placement_describe(const struct placement *p, char *text, size_t size)
{
	snprintf(text, size, "%s", p->real ? "" : "synthetic: ");
	describe_count(p, HWLOC_OBJ_PACKAGE, "package", text, size);
	describe_count(p, HWLOC_OBJ_CORE, "core", text, size);
	describe_count(p, HWLOC_OBJ_PU, "CPU", text, size);
}

/* hwloc's own parser takes "3-1", "0,", and numbers that wrap. */
static int list_parse(const char *list, hwloc_bitmap_t set)
{
	char *end = NULL;

	do {
		unsigned long from, to;

		if (!isdigit((unsigned char)*list))
			return -EINVAL;
		from = to = strtoul(list, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return -EINVAL;
			to = strtoul(end + 1, &end, 10);
		}
		if (to < from || to >= CPU_LIMIT || hwloc_bitmap_set_range(set, (unsigned)from, (int)to))
			return -EINVAL;
		list = end + 1;
	} while (*end == ',');
	return *end ? -EINVAL : 0;
}

int placement_select(
	const struct placement *p, const char *list, int **cpus, size_t *count, struct error *err)
{
	hwloc_bitmap_t wanted = list ? hwloc_bitmap_alloc() : hwloc_bitmap_dup(p->usable);
	size_t n = 0;
	int cpu, rc = 0;

	*cpus = NULL;
	if (!wanted)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (!rc && list && list_parse(list, wanted))
		rc = error_set(err, -EINVAL, "--cpus %s: not a list of CPUs; write 0-3,8", list);
	if (!rc && !hwloc_bitmap_isincluded(wanted, p->usable)) {
		hwloc_bitmap_andnot(wanted, wanted, p->usable);
		rc = error_set(err, -EINVAL,
			"--cpus %s: CPU %d is offline, absent or not allowed to this process", list,
			hwloc_bitmap_first(wanted));
	}
	if (!rc && hwloc_bitmap_iszero(wanted))
		rc = error_set(err, -EINVAL, "no CPU to sample on");
	if (!rc)
		*cpus = calloc((size_t)hwloc_bitmap_weight(wanted), sizeof(**cpus));
	if (!rc && !*cpus)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (!rc) {
		for (cpu = hwloc_bitmap_first(wanted); cpu >= 0; cpu = hwloc_bitmap_next(wanted, cpu))
			(*cpus)[n++] = cpu;
	}
	*count = n;
	hwloc_bitmap_free(wanted);
	return rc;
}

int placement_spare(const struct placement *p, const int *cpus, size_t count)
{
	hwloc_bitmap_t left = hwloc_bitmap_dup(p->usable);
	int spare = -1;

	for (size_t i = 0; left && i < count; i++)
		hwloc_bitmap_clr(left, (unsigned)cpus[i]);
	if (left && p->real)
		spare = hwloc_bitmap_first(left);
	hwloc_bitmap_free(left);
	return spare;
}

static int ancestor_index(hwloc_topology_t topology, hwloc_obj_t pu, hwloc_obj_type_t type)
{
	hwloc_obj_t above = hwloc_get_ancestor_obj_by_type(topology, type, pu);

	if (!above)
		return -1;
	/* Synthetic topologies have no OS index above the PUs. */
	return above->os_index == HWLOC_UNKNOWN_INDEX ? (int)above->logical_index : (int)above->os_index;
}

void placement_locate(const struct placement *p, int cpu, struct probe_place *place)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(p->topology, (unsigned)cpu);

	place->cpu = cpu;
	place->package = place->core = place->node = -1;
	if (!pu)
		return;
	place->package = ancestor_index(p->topology, pu, HWLOC_OBJ_PACKAGE);
	place->core = ancestor_index(p->topology, pu, HWLOC_OBJ_CORE);
	place->node = pu->nodeset ? hwloc_bitmap_first(pu->nodeset) : -1;
}

int placement_bind(void *context, int cpu)
{
	struct placement *p = context;
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	int rc;

	if (!set)
		return -ENOMEM;
	hwloc_bitmap_only(set, (unsigned)cpu);
	rc = hwloc_set_cpubind(p->topology, set, HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT) ? -errno : 0;
	hwloc_bitmap_free(set);
	return rc;
}
