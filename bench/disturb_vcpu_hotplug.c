/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * vcpu-hotplug: the lab plugs a vCPU into this guest a third into the phase, the guest takes
 * it online, and gives it back at two thirds.
 *
 * Its kernel compares the new CPU's TSC with that of the others (arch/x86/kernel/tsc_sync.c).  Nothing is
 * journaled: the vCPU is the lab's, and ends with the guest if nobody takes it out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/cpu_list.h"
#include "bench/disturbance.h"
#include "bench/outside_line.h"
#include "bench/sysfs.h"
#include "probes/now.h"
#include "probes/tsc.h"
#include "results/units.h"

#define DIRECTORY  "/sys/devices/system/cpu"
#define PATIENCE_S 15 /* the lab waits 10 s for the vCPU to be given back */
#define APPEAR_NS  (5 * NS_PER_SEC)
#define POLL_NS	   (5 * NS_PER_MS)
#define EVENT	   "cpu-hotplug"

/* Before all paths; a test sets it. */
static const char *root = "";

enum vcpu_state { BEFORE, PLUGGED, ONLINE, OVER };

struct vcpu_hotplug {
	struct stage *stage;
	struct outside_line line;
	uint64_t plug_ns, unplug_ns; /* when it is due */
	enum vcpu_state step;
	int cpu;
	uint64_t online_ns; /* since when; then for how long */
	double appeared_s;  /* from the request until it was online */
	bool given_back;
	struct outside_report plugged, unplugged; /* what the lab says */
	struct error trouble;
};

/* ---- the guest's view ---- */

static hwloc_bitmap_t read_list(const char *name, struct error *err)
{
	char path[256];

	snprintf(path, sizeof(path), "%s" DIRECTORY "/%s", root, name);
	return cpu_list_read(path, err);
}

/* 1: the CPU is in the list; 0: it is not; -errno. */
static int in_list(const char *name, int cpu, struct error *err)
{
	hwloc_bitmap_t set = read_list(name, err);
	int is = set ? hwloc_bitmap_isset(set, (unsigned)cpu) : -EIO;

	hwloc_bitmap_free(set);
	return is;
}

static void online_path(int cpu, char *path, size_t size)
{
	snprintf(path, size, "%s" DIRECTORY "/cpu%d/online", root, cpu);
}

/* A CPU that is not in the set and has a file to take it online, which comes a while after the list has it; -1. */
static int find_new(hwloc_const_bitmap_t before, struct error *err)
{
	hwloc_bitmap_t now = read_list("present", err);
	char path[256];
	int cpu = -1;

	if (now)
		hwloc_bitmap_andnot(now, now, before);
	if (now)
		cpu = hwloc_bitmap_first(now);
	hwloc_bitmap_free(now);
	online_path(cpu, path, sizeof(path));
	return cpu >= 0 && access(path, W_OK) == 0 ? cpu : -1;
}

static int await_new(hwloc_const_bitmap_t before, int *cpu, struct error *err)
{
	static const struct timespec nap = { 0, POLL_NS };
	uint64_t deadline = now_ns() + APPEAR_NS;

	while ((*cpu = find_new(before, err)) < 0) {
		if (now_ns() > deadline)
			return error_set(err, -ETIMEDOUT, "the guest's kernel shows no new CPU after %d s",
				(int)(APPEAR_NS / NS_PER_SEC));
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int take_online(int cpu, struct error *err)
{
	char path[256];
	int rc = in_list("online", cpu, err);

	if (rc)
		return rc < 0 ? rc : 0;
	online_path(cpu, path, sizeof(path));
	rc = sysfs_write(path, "1", err);
	if (!rc)
		rc = in_list("online", cpu, err);
	return rc == 1 ? 0 : error_set(err, rc ? rc : -EIO, "CPU %d does not come online", cpu);
}

/* ---- in and out ---- */

static void plug(struct vcpu_hotplug *v)
{
	const struct outside_request request = { .kind = OUTSIDE_VCPU_HOTPLUG };
	hwloc_bitmap_t before = read_list("present", &v->trouble);
	uint64_t began = now_ns();
	int rc = before ? 0 : -EIO;

	v->step = OVER;
	if (!rc)
		rc = outside_line_ask_report(&v->line, &request, PATIENCE_S, &v->plugged, &v->trouble);
	if (!rc) {
		v->step = PLUGGED;
		rc = await_new(before, &v->cpu, &v->trouble);
	}
	hwloc_bitmap_free(before);
	if (!rc)
		rc = take_online(v->cpu, &v->trouble);
	if (rc)
		return;
	v->step = ONLINE;
	v->online_ns = now_ns();
	v->appeared_s = ns_to_s((double)(v->online_ns - began));
	stage_event(v->stage, tsc_after(), EVENT, false, "vCPU %d plugged in and online", v->cpu);
}

/* The kernel takes it offline by itself when the firmware wants it back. */
static void unplug(struct vcpu_hotplug *v)
{
	const struct outside_request request = { .kind = OUTSIDE_VCPU_UNPLUG };
	bool was_online = v->step == ONLINE;
	uint64_t until = now_ns();

	v->step = OVER;
	if (outside_line_ask_report(&v->line, &request, PATIENCE_S, &v->unplugged, &v->trouble))
		return;
	v->given_back = was_online && in_list("present", v->cpu, &v->trouble) == 0;
	v->online_ns = was_online ? until - v->online_ns : 0;
	stage_event(v->stage, tsc_after(), EVENT, false, "vCPU %d taken out", v->cpu);
}

/* ---- the disturbance ---- */

static int has_room(struct error *why)
{
	hwloc_bitmap_t possible = read_list("possible", why), present = read_list("present", why);
	int rc = !possible || !present ? -EIO : 0;

	if (!rc && hwloc_bitmap_isincluded(possible, present))
		rc = error_set(why, -ENOTSUP,
			"this guest's kernel has no room for another CPU: all that are possible are present");
	hwloc_bitmap_free(possible);
	hwloc_bitmap_free(present);
	return rc;
}

static int vcpu_hotplug_supported(const struct disturbance_setup *setup, struct error *why)
{
	int rc = outside_line_supported(OUTSIDE_VCPU_HOTPLUG, why);

	(void)setup;
	return rc ? rc : has_room(why);
}

static void vcpu_hotplug_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	(void)setup;
	snprintf(text, size, "has the lab plug a vCPU into this guest, takes it online, and gives it back");
}

static int vcpu_hotplug_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct vcpu_hotplug *v = calloc(1, sizeof(*v));
	uint64_t third = (uint64_t)(setup->duration_s / 3 * (double)NS_PER_SEC);
	int rc;

	if (!v)
		return error_set(err, -ENOMEM, "out of memory");
	rc = outside_line_open(&v->line, OUTSIDE_VCPU_HOTPLUG, err);
	if (rc) {
		free(v);
		return rc;
	}
	v->stage = setup->stage;
	v->plug_ns = now_ns() + third;
	v->unplug_ns = v->plug_ns + third;
	*state = v;
	return 0;
}

static void tell_online(const struct vcpu_hotplug *v, uint64_t tsc)
{
	struct error unread = { "" };
	hwloc_bitmap_t set = read_list("online", &unread);

	if (set)
		stage_point(v->stage, "vcpu-hotplug", "online CPUs", "CPUs", tsc, hwloc_bitmap_weight(set));
	hwloc_bitmap_free(set);
}

static void vcpu_hotplug_observe(void *state, uint64_t tsc)
{
	struct vcpu_hotplug *v = state;
	uint64_t now = now_ns();

	tell_online(v, tsc);
	if (v->step == BEFORE && now >= v->plug_ns)
		plug(v);
	else if ((v->step == PLUGGED || v->step == ONLINE) && now >= v->unplug_ns)
		unplug(v);
}

static void tell(const struct vcpu_hotplug *v, char *text, size_t size)
{
	int n = snprintf(text, size, "QEMU plugged in %.200s", v->plugged.text);

	if (v->given_back)
		snprintf(text + n, size - (size_t)n,
			"; the guest had it as CPU %d, online %.3f s after the request and for %.3f s, and "
			"gave it "
			"back: %.100s",
			v->cpu, v->appeared_s, ns_to_s((double)v->online_ns), v->unplugged.text);
	else
		snprintf(text + n, size - (size_t)n, "; then %.200s",
			v->trouble.text[0] ? v->trouble.text : "the guest still has it");
}

static int vcpu_hotplug_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct vcpu_hotplug *v = state;

	(void)err;
	if (v->step == PLUGGED || v->step == ONLINE)
		unplug(v);
	evidence->observed = v->given_back;
	if (v->plugged.seen)
		tell(v, evidence->text, sizeof(evidence->text));
	else
		snprintf(evidence->text, sizeof(evidence->text), "%.300s",
			v->trouble.text[0] ? v->trouble.text
					   : "the phase ended before the lab was to be asked");
	outside_line_close(&v->line);
	free(v);
	return 0;
}

const struct disturbance disturb_vcpu_hotplug = {
	.name = "vcpu-hotplug",
	.summary = "has the lab plug a vCPU into this guest, and takes it back",
	.supported = vcpu_hotplug_supported,
	.plan = vcpu_hotplug_plan,
	.start = vcpu_hotplug_start,
	.observe = vcpu_hotplug_observe,
	.stop = vcpu_hotplug_stop,
};
