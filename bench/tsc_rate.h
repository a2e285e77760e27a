/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef BENCH_TSC_RATE_H
#define BENCH_TSC_RATE_H

#include <jansson.h>
#include <stddef.h>

/*
 * The nominal TSC frequency in Hz, and in words where it is from.  What the kernel
 * or CPUID say is taken where it is within 1 % of a measurement against
 * CLOCK_MONOTONIC_RAW over 0.1 s; otherwise that measurement, in whole kHz: the
 * kernel keeps tsc_khz as such a number and derives its clocks from it.
 */
double tsc_rate(const json_t *facts, char *source, size_t size);

#endif
