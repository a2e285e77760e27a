/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * One sampling session: clocks, probes, recorder and run directory together.
 *
 *   session_open     opens the clocks; run->clocks and run->unavailable are filled
 *   session_start    samples into run->dir
 *   session_tick     now and then: run.json is brought up to date
 *   session_stop     all readings are on disk
 *   session_close    in any case
 */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include "bench/placement.h"
#include "probes/crosscpu.h"
#include "probes/probe.h"
#include "probes/recorder.h"
#include "probes/slow.h"
#include "results/run.h"

struct session {
	struct run *run;
	struct placement *placement;
	int *cpus; /* owned by the caller */
	size_t cpu_count;
	struct probe_clock *tight, *slow;
	size_t tight_count, slow_count;
	struct probe_config config;
	struct probe *probes;
	size_t probe_count; /* started */
	struct slow_probe *slow_probes;
	size_t slow_probe_count;
	struct recorder recorder;
	struct samples_writer **writers;
	size_t writer_count;
	struct tally *tallies; /* live counters; copied into run->tallies by session_tick */
	size_t tally_count;
	pthread_mutex_t events; /* guards run->events */
	bool recording;
};

/*
 * Opens the clocks of LIST, or all that are not optional with NULL.  A known clock
 * that cannot be read goes into run->unavailable with its reason; an unknown name,
 * or no clock left, is an error.  run->tsc_hz and run->seed must be set.
 */
int session_open(struct session *session, struct run *run, struct placement *placement, int *cpus,
	size_t cpu_count, const char *list, const char *clocksource, struct error *err);

/* One more clock, by its name and options (NULL: none), between session_open() and session_start(). */
int session_add_clock(struct session *session, const char *name, const char *options, const char *clocksource,
	struct error *err);

/* run->dir, interval_s, burst and phases must be set. */
int session_start(struct session *session, struct error *err);

/* Measures all pairs of CPUs and appends them to crosscpu.csv under that label. */
int session_crosscpu(struct session *session, const char *label, struct error *err);

/* Adds an event to the run; from any thread. */
void session_event(struct session *session, uint64_t tsc, const char *kind, bool injected, const char *text);

/* The probe whose home is that CPU, NULL if none samples there. */
struct probe *session_probe(struct session *session, int cpu);

/* Label of the oscillator that the kernel's clocks follow with that clocksource; "tsc" for an empty name. */
const char *session_kernel_oscillator(const char *clocksource);

/* Copies the live counters into the run and stores run.json.  -errno also when the recorder failed. */
int session_tick(struct session *session, struct error *err);

/* Readings on disk so far, and those lost. */
void session_progress(struct session *session, uint64_t *rows, uint64_t *lost);

/* Brings run->ntp and the events up to date; session_tick() and session_stop() call it.  0 or -ENOMEM. */
int session_collect_ntp(struct session *session, struct error *err);

/* Fills run->peer_environment with what the clock `peer` is told by its other side; where that is nothing, it stays.  0 or -ENOMEM. */
int session_take_peer_facts(struct session *session, struct error *err);

int session_stop(struct session *session, struct error *err);
void session_close(struct session *session);

#endif
