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

/* *cpus is the caller's to free. */
static int set_to_array(hwloc_const_bitmap_t set, int **cpus, size_t *count, struct error *err)
{
	size_t n = 0;
	int cpu;

	*cpus = calloc((size_t)hwloc_bitmap_weight(set) + 1, sizeof(**cpus));
	if (!*cpus)
		return error_set(err, -ENOMEM, "out of memory");
	for (cpu = hwloc_bitmap_first(set); cpu >= 0; cpu = hwloc_bitmap_next(set, cpu))
		(*cpus)[n++] = cpu;
	*count = n;
	return 0;
}

int placement_select(
	const struct placement *p, const char *list, int **cpus, size_t *count, struct error *err)
{
	hwloc_bitmap_t wanted = list ? hwloc_bitmap_alloc() : hwloc_bitmap_dup(p->usable);
	int rc = 0;

	*cpus = NULL;
	if (!wanted)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (!rc && list && list_parse(list, wanted))
		rc = error_set(err, -EINVAL, "cpus %s: not a list of CPUs; write 0-3,8", list);
	if (!rc && !hwloc_bitmap_isincluded(wanted, p->usable)) {
		hwloc_bitmap_andnot(wanted, wanted, p->usable);
		rc = error_set(err, -EINVAL,
			"cpus %s: CPU %d is offline, absent or not allowed to this process", list,
			hwloc_bitmap_first(wanted));
	}
	if (!rc && hwloc_bitmap_iszero(wanted))
		rc = error_set(err, -EINVAL, "no CPU to sample on");
	*count = 0;
	if (!rc)
		rc = set_to_array(wanted, cpus, count, err);
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

/* Adds the CPUs of the set's objects of that type. */
static void add_around(
	const struct placement *p, hwloc_const_bitmap_t set, hwloc_obj_type_t type, hwloc_bitmap_t around)
{
	hwloc_obj_t o = NULL;

	while ((o = hwloc_get_next_obj_covering_cpuset_by_type(p->topology, set, type, o)))
		hwloc_bitmap_or(around, around, o->cpuset);
}

/* NUMA nodes are no ancestors of PUs in hwloc: their place is told by their cpusets. */
static void add_nodes(const struct placement *p, hwloc_const_bitmap_t set, hwloc_bitmap_t around)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(p->topology, HWLOC_OBJ_NUMANODE, node)))
		if (hwloc_bitmap_intersects(node->cpuset, set))
			hwloc_bitmap_or(around, around, node->cpuset);
}

/* Makes of a set the CPUs that are there, allowed or not. */
static void set_near(const struct placement *p, enum placement_where where, hwloc_const_bitmap_t set,
	hwloc_bitmap_t cores, hwloc_bitmap_t near)
{
	hwloc_bitmap_copy(cores, set);
	add_around(p, set, HWLOC_OBJ_CORE, cores);
	switch (where) {
	case PLACEMENT_SAME:
		hwloc_bitmap_copy(near, set);
		break;
	case PLACEMENT_SIBLING:
		hwloc_bitmap_andnot(near, cores, set);
		break;
	case PLACEMENT_PACKAGE:
		add_around(p, set, HWLOC_OBJ_PACKAGE, near);
		hwloc_bitmap_andnot(near, near, cores);
		break;
	case PLACEMENT_NODE:
		add_nodes(p, set, near);
		hwloc_bitmap_andnot(near, hwloc_topology_get_topology_cpuset(p->topology), near);
		break;
	}
}

int placement_near(const struct placement *p, enum placement_where where, const int *cpus, size_t count,
	int **found, size_t *found_count, struct error *err)
{
	static const char *const names[] = { "CPU to sample", "SMT sibling of the sampled CPUs",
		"other core in the package of the sampled CPUs",
		"other NUMA node than that of the sampled CPUs" };
	hwloc_bitmap_t set = hwloc_bitmap_alloc(), cores = hwloc_bitmap_alloc(), near = hwloc_bitmap_alloc();
	int rc = 0;

	*found = NULL;
	*found_count = 0;
	if (!set || !cores || !near) {
		rc = error_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < count; i++)
		hwloc_bitmap_set(set, (unsigned)cpus[i]);
	set_near(p, where, set, cores, near);
	if (hwloc_bitmap_iszero(near)) {
		rc = error_set(err, -ENODEV, "there is no %s that is not sampled itself", names[where]);
		goto out;
	}
	hwloc_bitmap_and(near, near, p->usable);
	if (hwloc_bitmap_iszero(near))
		rc = error_set(err, -ENODEV, "no %s is online and allowed to this process", names[where]);
	else
		rc = set_to_array(near, found, found_count, err);
out:
	hwloc_bitmap_free(set);
	hwloc_bitmap_free(cores);
	hwloc_bitmap_free(near);
	return rc;
}

void placement_list(const int *cpus, size_t count, char *text, size_t size)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	if (size)
		*text = '\0';
	for (size_t i = 0; set && i < count; i++)
		hwloc_bitmap_set(set, (unsigned)cpus[i]);
	if (set)
		hwloc_bitmap_list_snprintf(text, size, set);
	hwloc_bitmap_free(set);
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
