/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Takes a CPU offline and online again and again.  When it comes back the kernel
 * checks its TSC against that of the others (arch/x86/kernel/tsc_sync.c).
 *
 * The kernel moves what was bound to that CPU alone and does not move it back:
 * programs and interrupts that were pinned to it are pinned no more.
 * Documentation/core-api/cpu_hotplug.rst
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cpu_list.h"
#include "bench/disturbance.h"
#include "bench/toggler.h"
#include "probes/now.h"
#include "probes/tsc.h"
#include "results/units.h"

#define DIRECTORY     "/sys/devices/system/cpu"
#define CPU_LAST      8191 /* the largest NR_CPUS on x86 is 8192 */
#define EVENTS_MAX    2000 /* listed in a phase */
#define CYCLES_ENOUGH 0.9  /* of those asked for */

/* Before all paths; a test sets it. */
static const char *root = "";

enum { CPU, RATE };

static const struct parameter parameters[] = {
	[CPU] = { .name = "cpu",
		.kind = PARAMETER_NUMBER,
		.low = 0,
		.high = CPU_LAST,
		.help = "which; the last one that can go offline where it is not given" },
	[RATE] = { .name = "rate",
		.kind = PARAMETER_NUMBER,
		.initial = "0.5",
		.low = 0.01,
		.high = 5,
		.help = "times a second; it is offline for half of the time" },
	{ .name = NULL },
};

struct hotplug {
	struct stage *stage;
	int cpu;
	char path[256], list_path[256]; /* of its online file, and of the list of CPUs online */
	double rate_hz;
	uint64_t start_ns;
	struct toggler *toggler;
	/* Of the toggler's thread, until it ended. */
	uint64_t cycles, events;
	bool is_offline;
	struct error trouble;
};

/* ---- CPUs ---- */

static void cpu_path(int cpu, char *path, size_t size)
{
	snprintf(path, size, "%s" DIRECTORY "/cpu%d/online", root, cpu);
}

/* The highest online CPU that has a file to take it offline, or -1. */
static int last_removable(hwloc_const_bitmap_t online)
{
	char path[256];

	for (int cpu = hwloc_bitmap_last(online); cpu >= 0; cpu--) {
		cpu_path(cpu, path, sizeof(path));
		if (hwloc_bitmap_isset(online, (unsigned)cpu) && !access(path, F_OK))
			return cpu;
	}
	return -1;
}

/* Sets cpu and the paths.  0 or -errno. */
static int find_cpu(struct hotplug *h, const struct argument *arguments, struct error *err)
{
	hwloc_bitmap_t online;
	int rc = 0;

	snprintf(h->list_path, sizeof(h->list_path), "%s" DIRECTORY "/online", root);
	online = cpu_list_read(h->list_path, err);
	if (!online)
		return -EIO;
	h->cpu = isnan(arguments[CPU].number) ? last_removable(online) : (int)arguments[CPU].number;
	cpu_path(h->cpu, h->path, sizeof(h->path));
	if (hwloc_bitmap_weight(online) < 2)
		rc = error_set(err, -ENOTSUP, "only one CPU is online");
	else if (h->cpu < 0)
		rc = error_set(err, -ENOTSUP,
			"no CPU here can go offline: none has a file " DIRECTORY "/cpuN/online");
	else if (!hwloc_bitmap_isset(online, (unsigned)h->cpu))
		rc = error_set(err, -ENOTSUP, "CPU %d is not online", h->cpu);
	else if (access(h->path, F_OK))
		rc = error_set(err, -ENOTSUP, "CPU %d cannot go offline: there is no %s", h->cpu, h->path);
	hwloc_bitmap_free(online);
	return rc;
}

static int hotplug_check(const struct argument *a, struct error *err)
{
	if (!isnan(a[CPU].number) && a[CPU].number != floor(a[CPU].number))
		return error_set(err, -EINVAL, "cpu=%s: not a whole number", a[CPU].text);
	return 0;
}

static int hotplug_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct hotplug h = { .cpu = -1 };
	int rc = find_cpu(&h, setup->arguments, why);

	if (rc)
		return rc;
	if (setup->cpu_count == 1 && setup->cpus[0] == h.cpu)
		return error_set(why, -ENOTSUP,
			"CPU %d is the only one that is sampled, so nothing would be seen while it is "
			"offline",
			h.cpu);
	if (faccessat(AT_FDCWD, h.path, W_OK, AT_EACCESS))
		return error_set(why, -errno, "%s: cannot write: %s%s", h.path, strerror(errno),
			geteuid() ? "; it takes root" : "");
	return 0;
}

static int hotplug_takes_cpu(const struct disturbance_setup *setup)
{
	struct hotplug h = { .cpu = -1 };
	struct error ignored = { "" };

	return find_cpu(&h, setup->arguments, &ignored) ? -1 : h.cpu;
}

static void hotplug_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	struct hotplug h = { .cpu = -1 };
	struct error ignored = { "" };
	double rate_hz = setup->arguments[RATE].number;
	char which[32] = "a CPU";

	if (!find_cpu(&h, setup->arguments, &ignored) || !isnan(setup->arguments[CPU].number))
		snprintf(which, sizeof(which), "CPU %d", h.cpu);
	snprintf(text, size, "takes %s offline every %g s, for %g s", which, 1 / rate_hz, 0.5 / rate_hz);
}

/* ---- offline, online ---- */

static void tell(struct hotplug *h, uint64_t tsc, bool online)
{
	if (h->events < EVENTS_MAX)
		stage_event(h->stage, tsc, "cpu-hotplug", false, "CPU %d %s", h->cpu,
			online ? "back online" : "taken offline");
	else if (h->events == EVENTS_MAX)
		stage_event(h->stage, tsc, "cpu-hotplug", false, "further ones of this phase are not listed");
	h->events++;
}

/* 1: it is online; 0: it is not; -errno. */
static int is_online(const struct hotplug *h, struct error *err)
{
	hwloc_bitmap_t set = cpu_list_read(h->list_path, err);
	int online = set ? hwloc_bitmap_isset(set, (unsigned)h->cpu) : -EIO;

	hwloc_bitmap_free(set);
	return online;
}

static int set_online(struct hotplug *h, bool online, struct error *err)
{
	uint64_t before = tsc_before(), after;
	int rc = sysfs_write(h->path, online ? "1" : "0", err), seen;

	after = tsc_after();
	if (rc)
		return rc;
	seen = is_online(h, err);
	if (seen < 0)
		return seen;
	if (seen != online)
		return error_set(err, -EIO, "%s: took \"%d\", and the CPU is %s all the same", h->path,
			online, seen ? "online" : "offline");
	tell(h, after > before ? before + (after - before) / 2 : before, online);
	h->cycles += online && h->is_offline;
	h->is_offline = !online;
	return 0;
}

/* start() took it offline itself, to know that it can be done. */
static int hotplug_step(void *context, uint64_t turn)
{
	struct hotplug *h = context;

	return turn ? set_online(h, turn % 2, &h->trouble) : 0;
}

/* Whatever happened before: asks the kernel, not the counters. */
static int bring_back(struct hotplug *h, struct error *err)
{
	struct error unread = { "" };

	return is_online(h, &unread) == 1 ? 0 : set_online(h, true, err);
}

/* The kernel makes the idle states of a CPU anew when it comes back, with none of them disabled. */
static int journal_idle_states(const struct hotplug *h, struct journal *j, struct error *err)
{
	char pattern[256];
	glob_t found;
	int rc = 0;

	snprintf(pattern, sizeof(pattern), "%s" DIRECTORY "/cpu%d/cpuidle/state*/disable", root, h->cpu);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; !rc && i < found.gl_pathc; i++)
			rc = journal_add_file(j, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

static int begin(struct hotplug *h, const struct disturbance_setup *setup, struct error *err)
{
	struct error second = { "" };
	int rc = find_cpu(h, setup->arguments, err);

	/* Undone in reverse order: first the CPU comes back, then its files are there again. */
	if (!rc)
		rc = journal_idle_states(h, setup->journal, err);
	if (!rc)
		rc = journal_add_file(setup->journal, h->path, err);
	if (rc)
		return rc;
	h->start_ns = now_ns();
	rc = set_online(h, false, err);
	if (!rc) {
		/* Two steps are one cycle. */
		h->toggler = toggler_start(2 * h->rate_hz, hotplug_step, h, err);
		rc = h->toggler ? 0 : -EAGAIN;
	}
	if (rc)
		bring_back(h, &second);
	return rc;
}

static int hotplug_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct hotplug *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return error_set(err, -ENOMEM, "out of memory");
	h->stage = setup->stage;
	h->rate_hz = setup->arguments[RATE].number;
	rc = begin(h, setup, err);
	if (rc)
		free(h);
	else
		*state = h;
	return rc;
}

static void hotplug_observe(void *state, uint64_t tsc)
{
	const struct hotplug *h = state;
	struct error unread = { "" }; /* the next step meets the same trouble and tells it */
	hwloc_bitmap_t set = cpu_list_read(h->list_path, &unread);

	if (set)
		stage_point(h->stage, "hotplug", "online CPUs", "CPUs", tsc, hwloc_bitmap_weight(set));
	hwloc_bitmap_free(set);
}

static int hotplug_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct hotplug *h = state;
	double asked = floor(h->rate_hz * ns_to_s((double)(now_ns() - h->start_ns)));
	char *text = evidence->text;
	size_t size = sizeof(evidence->text);
	struct error left = { "" };
	bool enough;
	int rc;

	toggler_stop(h->toggler);
	rc = bring_back(h, &left);
	enough = h->cycles > 0 && (double)h->cycles >= CYCLES_ENOUGH * asked;
	evidence->observed = enough && !h->trouble.text[0] && !rc;
	snprintf(text, size,
		"CPU %d went offline and came back %llu time%s, each seen in the list of CPUs online", h->cpu,
		(unsigned long long)h->cycles, h->cycles == 1 ? "" : "s");
	if (!enough)
		snprintf(text + strlen(text), size - strlen(text), ", of %.0f asked for", fmax(asked, 1));
	if (h->trouble.text[0])
		snprintf(text + strlen(text), size - strlen(text), "; then %.200s", h->trouble.text);
	if (rc) {
		error_set(err, rc, "CPU %d is still offline: %s", h->cpu, left.text);
		snprintf(text + strlen(text), size - strlen(text), "; it is still offline");
	}
	free(h);
	return rc;
}

const struct disturbance disturb_hotplug = {
	.name = "hotplug",
	.summary = "takes a CPU offline and online again and again",
	.parameters = parameters,
	.changes_machine = true,
	.check = hotplug_check,
	.supported = hotplug_supported,
	.takes_cpu = hotplug_takes_cpu,
	.plan = hotplug_plan,
	.start = hotplug_start,
	.observe = hotplug_observe,
	.stop = hotplug_stop,
};
