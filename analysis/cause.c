/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/cause.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/daemons.h"
#include "analysis/phase.h"
#include "analysis/steering.h"
#include "results/text.h"

/* An event explains a step that is at most this far from it, or two sampling intervals. */
#define EVENT_REACH_S 0.05
#define RAW	      "monotonic_raw"

/* What an injected event does to the clocks: it may explain a step between two that it treats differently. */
struct touch {
	const char *kind;
	const char *moved[6];  /* clocks that it makes step */
	const char *kept[4];   /* clocks that it must not move; empty: all that it does not move */
	const char *either[3]; /* where kept is empty: clocks of which nobody says whether it moves them */
	bool backward;	       /* it may set the moved ones back */
	bool stops; /* the machine stands still, its TSC with it: clocks that went on are apart by what they drifted meanwhile */
};

/*
 * All that QEMU counts with for the guest stands still with it, or is set back with it, and the clocks of its host
 * do not.  Nor does an RTC that follows the host's time (-rtc clock=host, the default), nor a PTP clock of KVM.
 */
#define HOST_CLOCKS                                                                                          \
	{                                                                                                    \
		"peer", "peer_monotonic", "peer_realtime", "peer_tsc"                                        \
	}
#define HOST_DEVICES                                                                                         \
	{                                                                                                    \
		"rtc", "ptp"                                                                                 \
	}

enum { SETTIME };

static const struct touch touches[] = {
	/*
	 * clock_settime and settimeofday set CLOCK_REALTIME.  CLOCK_TAI is CLOCK_REALTIME plus whole seconds;
	 * the kernel moves wall_to_monotonic the other way, so that no other clock of its own steps
	 * (kernel/time/timekeeping.c, do_settimeofday64).
	 */
	[SETTIME] = { "settime", { "realtime", "tai" }, { NULL }, { NULL }, true, false },
	/*
	 * Over a suspend these go on, and CLOCK_MONOTONIC and CLOCK_MONOTONIC_RAW stand still
	 * (clock_getres(2)).  Nobody says what a bare counter does: in s2idle it may go on, in S3 start again.
	 */
	{ "suspend", { "boottime", "realtime", "tai", "rtc", "ptp" }, { "monotonic", "monotonic_raw" },
		{ NULL }, false, false },
	{ "pause", HOST_CLOCKS, { NULL }, HOST_DEVICES, false, true },
	{ "migrate", HOST_CLOCKS, { NULL }, HOST_DEVICES, false, true },
	{ "snapshot", HOST_CLOCKS, { NULL }, HOST_DEVICES, false, true },
};

static bool in_list(const char *const *list, size_t size, const char *name)
{
	for (size_t i = 0; i < size && list[i]; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool moves(const struct touch *t, const char *clock)
{
	return in_list(t->moved, sizeof(t->moved) / sizeof(*t->moved), clock);
}

static bool keeps(const struct touch *t, const char *clock)
{
	return t->kept[0] ? in_list(t->kept, sizeof(t->kept) / sizeof(*t->kept), clock)
			  : !moves(t, clock) &&
				    !in_list(t->either, sizeof(t->either) / sizeof(*t->either), clock);
}

static const struct touch *touch_of(const struct event *e)
{
	for (size_t i = 0; e->injected && i < sizeof(touches) / sizeof(*touches); i++)
		if (strcmp(touches[i].kind, e->kind) == 0)
			return &touches[i];
	return NULL;
}

static bool can_part(const struct touch *t, const char *clock, const char *reference)
{
	return (t->stops || !(moves(t, clock) && moves(t, reference))) &&
	       !(keeps(t, clock) && keeps(t, reference));
}

/*
 * A change of the clocksource, of the time, a sleep, or what the host did to its guest.  Not "watchdog": its line in the kernel log is read
 * some time after the fact.
 */
static const char *const stepping[] = { "clocksource", "settime", "suspend", "pause", "migrate", "snapshot" };

bool cause_may_step(const struct event *event, const char *clock, const char *reference)
{
	const struct touch *touch = touch_of(event);

	return in_list(stepping, sizeof(stepping) / sizeof(*stepping), event->kind) &&
	       (!touch || can_part(touch, clock, reference));
}

bool cause_ends_list(const struct event *event)
{
	return strncmp(event->text, "further ", strlen("further ")) == 0;
}

size_t cause_kind_length(const char *cause)
{
	const char *colon = strchr(cause, ':');

	return colon ? (size_t)(colon - cause) : 0;
}

void cause_of_events(const struct event *const *events, size_t count, struct step *step)
{
	const struct event *last = events[count - 1];
	bool injected = true;

	for (size_t i = 0; i < count; i++) {
		const struct touch *touch = touch_of(events[i]);

		injected &= touch && can_part(touch, step->clock, step->reference);
	}
	if (count == 1)
		snprintf(step->cause, sizeof(step->cause), "%s: %s", last->kind, last->text);
	else
		snprintf(step->cause, sizeof(step->cause), "%.31s: %zu events, the last: %.90s", last->kind,
			count, last->text);
	text_clean(step->cause);
	strcpy(step->injected, injected ? "yes" : "no");
}

double cause_reach_s(const struct run *run)
{
	return fmax(EVENT_REACH_S, 2 * run->interval_s);
}

void cause_of_setting(const struct run *run, struct step *step)
{
	const struct daemons daemons = daemons_of(run->environment_before);

	snprintf(step->cause, sizeof(step->cause), "settime: somebody set the time, not this run%s%s",
		daemons.text[0] ? "; a time daemon runs: " : "", daemons.text);
	text_clean(step->cause);
	strcpy(step->injected, "no");
}

void cause_find(const struct run *run, const struct pair_source *source, double from_s, double to_s,
	struct step *step)
{
	double reach = cause_reach_s(run), best = INFINITY;

	strcpy(step->cause, "unknown");
	strcpy(step->injected, "no");
	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		const struct touch *touch = touch_of(e);
		double t = pair_source_seconds(source, e->tsc), distance = fabs(t - step->at_s);

		if ((distance > reach && !(t >= from_s && t <= to_s)) || distance > best)
			continue;
		if (touch && !can_part(touch, step->clock, step->reference))
			continue;
		best = distance;
		snprintf(step->cause, sizeof(step->cause), "%s: %s", e->kind, e->text);
		/* What an injected event of an unknown kind may do to a clock is unknown: it excuses nothing. */
		strcpy(step->injected, touch ? "yes" : "no");
	}
}

static bool steps_with(const struct run *run, const struct step *a, const struct step *b)
{
	return a->cpu == b->cpu && strcmp(a->phase, b->phase) == 0 &&
	       strcmp(a->reference, b->reference) == 0 && fabs(a->at_s - b->at_s) <= cause_reach_s(run);
}

/* Then it is none of the steering, but an oscillator's or the reference's; the same is to be feared where it was not read. */
static bool raw_stepped(
	const struct run *run, const struct step *step, const struct step *steps, size_t count)
{
	if (strcmp(step->reference, RAW) == 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(steps[i].clock, RAW) == 0 && steps_with(run, step, &steps[i]))
			return true;
	return run_clock_find(run, RAW) < 0;
}

void cause_by_steering(const struct run *run, struct step *steps, size_t count)
{
	const struct daemons daemons = daemons_of(run->environment_before);

	for (size_t i = 0; i < count && daemons.text[0]; i++) {
		struct step *s = &steps[i];
		const struct phase *phase = phase_find(run, s->phase, NULL);
		int clock = run_clock_find(run, s->clock), reference = run_clock_find(run, s->reference);

		if (strcmp(s->cause, "unknown") != 0 || !phase || clock < 0 || !steering_is_own(run, clock) ||
			!steering_may_change(run, phase, clock, reference < 0 ? PAIR_TSC : reference) ||
			raw_stepped(run, s, steps, count))
			continue;
		snprintf(s->cause, sizeof(s->cause), "steering: " RAW " did not step; a time daemon runs: %s",
			daemons.text);
	}
}

/* The undoing of a slew sets the realtime back by what it gained: one that has no constant rate tells so. */
static bool slewed_by_offset(const struct phase *phase)
{
	return phase_has(phase, DISTURBANCE_SLEW) && !isfinite(phase->steering_ppm);
}

uint64_t cause_excused_backward(const struct run *run, const struct phase *phase, const char *clock)
{
	uint64_t excused = 0;

	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		const struct touch *touch = touch_of(e);

		excused += touch && touch->backward && moves(touch, clock) &&
			   (!phase || phase_at(run, e->tsc) == phase);
	}
	for (size_t i = 0; moves(&touches[SETTIME], clock) && i < run->phase_count; i++)
		excused += (!phase || phase == &run->phases[i]) && slewed_by_offset(&run->phases[i]);
	return excused;
}
