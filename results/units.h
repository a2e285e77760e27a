/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The one home of signs and units.
 *
 *   offset = target - reference          a positive offset: the target is ahead
 *   drift  = d(offset)/d(reference)      a positive drift: the target runs fast
 *
 * Drift is in ppm, time in ns, TSC values in cycles.  A name carries its unit:
 * offset_ns, drift_ppm, width_cycles.
 */
#ifndef RESULTS_UNITS_H
#define RESULTS_UNITS_H

#define NS_PER_SEC  1000000000LL
#define NS_PER_MS   1000000LL
#define NS_PER_US   1000LL
#define PPM	    1e-6
#define PPM_PER_ONE 1e6
#define PPB_PER_PPM 1e3

static inline double cycles_to_ns(double cycles, double tsc_hz)
{
	return cycles * ((double)NS_PER_SEC / tsc_hz);
}

static inline double ns_to_cycles(double ns, double tsc_hz)
{
	return ns * (tsc_hz / (double)NS_PER_SEC);
}

static inline double ns_to_s(double ns)
{
	return ns / (double)NS_PER_SEC;
}

#endif
