/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* One value, one small file, as sysfs and procfs have them. */
#ifndef BENCH_SYSFS_H
#define BENCH_SYSFS_H

#include <stddef.h>

#include "results/error.h"

#define SYSFS_TEXT_MAX 4096 /* a page: the kernel's own limit */

/* Trailing white space is cut.  0 or -errno with err set. */
int sysfs_read(const char *path, char *text, size_t size, struct error *err);

/* In one write(2).  0 or -errno with err set; -EIO where the write was short. */
int sysfs_write(const char *path, const char *value, struct error *err);

#endif
