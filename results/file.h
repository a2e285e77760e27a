/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Files that are there whole or not at all, and files that grow by whole rows.
 */
#ifndef RESULTS_FILE_H
#define RESULTS_FILE_H

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

#include "results/error.h"

struct file_replace {
	FILE *out; /* write here; write errors are found by commit */
	char path[PATH_MAX];
	char temporary[PATH_MAX];
};

/* Opens a temporary file beside DIR/NAME.  Returns 0 or -errno. */
int file_replace_begin(struct file_replace *file, const char *dir, const char *name, struct error *err);
/* Flushes it to disk and gives it its name.  On failure the old file stays and the temporary one is gone. */
int file_replace_commit(struct file_replace *file, struct error *err);
/*
 * The two halves of it, for files that belong together: all are finished before the first gets its name, so that
 * what a full disk refuses leaves the old ones as they were.  What cannot be named, as a directory stands there, is
 * found by the first half already.  A finished one that is not to be named is dropped.
 */
int file_replace_finish(struct file_replace *file, struct error *err);
int file_replace_name(struct file_replace *file, struct error *err);
void file_replace_drop(struct file_replace *file);
/*
 * The same for a file that must not be there yet: nothing is written over and no symbolic link followed,
 * neither at the end nor on the way.  mode: as of open(2).  commit gives -EEXIST where something has the name by then.
 */
int file_create_begin(
	struct file_replace *file, const char *dir, const char *name, mode_t mode, struct error *err);
int file_create_commit(struct file_replace *file, struct error *err);
/* Gives up: the old file stays. */
void file_replace_abort(struct file_replace *file);

/*
 * Writes bytes, which are whole rows, at the file's end, and moves *end there.  On failure, as of a full
 * disk, what the kernel took of them is cut back to *end.  Returns 0 or -errno.
 */
int file_append(int fd, const char *bytes, size_t length, off_t *end);

/* Makes exactly DIR, which must not exist, and the parents that are missing.  0 or -errno with err set. */
int directory_create_at(const char *dir, struct error *err);
/* The same for PARENT/NAME, or NAME-2, NAME-3 ... if it exists; dir is its path. */
int directory_create(char dir[PATH_MAX], const char *parent, const char *name, struct error *err);

/* Joins DIR and NAME; returns 0 or -ENAMETOOLONG. */
int path_join(char *path, size_t size, const char *dir, const char *name, struct error *err);

#endif
