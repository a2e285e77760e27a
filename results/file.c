/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int path_join(char *path, size_t size, const char *dir, const char *name, struct error *err)
{
	int length = snprintf(path, size, "%s/%s", dir, name);

	if (length < 0 || (size_t)length >= size)
		return error_set(err, -ENAMETOOLONG, "%s/%s: the path is too long", dir, name);
	return 0;
}

int file_replace_begin(struct file_replace *file, const char *dir, const char *name, struct error *err)
{
	char hidden[NAME_MAX + 1];
	int rc;

	snprintf(hidden, sizeof(hidden), ".%.200s.%d", name, (int)getpid());
	rc = path_join(file->path, sizeof(file->path), dir, name, err);
	if (!rc)
		rc = path_join(file->temporary, sizeof(file->temporary), dir, hidden, err);
	if (rc)
		return rc;
	file->out = fopen(file->temporary, "we");
	if (!file->out)
		return error_set(err, -errno, "%s: cannot write: %s", file->path, strerror(errno));
	return 0;
}

void file_replace_abort(struct file_replace *file)
{
	fclose(file->out);
	unlink(file->temporary);
}

int file_replace_commit(struct file_replace *file, struct error *err)
{
	int failed = 0;

	if (fflush(file->out) || ferror(file->out) || fsync(fileno(file->out)))
		failed = errno ? errno : EIO;
	if (fclose(file->out) && !failed)
		failed = errno;
	if (!failed && rename(file->temporary, file->path))
		failed = errno;
	if (!failed)
		return 0;
	unlink(file->temporary);
	return error_set(err, -failed, "%s: cannot write: %s", file->path, strerror(failed));
}

int file_append(int fd, const char *bytes, size_t length, off_t *end)
{
	size_t done = 0;

	while (done < length) {
		ssize_t wrote = pwrite(fd, bytes + done, length - done, *end + (off_t)done);
		int failed = wrote < 0 ? errno : EIO;

		if (wrote > 0) {
			done += (size_t)wrote;
		} else if (failed != EINTR) {
			/* Where even this fails half a row stays, which readers leave out. */
			(void)!ftruncate(fd, *end);
			return -failed;
		}
	}
	*end += (off_t)length;
	return 0;
}
