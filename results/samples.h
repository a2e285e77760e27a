/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The readings of a run: samples/cpuNNN.csv and samples/slow.csv.
 */
#ifndef RESULTS_SAMPLES_H
#define RESULTS_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "results/error.h"
#include "results/reading.h"
#include "results/run.h"

#define SAMPLES_DIR    "samples"
#define SAMPLES_SLOW   "slow.csv"
#define SAMPLES_HEADER "clock,tsc_lo,value,tsc_hi\n"
#define SLOW_HEADER    "cpu,clock,tsc_lo,value,tsc_hi\n"
#define CROSSCPU_FILE  "crosscpu.csv"

/* All readings of one clock on one CPU, in the order in which they were taken. */
struct series {
	int cpu;
	unsigned clock; /* index into run->clocks */
	struct reading *readings;
	size_t count, capacity;
};

/* A raw two-way exchange of TSC values between two CPUs. */
struct exchange {
	char phase[PHASE_NAME_MAX];
	int cpu_a, cpu_b;
	int64_t forward_min;  /* cycles: smallest TSC(b, received) - TSC(a, sent) */
	int64_t backward_min; /* cycles: smallest TSC(a, received) - TSC(b, sent) */
};

struct samples {
	struct series *series; /* sorted by CPU, then clock; owned */
	size_t series_count;
	struct exchange *exchanges; /* owned */
	size_t exchange_count;
	uint64_t rows;	   /* read */
	uint64_t cut_rows; /* last lines without an end: the mark of a killed run */
	uint64_t inverted; /* rows with tsc_hi < tsc_lo: kept */
};

/* Reads all samples of the run.  On failure *samples is empty and err has file:line. */
int samples_load(const struct run *run, struct samples *samples, struct error *err);
void samples_free(struct samples *samples);

/* The series of that clock on that CPU, or NULL. */
const struct series *samples_find(const struct samples *samples, int cpu, unsigned clock);

/*
 * Appends rows to one sample file.  Whole rows reach the file; after an error
 * (a full disk) what was written before stays valid, and nothing more is written.
 */
struct samples_writer;

/* cpu -1 opens slow.csv.  Returns NULL with err set on failure. */
struct samples_writer *samples_writer_open(const struct run *run, int cpu, struct error *err);
/* Buffers one row.  Returns 0 or -errno. */
int samples_writer_put(
	struct samples_writer *w, int cpu, const char *clock, const struct reading *r, struct error *err);
/* Hands all buffered rows to the kernel. */
int samples_writer_flush(struct samples_writer *w, struct error *err);
/* Flushes, syncs and frees. */
int samples_writer_close(struct samples_writer *w, struct error *err);

/* Appends one block of exchanges to crosscpu.csv. */
int crosscpu_append(const struct run *run, const struct exchange *rows, size_t count, struct error *err);

#endif
