/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int sysfs_read(const char *path, char *text, size_t size, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
	int failure = errno;

	if (fd >= 0)
		close(fd);
	if (got < 0)
		return error_set(err, -failure, "%s: cannot read: %s", path, strerror(failure));
	while (got > 0 && isspace((unsigned char)text[got - 1]))
		got--;
	text[got] = '\0';
	return 0;
}

int sysfs_write(const char *path, const char *value, struct error *err)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC); /* sysfs does not mind */
	size_t length = strlen(value);
	ssize_t done = fd < 0 ? -1 : write(fd, value, length);
	int failure = errno;

	if (fd >= 0)
		close(fd);
	if (done < 0)
		return error_set(
			err, -failure, "%s: cannot write \"%s\": %s", path, value, strerror(failure));
	if ((size_t)done != length)
		return error_set(err, -EIO, "%s: took only %zd bytes of \"%s\"", path, done, value);
	return 0;
}
