/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The lists of CPUs in /sys/devices/system/cpu: "0-3,8". */
#ifndef BENCH_CPU_LIST_H
#define BENCH_CPU_LIST_H

#include <hwloc.h>

#include "results/error.h"

/* At least one CPU; NULL with err.  Free with hwloc_bitmap_free(). */
hwloc_bitmap_t cpu_list_read(const char *path, struct error *err);

#endif
