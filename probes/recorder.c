/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/recorder.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "probes/now.h"
#include "results/units.h"

/* What a kill may cost at most. */
#define FLUSH_NS (250 * NS_PER_MS)
/* A round that found this many readings in one ring is followed by the next at once. */
#define BUSY_READINGS 2048

static void recorder_fail(struct recorder *r, const struct error *err)
{
	if (atomic_load(&r->failed))
		return;
	r->error = *err;
	atomic_store(&r->failed, true);
}

static void record(struct recorder *r, const struct recorder_input *in, const struct ring_entry *entry)
{
	struct error err = { "" };

	if (entry->clock == RING_EVENT) {
		if (r->on_event)
			r->on_event(r->event_context, entry->cpu, (enum probe_event)entry->reading.value,
				entry->reading.tsc_lo);
		return;
	}
	if (atomic_load_explicit(&r->failed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&r->rows_lost, 1, memory_order_relaxed);
		return;
	}
	if (samples_writer_put(
		    in->writer, entry->cpu, r->run->clocks[entry->clock].name, &entry->reading, &err))
		recorder_fail(r, &err);
	else
		atomic_fetch_add_explicit(&r->rows, 1, memory_order_relaxed);
}

/* One round over all rings; returns the most readings that one of them held. */
static size_t drain(struct recorder *r)
{
	size_t most = 0;

	for (size_t i = 0; i < r->input_count; i++) {
		const struct ring_entry *entries;
		size_t count = ring_peek(r->inputs[i].ring, &entries);

		for (size_t k = 0; k < count; k++)
			record(r, &r->inputs[i], &entries[k]);
		ring_release(r->inputs[i].ring, count);
		most = count > most ? count : most;
	}
	return most;
}

static void flush(struct recorder *r)
{
	struct error err = { "" };

	for (size_t i = 0; i < r->input_count && !atomic_load(&r->failed); i++)
		if (samples_writer_flush(r->inputs[i].writer, &err))
			recorder_fail(r, &err);
}

static void *recorder_main(void *argument)
{
	struct recorder *r = argument;
	uint64_t flushed = now_ns();

	if (r->bind)
		r->bind(r->bind_context, r->cpu);
	for (;;) {
		bool last = atomic_load(&r->stop);
		size_t most = drain(r);

		if (now_ns() - flushed > FLUSH_NS) {
			flush(r);
			flushed = now_ns();
		}
		/* A ring's last stretch may end at its edge: go round until all are empty. */
		if (last && most == 0)
			break;
		if (!last && most < BUSY_READINGS) {
			struct timespec pause = { (time_t)(r->pause_ns / NS_PER_SEC),
				(long)(r->pause_ns % NS_PER_SEC) };

			nanosleep(&pause, NULL);
		}
	}
	flush(r);
	return NULL;
}

int recorder_start(struct recorder *r, struct error *err)
{
	int rc;

	atomic_store(&r->stop, false);
	atomic_store(&r->failed, false);
	rc = pthread_create(&r->thread, NULL, recorder_main, r);
	return rc ? error_set(err, -rc, "cannot start the writer thread: %s", strerror(rc)) : 0;
}

void recorder_stop(struct recorder *r)
{
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
}
