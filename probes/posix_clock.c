/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/posix_clock.h"

#include <errno.h>
#include <string.h>

int posix_clock_open(clockid_t id, const char *name, struct clock_traits *traits, struct error *err)
{
	struct timespec ts;
	int code;

	if (clock_gettime(id, &ts) != 0) {
		code = -errno;
		return error_set(
			err, code, "%s: clock_gettime: %s; it needs a newer kernel", name, strerror(-code));
	}
	traits->state = (void *)(intptr_t)id;
	return 0;
}

uint64_t posix_clock_read(void *state)
{
	return posix_clock_ns((clockid_t)(intptr_t)state);
}
