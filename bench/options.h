/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The command line: one table of options drives the parser, the help and the
 * shell completion.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"
#include "results/run.h"

enum exit_code {
	EXIT_STABLE = 0,
	EXIT_UNSTABLE = 1, /* or regressed */
	EXIT_TROUBLE = 2,
	EXIT_INCONCLUSIVE = 3,
};

#define OPTIONS_NTP_MAX	   16
#define OPTIONS_REPEAT_MAX 1000

/* Everything that any option can set.  Text points into argv. */
struct options {
	double duration_s; /* 0: as the scenario says */
	double deadline_s; /* of a guest; 0: the usual ones */
	double interval_s; /* negative: as the scenario says; 0: back to back */
	unsigned burst;	   /* 0: as the scenario says */
	uint64_t seed;
	bool seed_given;
	const char *cpus, *output, *clocks;
	const char *peer;	       /* TRANSPORT:ADDRESS */
	const char *shm;	       /* the file that serve answers in */
	const char *udp, *vsock, *key; /* where else serve answers: bench/responder_net.h */
	bool explain;
	struct judging judging;
	bool json, quiet, colour;
	bool no_report, dry_run;
	const char *freq, *phase; /* stability: the file, and what is in it */
	double tau0_s;
	const char *taus;
	bool remove_mean;
	const char *ntp[OPTIONS_NTP_MAX]; /* servers, in the order given */
	size_t ntp_count;
	const char *configs, *profiles,
		*resume; /* lab matrix: lists of names; the directory of one that goes on */
	unsigned repeat; /* 0: not given */
	const char *config, *append, *scenario, *cache, *kernel, *modules, *program, *arch; /* lab */
	const char *catalogue;		      /* a CSV file of profiles beside the shipped ones */
	const char *facts, *run, *out, *root, *boot_ini; /* advise */
	char **arguments; /* what is left, in order */
	int argument_count;
};

/* An option in the words of one command. */
struct option_words {
	const char *name;     /* long; NULL ends a table */
	const char *argument; /* as "CPU" */
	const char *help;
};

struct command {
	const char *name;
	const char *usage;		  /* behind the name, "[SCENARIO] [OPTION]..." */
	const char *summary;		  /* one line */
	const char *help;		  /* what it does and examples, for --help */
	const char *options;		  /* long names of the options that it takes, separated by spaces */
	const struct option_words *words; /* where those of all commands do not fit; NULL: they do */
	int min_arguments, max_arguments;
	/* Returns the exit code; -errno with err set means trouble that has not been told yet. */
	int (*run)(const struct options *options, struct error *err);
};

extern const struct command command_inspect, command_list, command_run, command_analyze, command_report,
	command_stability, command_restore, command_serve, command_lab, command_advise;

/* All commands; ends with NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/*
 * Parses argv[1..] for the command.  Returns 0; 1 when --help or the like was
 * answered and nothing is left to do; -EINVAL with err set.
 */
int options_parse(
	const struct command *command, int argc, char **argv, struct options *options, struct error *err);

/* Sets one option by its long name, as --NAME=TEXT does.  0 or -EINVAL with err set. */
int options_set(struct options *options, const char *name, const char *text, struct error *err);

/* "30s", "5m", "1h", "250ms", "10us", "2.5" (seconds) -> seconds.  Returns 0 or -EINVAL. */
int duration_parse(const char *text, double *seconds);

#endif
