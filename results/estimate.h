/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the analysis concludes from a run: rows of plain numbers, each with its
 * uncertainty, its method, the count used and the count rejected.
 *
 * The tables below are drift.csv, stability.csv, steps.csv, effects.csv, phases.csv and the arrays of
 * the same names in verdict.json.
 */
#ifndef RESULTS_ESTIMATE_H
#define RESULTS_ESTIMATE_H

#include <jansson.h>
#include <stdint.h>

#include "results/clock_info.h"
#include "results/error.h"
#include "results/table.h"

#define SCHEMA_VERSION 1 /* of run.json and of all JSON results */
#define PHASE_NAME_MAX 48
#define CAUSE_MAX      168

enum status {
	STATUS_STABLE,
	STATUS_UNSTABLE,
	STATUS_INCONCLUSIVE,
};

const char *status_name(enum status status);

/* Drift of one clock against one reference on one CPU in one phase. */
struct drift {
	int cpu;
	char phase[PHASE_NAME_MAX];
	char clock[CLOCK_NAME_MAX];
	char reference[CLOCK_NAME_MAX];
	char relation[24]; /* arithmetic, crystal or unknown: see analysis/relation.h */
	double drift_ppm;  /* NaN where it cannot be told */
	double ci_low_ppm; /* 95 % interval, statistical part only */
	double ci_high_ppm;
	double systematic_ppm; /* half range: what a change of the brackets' asymmetry could add */
	char method[96];
	uint64_t n;	   /* points used */
	uint64_t rejected; /* points left out: bracket inverted or far too wide */
	uint64_t backward; /* readings of this clock below the one before, in the whole phase */
	double max_backward_ns;
	double steering_ppm; /* part of the drift that the kernel admits (adjtimex); NaN: not known */
	double factors_ppm; /* part of it that the known factors of the TSC make: analysis/tsc_factors.h; 0: none */
	double hull_low_ppm; /* cross-check: slopes that fit inside every bracket; NaN: none does */
	double hull_high_ppm;
	double residual_ns; /* standard deviation about the fit */
	double span_s;	    /* first to last point used */
	double unread_s; /* of the phase, in which one of both was not read though others were: analysis/coverage.h */
	double width_ns;  /* median bracket width, target and reference together */
	double limit_ppm; /* the limit that applies; NaN: none */
	char limit[24];	  /* its name, or "user" */
	char status[16];  /* stable, unstable, inconclusive */
	/* Movements that no steady clock makes, analysis/jump.h: how many, and the largest.  Not among the columns. */
	uint64_t jumps;
	double jump_s, jump_ns;
};

/* Allan-family statistics at one averaging time.  Deviations are dimensionless, TDEV in s. */
struct stability {
	int cpu;
	char phase[PHASE_NAME_MAX];
	char clock[CLOCK_NAME_MAX];
	char reference[CLOCK_NAME_MAX];
	double tau_s;
	double adev, oadev, mdev, tdev, hdev, ohdev, totdev, pdev;
	double mtie_ns, tierms_ns; /* mean frequency removed, unless the user asked otherwise */
	double adev_low, adev_high;
	double oadev_low, oadev_high;
	double mdev_low, mdev_high;
	double tdev_low, tdev_high;
	double hdev_low, hdev_high;
	double ohdev_low, ohdev_high;
	double totdev_low, totdev_high;
	double pdev_low, pdev_high;
	double oadev_edf;
	char noise[24];
	uint64_t n;	 /* phase points */
	uint64_t filled; /* of these, filled by interpolation over a gap */
};

/* A sudden change of the offset between two clocks. */
struct step {
	int cpu;
	char phase[PHASE_NAME_MAX];
	char clock[CLOCK_NAME_MAX];
	char reference[CLOCK_NAME_MAX];
	double at_s; /* since the first reading of the run */
	double step_ns;
	double ci_low_ns;
	double ci_high_ns;
	char cause[CAUSE_MAX]; /* "unknown" where no event explains it */
	char injected[8];      /* "yes": the cause is a change that was made on purpose; else "no" */
	/* How long until the clock was back, see analysis/recovery.h. */
	char recovered[8]; /* "yes"; "no": not within the phase; empty: it is not told */
	double recovery_s; /* from the event on; NaN unless recovered */
	double recovery_resolution_s;
	double recovery_bound_ns; /* "back" is to be within that of the offset before; NaN: not told */
};

/* How far a disturbed phase moved the drift of a pair, against the idle phases of the same run. */
struct effect {
	int cpu;
	char phase[PHASE_NAME_MAX];
	char clock[CLOCK_NAME_MAX];
	char reference[CLOCK_NAME_MAX];
	double effect_ppm; /* drift in the phase - mean drift of the idle phases; NaN: cannot be told */
	double ci_low_ppm; /* 95 % */
	double ci_high_ppm;
	double p;	      /* two-sided probability of so large an effect where there is none */
	char significant[16]; /* "yes" or "no" at 5 % over all effects of the run together; "unknown" */
	uint64_t idle_phases; /* that it was held against */
	char method[96];
};

/* A phase as a whole: what was done, whether it was seen, what came of it. */
struct phase_result {
	char phase[PHASE_NAME_MAX];
	char disturbances[256]; /* "load share=90; cstate toggle"; empty: an idle phase */
	char observed[16];	/* "yes", "no", "unknown"; "idle" where nothing was asked for */
	char status[16]; /* worst of its drift rows; "none": no verdict, the disturbance was not observed */
	double duration_s;
	uint64_t steps;		  /* in all pairs */
	uint64_t steps_explained; /* of these, with an event as their cause */
	uint64_t backward;	  /* readings that went backward, all clocks and CPUs */
	char text[400];		  /* what it shows, in a sentence or two */
};

/* offset = TSC of cpu_b - TSC of cpu_a; the true one lies within offset +- bound. */
struct crosscpu {
	char phase[PHASE_NAME_MAX];
	int cpu_a;
	int cpu_b;
	double offset_ns;
	double bound_ns;
};

/* A clock that was seen to go backward on one CPU, anywhere in the run. */
struct backward {
	int cpu;
	char clock[CLOCK_NAME_MAX];
	uint64_t count;
	double largest_ns;
};

extern const struct table drift_table;
extern const struct table stability_table;
extern const struct table steps_table;
extern const struct table effects_table;
extern const struct table phases_table;
extern const struct table crosscpu_table; /* JSON only: crosscpu.csv holds the raw exchange */
extern const struct table backward_table; /* JSON only */

#define REASON_MAX 400

struct reason {
	char text[REASON_MAX];
};

struct verdict {
	enum status status;
	struct reason *reasons; /* the ones that decided first */
	size_t reason_count;
};

/* Appends one reason, formatted.  Returns 0 or -ENOMEM. */
int verdict_add(struct verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All that `analyze` makes of a run.  Owned arrays; free with estimates_free(). */
struct estimates {
	struct drift *drift;
	size_t drift_count;
	struct stability *stability;
	size_t stability_count;
	struct step *steps;
	size_t step_count;
	/*
	 * Changes at events that are as likely one of delay, or chance: nobody is told of them, and nothing stores them.
	 * The drift has them taken out as the steps, so what is drawn of its residuals needs them.  No cause, no recovery.
	 */
	struct step *levels;
	size_t level_count;
	struct effect *effects;
	size_t effect_count;
	struct phase_result *phases;
	size_t phase_count;
	struct crosscpu *crosscpu;
	size_t crosscpu_count;
	struct backward *backward;
	size_t backward_count;
	struct verdict verdict;
	json_t *losses; /* lost, rejected, failed and cut readings of the run, by kind */
};

void estimates_free(struct estimates *estimates);

/* The object of `analyze --json`; a new reference, or NULL when out of memory. */
json_t *estimates_to_json(const struct estimates *estimates, const char *run);

/*
 * Writes drift.csv, stability.csv, steps.csv, effects.csv, phases.csv and verdict.json into the run directory: all are
 * on the disk before the first gets its name.  On failure the old ones are as they were.  Where a new one cannot be
 * named after others were, none is left, new or old.
 */
int estimates_store(const struct estimates *estimates, const char *dir, struct error *err);

/* Removes the files of estimates_store(); one that is not there is fine.  Returns 0 or -errno. */
int estimates_remove(const char *dir, struct error *err);

#endif
