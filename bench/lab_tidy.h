/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the lab makes and must not leave: private directories, half a download, the
 * shared file.  On every ordinary way out the lab removes them itself.  For SIGKILL
 * there is a small process of its own, which waits for our end and removes what is
 * left then.
 */
#ifndef BENCH_LAB_TIDY_H
#define BENCH_LAB_TIDY_H

#include "results/error.h"

#define LAB_TIDY_MAX 16 /* paths at a time */

/* One for this process; call it before there are threads.  0 or -errno with err set. */
int lab_tidy_start(struct error *err);
/* Removes what is noted still, and ends the helper. */
void lab_tidy_end(void);

/*
 * Notes an absolute path of ours, before it is made: a file, or a directory with all that is in it.
 * Without lab_tidy_start() it does nothing.  0, or -E2BIG, -EINVAL with err set.
 */
int lab_tidy_note(const char *path, struct error *err);
/* Forgets it: it is removed, or is to stay. */
void lab_tidy_forget(const char *path);

#endif
