/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * run.json: what was sampled, where and how.  See results/SCHEMA.md.
 *
 * The same struct is filled by `run` before and while it samples, and by
 * run_load() for the analysis.  Only tsc_hz, clocks and phases are needed to
 * analyse a run; everything else may be absent (zero, NULL or empty).
 */
#ifndef RESULTS_RUN_H
#define RESULTS_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "results/clock_info.h"
#include "results/error.h"
#include "results/estimate.h"
#include "results/histogram.h"

#define RUN_CLOCKS_MAX 64
#define RUN_PHASES_MAX 4096
#define RUN_EVENTS_MAX 65536
#define RUN_JSON_BYTES (256u << 20) /* a larger run.json is refused */

#define DISTURBANCE_NAME_MAX	 32
#define DISTURBANCE_EVIDENCE_MAX 512
#define PHASE_DISTURBANCES_MAX	 8
#define NTP_REFUSALS_MAX	 64 /* kinds, of one server */

enum observed {
	OBSERVED_UNKNOWN, /* it was not over when run.json was written */
	OBSERVED_NO,
	OBSERVED_YES,
};

/* What was done to the machine in a phase, and whether it was seen to happen. */
struct phase_disturbance {
	char name[DISTURBANCE_NAME_MAX];
	char asked[160]; /* its parameters, as in the scenario */
	char plan[200];	 /* what it was to do, in words */
	enum observed observed;
	char evidence[DISTURBANCE_EVIDENCE_MAX]; /* what was seen, in words and numbers */
};

/* Readings of a clock on a CPU that went backward in one phase, over all bursts. */
struct phase_backward {
	int cpu;
	unsigned clock; /* index into clocks */
	uint64_t count;
};

/* A stretch of the run, [tsc_lo, tsc_hi) on the pivot TSC in cycles. */
struct phase {
	char name[PHASE_NAME_MAX];
	uint64_t tsc_lo;
	uint64_t tsc_hi;
	struct phase_disturbance *disturbances; /* owned; none: an idle phase */
	size_t disturbance_count;
	struct phase_backward *backward; /* owned; only those with a count above 0 */
	size_t backward_count;
	/* What adjtimex does to the steered clocks in this phase; NaN: not known, the environment says it. */
	double steering_ppm;
	/* Label of the oscillator that the kernel's clocks follow in this phase; empty: as in clocks. */
	char oscillator[CLOCK_NAME_MAX];
};

/* A phase that this machine could not do. */
struct skipped {
	char phase[PHASE_NAME_MAX];
	char disturbance[DISTURBANCE_NAME_MAX];
	char reason[400];
};

/* Something that happened at a known instant. */
struct event {
	uint64_t tsc;	/* cycles */
	char kind[32];	/* "cpu-offline", "clocksource", "settime", ... */
	char text[128]; /* in words; may become a step's cause */
	bool injected;	/* a change of a clock made on purpose: a step it explains is no fault of the clock */
};

/* A clock that was wanted and could not be read, and why. */
struct unavailable {
	char name[CLOCK_NAME_MAX];
	char reason[400];
};

/* How often an exchange with a server gave no reading, for one reason. */
struct ntp_refusal {
	char kind[16]; /* "silent", "kiss-rate", ...: the names of probes/ntp_problem.c */
	uint64_t count;
};

/*
 * What an NTP server said of itself, and how it answered.  Its time is good to root delay / 2 + root
 * dispersion: that is what it says of its own error, and is in no bracket.  NaN and -1: not known.
 */
struct ntp_server {
	char clock[CLOCK_NAME_MAX]; /* whose readings it gave */
	char address[64];	    /* numeric, with the port */
	/* Of its last good answer. */
	int leap, stratum;
	char refid[16]; /* its own source: text for stratum 1, else hexadecimal */
	double precision_ns;
	double root_delay_ns, root_dispersion_ns;
	/* Over all good answers. */
	double root_distance_min_ns, root_distance_max_ns; /* root delay / 2 + root dispersion */
	double delay_min_ns;				   /* round trip without the time in the server */
	double interval_s;				   /* time between two requests, at the end */
	uint64_t asked, answered;			   /* requests; good answers */
	uint64_t stamped;	      /* of these with the kernel's stamps at both ends of the bracket */
	struct ntp_refusal *refusals; /* owned; only those with a count above 0 */
	size_t refusal_count;
	char last_problem[160]; /* in words; empty: none */
};

/* Counts of one clock on one CPU over the whole run, all readings of all bursts. */
struct tally {
	int cpu;
	unsigned clock;		    /* index into clocks */
	uint64_t readings;	    /* taken */
	uint64_t kept;		    /* narrowest of their burst, handed to the writer */
	uint64_t dropped;	    /* of these, lost to a full ring */
	uint64_t failed;	    /* read_bracket gave none */
	uint64_t inverted;	    /* tsc_hi < tsc_lo */
	uint64_t backward;	    /* below the reading before it */
	uint64_t max_backward;	    /* largest such step, in the clock's unit */
	struct histogram *brackets; /* widths of all readings in cycles; owned; NULL: not known */
};

/* Where a probe thread ran. */
struct probe_place {
	int cpu, package, core, node;
	char scheduler[16]; /* "fifo" or "other" */
	bool pinned;
	bool locked;		    /* its memory could be locked */
	uint64_t late;		    /* deadlines missed by more than an interval */
	double cpu_share;	    /* CPU time taken / wall time; NaN: not known */
	double granularity_cycles;  /* GCD of this CPU's TSC deltas; 0: not known */
	double null_bracket_cycles; /* narrowest bracket around nothing; 0: not known */
};

/* How the user wants the run judged; analyze may override it. */
struct judging {
	char reference[CLOCK_NAME_MAX]; /* empty: chosen by the analysis */
	double limit_ppm;		/* 0: not given */
	char limits[24];		/* name of a preset; empty: not given */
};

struct run {
	char *dir; /* owned */
	char tool[32], host[128], scenario[64], topology[64];
	char started[32], finished[32]; /* UTC, ISO 8601; finished is empty for a run that was killed */
	char state[16];			/* "running", "complete", "interrupted" or "failed" */
	double tsc_hz;
	char tsc_hz_source[96];
	char tsc_fence[32];
	double tsc_granularity_cycles; /* 0: not known */
	double interval_s, duration_s; /* 0: not known; interval 0 with burst set: back to back */
	unsigned burst;		       /* 0: not known */
	uint64_t seed;
	struct judging judging;
	struct clock_info *clocks;
	size_t clock_count;
	struct unavailable *unavailable;
	size_t unavailable_count;
	struct probe_place *places;
	size_t place_count;
	struct phase *phases;
	size_t phase_count;
	struct skipped *skipped;
	size_t skipped_count;
	struct event *events;
	size_t event_count;
	struct tally *tallies;
	size_t tally_count;
	struct ntp_server *ntp;
	size_t ntp_count;
	json_t *environment_before, *environment_after; /* owned; NULL: not known */
	json_t *environment_changes;			/* array of strings, owned; NULL: not known */
	/* How the lab guest was made that the run was taken in, and the snapshot of the machine behind the clock `peer`.  Owned; NULL: none. */
	json_t *lab, *peer_environment;
	uint64_t events_lost;
};

/* Reads DIR/run.json.  On failure *run is empty and err has file:line.  Free with run_free(). */
int run_load(const char *dir, struct run *run, struct error *err);

/* Writes run->dir/run.json in one step, so a reader always finds a whole one. */
int run_store(const struct run *run, struct error *err);

void run_free(struct run *run);

/* Index of the clock of that name, or -1. */
int run_clock_find(const struct run *run, const char *name);

/* Appends; 0, -ENOMEM, or -ENOSPC when RUN_EVENTS_MAX are held (counted in events_lost). */
int run_event_add(struct run *run, uint64_t tsc, const char *kind, bool injected, const char *text);

/*
 * Makes PARENT/NAME, or NAME-2, NAME-3 ... if it exists, with samples/ inside.
 * Sets run->dir.  Missing parents are made.
 */
int run_create(struct run *run, const char *parent, const char *name, struct error *err);

/* Makes exactly DIR, which must not exist. */
int run_create_at(struct run *run, const char *dir, struct error *err);

#endif
