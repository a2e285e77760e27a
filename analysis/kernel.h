/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a snapshot tells of the kernel: its version, and rules that went with it. */
#ifndef ANALYSIS_KERNEL_H
#define ANALYSIS_KERNEL_H

#include <stdbool.h>

#include <jansson.h>

/* Versions that can be compared. */
#define KERNEL(major, minor, patch) ((major)*1000000u + (minor)*1000u + (patch))

/* Of kernel.release; 0: not known. */
unsigned kernel_version(const json_t *facts);

/*
 * Since 5.17 the kernel leaves a TSC unwatched that is constant, nonstop and
 * adjustable, on machines of limited size (arch/x86/kernel/tsc.c,
 * check_system_tsc_reliable()); the size went from 2 to 4 with 6.6 and was
 * counted in memory nodes before 6.12
 * (commits b50db7095fe0, 233756a640be, b4bac279319d).
 */
bool kernel_leaves_tsc_unwatched(const json_t *facts);

/*
 * How fast MONOTONIC_RAW runs against a TSC of so many kHz that is the kernel's clocksource, less 1, in ppm: the kernel
 * multiplies the TSC with a whole number and shifts it (Linux kernel/time/clocksource.c, clocks_calc_mult_shift(), for
 * the 600 s of __clocksource_update_freq_scale()).  khz: whole, 1000 to 4294967295.
 */
double kernel_tsc_rounding_ppm(double khz);

/* The first line of the kernel log with that text, the last one, or NULL. */
const char *kernel_log_first(const json_t *facts, const char *text);
const char *kernel_log_last(const json_t *facts, const char *text);

#endif
