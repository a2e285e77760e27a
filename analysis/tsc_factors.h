/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The drift between clocks that count the same TSC with factors that are known.
 *
 * The kernel multiplies the TSC with a whole number and shifts it: rounded, that is some 10 ppb off the frequency that
 * it found.  KVM tells its guest a factor of its own, for a frequency in whole kHz: 0.4 ppm off where that is one
 * kHz more.
 */
#ifndef ANALYSIS_TSC_FACTORS_H
#define ANALYSIS_TSC_FACTORS_H

#include "results/estimate.h"
#include "results/run.h"

/*
 * Drift in ppm of the clock against the reference by that: between tsc, kvmclock and the kernel's clocks, while the
 * TSC is the clocksource, at the frequency that the kernel log tells.  0: not known, or none.  clock and reference are
 * indices into run->clocks, or PAIR_TSC.
 */
double tsc_factors_ppm(const struct run *run, int clock, int reference);

/*
 * The part of the row's drift that is so: all of ppm where the drift, steering taken off, is that to within its interval,
 * the systematic part and 1 ppb, else 0.  In a phase that switches the clocksource any part of ppm may be.
 */
double tsc_factors_part(const struct drift *row, const struct phase *phase, double ppm);

#endif
