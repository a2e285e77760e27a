/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_vcpus.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench/lab_events.h"
#include "bench/sysfs.h"
#include "probes/now.h"
#include "probes/posix_clock.h"
#include "results/units.h"

#define COMMAND_NS (5 * NS_PER_SEC)
#define EJECT_NS   (10 * NS_PER_SEC)
#define DEVICE	   "clkdrift-vcpu"

int lab_vcpus_threads(struct lab_guest *g, pid_t threads[LAB_VCPUS_MAX], size_t *count, struct error *err)
{
	json_t *list, *one;
	size_t i;
	/* The first answer comes when the machine is made. */
	uint64_t deadline = now_ns() + (uint64_t)(g->start_s * (double)NS_PER_SEC);
	int rc = qmp_execute(g->qmp, "query-cpus-fast", NULL, deadline, &list, err);

	*count = 0;
	if (rc)
		return rc;
	json_array_foreach(list, i, one)
	{
		pid_t thread = (pid_t)json_integer_value(json_object_get(one, "thread-id"));

		if (thread > 0 && *count < LAB_VCPUS_MAX)
			threads[(*count)++] = thread;
	}
	json_decref(list);
	return 0;
}

static bool allowed_without(int off, cpu_set_t *set)
{
	if (off < 0 || off >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*set), set))
		return false;
	CPU_CLR(off, set);
	return CPU_COUNT(set) > 0;
}

int lab_vcpus_place(struct lab_guest *g, struct error *err)
{
	pid_t threads[LAB_VCPUS_MAX];
	cpu_set_t set;
	size_t count;
	int rc = lab_vcpus_threads(g, threads, &count, err);

	for (size_t i = 0; !rc && i < count && allowed_without(g->vcpus_off, &set); i++)
		sched_setaffinity(threads[i], sizeof(set), &set);
	return rc;
}

/* ---- one CPU each ---- */

/* Field 39 of proc(5), behind the name, which may hold anything; -1. */
static int last_cpu(pid_t thread)
{
	char path[48], text[SYSFS_TEXT_MAX];
	const char *at;
	int cpu = -1, field = 2;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)thread);
	if (sysfs_read(path, text, sizeof(text), NULL))
		return -1;
	for (at = strrchr(text, ')'); at && field < 39; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%d", &cpu) == 1 ? cpu : -1;
}

/* The first CPU that is allowed and not taken; -1. */
static int first_free(const cpu_set_t *allowed, const cpu_set_t *taken)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed) && !CPU_ISSET(cpu, taken))
			return cpu;
	return -1;
}

/* That where it ran last; another one where that is taken and there is one. */
static int choose_cpu(int last, const cpu_set_t *allowed, const cpu_set_t *taken)
{
	bool stays = last >= 0 && last < CPU_SETSIZE && CPU_ISSET(last, allowed);
	int cpu = stays && !CPU_ISSET(last, taken) ? last : first_free(allowed, taken);
	cpu_set_t none;

	CPU_ZERO(&none);
	return cpu >= 0 ? cpu : stays ? last : first_free(allowed, &none);
}

int lab_vcpus_bind(struct lab_guest *g, int cpus[LAB_VCPUS_MAX], size_t *count, struct error *err)
{
	pid_t threads[LAB_VCPUS_MAX];
	cpu_set_t allowed, taken, one;
	size_t n;
	int rc = lab_vcpus_threads(g, threads, &n, err);

	*count = 0;
	CPU_ZERO(&taken);
	if (!rc && !allowed_without(g->vcpus_off, &allowed) &&
		sched_getaffinity(0, sizeof(allowed), &allowed))
		rc = error_set(err, -errno, "cannot ask for the CPUs of this process: %s", strerror(errno));
	for (size_t i = 0; !rc && i < n; i++) {
		int cpu = choose_cpu(last_cpu(threads[i]), &allowed, &taken);

		CPU_ZERO(&one);
		if (cpu >= 0)
			CPU_SET(cpu, &one);
		if (cpu < 0 || sched_setaffinity(threads[i], sizeof(one), &one))
			rc = error_set(err, -EIO, "cannot bind a vCPU to CPU %d", cpu);
		else
			CPU_SET(cpu, &taken);
	}
	for (int cpu = 0; !rc && cpu < CPU_SETSIZE && *count < LAB_VCPUS_MAX; cpu++)
		if (CPU_ISSET(cpu, &taken))
			cpus[(*count)++] = cpu;
	return rc ? rc : *count ? 0 : error_set(err, -ENODEV, "QEMU names no vCPU");
}

/* The second number of schedstat: ns on a run queue (Documentation/scheduler/sched-stats.rst). */
int64_t lab_vcpus_waited_ns(struct lab_guest *g)
{
	pid_t threads[LAB_VCPUS_MAX];
	struct error ignored = { "" };
	char path[48], text[SYSFS_TEXT_MAX];
	int64_t sum = 0, one;
	size_t count;

	if (lab_vcpus_threads(g, threads, &count, &ignored))
		return -1;
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)threads[i]);
		if (sysfs_read(path, text, sizeof(text), &ignored) || sscanf(text, "%*u %" SCNd64, &one) != 1)
			return -1;
		sum += one;
	}
	return sum;
}

/* ---- one more, one less ---- */

int lab_vcpu_spare(const struct lab_guest *g, struct error *why)
{
	if (g->config->maxvcpus > g->config->vcpus)
		return 0;
	return error_set(why, -ENOTSUP,
		"the configuration %s has no room for another vCPU (maxvcpus above vcpus)", g->config->name);
}

/* What device_add wants for the first free slot; NULL: there is none. */
static json_t *free_slot(json_t *slots)
{
	json_t *slot, *arguments = NULL;
	size_t i;

	json_array_foreach(slots, i, slot)
	{
		json_t *props = json_object_get(slot, "props"), *type = json_object_get(slot, "type");

		if (json_object_get(slot, "qom-path") || !json_is_object(props) || !json_is_string(type))
			continue;
		arguments = json_pack("{s:O, s:s}", "driver", type, "id", DEVICE);
		if (arguments)
			json_object_update(arguments, props);
		break;
	}
	return arguments;
}

int lab_vcpu_plug(struct lab_guest *g, char *text, size_t size, struct error *err)
{
	json_t *slots = NULL, *slot = NULL;
	uint64_t began;
	int rc = lab_vcpu_spare(g, err);

	if (!rc)
		rc = qmp_execute(g->qmp, "query-hotpluggable-cpus", NULL, now_ns() + COMMAND_NS, &slots, err);
	if (!rc)
		slot = free_slot(slots);
	json_decref(slots);
	if (!rc && !slot)
		rc = error_set(err, -EBUSY, "all slots for vCPUs are taken");
	if (rc)
		return rc;
	snprintf(text, size, "%s, core %d of socket %d", json_string_value(json_object_get(slot, "driver")),
		(int)json_integer_value(json_object_get(slot, "core-id")),
		(int)json_integer_value(json_object_get(slot, "socket-id")));
	began = now_ns();
	rc = qmp_execute(g->qmp, "device_add", slot, began + COMMAND_NS, NULL, err);
	if (rc)
		return rc;
	snprintf(text + strlen(text), size - strlen(text), ", device_add took %.1f ms",
		1e3 * ns_to_s((double)(now_ns() - began)));
	return lab_vcpus_place(g, err);
}

int lab_vcpu_unplug(struct lab_guest *g, char *text, size_t size, struct error *err)
{
	uint64_t from = lab_events_drop(g->qmp), asked = posix_clock_ns(CLOCK_MONOTONIC_RAW), gone = 0;
	int rc = qmp_execute(
		g->qmp, "device_del", json_pack("{s:s}", "id", DEVICE), now_ns() + COMMAND_NS, NULL, err);

	if (!rc)
		rc = lab_event_await(g, g->qmp, "DEVICE_DELETED", from, now_ns() + EJECT_NS, &gone, err);
	if (!rc)
		snprintf(text, size, "DEVICE_DELETED %.1f ms after device_del",
			1e3 * ns_to_s((double)(gone - asked)));
	return rc;
}
