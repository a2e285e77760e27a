/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What KVM does to a guest's TSC, beside what was measured.
 *
 * The host tells for each vCPU of its guests (peer_environment.kvm_vcpus)
 *   guest TSC = (host TSC * ratio >> bits) + offset    mod 2^64
 * (arch/x86/kvm/x86.c, kvm_scale_tsc() and kvm_read_l1_tsc()).  Each reading of peer_tsc is a value
 * of the host's TSC that lies between two of the guest's, so it bounds the offset
 * from both sides.  What all readings of a CPU allow together is the measured
 * offset; what is left of a drift must be 0.
 */
#ifndef ANALYSIS_EXACT_MAP_H
#define ANALYSIS_EXACT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"
#include "results/run.h"
#include "results/samples.h"

/* What the host says of one vCPU. */
struct exact_vcpu {
	int pid, fd, vcpu; /* pid and fd name the guest on its host */
	int64_t offset;	   /* cycles */
	uint64_t ratio;	   /* 1 << bits: not scaled */
	unsigned bits;
};

enum exact_answer {
	EXACT_AGREES,	 /* all readings allow the offset of that vCPU, and of no other guest */
	EXACT_DISAGREES, /* there is one guest, and its offset is not allowed */
	EXACT_UNKNOWN,	 /* there are several guests, and the offset of none is allowed */
	EXACT_AMBIGUOUS, /* that of several guests is */
};

struct exact_map_cpu {
	int cpu; /* of this guest */
	enum exact_answer answer;
	struct exact_vcpu vcpu; /* that was compared; unknown: the nearest */
	size_t guests;		/* on the host */
	size_t readings;
	int64_t offset; /* measured, cycles */
	uint64_t half;	/* it is known to +- that, cycles */
	bool moved; /* no one offset is allowed by all readings: the TSCs moved against each other.  Then it is
				that of the narrowest bracket in the middle third of the run. */
	double drift_ppm;	  /* of this TSC against the host's, less the ratio; NaN: not known */
	double low_ppm, high_ppm; /* its 95 % interval, systematic part included */
};

struct exact_map {
	struct exact_map_cpu *cpus; /* owned; CPUs that read peer_tsc, ascending */
	size_t count;
	bool asked;	  /* the run has a peer whose TSC was read */
	char absent[240]; /* why there is nothing to compare with, no full stop; empty: there is */
};

/* Returns 0 or -ENOMEM.  Free with exact_map_free(), also after an error. */
int exact_map_make(
	const struct run *run, const struct samples *samples, struct exact_map *map, struct error *err);
void exact_map_free(struct exact_map *map);

/* "the TSC of CPU 0 is as KVM maps it: ...", for verdict and report. */
void exact_map_say(const struct exact_map_cpu *cpu, char *text, size_t size);

#endif
