/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/toggler.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probes/now.h"
#include "results/units.h"

struct toggler {
	pthread_t thread;
	sem_t wake; /* posted to end the wait early */
	atomic_bool stop;
	atomic_ullong turns;
	uint64_t period_ns;
	int (*step)(void *context, uint64_t turn);
	void *context;
	int result; /* of the last step */
};

static void wait_until(struct toggler *t, uint64_t ns)
{
	struct timespec at = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	/* MONOTONIC is slewed by adjtimex, by 0.05 % at most: a toggling rate can bear that. */
	while (sem_clockwait(&t->wake, CLOCK_MONOTONIC, &at) && errno == EINTR)
		;
}

static void *toggle(void *argument)
{
	struct toggler *t = argument;
	uint64_t deadline = now_ns();

	while (!atomic_load(&t->stop) && !t->result) {
		uint64_t now;

		t->result = t->step(t->context, atomic_load(&t->turns));
		atomic_fetch_add(&t->turns, 1);
		deadline += t->period_ns;
		now = now_ns();
		if (now > deadline + t->period_ns)
			deadline = now;
		wait_until(t, deadline);
	}
	return NULL;
}

struct toggler *toggler_start(
	double rate_hz, int (*step)(void *context, uint64_t turn), void *context, struct error *err)
{
	struct toggler *t = calloc(1, sizeof(*t));
	int rc;

	if (!t) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	t->period_ns = (uint64_t)((double)NS_PER_SEC / rate_hz);
	t->step = step;
	t->context = context;
	sem_init(&t->wake, 0, 0);
	rc = pthread_create(&t->thread, NULL, toggle, t);
	if (rc) {
		error_set(err, -rc, "cannot start a thread: %s", strerror(rc));
		sem_destroy(&t->wake);
		free(t);
		return NULL;
	}
	return t;
}

uint64_t toggler_turns(const struct toggler *toggler)
{
	return atomic_load(&toggler->turns);
}

int toggler_stop(struct toggler *t)
{
	int result;

	atomic_store(&t->stop, true);
	sem_post(&t->wake);
	pthread_join(t->thread, NULL);
	result = t->result;
	sem_destroy(&t->wake);
	free(t);
	return result;
}
