/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What candidates_write() is made of (bench/candidate.h). */
#ifndef BENCH_CANDIDATES_H
#define BENCH_CANDIDATES_H

#include <glob.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "bench/candidate.h"

#define CANDIDATE_LIVE_MAX (16u << 20) /* bytes; a longer file is no configuration */

/* Each text there, and the parameters such as can be written into any of the files?  0 or -EINVAL. */
int candidate_request_check(const struct candidate_request *request, struct error *err);

/*
 * Makes out_dir if it is not there (*made), and refuses one that holds live files or from which the system
 * reads its configuration: -EINVAL, or another -errno where it cannot be used.
 */
int candidate_dir_begin(const struct candidate_request *request, bool *made, struct error *err);

/*
 * Paths of the tree whose root is root, "" for the one of this machine.  A link that is absolute or leads
 * upward stays below the root, as it would for a system that runs there.
 */

/* As open() and stat() do: -1 with errno. */
int candidate_open(const char *root, const char *path, int flags);
int candidate_stat(const char *root, const char *path, struct stat *st);
/* The paths, without the root, that the pattern fits; none is no error.  0 or -ENOMEM; to be freed either way. */
int candidate_glob(const char *root, const char *pattern, glob_t *found);
/* Reads a whole file, for reading only; text->at is to be freed.  mode (may be NULL): its permissions. */
int candidate_read(const char *root, const char *path, struct bytes *text, mode_t *mode, struct error *err);

/* Highest of the frequencies that sysfs below root says, in kHz; 0: it says none. */
unsigned long candidate_max_khz(const char *root);

/* The descriptor's steps with their places filled; replaced: a line each.  To be freed; NULL: out of memory. */
char *candidate_steps(
	const struct candidate *c, const struct candidate_request *request, const char *replaced);

/* The text of candidates.txt. */
void candidates_index(
	const struct candidate_report *report, const struct candidate_request *request, FILE *out);

#endif
