/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Idle states: a TSC, a timer or a PTP device may stop or lose time in a deep one. */
#include "bench/disturbance.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpuidle.h>

#include "bench/idle_counts.h"
#include "bench/idle_limit.h"
#include "bench/idle_states.h"
#include "bench/idle_wish.h"
#include "bench/toggler.h"
#include "probes/now.h"
#include "probes/tsc.h"

#define RATE_HZ	     10	 /* where none is given */
#define RATE_REACHED 0.9 /* share of the toggles asked for that must have been done */

enum {
	MODE,
	STATE,
	RATE,
};

static const struct parameter parameters[] = {
	[MODE] = { .name = "mode",
		.initial = "shallowest",
		.words = IDLE_MODE_WORDS,
		.help = "shallowest: only the shallowest idle state; upto: none deeper than state=N; "
			"deepest: only the deepest; toggle: the shallowest and the deepest in turn; "
			"rest: all allowed" },
	[STATE] = { .name = "state",
		.kind = PARAMETER_NUMBER,
		.low = 0,
		.high = 9, /* CPUIDLE_STATE_MAX is 10 */
		.help = "number of the deepest idle state allowed, for upto" },
	[RATE] = { .name = "rate",
		.kind = PARAMETER_NUMBER,
		.low = 0.1,
		.high = 1000,
		.help = "changes a second between shallowest and deepest, for toggle, default 10; "
			"there and back are two" },
	{ .name = NULL },
};

struct cstate {
	struct idle_wish wish;
	struct stage *stage;
	size_t cpu_count;
	int limit_fd; /* -1: none */
	struct idle_counts *counts;
	struct toggler *toggler;
	uint64_t start_ns;
	/* As of the last observation. */
	uint64_t seen_ns, seen_turns;
	struct idle_sum *seen; /* by name */
};

static struct idle_wish wish_read(const struct argument *arguments)
{
	struct idle_wish w = {
		.mode = idle_mode_find(arguments[MODE].text),
		.rate_hz = isnan(arguments[RATE].number) ? RATE_HZ : arguments[RATE].number,
	};

	if (w.mode == IDLE_UPTO)
		w.limit = (unsigned)arguments[STATE].number;
	return w;
}

static int cstate_check(const struct argument *arguments, struct error *err)
{
	double state = arguments[STATE].number, rate = arguments[RATE].number;
	enum idle_mode mode = idle_mode_find(arguments[MODE].text);

	if (mode == IDLE_UPTO && isnan(state))
		return error_set(err, -EINVAL, "cstate: upto needs state=N");
	if (mode != IDLE_UPTO && !isnan(state))
		return error_set(err, -EINVAL, "cstate: state= is for upto only");
	if (!isnan(state) && state != floor(state))
		return error_set(err, -EINVAL, "cstate: state=%g is not a whole number", state);
	if (mode != IDLE_TOGGLE && !isnan(rate))
		return error_set(err, -EINVAL, "cstate: rate= is for toggle only");
	return 0;
}

static int supports_cpu(int cpu, const struct idle_wish *w, struct error *why)
{
	unsigned count = cpuidle_state_count((unsigned)cpu);
	int rc = 0;

	if (count == 0)
		return error_set(why, -ENODEV, "CPU %d has no idle states; is it offline?", cpu);
	if (count == 1 && w->mode != IDLE_REST)
		return error_set(why, -ENODEV, "CPU %d has one idle state only: there is no choice", cpu);
	if (w->limit >= count)
		return error_set(why, -ENODEV, "CPU %d has no idle state %u: its deepest is %u", cpu,
			w->limit, count - 1);
	for (unsigned s = 0; s < count && !rc; s++)
		if (idle_wish_disable(w, s, count) >= 0)
			rc = idle_state_check(cpu, s, idle_wish_disable(w, s, count), why);
	return rc;
}

static int cstate_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct idle_wish w = wish_read(setup->arguments);
	char *driver = cpuidle_get_driver();
	bool none = !driver || strcmp(driver, "none") == 0;
	int rc = 0, fd;

	free(driver);
	if (none)
		return error_set(why, -ENODEV, "the kernel has no driver for idle states (cpuidle)");
	if (geteuid() != 0)
		return error_set(why, -EPERM, "needs root");
	if (w.mode == IDLE_TOGGLE && setup->duration_s > 0 && setup->duration_s * w.rate_hz < 2)
		return error_set(why, -EINVAL, "%g toggles a second make no whole cycle in %g s", w.rate_hz,
			setup->duration_s);
	for (size_t i = 0; i < setup->cpu_count && !rc; i++)
		rc = supports_cpu(setup->cpus[i], &w, why);
	if (rc || w.mode == IDLE_REST)
		return rc;
	fd = idle_limit_open(why);
	if (fd < 0)
		return fd;
	rc = idle_wish_check_limit(&w, setup->cpus, setup->cpu_count, fd, why);
	close(fd);
	return rc;
}

static void cstate_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	struct idle_wish w = wish_read(setup->arguments);
	unsigned count = cpuidle_state_count((unsigned)setup->cpus[0]);
	int32_t us = idle_wish_limit(&w, setup->cpus, setup->cpu_count);
	char limit[IDLE_NAME_MAX], deepest[IDLE_NAME_MAX];

	idle_state_name(setup->cpus[0], w.limit, limit);
	idle_state_name(setup->cpus[0], count ? count - 1 : 0, deepest);
	if (w.mode == IDLE_TOGGLE)
		snprintf(text, size,
			"switch idle CPUs between their shallowest and deepest idle states, %s and %s, %g "
			"times a second",
			limit, deepest, w.rate_hz);
	else if (w.mode == IDLE_DEEPEST)
		snprintf(text, size, "disable all idle states of the probes' CPUs but the deepest, %s",
			deepest);
	else if (w.mode == IDLE_REST)
		snprintf(text, size, "enable all idle states of the probes' CPUs, force none");
	else if (us == IDLE_LIMIT_NONE)
		snprintf(text, size, "allow idle states up to %s, which is the deepest", limit);
	else
		snprintf(text, size,
			"disable idle states deeper than %s on the probes' CPUs, hold the wake-up latency of "
			"all CPUs at %d µs",
			limit, us);
}

/* Turns 0, 2, 4 ... go to the shallowest state, the others to the deepest. */
static int toggle_step(void *context, uint64_t turn)
{
	struct cstate *c = context;

	return idle_limit_set(c->limit_fd, turn % 2 ? IDLE_LIMIT_NONE : 0, NULL);
}

static int change_states(const struct disturbance_setup *setup, const struct idle_wish *w, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < setup->cpu_count && !rc; i++) {
		unsigned count = cpuidle_state_count((unsigned)setup->cpus[i]);

		if (count <= w->limit || (count < 2 && w->mode != IDLE_REST))
			return error_set(err, -ENODEV, "CPU %d has lost its idle states; is it offline?",
				setup->cpus[i]);
		for (unsigned s = 0; s < count && !rc; s++)
			if (idle_wish_disable(w, s, count) >= 0)
				rc = idle_state_disable(setup->journal, setup->cpus[i], s,
					idle_wish_disable(w, s, count), err);
	}
	return rc;
}

static int change_limit(const struct disturbance_setup *setup, struct cstate *c, struct error *err)
{
	int32_t wanted = idle_wish_limit(&c->wish, setup->cpus, setup->cpu_count), us = 0;
	int rc;

	c->limit_fd = idle_limit_open(err);
	if (c->limit_fd < 0)
		return c->limit_fd;
	rc = idle_wish_check_limit(&c->wish, setup->cpus, setup->cpu_count, c->limit_fd, err);
	if (!rc)
		rc = idle_limit_set(c->limit_fd, wanted, err);
	if (!rc)
		rc = idle_limit_get(c->limit_fd, &us, err);
	if (!rc && us > wanted)
		rc = error_set(
			err, -EIO, IDLE_LIMIT_FILE ": the kernel did not take %d: it says %d", wanted, us);
	return rc;
}

static void cstate_free(struct cstate *c)
{
	if (c->limit_fd >= 0)
		close(c->limit_fd);
	idle_counts_free(c->counts);
	free(c->seen);
	free(c);
}

/* What must be counted from the moment on that everything is in force. */
static int start_counting(const struct disturbance_setup *setup, struct cstate *c, struct error *err)
{
	c->counts = idle_counts_start(setup->cpus, setup->cpu_count, err);
	if (!c->counts)
		return -ENODEV;
	c->seen = calloc(idle_counts_names(c->counts), sizeof(*c->seen));
	if (!c->seen)
		return error_set(err, -ENOMEM, "out of memory");
	c->start_ns = c->seen_ns = now_ns();
	return 0;
}

static int cstate_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct cstate *c = calloc(1, sizeof(*c));
	char text[160];
	int rc;

	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->wish = wish_read(setup->arguments);
	c->stage = setup->stage;
	c->cpu_count = setup->cpu_count;
	c->limit_fd = -1;
	rc = change_states(setup, &c->wish, err);
	if (!rc && c->wish.mode != IDLE_REST)
		rc = change_limit(setup, c, err);
	if (!rc)
		rc = start_counting(setup, c, err);
	if (!rc && c->wish.mode == IDLE_TOGGLE) {
		c->toggler = toggler_start(c->wish.rate_hz, toggle_step, c, err);
		rc = c->toggler ? 0 : -EAGAIN;
	}
	if (rc) {
		cstate_free(c);
		return rc;
	}
	cstate_plan(setup, text, sizeof(text));
	stage_event(c->stage, tsc_before(), "cstate", false, "begins to %s", text);
	*state = c;
	return 0;
}

static void point_toggles(struct cstate *c, uint64_t tsc, double seconds)
{
	uint64_t turns = toggler_turns(c->toggler);

	stage_point(c->stage, "cstate", "toggles", "1/s", tsc, (double)(turns - c->seen_turns) / seconds);
	c->seen_turns = turns;
}

/* A long stay is counted as a whole when it ends, so a residency may exceed 100 % for a moment. */
static void cstate_observe(void *state, uint64_t tsc)
{
	struct cstate *c = state;
	uint64_t now = now_ns();
	double seconds = (double)(now - c->seen_ns) / (double)NS_PER_SEC;

	if (now == c->seen_ns)
		return;
	idle_counts_update(c->counts);
	for (size_t i = 0; i < idle_counts_names(c->counts); i++) {
		const char *name = idle_counts_name(c->counts, i);
		struct idle_sum sum = idle_counts_named(c->counts, i), *seen = &c->seen[i];
		char series[64];

		snprintf(series, sizeof(series), "entries %s", name);
		stage_point(c->stage, "cstate", series, "1/s", tsc,
			(double)(sum.entries - seen->entries) / seconds);
		snprintf(series, sizeof(series), "residency %s", name);
		stage_point(c->stage, "cstate", series, "%", tsc,
			(double)(sum.us - seen->us) / 1e6 / seconds / (double)c->cpu_count * 100);
		*seen = sum;
	}
	if (c->toggler)
		point_toggles(c, tsc, seconds);
	c->seen_ns = now;
}

/* What of the toggling was missing; false: nothing. */
static bool toggles_lack(
	const struct cstate *c, double seconds, uint64_t turns, int failure, char *text, size_t size)
{
	struct idle_sum all = idle_counts_from(c->counts, 0), deep = idle_counts_from(c->counts, 1);
	double asked = seconds * c->wish.rate_hz;

	if (failure)
		snprintf(text, size, "the toggling ended early: %s", strerror(-failure));
	else if ((double)turns < RATE_REACHED * asked)
		snprintf(text, size, "%.0f toggles were asked for", asked);
	else if (all.entries == deep.entries)
		snprintf(text, size, "the shallowest state was never entered");
	/* Each CPU may have been in the deepest state when the first turn ended that. */
	else if (idle_counts_deepest(c->counts).entries <= c->cpu_count)
		snprintf(text, size, "the deepest state was not entered after the first toggle");
	else
		return false;
	return true;
}

/* What was asked for and not seen; false: nothing. */
static bool evidence_lacks(
	const struct cstate *c, double seconds, uint64_t turns, int failure, char *text, size_t size)
{
	uint64_t all = idle_counts_from(c->counts, 0).entries;
	uint64_t beyond = idle_counts_from(c->counts, c->wish.limit + 1).entries;

	if (all == 0) {
		snprintf(text, size, "the CPUs were never idle");
		return true;
	}
	switch (c->wish.mode) {
	case IDLE_TOGGLE:
		return toggles_lack(c, seconds, turns, failure, text, size);
	case IDLE_SHALLOWEST:
	case IDLE_UPTO:
		/* Counted at its end: each CPU may have been in a deep state when that was forbidden. */
		if (beyond > c->cpu_count)
			snprintf(text, size, "states that were not allowed were entered %llu times",
				(unsigned long long)beyond);
		else if (all == beyond)
			snprintf(text, size, "no state that was allowed was entered");
		else
			return false;
		return true;
	default:
		if (idle_counts_deepest(c->counts).entries > 0)
			return false;
		snprintf(text, size, "the deepest state was never entered");
		return true;
	}
}

static size_t append(char *text, size_t size, size_t at, const char *part)
{
	int n = snprintf(text + at, size - at, "%s%s", at ? "; " : "", part);

	return at + (size_t)n < size ? at + (size_t)n : size - 1;
}

/* What lacks comes first, so that it is not cut. */
static void describe(
	const struct cstate *c, double seconds, uint64_t turns, const char *lack, char *text, size_t size)
{
	size_t at = 0, away = idle_counts_away(c->counts);
	char part[160];

	text[0] = '\0';
	if (lack[0])
		at = append(text, size, at, lack);
	if (away) {
		snprintf(part, sizeof(part), "%zu of %zu CPUs were offline for a time", away, c->cpu_count);
		at = append(text, size, at, part);
	}
	if (c->toggler) {
		snprintf(part, sizeof(part), "%llu toggles in %.1f s", (unsigned long long)turns, seconds);
		at = append(text, size, at, part);
	}
	for (size_t i = 0; i < idle_counts_names(c->counts); i++) {
		struct idle_sum sum = idle_counts_named(c->counts, i);

		snprintf(part, sizeof(part), "%s: %llu entries, %.1f %%%s", idle_counts_name(c->counts, i),
			(unsigned long long)sum.entries,
			(double)sum.us / 1e6 / seconds / (double)c->cpu_count * 100, i ? "" : " of the time");
		at = append(text, size, at, part);
	}
}

static int cstate_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct cstate *c = state;
	uint64_t turns = c->toggler ? toggler_turns(c->toggler) : 0;
	double seconds = (double)(now_ns() - c->start_ns) / (double)NS_PER_SEC;
	int failure = c->toggler ? toggler_stop(c->toggler) : 0;
	char lack[120] = "";

	(void)err;
	/* Before the limit is lifted: what is entered then is no evidence. */
	idle_counts_update(c->counts);
	evidence->observed = !evidence_lacks(c, seconds, turns, failure, lack, sizeof(lack));
	describe(c, seconds, turns, lack, evidence->text, sizeof(evidence->text));
	stage_event(c->stage, tsc_before(), "cstate", false, "the idle states are let go");
	cstate_free(c);
	return 0;
}

const struct disturbance disturb_cstate = {
	.name = "cstate",
	.summary = "keep the CPUs in shallow or deep idle states, or toggle between them",
	.parameters = parameters,
	.changes_machine = true,
	.check = cstate_check,
	.supported = cstate_supported,
	.needs_cpu = disturbance_needs_probes,
	.plan = cstate_plan,
	.start = cstate_start,
	.observe = cstate_observe,
	.stop = cstate_stop,
};
