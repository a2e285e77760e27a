/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What all parts of the lab do: wait so that Ctrl-C ends the wait, run a tool to
 * its end, put files away.
 */
#ifndef BENCH_LAB_TOOL_H
#define BENCH_LAB_TOOL_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "results/error.h"

#define LAB_PRIVATE "clkdrift-lab-" /* what its private files are called */

/* The signals that end the lab; they are blocked, and taken here. */
struct lab_wait {
	sigset_t signals, before; /* before: the mask as it was */
	int signal;		  /* that came; 0: none */
	bool inner;		  /* one came to a wait within this one, and ended both */
};

/* Blocks the signals that are not ignored, or makes the mask what it was.  One wait may stand within another. */
void lab_wait_block(struct lab_wait *wait);
void lab_wait_unblock(struct lab_wait *wait);

/* Sleeps for ns, or until a signal ends all: then, and ever after, -EINTR with err set. */
int lab_wait_for(struct lab_wait *wait, uint64_t ns, struct error *err);

/*
 * Runs a program of $PATH in the directory dir until it ends, deadline_s at most, with LC_ALL=C.  argv ends with NULL.
 * *output (may be NULL): the last 16 kB that it said, to be freed.  0; -ENOENT: not installed; -EIO: it failed;
 * -ETIMEDOUT; -EINTR; with err set.
 */
int lab_tool_run(struct lab_wait *wait, const char *dir, const char *const *argv, unsigned deadline_s,
	char **output, struct error *err);

/* Finds a program in $PATH; false if it is not there. */
bool lab_tool_find(const char *name, char path[PATH_MAX]);

/*
 * Makes a private directory PREFIX and a random number, in parent (absolute; NULL: $TMPDIR, else /tmp), and notes it
 * (bench/lab_tidy.h).  0 or -errno with err set, and then dir is empty.
 */
int lab_make_private(const char *parent, const char *prefix, char dir[PATH_MAX], struct error *err);
void lab_remove_private(const char *dir);
/* mkdir -p; 0 or -errno with err set. */
int lab_make_directory(const char *path, struct error *err);
/* rc of making something in the cache: where that failed, err says how to name another one.  Returns rc. */
int lab_cache_made(int rc, struct error *err);
/* rm -r, without following links; what cannot be removed stays. */
void lab_remove_tree(const char *path);

#endif
