/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The kernel's log, record by record, from /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
 * Reading it takes nothing away from other readers.
 */
#ifndef BENCH_KMSG_H
#define BENCH_KMSG_H

#include <stdbool.h>
#include <stddef.h>

#define KMSG_PATH "/dev/kmsg"

struct kmsg_record {
	bool from_kernel;  /* anybody with the device can write the others */
	long long seq, us; /* number; time since the boot */
	const char *text;  /* without control characters; valid for the call */
};

/*
 * Opens ROOT/dev/kmsg without waiting for records: a descriptor, or -errno.  seek_end: only what
 * is logged from now on.
 */
int kmsg_open(const char *root, bool seek_end);

/*
 * Hands over what can be read now.  *overrun is set where records were overwritten before they were
 * read.  0; -EFBIG after bytes_max; or -errno.
 */
int kmsg_read(int fd, size_t bytes_max, bool *overrun,
	void (*take)(void *context, const struct kmsg_record *record), void *context);

#endif
