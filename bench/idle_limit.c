/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/idle_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int idle_limit_open(struct error *err)
{
	int fd = open(IDLE_LIMIT_FILE, O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : error_set(err, -errno, IDLE_LIMIT_FILE ": cannot open: %s", strerror(errno));
}

/* Four bytes are taken as a number, anything else as text (kernel/power/qos.c). */
int idle_limit_set(int fd, int32_t us, struct error *err)
{
	ssize_t done = pwrite(fd, &us, sizeof(us), 0);
	int code = done < 0 ? errno : EIO;

	return done == sizeof(us)
		       ? 0
		       : error_set(err, -code, IDLE_LIMIT_FILE ": cannot write %d: %s", us, strerror(code));
}

int idle_limit_get(int fd, int32_t *us, struct error *err)
{
	ssize_t done = pread(fd, us, sizeof(*us), 0);
	int code = done < 0 ? errno : EIO;

	return done == sizeof(*us)
		       ? 0
		       : error_set(err, -code, IDLE_LIMIT_FILE ": cannot read: %s", strerror(code));
}
