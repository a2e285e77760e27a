/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A preallocated ring from one probe thread to the recorder.  One producer, one
 * consumer, no lock, no system call; a full ring drops and counts.
 */
#ifndef PROBES_RING_H
#define PROBES_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/reading.h"

#define RING_EVENT UINT32_MAX /* clock of an entry that is no reading: reading.value is a probe_event */

struct ring_entry {
	struct reading reading;
	uint32_t clock; /* index into run->clocks */
	int32_t cpu;
};

struct ring {
	struct ring_entry *entries; /* owned */
	size_t mask;
	/* Each on a cache line of its own, so that the two sides do not slow each other. */
	_Alignas(64) atomic_size_t head; /* next to write; only the producer changes it */
	size_t tail_seen;		 /* producer's copy of tail */
	_Alignas(64) atomic_size_t tail; /* next to read; only the consumer changes it */
};

/* size is a power of two.  Touches all its memory.  0 or -ENOMEM. */
int ring_init(struct ring *ring, size_t size);
void ring_free(struct ring *ring);

/* Producer: false when the ring is full. */
static inline bool ring_push(struct ring *ring, const struct ring_entry *entry)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - ring->tail_seen > ring->mask) {
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (head - ring->tail_seen > ring->mask)
			return false;
	}
	ring->entries[head & ring->mask] = *entry;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

/* Consumer: the oldest entries in one stretch of memory; returns how many.  Valid until ring_release(). */
static inline size_t ring_peek(struct ring *ring, const struct ring_entry **entries)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	size_t to_end = ring->mask + 1 - (tail & ring->mask);

	*entries = &ring->entries[tail & ring->mask];
	return head - tail < to_end ? head - tail : to_end;
}

static inline void ring_release(struct ring *ring, size_t count)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	atomic_store_explicit(&ring->tail, tail + count, memory_order_release);
}

#endif
