/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The catalogue of kernel-parameter profiles: which settings keep which system's clocks stable, who says
 * so, and what they cost.  Rows of analysis/profiles/NAME.csv; results/SCHEMA.md tells the columns.
 *
 * An empty condition means any.  A range of versions is "5.4" (with all below it: 5.4.1), "5.0-5.3" (both
 * ends included), "5.2-" or "-5.3".
 */
#ifndef ANALYSIS_PROFILES_H
#define ANALYSIS_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"

struct profile {
	char id[48];  /* a-z, 0-9, '.', '_' and '-' */
	char role[8]; /* "host" or "guest": whose kernel gets the parameters */
	char guest_os[24];
	char guest_versions[24]; /* range */
	char kernel[32];	 /* range */
	char arch[8];		 /* "x86_64", "i386" or "" */
	char pvclock[4];	 /* "yes", "no" or "" */
	char host_constant_tsc[4];
	char hypervisor[16];
	char situation[96];   /* conditions of analysis/situation.h, with blanks between; all must hold */
	char parameters[256]; /* of the kernel command line; lpj=n has the letter n: profile_parameters() */
	char host_settings[512];
	char hypervisor_settings[512]; /* QEMU, libvirt */
	/* How much it changes, the rank of "least intrusive".  0: nothing; 1: which clock is read; 2, 3: the TSC
	   for all of the kernel, delays too; 3, 4: power; 5: how the kernel ticks or idles. */
	int side_effects;
	char cost[256], source[256], note[512];
	char file[64]; /* name of the file that it is from */
	unsigned line; /* in that file, from 1 */
};

struct profiles {
	struct profile *rows; /* owned; in the order of the files */
	size_t count;
};

/*
 * Adds the profiles of one CSV file, or of all *.csv of a directory, by name.  *p is zeroed before the
 * first call.  Returns 0 or -errno with file and line in err; what came before stays.
 */
int profiles_load(const char *path, struct profiles *p, struct error *err);
void profiles_free(struct profiles *p);

/* The profile of that id, or NULL. */
const struct profile *profiles_find(const struct profiles *p, const char *id);

/*
 * Its parameters with lpj=n filled in: the kernel's loops per jiffy are TSC cycles per tick,
 * tsc_khz * 1000 / hz (calibrate_delay() takes that as lpj_fine when the TSC counts).  A number that is not
 * above 0 is not known.  Returns 0, -ENODATA when lpj=n needs one that is not known, -ENOSPC.
 */
int profile_parameters(const struct profile *p, double tsc_khz, double hz, char *text, size_t size);

/* The same with the loops per jiffy themselves. */
int profile_parameters_with_lpj(const struct profile *p, double lpj, char *text, size_t size);

/* Is the version, of which the leading numbers count ("2.6.18-164.el5"), in that range? */
bool version_in_range(const char *version, const char *range);

#endif
