/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/proc_stat.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a fork bomb the rest is not looked at. */
#define TREE_MAX 32768

/* "cpu3 user nice system idle iowait irq softirq steal guest guest_nice": proc(5). */
static bool line_parse(const char *line, int *cpu, struct cpu_ticks *ticks)
{
	uint64_t user, nice_, system_, idle, iowait, irq, softirq, steal;

	if (sscanf(line,
		    "cpu%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		    " %" SCNu64,
		    cpu, &user, &nice_, &system_, &idle, &iowait, &irq, &softirq, &steal) != 9)
		return false;
	ticks->online = true;
	ticks->busy = user + nice_ + system_ + irq + softirq;
	ticks->steal = steal;
	ticks->all = ticks->busy + steal + idle + iowait;
	return true;
}

int proc_stat_read(
	const char *path, const int *cpus, size_t count, struct cpu_ticks *ticks, struct error *err)
{
	FILE *file = fopen(path, "re");
	struct cpu_ticks now;
	char line[512];
	int cpu;

	memset(ticks, 0, count * sizeof(*ticks));
	if (!file)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	/* The lines of the CPUs come first; what follows is long and of no use here. */
	while (fgets(line, sizeof(line), file) && strncmp(line, "cpu", 3) == 0) {
		if (!isdigit((unsigned char)line[3]) || !line_parse(line, &cpu, &now))
			continue;
		for (size_t i = 0; i < count; i++)
			if (cpus[i] == cpu)
				ticks[i] = now;
	}
	fclose(file);
	return 0;
}

struct pids {
	pid_t *list;
	size_t count, room;
};

static int pids_add(struct pids *pids, pid_t pid)
{
	if (pids->count == pids->room) {
		size_t room = pids->room ? 2 * pids->room : 64;
		pid_t *list = realloc(pids->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		pids->list = list;
		pids->room = room;
	}
	pids->list[pids->count++] = pid;
	return 0;
}

/* The children that one thread made. */
static int add_children(struct pids *pids, pid_t pid, const char *thread)
{
	char path[64];
	FILE *file;
	int child, rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", (int)pid, thread);
	file = fopen(path, "re");
	if (!file)
		return 0; /* it is gone */
	while (!rc && pids->count < TREE_MAX && fscanf(file, "%d", &child) == 1)
		rc = pids_add(pids, child);
	fclose(file);
	return rc;
}

static int add_children_of_threads(struct pids *pids, pid_t pid)
{
	char path[32];
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (!rc && dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			rc = add_children(pids, pid, entry->d_name);
	if (dir)
		closedir(dir);
	return rc;
}

/* Fields of /proc/PID/stat: utime, stime, cutime, cstime are 14 to 17, num_threads is 20: proc(5). */
static bool process_read(pid_t pid, char *run_state, int64_t *ticks, long *threads)
{
	long utime, stime, cutime, cstime;
	char path[32], line[1024];
	const char *behind;
	bool good = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file)) {
		behind = strrchr(line, ')'); /* the name may hold anything */
		good = behind &&
		       sscanf(behind,
			       ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld %*d %*d %ld",
			       run_state, &utime, &stime, &cutime, &cstime, threads) == 6;
	}
	fclose(file);
	if (good)
		*ticks = (int64_t)utime + stime + cutime + cstime;
	return good;
}

/* Is it bound to that CPU alone?  If not, binds it. */
static bool process_bind(pid_t pid, int cpu)
{
	size_t bytes = CPU_ALLOC_SIZE(65536);
	cpu_set_t *set = CPU_ALLOC(65536);
	bool bound = true;

	if (set && sched_getaffinity(pid, bytes, set) == 0) {
		bound = CPU_COUNT_S(bytes, set) == 1 && CPU_ISSET_S((size_t)cpu, bytes, set);
		CPU_ZERO_S(bytes, set);
		CPU_SET_S((size_t)cpu, bytes, set);
		/* Fails while the CPU is offline; the next look tries again. */
		if (!bound)
			sched_setaffinity(pid, bytes, set);
	}
	CPU_FREE(set);
	return bound;
}

int process_tree_look(pid_t root, int cpu, struct process_tree *tree)
{
	struct pids pids = { 0 };
	int64_t sum = 0;
	int rc = pids_add(&pids, root);

	*tree = (struct process_tree){ 0 };
	for (size_t i = 0; !rc && i < pids.count; i++) {
		char run_state;
		int64_t ticks;
		long threads;

		if (!process_read(pids.list[i], &run_state, &ticks, &threads)) {
			if (i == 0)
				rc = -ESRCH;
			continue;
		}
		sum += ticks;
		tree->processes++;
		if (run_state == 'Z')
			continue;
		if (cpu >= 0 && !process_bind(pids.list[i], cpu))
			tree->astray = true;
		if (threads > 1) {
			rc = add_children_of_threads(&pids, pids.list[i]);
		} else {
			char self[16];

			snprintf(self, sizeof(self), "%d", (int)pids.list[i]);
			rc = add_children(&pids, pids.list[i], self);
		}
	}
	tree->cpu_s = (double)sum / (double)sysconf(_SC_CLK_TCK);
	free(pids.list);
	return rc;
}

int process_tree_supported(struct error *why)
{
	if (access("/proc/thread-self/children", R_OK) == 0)
		return 0;
	return error_set(why, -ENOTSUP,
		"the kernel does not tell the children of a process (CONFIG_PROC_CHILDREN), so the load "
		"could not be measured");
}
