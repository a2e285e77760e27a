/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Enabling and disabling the idle states of a CPU, through libcpupower.  States are numbered
 * from 0, the shallowest, as in /sys/devices/system/cpu/cpuN/cpuidle/stateM.
 */
#ifndef BENCH_IDLE_STATES_H
#define BENCH_IDLE_STATES_H

#include <stdbool.h>

#include "bench/journal.h"
#include "results/error.h"

#define IDLE_NAME_MAX 32 /* the kernel has at most 16 (CPUIDLE_NAME_LEN) */

/* The kernel's name of it, "state2" where that cannot be read. */
void idle_state_name(int cpu, unsigned state, char name[IDLE_NAME_MAX]);

/* 0 if idle_state_disable() has nothing to change or may write the file, else -errno.  Changes nothing. */
int idle_state_check(int cpu, unsigned state, bool disable, struct error *why);

/*
 * Journals the state's `disable` file, writes it and reads back that the kernel took it.
 * Nothing of that where it has this value already.  0 or -errno; err names the file.
 */
int idle_state_disable(struct journal *journal, int cpu, unsigned state, bool disable, struct error *err);

#endif
