/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/crosscpu.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "probes/tsc.h"
#include "probes/now.h"
#include "results/units.h"

/* After this many empty looks at the line, look at the clock. */
#define LOOKS_PER_CHECK 4096

struct exchange_line {
	/* Round 2k+1 is written by A, 2k+2 by B, with the writer's TSC. */
	_Alignas(64) atomic_ullong round;
	uint64_t stamp;
	/* Away from the line that both sides hammer. */
	_Alignas(64) const struct crosscpu_binding *binding;
	uint64_t deadline_ns;
	unsigned rounds;
	atomic_int failed; /* errno of a failed binding, or ETIMEDOUT */
};

struct side {
	struct exchange_line *line;
	int cpu;
	bool first;	 /* side A: starts each round */
	int64_t minimum; /* smallest own TSC at arrival less the other's at sending */
	unsigned arrived;
};

static bool await_round(struct exchange_line *line, uint64_t round)
{
	for (unsigned looks = 1; atomic_load_explicit(&line->round, memory_order_acquire) != round; looks++) {
		if (looks % LOOKS_PER_CHECK)
			continue;
		if (atomic_load(&line->failed))
			return false;
		if (now_ns() > line->deadline_ns) {
			atomic_store(&line->failed, ETIMEDOUT);
			return false;
		}
	}
	return true;
}

static void send_round(struct exchange_line *line, uint64_t round)
{
	line->stamp = tsc_before();
	atomic_store_explicit(&line->round, round, memory_order_release);
}

static void *side_main(void *argument)
{
	struct side *side = argument;
	struct exchange_line *line = side->line;
	int rc = line->binding->bind(line->binding->context, side->cpu);

	if (rc) {
		atomic_store(&line->failed, -rc);
		return NULL;
	}
	for (uint64_t round = 0; round < line->rounds; round++) {
		uint64_t mine = 2 * round + (side->first ? 1 : 2), theirs = 2 * round + (side->first ? 2 : 1);
		uint64_t arrival;
		int64_t delay;

		if (side->first)
			send_round(line, mine);
		if (!await_round(line, theirs))
			break;
		arrival = tsc_before();
		delay = (int64_t)(arrival - line->stamp);
		if (!side->first)
			send_round(line, mine);
		if (side->arrived++ == 0 || delay < side->minimum)
			side->minimum = delay;
	}
	return NULL;
}

int crosscpu_exchange(const struct crosscpu_binding *binding, int cpu_a, int cpu_b, unsigned rounds,
	unsigned deadline_ms, struct exchange *out, struct error *err)
{
	struct exchange_line line = { .binding = binding, .rounds = rounds };
	struct side a = { .line = &line, .cpu = cpu_a, .first = true }, b = { .line = &line, .cpu = cpu_b };
	pthread_t thread_a, thread_b;
	int rc;

	line.deadline_ns = now_ns() + (uint64_t)deadline_ms * NS_PER_MS;
	rc = pthread_create(&thread_a, NULL, side_main, &a);
	if (rc)
		return error_set(err, -rc, "cannot start a thread: %s", strerror(rc));
	rc = pthread_create(&thread_b, NULL, side_main, &b);
	if (rc)
		atomic_store(&line.failed, rc);
	else
		pthread_join(thread_b, NULL);
	pthread_join(thread_a, NULL);
	if (a.arrived == 0 || b.arrived == 0) {
		rc = atomic_load(&line.failed);
		return error_set(err, rc ? -rc : -EIO, "no exchange between CPU %d and CPU %d: %s", cpu_a,
			cpu_b, strerror(rc ? rc : EIO));
	}
	out->cpu_a = cpu_a;
	out->cpu_b = cpu_b;
	out->forward_min = b.minimum;
	out->backward_min = a.minimum;
	return 0;
}
