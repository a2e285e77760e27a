/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *ring, size_t size)
{
	memset(ring, 0, sizeof(*ring));
	ring->entries = malloc(size * sizeof(*ring->entries));
	if (!ring->entries)
		return -ENOMEM;
	memset(ring->entries, 0, size * sizeof(*ring->entries));
	ring->mask = size - 1;
	return 0;
}

void ring_free(struct ring *ring)
{
	free(ring->entries);
	ring->entries = NULL;
}
