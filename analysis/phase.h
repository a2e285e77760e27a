/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What was done to the machine in a phase, as the analysis asks for it.
 */
#ifndef ANALYSIS_PHASE_H
#define ANALYSIS_PHASE_H

#include <stdbool.h>
#include <stdint.h>

#include "results/estimate.h"
#include "results/run.h"

/* Names of disturbances that the analysis knows; any other is shown and judged like load. */
#define DISTURBANCE_SLEW	"slew"
#define DISTURBANCE_HOTPLUG	"hotplug"
#define DISTURBANCE_CLOCKSOURCE "clocksource"

/* Nothing was asked for in it. */
bool phase_is_idle(const struct phase *phase);

/* Yes where all that was asked for was seen (an idle phase too), no where something was not, else unknown. */
enum observed phase_observed(const struct phase *phase);

/* A disturbance of that name was asked for; phase NULL: no. */
bool phase_has(const struct phase *phase, const char *disturbance);
/* It was asked for and seen. */
bool phase_saw(const struct phase *phase, const char *disturbance);

/* "load share=90" */
void phase_asked(const struct phase_disturbance *disturbance, char *text, size_t size);

/* The phase of that name, or NULL.  Quick where it is hint (which may be NULL) or the one after it. */
const struct phase *phase_find(const struct run *run, const char *name, const struct phase *hint);

/*
 * The phase that began last at that instant, or NULL.  It may be over: what was done in a phase, and
 * what undoes it, may show until the next one begins.
 */
const struct phase *phase_at(const struct run *run, uint64_t tsc);

/* The phase that begins next after that instant, or NULL. */
const struct phase *phase_after(const struct run *run, uint64_t tsc);

/*
 * A CPU without any reading in a phase in which CPUs were seen to be taken away has none on purpose.
 * row is one of all[count], whose rows of a phase stand together.
 */
bool phase_took_cpu(
	const struct phase *phase, const struct drift *row, const struct drift *all, size_t count);

#endif
