/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The system that is to be advised, as the catalogue's columns see it, and whether a profile is for it.
 *
 * It is read from the facts of `inspect`, or from facts written by hand, which may say in short what a
 * snapshot says at length (results/SCHEMA.md, "Facts by hand").
 */
#ifndef ANALYSIS_SUBJECT_H
#define ANALYSIS_SUBJECT_H

#include <stdbool.h>

#include <jansson.h>

#include "analysis/profiles.h"

/* Texts are "" and flags -1 where the facts do not say. */
struct subject {
	char role[8]; /* "guest" or "host" */
	char os[48], version[24];
	char kernel[96];
	char arch[16]; /* "x86_64", "i386" or another machine's name */
	char hypervisor[48];
	int pvclock, host_constant_tsc; /* 1, 0 */
};

void subject_read(const json_t *facts, struct subject *subject);

/* One reading of each for the catalogue's columns and for the situations: 1, 0, or -1 where the facts do not say. */
int subject_pvclock(const json_t *facts);
int subject_constant_tsc(const json_t *facts);
int subject_has_hypervisor(const json_t *facts);

enum match { MATCH_NO, MATCH_UNKNOWN, MATCH_YES };

#define MISSING_MAX 8

/* Keys that the facts do not have, static texts. */
struct missing {
	const char *keys[MISSING_MAX];
	size_t count;
	bool open_danger; /* one of them would decide about a danger */
};

/*
 * Is the profile for this system?  MATCH_UNKNOWN: only what the facts do not say keeps it from being so, and
 * *missing has those keys.  A condition of `situation` that is not known counts as not met, but for a danger that
 * the facts point to (situation_lacks()).
 */
enum match subject_match(
	const struct subject *subject, const json_t *facts, const struct profile *p, struct missing *missing);

/* Does the profile name this very operating system? */
bool subject_is_os(const struct subject *subject, const struct profile *p);

/* Does the condition stand in the profile's `situation`? */
bool profile_has_situation(const struct profile *p, int situation);

/* The kernel command line of the facts, up to its "--"; "" when it is not known. */
void subject_command_line(const json_t *facts, char *text, size_t size);

/*
 * Loops per jiffy: what the log of this very kernel says, unless the command line gave it the number; else TSC cycles
 * per tick, of tsc.khz and kernel.hz.  0: not known.
 */
double subject_lpj(const json_t *facts);

/* The number of lpj= on the command line, the last one as the kernel takes it; 0: none. */
double command_line_lpj(const char *command_line);

/* Are all words of the parameters on the command line?  lpj=n stands for any number.  None: false. */
bool parameters_on(const char *parameters, const char *command_line);

#endif
