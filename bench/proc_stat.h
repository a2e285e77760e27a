/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the kernel counts for each CPU, and for a process with all that came of it: /proc. */
#ifndef BENCH_PROC_STAT_H
#define BENCH_PROC_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "results/error.h"

#define PROC_STAT_FILE "/proc/stat"

/* In ticks of 1 / sysconf(_SC_CLK_TCK) s, since the start of the machine. */
struct cpu_ticks {
	bool online;	/* the file has a line for it; else the rest is 0 */
	uint64_t busy;	/* user + nice + system + irq + softirq; guests are in user and nice */
	uint64_t steal; /* the hypervisor ran something else */
	uint64_t all;	/* busy + steal + idle + iowait */
};

/* Fills ticks[i] for cpus[i].  0 or -errno. */
int proc_stat_read(
	const char *path, const int *cpus, size_t count, struct cpu_ticks *ticks, struct error *err);

struct process_tree {
	double cpu_s;	    /* user and system time that all of it used, with its ended and reaped children */
	unsigned processes; /* the root included */
	bool astray;	    /* some of it was not bound to the CPU alone */
};

/*
 * Looks at a process and all below it, and binds to the CPU (>= 0) what is not bound to it alone.
 * What is born or dies meanwhile may be missed.  0, -ESRCH: there is no such process, or -errno.
 */
int process_tree_look(pid_t root, int cpu, struct process_tree *tree);

/* Does the kernel tell the children of a process (CONFIG_PROC_CHILDREN)?  0, or -ENOTSUP with the reason. */
int process_tree_supported(struct error *why);

#endif
