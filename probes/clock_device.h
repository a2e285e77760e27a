/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the readers of a device node share: opening it, or saying why it cannot be opened. */
#ifndef PROBES_CLOCK_DEVICE_H
#define PROBES_CLOCK_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "results/error.h"

/*
 * Returns a descriptor that the caller closes, or -errno.  absent and busy end
 * the sentence, with the remedy, where the node is missing or held by another.
 */
static inline int clock_device_open(const char *path, const char *absent, const char *busy, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int code = -errno;

	if (fd >= 0)
		return fd;
	switch (-code) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return error_set(err, code, "no %s: %s", path, absent);
	case EACCES:
	case EPERM:
		return error_set(err, code, "no permission to open %s: be root", path);
	case EBUSY:
		return error_set(err, code, "%s is busy: %s", path, busy);
	default:
		return error_set(err, code, "cannot open %s: %s", path, strerror(-code));
	}
}

#endif
