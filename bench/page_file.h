/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The file that a responder shares with a guest or with another process of this machine. */
#ifndef BENCH_PAGE_FILE_H
#define BENCH_PAGE_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "probes/peer_page.h"
#include "results/error.h"

struct page_file {
	char path[PATH_MAX];
	int fd;
	struct peer_page *page; /* as it was found: see peer_page_prepare() */
	bool made;		/* by this or an earlier responder: it is removed at the end */
};

/*
 * Makes the file, of PEER_FILE_SIZE bytes and for its owner alone; or takes one of that size which a killed
 * responder left, or which QEMU made and nobody wrote to.  Nobody else can open it so until it is closed.
 * 0 or -errno with err set; then what was made is removed.
 */
int page_file_open(struct page_file *file, const char *path, struct error *err);

/* Tells askers that nobody answers any more, and removes the file if it was made. */
void page_file_close(struct page_file *file);

#endif
