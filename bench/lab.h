/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The lab: one scenario inside of a guest that is booted for it, with this machine
 * as its peer, and one run directory of it all.
 */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include "bench/lab_config.h"
#include "bench/lab_kernel.h"
#include "bench/lab_root.h"
#include "bench/progress.h"
#include "results/error.h"
#include "results/run.h"

struct lab_plan {
	const struct lab_config *config;
	const char *append;	      /* kernel parameters; "": none */
	const char *scenario;	      /* name or path */
	const char *cache;	      /* NULL: $XDG_CACHE_HOME/clkdrift/lab, else ~/.cache/clkdrift/lab */
	const char *kernel, *modules; /* NULL: fetched; see lab_kernel_use() */
	const char *program; /* clkdrift for the guest; NULL: this one, or the one built for its arch */
	const char *output;  /* the run directory; NULL: one under parent */
	const char *parent;
	double duration_s; /* 0: as the scenario says */
	double deadline_s; /* for the guest's boot, its setup and its end each; 0: the usual ones */
	const char *const *arguments; /* further ones of `clkdrift run` in the guest; ends with NULL */
	struct progress *progress;
	bool *began; /* may be NULL; becomes true when all is ready for the guest: what fails from then on fails with it */
};

/* Makes sure of all that a run needs before its guest, and fetches what is to be fetched.  0 or -errno with err set. */
int lab_ready(const struct lab_plan *plan, struct error *err);
/* The same of guests of another architecture, but it fetches nothing: were they set up, is there a program for them? */
int lab_has_arch(const char *arch, const char *cache, const char *program, struct error *err);

/*
 * Boots, samples, ends the guest and leaves a run directory with guest/console.log; *dir is its path, to be freed.
 * On failure it is set too where there is a directory to look into, else NULL.  After a signal (-EINTR) nothing is left.
 */
int lab_run(const struct lab_plan *plan, char **dir, struct error *err);

struct lab_setup {
	struct lab_place place;
	struct lab_kernel kernel;
	bool fetched; /* the root was made anew */
};

/* Makes what guests of that architecture need in the cache (NULL as above).  0 or -errno with err set. */
int lab_setup(const char *arch, const char *cache, struct progress *progress, struct lab_setup *setup,
	struct error *err);

#endif
