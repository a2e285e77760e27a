/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* For tests: a key file, made and removed as setup and teardown of a group. */
#ifndef BENCH_KEY_FAKE_H
#define BENCH_KEY_FAKE_H

#include <stdlib.h>
#include <unistd.h>

static char key_path[] = "/tmp/clkdrift-key-XXXXXX";

static inline int make_key(void **state)
{
	int fd = mkstemp(key_path);

	(void)state;
	if (fd < 0 || write(fd, "a key of the tests alone", 24) != 24)
		return -1;
	return close(fd);
}

static inline int remove_key(void **state)
{
	(void)state;
	return unlink(key_path);
}

#endif
