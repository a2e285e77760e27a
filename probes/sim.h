/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A simulated clock with a known truth: drift, noise, path delays, steps, rate
 * changes and TSC halts.  The sim clock reads it live; tests and `make bench`
 * ask it for readings at any instant they like.
 *
 * The same model, seed, CPU and instant give the same reading, so it needs no
 * state and any number of threads may ask at once.
 */
#ifndef PROBES_SIM_H
#define PROBES_SIM_H

#include <stdint.h>

#include "results/error.h"
#include "results/reading.h"

#define SIM_CHANGES_MAX 16

/* Delay of one path: fixed + Exp(exp_ns) + Lomax(pareto_shape) * pareto_ns, and spikes of spike_ns. */
struct sim_path {
	double fixed_ns, exp_ns, pareto_ns, pareto_shape;
	double spike_share, spike_ns;
};

/* Something that happens at a moment of the sim clock's life. */
struct sim_change {
	double at_s, amount;
};

struct sim_model {
	double tsc_hz;
	uint64_t tsc_start; /* TSC at sim time 0 */
	uint64_t seed;
	double drift_ppm;
	double noise_ns;      /* standard deviation of each of the three stamps */
	double granularity;   /* cycles: TSC values are multiples of it; 0 or 1: every cycle */
	double resolution_ns; /* the value is a multiple of it */
	struct sim_path forward, backward;
	double ramp_factor;	      /* the variable part of the delays grows to this multiple ... */
	double ramp_period_s;	      /* ... over each such period, and falls back; 0: never */
	double early_share, early_ns; /* stamps that come too early: the bracket is false */
	struct sim_change steps[SIM_CHANGES_MAX]; /* amount in ns */
	struct sim_change rates[SIM_CHANGES_MAX]; /* amount in ppm, added from then on */
	struct sim_change halts[SIM_CHANGES_MAX]; /* amount in ns: the TSC stands still for so long */
	unsigned step_count, rate_count, halt_count;
};

/*
 * Fills the model from "key=value:key=value"; see sim_options_help for the keys.
 * Keys that are not named keep their value.  Returns 0 or -EINVAL with err set.
 */
int sim_model_parse(struct sim_model *model, const char *options, struct error *err);
extern const char sim_options_help[];

/* True offset of the sim clock against an ideal one at sim time t_s, in ns. */
double sim_offset_ns(const struct sim_model *model, double t_s);

/* The reading whose request starts at sim time t_s on that CPU. */
struct reading sim_reading(const struct sim_model *model, int cpu, double t_s);

#endif
