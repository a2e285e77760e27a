/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Live files, which are only read, and the directory that must not be one of theirs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/candidates.h"

/* ---- below a root ---- */

int candidate_open(const char *root, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int dir, fd, error;

	if (!*root)
		return open(path, flags | O_CLOEXEC);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	/* It may be asked to try again where somebody renames directories meanwhile. */
	for (int tries = 0; (fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how))) < 0; tries++)
		if (errno != EAGAIN || tries == 16)
			break;
	error = errno;
	close(dir);
	errno = error;
	return fd;
}

static int stat_below(const char *root, const char *path, int flags, struct stat *st)
{
	int fd = candidate_open(root, path, O_PATH | flags), rc;

	if (fd < 0)
		return -1;
	rc = fstat(fd, st);
	close(fd);
	return rc;
}

int candidate_stat(const char *root, const char *path, struct stat *st)
{
	return stat_below(root, path, 0, st);
}

/* glob() tells its functions the path alone. */
static _Thread_local const char *glob_root;

static void *glob_opendir(const char *path)
{
	int fd = candidate_open(glob_root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static struct dirent *glob_readdir(void *dir)
{
	return readdir(dir);
}

static void glob_closedir(void *dir)
{
	closedir(dir);
}

static int glob_stat(const char *path, struct stat *st)
{
	return stat_below(glob_root, path, 0, st);
}

static int glob_lstat(const char *path, struct stat *st)
{
	return stat_below(glob_root, path, O_NOFOLLOW, st);
}

int candidate_glob(const char *root, const char *pattern, glob_t *found)
{
	*found = (glob_t){ .gl_opendir = glob_opendir,
		.gl_readdir = glob_readdir,
		.gl_closedir = glob_closedir,
		.gl_stat = glob_stat,
		.gl_lstat = glob_lstat };
	glob_root = root;
	return glob(pattern, GLOB_ALTDIRFUNC, NULL, found) == GLOB_NOSPACE ? -ENOMEM : 0;
}

/* ---- reading ---- */

static int read_all(int fd, size_t size, struct bytes *text)
{
	text->at = malloc(size + 1);
	text->length = 0;
	if (!text->at)
		return -ENOMEM;
	while (text->length < size) {
		ssize_t got = read(fd, text->at + text->length, size - text->length);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		if (got > 0)
			text->length += (size_t)got;
	}
	text->at[text->length] = '\0';
	return 0;
}

int candidate_read(const char *root, const char *path, struct bytes *text, mode_t *mode, struct error *err)
{
	/* Not to be held up by a FIFO that somebody put there. */
	int fd = candidate_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY), rc = 0;
	struct stat st;

	*text = (struct bytes){ 0 };
	if (fd < 0)
		return error_set(err, -errno, "%s%s: cannot read: %s", root, path, strerror(errno));
	if (fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = error_set(err, -EINVAL, "%s%s: is no regular file", root, path);
	else if (st.st_size > (off_t)CANDIDATE_LIVE_MAX)
		rc = error_set(
			err, -EFBIG, "%s%s: is longer than %u MiB", root, path, CANDIDATE_LIVE_MAX >> 20);
	/* sysfs says 4096 for any of its files. */
	if (!rc)
		rc = read_all(fd, (size_t)st.st_size, text);
	if (rc) {
		error_set(err, rc, "%s%s: cannot read: %s", root, path, strerror(-rc));
		free(text->at);
		*text = (struct bytes){ 0 };
	} else if (mode) {
		*mode = st.st_mode & 0666;
	}
	close(fd);
	return rc;
}

int candidates_sources_check(const char *root, const char *boot_ini, struct error *err)
{
	struct bytes text = { 0 };
	struct stat st;
	int rc = 0;

	if (*root && stat(root, &st))
		rc = error_set(err, -errno, "--root %s: cannot use it: %s", root, strerror(errno));
	else if (*root && !S_ISDIR(st.st_mode))
		rc = error_set(err, -ENOTDIR, "--root %s: is no directory", root);
	else if (*root && candidate_stat(root, "/", &st))
		rc = error_set(err, -errno,
			"--root %s: cannot look below it, which takes openat2() of Linux 5.6: %s", root,
			strerror(errno));
	else if (boot_ini)
		rc = candidate_read("", boot_ini, &text, NULL, err);
	free(text.at);
	return rc;
}

unsigned long candidate_max_khz(const char *root)
{
	struct error ignored = { "" };
	unsigned long most = 0;
	glob_t found;

	candidate_glob(root, "/sys/devices/system/cpu/cpu*/cpufreq/scaling_available_frequencies", &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct bytes text;

		if (candidate_read(root, found.gl_pathv[i], &text, NULL, &ignored))
			continue;
		for (char *at = text.at, *end; *at; at = end) {
			unsigned long khz = strtoul(at, &end, 10);

			most = khz > most ? khz : most;
			if (end == at)
				break;
		}
		free(text.at);
	}
	globfree(&found);
	return most;
}

/* ---- the directory ---- */

static bool is_dir(const struct stat *st, const char *root, const char *path)
{
	struct stat other;

	return candidate_stat(root, path, &other) == 0 && st->st_dev == other.st_dev &&
	       st->st_ino == other.st_ino;
}

static bool is_dir_of(const struct stat *st, const char *root, const char *file)
{
	char *copy = strdup(file);
	bool is = copy && is_dir(st, root, dirname(copy));

	free(copy);
	return is;
}

/* Is it a directory of files that the patterns fit? */
static bool is_dir_of_any(const struct stat *st, const char *root, const char *const *patterns)
{
	bool is = false;

	for (; !is && patterns && *patterns; patterns++) {
		char *copy = strdup(*patterns);
		glob_t found = { 0 };

		if (copy)
			candidate_glob(root, dirname(copy), &found);
		for (size_t i = 0; !is && i < found.gl_pathc; i++)
			is = is_dir(st, root, found.gl_pathv[i]);
		globfree(&found);
		free(copy);
	}
	return is;
}

/* Is it a directory of this candidate's live files, or the one that its file belongs into? */
static bool is_live_dir(const struct stat *st, const char *root, const struct candidate *c)
{
	return is_dir_of_any(st, root, c->live) || is_dir_of_any(st, root, c->beside) ||
	       (c->home && c->home[0] == '/' && is_dir(st, root, c->home));
}

static int refuse_live_dir(const struct candidate_request *request, const struct stat *st, struct error *err)
{
	bool live = request->boot_ini && is_dir_of(st, "", request->boot_ini);

	for (size_t i = 0; !live && candidates[i]; i++)
		live = is_live_dir(st, request->root, candidates[i]) || is_live_dir(st, "", candidates[i]);
	if (live)
		return error_set(err, -EINVAL,
			"%s: holds live files; give another directory for the candidates", request->out_dir);
	return 0;
}

int candidate_dir_begin(const struct candidate_request *request, bool *made, struct error *err)
{
	struct stat st;

	*made = mkdir(request->out_dir, 0777) == 0;
	if (!*made && errno != EEXIST)
		return error_set(
			err, -errno, "%s: cannot make the directory: %s", request->out_dir, strerror(errno));
	if (stat(request->out_dir, &st))
		return error_set(err, -errno, "%s: cannot use it: %s", request->out_dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "%s: is no directory", request->out_dir);
	return *made ? 0 : refuse_live_dir(request, &st, err);
}
