/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Candidate files: boot and configuration files that carry an advice, made in a directory of their own, for
 * the administrator to compare, rename and boot.  A live file is only ever opened for reading.
 *
 * One file bench/candidate_NAME.c each; it defines
 *     const struct candidate candidate_NAME = { ... };
 * The Makefile makes the table of them.  A transform is a pure function of bytes; bench/compare.h
 * says independently of it what differs, and a candidate that differs in anything else is not kept.
 */
#ifndef BENCH_CANDIDATE_H
#define BENCH_CANDIDATE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "results/error.h"

struct bytes {
	char *at; /* with a NUL behind its end, which is not counted */
	size_t length;
};

/* All texts are "" where there is none, never NULL unless said. */
struct candidate_request {
	const char *profile;	    /* id of the catalogue's row */
	const char *role;	    /* "host" or "guest": which of them gets the parameters */
	const char *guest_os;	    /* as the catalogue says it; "Windows ..." is told by its beginning */
	const char *guest_versions; /* likewise, a range as "5.1-5.2", or the guest's own version */
	/* Blanks between them, numbers filled in.  A word that begins with '/' is a switch of boot.ini. */
	const char *parameters;
	const char *host_settings, *hypervisor_settings; /* as the catalogue says them */
	const char *note;				 /* likewise */
	unsigned long max_khz; /* highest frequency of the CPUs; 0: as sysfs below root says */
	double tsc_khz;	       /* of the guest's TSC; 0: not known */
	const char *root;      /* live files are looked for below it; "": those of this machine */
	const char *boot_ini;  /* NULL: none */
	const char *out_dir;   /* made if it is not there; its parent must be */
};

/* What became of one live file, or of a file that is new. */
struct candidate_item {
	const char *writer;  /* its name in the table; "boot_files" where none of them was found */
	char live[PATH_MAX]; /* the file it was made from; "": none */
	char path[PATH_MAX]; /* the candidate; "": none was made, and the reason says why */
	char reason[640];
	unsigned entries, changed; /* boot entries seen, and of those the ones that differ */
	struct bytes difference;   /* unified, as diff -u prints it; empty if none was made */
	char *notes; /* a line each: what was replaced, left as it is, or is to be looked at; NULL or "": none */
	char *steps; /* a line each: what to do with it; NULL if none was made */
};

struct candidate_report {
	char index[PATH_MAX]; /* candidates.txt; "": nothing was made */
	struct candidate_item *items;
	size_t count, made;
};

/*
 * Is root, unless it is "", a directory, and boot_ini, unless it is NULL, a file that can be read?  0 or
 * -errno with err.
 */
int candidates_sources_check(const char *root, const char *boot_ini, struct error *err);

/*
 * Writes all candidates that the request calls for, and candidates.txt, which says what they are.  All or
 * none: after an error nothing of it is in out_dir.  A file that is there already is never written over
 * (-EEXIST), and out_dir may not be a directory that holds live files (-EINVAL).  A live file that cannot
 * be used is no error: its item has the reason.  Returns 0 or -errno with err; report is to be freed
 * either way.
 */
int candidates_write(
	const struct candidate_request *request, struct candidate_report *report, struct error *err);
void candidates_free(struct candidate_report *report);

/* For people, and as an array "candidates" of objects for programs (a new reference; NULL: out of memory). */
void candidates_print(const struct candidate_report *report, FILE *out);
json_t *candidates_to_json(const struct candidate_report *report);

/* ---- for the writers ---- */

struct candidate_beside {
	char *path;
	struct bytes text;
};

struct candidate_input {
	const struct candidate_request *request;
	unsigned long max_khz;		       /* 0: not known */
	const char *live;		       /* path; "" where the candidate is made from nothing */
	struct bytes text;		       /* of live */
	const struct candidate_beside *beside; /* files of the descriptor's `beside` that are there */
	size_t beside_count;
};

/* Streams in memory: a write error is found when they are closed. */
struct candidate_output {
	FILE *text;
	FILE *notes;	/* whole lines */
	FILE *replaced; /* words of the live file that are not in the candidate, a line each */
	unsigned entries, changed, left_out; /* left_out: entries that do not take the parameters */
};

/* Which words a candidate adds to the lines of a live file. */
enum candidate_words { WORDS_NONE /* the file is new */, WORDS_LINUX, WORDS_WINDOWS, WORDS_SPEED };

struct candidate {
	const char *name, *summary;
	/* Does the request call for it?  Live files are looked for only then. */
	bool (*wanted)(const struct candidate_request *request);
	const char *const *live;   /* glob patterns below root, ends with NULL; NULL: made from nothing */
	bool takes_boot_ini;	   /* the live file is the request's boot_ini */
	const char *const *beside; /* likewise: read as well, each file once; NULL: none */
	bool needs_beside;	   /* without a file of its first pattern there is nothing to say */
	const char *file;	   /* the candidate's name; "%s" takes the live file's */
	const char *home;  /* where a new file belongs; NULL: it takes the live file's name and place */
	const char *steps; /* whole lines for candidates.txt: what to do; %p takes the
				      parameters, %r the option that removes the replaced ones */

	/* How the result is checked (bench/compare.h). */
	enum candidate_words words;
	const char *const
		*heads; /* first words of lines that may differ, the first of them in each entry; NULL: any */
	const char *block; /* first word of a line that begins an entry; NULL: the file is one */
	bool line;	   /* a line may be added at the end */
	/* Only the lines of this section that begin with an ARC path may differ, each an entry; NULL: no sections. */
	const char *section;

	/* 0; -ENODATA with the reason in err where there is nothing to make; another -errno is an error. */
	int (*transform)(const struct candidate_input *in, struct candidate_output *out, struct error *err);
};

/* The generated table; ends with NULL. */
extern const struct candidate *const candidates[];

/* Has the request words for the Linux kernel, or switches for boot.ini? */
bool candidate_for_linux(const struct candidate_request *request);
bool candidate_for_windows(const struct candidate_request *request);
/* Is the guest to be disciplined by its host's clock? */
bool candidate_for_ptp(const struct candidate_request *request);
/* Do the settings of host or hypervisor hold this word or part of one, in any case of letters? */
bool candidate_mentions(const struct candidate_request *request, const char *part);
/* The words that the candidate adds, a blank between them; to be freed, NULL: out of memory. */
char *candidate_expected(
	enum candidate_words words, const struct candidate_request *request, unsigned long max_khz);
/* Writes a word of a file that may hold anything: control bytes become '?'. */
void candidate_quote(FILE *out, const char *at, size_t length);

#endif
