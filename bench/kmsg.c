/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/facts_read.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX */

int kmsg_open(const char *root, bool seek_end)
{
	char path[PATH_MAX];
	int fd, failure;

	if ((size_t)snprintf(path, sizeof(path), "%s%s", root, KMSG_PATH) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!seek_end || lseek(fd, 0, SEEK_END) >= 0)
		return fd;
	failure = errno;
	close(fd);
	return -failure;
}

/* "priority,sequence,microseconds,flags;text"; other lines are a record's dictionary. */
static bool record_parse(char *line, size_t length, struct kmsg_record *record)
{
	unsigned priority;

	facts_clean(line, length);
	record->text = strchr(line, ';');
	if (!record->text ||
		sscanf(line, "%9u,%18lld,%18lld,", &priority, &record->seq, &record->us) != 3)
		return false;
	record->text++;
	record->from_kernel = priority >> 3 == 0; /* facility 0 */
	return true;
}

/* Takes the whole lines out of the buffer; returns how much of a line is left over. */
static size_t take_lines(char *text, size_t used,
	void (*take)(void *context, const struct kmsg_record *record), void *context)
{
	char *start = text, *end;

	while ((end = memchr(start, '\n', used - (size_t)(start - text)))) {
		struct kmsg_record record;

		if (record_parse(start, (size_t)(end - start), &record))
			take(context, &record);
		start = end + 1;
	}
	used -= (size_t)(start - text);
	/* What does not end by then is no record. */
	if (used > 2 * RECORD_MAX)
		return 0;
	memmove(text, start, used);
	return used;
}

/* One read() of the device is one record; a plain file comes in larger pieces. */
int kmsg_read(int fd, size_t bytes_max, bool *overrun,
	void (*take)(void *context, const struct kmsg_record *record), void *context)
{
	char text[4 * RECORD_MAX];
	size_t used = 0, total = 0;

	while (total < bytes_max) {
		ssize_t n = read(fd, text + used, sizeof(text) - used);

		if (n > 0) {
			total += (size_t)n;
			used = take_lines(text, used + (size_t)n, take, context);
		} else if (n < 0 && errno == EPIPE) {
			*overrun = true; /* the next read goes on behind what was overwritten */
		} else if (!n || errno == EAGAIN) {
			return 0;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return -EFBIG;
}
