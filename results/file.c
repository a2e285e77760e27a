/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int path_join(char *path, size_t size, const char *dir, const char *name, struct error *err)
{
	int length = snprintf(path, size, "%s/%s", dir, name);

	if (length < 0 || (size_t)length >= size)
		return error_set(err, -ENAMETOOLONG, "%s/%s: the path is too long", dir, name);
	return 0;
}

static int name_files(struct file_replace *file, const char *dir, const char *name, struct error *err)
{
	char hidden[NAME_MAX + 1];
	int rc;

	snprintf(hidden, sizeof(hidden), ".%.200s.%d", name, (int)getpid());
	rc = path_join(file->path, sizeof(file->path), dir, name, err);
	return rc ? rc : path_join(file->temporary, sizeof(file->temporary), dir, hidden, err);
}

int file_replace_begin(struct file_replace *file, const char *dir, const char *name, struct error *err)
{
	int rc = name_files(file, dir, name, err);

	if (rc)
		return rc;
	file->out = fopen(file->temporary, "we");
	if (!file->out)
		return error_set(err, -errno, "%s: cannot write: %s", file->path, strerror(errno));
	return 0;
}

int file_create_begin(
	struct file_replace *file, const char *dir, const char *name, mode_t mode, struct error *err)
{
	int rc = name_files(file, dir, name, err), fd, failed;
	struct stat st;

	if (rc)
		return rc;
	if (lstat(file->path, &st) == 0)
		return error_set(err, -EEXIST, "%s: is there already", file->path);
	fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	file->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file->out)
		return 0;
	failed = errno;
	if (fd >= 0) {
		close(fd);
		unlink(file->temporary);
	}
	return error_set(err, -failed, "%s: cannot write: %s", file->path, strerror(failed));
}

void file_replace_abort(struct file_replace *file)
{
	fclose(file->out);
	unlink(file->temporary);
}

/* Where a file system knows no renaming without replacing (NFS), a second name does it. */
static int name_new(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return link(temporary, path) || unlink(temporary) ? -1 : 0;
}

static int cannot_write(const struct file_replace *file, int failed, struct error *err)
{
	unlink(file->temporary);
	return error_set(err, -failed, "%s: cannot write: %s", file->path, strerror(failed));
}

int file_replace_finish(struct file_replace *file, struct error *err)
{
	struct stat old;
	int failed = 0;

	if (fflush(file->out) || ferror(file->out) || fsync(fileno(file->out)))
		failed = errno ? errno : EIO;
	if (fclose(file->out) && !failed)
		failed = errno;
	if (!failed && lstat(file->path, &old) == 0 && S_ISDIR(old.st_mode))
		failed = EISDIR;
	return failed ? cannot_write(file, failed, err) : 0;
}

int file_replace_name(struct file_replace *file, struct error *err)
{
	return rename(file->temporary, file->path) ? cannot_write(file, errno, err) : 0;
}

void file_replace_drop(struct file_replace *file)
{
	unlink(file->temporary);
}

int file_replace_commit(struct file_replace *file, struct error *err)
{
	int rc = file_replace_finish(file, err);

	return rc ? rc : file_replace_name(file, err);
}

int file_create_commit(struct file_replace *file, struct error *err)
{
	int rc = file_replace_finish(file, err);

	if (rc)
		return rc;
	return name_new(file->temporary, file->path) ? cannot_write(file, errno, err) : 0;
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

static int make_parents(const char *path, struct error *err)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
	strcpy(part, path);
	for (char *c = part + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return error_set(
				err, -errno, "%s: cannot make the directory: %s", part, strerror(errno));
		*c = '/';
	}
	return 0;
}

int directory_create_at(const char *dir, struct error *err)
{
	int rc = make_parents(dir, err);

	if (rc)
		return rc;
	if (mkdir(dir, 0777) == 0)
		return 0;
	if (errno == EEXIST)
		return error_set(err, -EEXIST,
			"%s: exists already, and a run never overwrites; name another directory", dir);
	return error_set(err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
}

int directory_create(char dir[PATH_MAX], const char *parent, const char *name, struct error *err)
{
	int rc;

	for (unsigned i = 1; i < 10000; i++) {
		int length = i == 1 ? snprintf(dir, PATH_MAX, "%s/%s", parent, name)
				    : snprintf(dir, PATH_MAX, "%s/%s-%u", parent, name, i);

		if (length < 0 || length >= PATH_MAX)
			return error_set(err, -ENAMETOOLONG, "%s/%s: the path is too long", parent, name);
		rc = make_parents(dir, err);
		if (rc)
			return rc;
		if (mkdir(dir, 0777) == 0)
			return 0;
		if (errno != EEXIST)
			return error_set(
				err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
	}
	return error_set(err, -EEXIST, "%s/%s: exists 9999 times already", parent, name);
}
