/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The one thread that writes: it drains all rings into the sample files.
 */
#ifndef PROBES_RECORDER_H
#define PROBES_RECORDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "probes/probe.h"
#include "results/samples.h"

struct recorder_input {
	struct ring *ring;
	struct samples_writer *writer;
};

struct recorder {
	/* Set by the caller before recorder_start(); they must outlive recorder_stop(). */
	const struct run *run; /* clocks' names */
	struct recorder_input *inputs;
	size_t input_count;
	uint64_t pause_ns;		     /* between two rounds that found little */
	int (*bind)(void *context, int cpu); /* NULL: unbound */
	void *bind_context;
	int cpu;
	/* Told of each event of a probe, from the recorder's thread. */
	void (*on_event)(void *context, int cpu, enum probe_event event, uint64_t tsc);
	void *event_context;

	pthread_t thread;
	atomic_bool stop;
	atomic_bool failed;	 /* a write failed: readings are drained and lost from then on */
	atomic_ullong rows;	 /* written so far */
	atomic_ullong rows_lost; /* drained after the failure */
	struct error error;	 /* of the failure; read it after recorder_stop() or once failed is set */
};

int recorder_start(struct recorder *recorder, struct error *err);
/* Stop the probes first: what is in the rings is written before this returns.  Does not close the writers. */
void recorder_stop(struct recorder *recorder);

#endif
