/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/slow.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "results/units.h"

#define RING_SIZE 1024

static bool slow_wait(struct slow_probe *slow, struct timespec *at)
{
	uint64_t ns = (uint64_t)at->tv_nsec + slow->interval_ns;

	at->tv_sec += (time_t)(ns / NS_PER_SEC);
	at->tv_nsec = (long)(ns % NS_PER_SEC);
	while (sem_clockwait(&slow->wake, CLOCK_MONOTONIC, at) && errno == EINTR)
		;
	return !atomic_load_explicit(&slow->stop, memory_order_relaxed);
}

static void *slow_main(void *argument)
{
	struct slow_probe *slow = argument;
	struct reading last = { 0 }, now;
	struct timespec at;

	if (slow->bind)
		slow->bind(slow->bind_context, slow->cpu);
	clock_gettime(CLOCK_MONOTONIC, &at);
	do {
		unsigned taken = slow->clock.reader->read_bracket(slow->clock.state, slow->cpu, &now) == 0;
		struct ring_entry entry = { now, slow->clock.index, slow->cpu };

		if (!taken) {
			__atomic_fetch_add(&slow->tally->failed, 1, __ATOMIC_RELAXED);
			continue;
		}
		probe_count(&slow->clock, &now, 1, &last, slow->tally);
		__atomic_fetch_add(&slow->tally->kept, 1, __ATOMIC_RELAXED);
		if (!ring_push(&slow->ring, &entry))
			__atomic_fetch_add(&slow->tally->dropped, 1, __ATOMIC_RELAXED);
	} while (slow_wait(slow, &at));
	return NULL;
}

int slow_probe_start(struct slow_probe *slow, struct error *err)
{
	int rc;

	if (ring_init(&slow->ring, RING_SIZE))
		return error_set(err, -ENOMEM, "out of memory for clock %s", slow->clock.reader->name);
	if (slow->interval_ns < SLOW_INTERVAL_MIN_NS)
		slow->interval_ns = SLOW_INTERVAL_MIN_NS;
	atomic_store(&slow->stop, false);
	sem_init(&slow->wake, 0, 0);
	rc = pthread_create(&slow->thread, NULL, slow_main, slow);
	if (rc) {
		sem_destroy(&slow->wake);
		slow_probe_free(slow);
		return error_set(err, -rc, "cannot start the thread of clock %s: %s",
			slow->clock.reader->name, strerror(rc));
	}
	return 0;
}

void slow_probe_stop(struct slow_probe *slow)
{
	atomic_store_explicit(&slow->stop, true, memory_order_relaxed);
	sem_post(&slow->wake);
	pthread_join(slow->thread, NULL);
	sem_destroy(&slow->wake);
}

void slow_probe_free(struct slow_probe *slow)
{
	ring_free(&slow->ring);
}
