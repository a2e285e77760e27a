/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A probe: the thread that samples all tight clocks on one CPU.
 *
 * At each deadline it takes a burst of bracketed readings of every clock and
 * keeps the narrowest of each.  It never interprets: all readings are counted,
 * backward steps too, and none is left out because it looks wrong.
 *
 * It can be sent to other CPUs.  It moves itself between two bursts, so none is
 * split, and the reading before the move stays the one that the next is held
 * against: a clock that goes backward from CPU to CPU shows.
 */
#ifndef PROBES_PROBE_H
#define PROBES_PROBE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "probes/clock_reader.h"
#include "probes/ring.h"
#include "results/histogram.h"
#include "results/run.h"

#define PROBE_BURST_MAX 256

/* An open clock. */
struct probe_clock {
	const struct clock_reader *reader;
	void *state;
	unsigned index; /* into run->clocks */
	unsigned bits;	/* counter width */
	uint64_t turn;	/* cycles in half a turn of the counter; UINT64_MAX: it does not wrap */
	/* Slow clocks only. */
	unsigned outputs; /* clocks that a reading yields, at index, index + 1 ... */
	uint64_t interval_min_ns;
	bool burst;
};

enum probe_event {
	/* The CPU that it ran on went offline or out of the allowed set: no readings from now on. */
	PROBE_LEFT_CPU,
	PROBE_BACK_ON_CPU, /* it could be bound again */
};

struct probe_config {
	const struct probe_clock *clocks;
	size_t clock_count;
	uint64_t interval_ns; /* 0: back to back */
	unsigned burst;
	uint64_t seed;
	bool realtime; /* try SCHED_FIFO */
	/* Binds the calling thread to that CPU alone: 0 or -errno.  NULL: do not bind, do not watch the CPU. */
	int (*bind)(void *context, int cpu);
	void *bind_context;
};

struct probe {
	const struct probe_config *config;
	int cpu;	   /* its home: the CPU of its readings, wherever they were taken */
	atomic_int target; /* the CPU to run on; probe_move() sets it */
	atomic_int ran_on; /* CPU of the last burst, -1 before the first */
	int asked, bound;  /* of the thread: the last target tried, and the CPU that it is bound to */
	atomic_uint moves, moves_taken; /* of probe_move(): how many, and the last that the thread took up */
	pthread_t thread;
	sem_t wake; /* posted to end the wait early */
	atomic_bool stop, done;
	struct ring ring;
	struct tally *tallies; /* one a clock, in the order of config->clocks; owned by the caller */
	struct probe_place place;
	struct probe_scratch *scratch;
};

/*
 * Starts the thread.  tallies has config->clock_count entries, with brackets
 * allocated; the caller reads them with tally_snapshot() at any time.  Returns 0 or -errno.
 */
int probe_start(struct probe *probe, const struct probe_config *config, int cpu, struct tally *tallies,
	struct error *err);

/*
 * Sends it to that CPU from its next burst on; from any thread, between probe_start() and probe_stop().
 * Its home takes it back.  Where the CPU cannot be bound it goes on where it is; probe->ran_on says where.
 * Without config->bind it stays.
 */
void probe_move(struct probe *probe, int cpu);

/*
 * After a move home: whether it arrived.  No burst elsewhere is under way, and the last one (if there was
 * one) was taken at home.  For the one thread that moves it.
 */
bool probe_is_home(const struct probe *probe);

/* Tells the thread to end and waits for it.  The ring keeps its last readings until probe_free(). */
void probe_stop(struct probe *probe);
void probe_free(struct probe *probe);

/* A copy that can be taken while the probe runs; to->brackets must be there. */
void tally_snapshot(const struct tally *from, struct tally *to);

/* One burst of one clock into buffer (burst entries); returns how many readings were taken. */
unsigned probe_burst(const struct probe_clock *clock, int cpu, unsigned burst, struct reading *buffer);

/*
 * Counts a burst and finds its narrowest bracket.  last is the reading before it
 * (last->tsc_hi 0: none) and becomes the burst's last one.  Returns the index of
 * the narrowest, count for none.
 */
unsigned probe_count(const struct probe_clock *clock, const struct reading *buffer, unsigned count,
	struct reading *last, struct tally *tally);

#endif
