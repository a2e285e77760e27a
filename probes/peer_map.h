/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The asker's way to a shared page: a file, or in a guest the memory of the
 * ivshmem device.
 */
#ifndef PROBES_PEER_MAP_H
#define PROBES_PEER_MAP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "probes/peer_page.h"

#define PEER_ADDRESS_AUTO "auto"

struct peer_map {
	struct peer_page *page;
	char path[PATH_MAX];
	dev_t device; /* of what is mapped, with its inode */
	ino_t inode;
	char enable[PATH_MAX]; /* of the PCI device, which was enabled; empty: none was */
};

/*
 * Maps the page of a file, or with PEER_ADDRESS_AUTO of the first ivshmem device that a responder prepared,
 * else of the first there is.  The page is not looked at otherwise: see peer_page_check().
 * 0 or -errno with err set; then nothing is left mapped or enabled.
 */
int peer_map_open(struct peer_map *map, const char *address, struct error *err);
void peer_map_close(struct peer_map *map);

/*
 * Another file has come to stand under the name, as when the responder was started anew: maps that.
 * 1: done; 0: nothing has changed, or it is not prepared yet.
 */
int peer_map_follow(struct peer_map *map);

#endif
