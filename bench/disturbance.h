/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A disturbance: something that is done to the machine on purpose while it is
 * sampled, with the evidence that it was really done.
 *
 * One file bench/disturb_NAME.c each; it defines
 *     const struct disturbance disturb_NAME = { ... };
 * ('-' in the name is '_' there).  The Makefile makes the table of them.
 *
 * In a scenario a phase asks for it:   NAME = WORD KEY=VALUE ...
 * The parameters' table drives the parser and the help.
 */
#ifndef BENCH_DISTURBANCE_H
#define BENCH_DISTURBANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/journal.h"
#include "bench/placement.h"
#include "results/error.h"
#include "results/run.h"

#define DISTURBANCE_PARAMETERS_MAX 8
#define DISTURBANCE_TEXT_MAX	   160 /* of what a scenario asks for */
/* observe() is called about so often. */
#define DISTURBANCE_OBSERVE_NS 100000000

enum parameter_kind {
	PARAMETER_WORD,	  /* one of `words` where that is set, else any text without blanks */
	PARAMETER_NUMBER, /* low <= number <= high */
	PARAMETER_TIME,	  /* "10ms": number is in s; low and high too; "-10ms" where low is negative */
};

/* One KEY=VALUE.  The first one of a table may be given without its key. */
struct parameter {
	const char *name;
	enum parameter_kind kind;
	const char *initial; /* value where it is not given; NULL: then it has none */
	const char *words;   /* "idle,busy": all that is allowed; NULL: anything */
	double low, high;
	const char *help; /* with the unit */
};

struct argument {
	const char *text; /* NULL: not given, and no initial value */
	double number;	  /* NaN unless a number or a time */
};

struct stage; /* whom a disturbance tells; see the functions below */

/* All that a disturbance gets to know.  Valid until stop() returned. */
struct disturbance_setup {
	const struct argument *arguments; /* in the order of the parameters */
	double duration_s;		  /* of the phase */
	const int *cpus;		  /* of the probes */
	size_t cpu_count;
	struct placement *placement;
	struct journal *journal; /* NULL only where changes_machine is false, and in supported() and plan() */
	struct stage *stage;	 /* NULL in supported() and plan() */
};

/* What a disturbance can say of itself when it ended. */
struct evidence {
	bool observed;			     /* what was asked for was seen to happen */
	char text[DISTURBANCE_EVIDENCE_MAX]; /* in words and numbers, with units: what was seen */
};

struct disturbance {
	const char *name, *summary;
	const struct parameter *parameters; /* ends with a NULL name; NULL: none */
	bool changes_machine;		    /* needs the journal: one such run at a time */

	/* Are the arguments right together?  Asks nothing of the machine.  0 or -EINVAL with err.  May be NULL. */
	int (*check)(const struct argument *arguments, struct error *err);

	/* 0, or -errno with the reason why this machine or this user cannot do it.  Changes nothing. */
	int (*supported)(const struct disturbance_setup *setup, struct error *why);

	/*
	 * The CPU that it takes away meanwhile, -1: none; and whether it needs that CPU.  A phase must not
	 * ask for both.  After supported().  May be NULL: it takes none, it needs none.
	 */
	int (*takes_cpu)(const struct disturbance_setup *setup);
	bool (*needs_cpu)(const struct disturbance_setup *setup, int cpu);

	/* One line without a full stop: what the phase will do to the machine. */
	void (*plan)(const struct disturbance_setup *setup, char *text, size_t size);

	/*
	 * Begins; returns once the disturbance is in force, or -errno with err and everything of its own
	 * ended.  Each change is journaled first (bench/journal.h), so what it journaled is undone by the
	 * caller, after stop() or a failed start().  Threads and children are its own to end.
	 */
	int (*start)(const struct disturbance_setup *setup, void **state, struct error *err);

	/* Now and then while the phase goes on, from the thread that called start().  May be NULL. */
	void (*observe)(void *state, uint64_t tsc);

	/*
	 * Ends it, says what was seen, frees the state.  Must come back within a few seconds whatever
	 * hangs.  A non-zero return means that it could not be ended; the evidence is filled all the same.
	 */
	int (*stop)(void *state, struct evidence *evidence, struct error *err);
};

/* needs_cpu() of one that needs the CPUs of the probes, all of them. */
bool disturbance_needs_probes(const struct disturbance_setup *setup, int cpu);

/* The generated table; ends with NULL. */
extern const struct disturbance *const disturbances[];
const struct disturbance *disturbance_find(const char *name);

/* What a phase asks for, parsed.  words holds the texts of the arguments, so it is not to be copied. */
struct asked {
	const struct disturbance *disturbance;
	char text[DISTURBANCE_TEXT_MAX]; /* as in the scenario */
	char words[DISTURBANCE_TEXT_MAX];
	struct argument arguments[DISTURBANCE_PARAMETERS_MAX];
};

/* Parses text for the disturbance into *asked.  0 or -EINVAL with err, which names no file. */
int disturbance_parse(
	const struct disturbance *disturbance, const char *text, struct asked *asked, struct error *err);

/*
 * What a running disturbance tells; from any of its threads.
 *
 * event: something happened at that TSC that may explain a step; kind is a word ("clocksource",
 * "settime", "cpufreq", "cpu-online" ...).  injected: it is a change of a clock that the disturbance
 * made on purpose, so a step that it explains does not speak against the clock.
 * point: one value of the evidence over time, for evidence.csv and the strip under the plots.
 */
void stage_event(struct stage *stage, uint64_t tsc, const char *kind, bool injected, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void stage_point(struct stage *stage, const char *disturbance, const char *series, const char *unit,
	uint64_t tsc, double value);

/*
 * Lets the probe of CPU `home` run on CPU `target` from its next burst on (home again: back).
 * Its readings stay under its home.  -ENOENT: no such probe.  stage_probe_cpu says on which CPU its
 * last burst was taken, -1 before the first.  That CPU may be home while a burst of an earlier move is
 * under way elsewhere: stage_probe_is_home says, after a move home, whether it arrived.
 */
int stage_move_probe(struct stage *stage, int home, int target);
int stage_probe_cpu(struct stage *stage, int home);
bool stage_probe_is_home(struct stage *stage, int home);

#endif
