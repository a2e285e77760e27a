/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The kernel's limit of the wake-up latency (PM QoS), in µs: no CPU enters an idle state whose exit
 * latency is longer.  A request holds as long as its file descriptor is open, so it cannot
 * outlive the process.  The shortest request of all programs counts.
 */
#ifndef BENCH_IDLE_LIMIT_H
#define BENCH_IDLE_LIMIT_H

#include <stdint.h>

#include "results/error.h"

#define IDLE_LIMIT_FILE "/dev/cpu_dma_latency"
#define IDLE_LIMIT_NONE 2000000000 /* PM_QOS_CPU_LATENCY_DEFAULT_VALUE: as if nothing was asked for */

/* A descriptor for a request, IDLE_LIMIT_NONE at first, to be closed by the caller; or -errno. */
int idle_limit_open(struct error *err);

/* Changes the request.  0 or -errno. */
int idle_limit_set(int fd, int32_t us, struct error *err);

/* The limit in force, of all requests.  0 or -errno. */
int idle_limit_get(int fd, int32_t *us, struct error *err);

#endif
