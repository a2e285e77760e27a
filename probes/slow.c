/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/slow.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "probes/now.h"
#include "results/units.h"

#define RING_SIZE 8192

/* At even places; those that a silent clock let pass by are not made up for. */
static bool slow_wait(struct slow_probe *slow, uint64_t *deadline_ns)
{
	uint64_t now = now_ns(), missed;
	struct timespec instant, *at = &instant;

	*deadline_ns += slow->interval_ns;
	missed = now > *deadline_ns ? (now - *deadline_ns) / slow->interval_ns : 0;
	*deadline_ns += missed * slow->interval_ns;
	instant = (struct timespec){ (time_t)(*deadline_ns / NS_PER_SEC), (long)(*deadline_ns % NS_PER_SEC) };
	while (sem_clockwait(&slow->wake, CLOCK_MONOTONIC, at) && errno == EINTR)
		;
	return !atomic_load_explicit(&slow->stop, memory_order_relaxed);
}

/* One burst of all outputs together: each keeps its own narrowest. */
static void take_burst(struct slow_probe *slow, struct reading *last)
{
	const struct probe_clock *clock = &slow->clock;
	struct reading taken[CLOCK_OUTPUTS_MAX][PROBE_BURST_MAX], now[CLOCK_OUTPUTS_MAX];
	unsigned burst = clock->burst && slow->burst ? slow->burst : 1, count = 0;

	for (unsigned i = 0; i < burst && !atomic_load_explicit(&slow->stop, memory_order_relaxed); i++) {
		int rc = clock->reader->read_bracket(clock->state, slow->cpu, now);

		if (rc == 0) {
			for (unsigned k = 0; k < clock->outputs; k++)
				taken[k][count] = now[k];
			count++;
		} else if (rc != -EAGAIN) {
			for (unsigned k = 0; k < clock->outputs; k++)
				__atomic_fetch_add(&slow->tallies[k].failed, 1, __ATOMIC_RELAXED);
		}
	}
	for (unsigned k = 0; count && k < clock->outputs; k++) {
		unsigned best = probe_count(clock, taken[k], count, &last[k], &slow->tallies[k]);
		struct ring_entry entry = { taken[k][best], clock->index + k, slow->cpu };

		__atomic_fetch_add(&slow->tallies[k].kept, 1, __ATOMIC_RELAXED);
		if (!ring_push(&slow->ring, &entry))
			__atomic_fetch_add(&slow->tallies[k].dropped, 1, __ATOMIC_RELAXED);
	}
}

static void *slow_main(void *argument)
{
	struct slow_probe *slow = argument;
	struct reading last[CLOCK_OUTPUTS_MAX] = { 0 };
	uint64_t deadline_ns;

	if (slow->bind)
		slow->bind(slow->bind_context, slow->cpu);
	deadline_ns = now_ns();
	do {
		take_burst(slow, last);
	} while (slow_wait(slow, &deadline_ns));
	return NULL;
}

int slow_probe_start(struct slow_probe *slow, struct error *err)
{
	uint64_t least =
		slow->clock.interval_min_ns ? slow->clock.interval_min_ns : SLOW_INTERVAL_MIN_NS;
	int rc;

	if (ring_init(&slow->ring, RING_SIZE))
		return error_set(err, -ENOMEM, "out of memory for clock %s", slow->clock.reader->name);
	if (slow->interval_ns < least)
		slow->interval_ns = least;
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
