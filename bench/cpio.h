/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Writes an archive in the format of an initramfs: cpio "newc", see the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst.  All in it belongs to root.
 */
#ifndef BENCH_CPIO_H
#define BENCH_CPIO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "results/error.h"

struct cpio {
	FILE *out;
	char path[PATH_MAX];
	unsigned inode; /* of the last entry */
	char **names;	/* of all entries, owned; no name is written twice */
	size_t count;
};

/* Names begin without '/'; the directories above them are made.  All return 0 or -errno with err set. */
int cpio_open(struct cpio *cpio, const char *path, struct error *err);
/* A copy of the regular file at path.  A name that is there already is left as it is. */
int cpio_add_file(
	struct cpio *cpio, const char *name, const char *path, unsigned permissions, struct error *err);
int cpio_add_text(
	struct cpio *cpio, const char *name, const char *text, unsigned permissions, struct error *err);
bool cpio_has(const struct cpio *cpio, const char *name);
int cpio_add_directory(struct cpio *cpio, const char *name, struct error *err);
/* Ends the archive.  On failure of anything the file is gone; in any case nothing is left open. */
int cpio_close(struct cpio *cpio, int failed, struct error *err);

#endif
