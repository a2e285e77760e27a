/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Which event explains a step, and whether it was one that this run made on purpose.
 */
#ifndef ANALYSIS_CAUSE_H
#define ANALYSIS_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/pair.h"
#include "results/estimate.h"
#include "results/run.h"

/*
 * Sets cause and injected of the step from its clock, reference and at_s: the event nearest to at_s that is
 * at most 50 ms, or two sampling intervals, away from it or lies inside the gap [from_s, to_s] of the step.
 * An injected event explains only what it can do to these two clocks; see the table in cause.c.
 */
void cause_find(const struct run *run, const struct pair_source *source, double from_s, double to_s,
	struct step *step);

/*
 * The event is of a kind that makes clocks step, at an instant that it tells well, and may part these two: an
 * injected one parts only those that the table says.
 */
bool cause_may_step(const struct event *event, const char *clock, const char *reference);

/* Its text says that further events of its kind follow in the same phase, and are not listed. */
bool cause_ends_list(const struct event *event);

/* How far an event may be from a step that it explains, in s. */
double cause_reach_s(const struct run *run);

/*
 * Sets cause and injected of a step that is a setting of the time which this run knows nothing of, and names the time
 * daemons that ran.
 */
void cause_of_setting(const struct run *run, struct step *step);

/*
 * Gives the steps of a clock that nothing explains to the time daemon that runs, where it is one that the kernel
 * steers and monotonic_raw, which it does not steer, did not step with it: a daemon corrects some us in a moment.
 */
void cause_by_steering(const struct run *run, struct step *steps, size_t count);

/* The kind of a cause, "KIND: TEXT": length of its name; 0 for "unknown". */
size_t cause_kind_length(const char *cause);

/*
 * Sets cause and injected of a step that is known to be that of these events, count > 0.  Of several, all must
 * be injected and known to be able to part its clock and reference, or the step is not.
 */
void cause_of_events(const struct event *const *events, size_t count, struct step *step);

/*
 * How many times the clock may have gone backward on each CPU because it was set on purpose, in that phase
 * and until the next, or in the whole run where phase is NULL.  What a phase sets it puts back when it is
 * over, which has no event: of the two exactly one goes backward.
 */
uint64_t cause_excused_backward(const struct run *run, const struct phase *phase, const char *clock);

#endif
