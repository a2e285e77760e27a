/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Changes the frequency of the probes' CPUs through cpufreq.  An invariant TSC must not notice; a clock
 * that does is no clock.  So no change is marked as injected: a step that one explains speaks against
 * the clock.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/disturbance.h"
#include "bench/freq_evidence.h"
#include "bench/freq_policy.h"
#include "bench/freq_watch.h"
#include "bench/toggler.h"
#include "probes/now.h"
#include "probes/tsc.h"

#define RATE_INITIAL_HZ 5
#define RATE_MAX_HZ	200
#define EVENTS_MAX	2000 /* a phase: a report stays readable */
#define USERSPACE	"userspace"

enum { MODE, KHZ, RATE, NAME, STATE };

enum mode { LOWEST, HIGHEST, FIXED, TOGGLE, GOVERNOR, TURBO, MODES };

static const char *const mode_names[MODES] = { "lowest", "highest", "fixed", "toggle", "governor", "turbo" };

static const struct parameter parameters[] = {
	[MODE] = { "mode", PARAMETER_WORD, NULL, "lowest,highest,fixed,toggle,governor,turbo", 0, 0,
		"what to do with the frequency of the probes' CPUs" },
	[KHZ] = { "khz", PARAMETER_NUMBER, NULL, NULL, 1, 1e8, "with fixed: frequency in kHz" },
	/* No initial value: it must be seen whether it was given. */
	[RATE] = { "rate", PARAMETER_NUMBER, NULL, NULL, 0.1, RATE_MAX_HZ,
		"with toggle: changes between lowest and highest a second; 5 if not given" },
	[NAME] = { "name", PARAMETER_WORD, NULL, NULL, 0, 0, "with governor: its name" },
	[STATE] = { "state", PARAMETER_WORD, NULL, "on,off", 0, 0, "with turbo: on or off" },
	{ NULL, 0, NULL, NULL, 0, 0, NULL },
};

struct wish {
	enum mode mode;
	unsigned long khz;
	double rate_hz;
	const char *name;
	bool on;
};

struct state {
	struct wish wish;
	struct freq_set set;
	struct freq_watch watch;
	struct journal *journal;
	struct stage *stage;
	struct toggler *toggler; /* NULL: not toggling */
	bool userspace;		 /* fixed: held by that governor */
	uint64_t looks;
	uint64_t began_ns;
	/* Of start(), then of the toggler's thread until it ended. */
	unsigned events;
	uint64_t toggles;
	struct error toggle_err;
};

/* ---- what is asked ---- */

static enum mode mode_find(const char *text)
{
	size_t mode = 0;

	while (mode < MODES && (!text || strcmp(mode_names[mode], text) != 0))
		mode++;
	return (enum mode)mode;
}

static int cpufreq_check(const struct argument *arguments, struct error *err)
{
	static const struct {
		size_t parameter;
		enum mode mode;
		bool required;
	} belongings[] = {
		{ KHZ, FIXED, true },
		{ RATE, TOGGLE, false },
		{ NAME, GOVERNOR, true },
		{ STATE, TURBO, true },
	};
	enum mode mode = mode_find(arguments[MODE].text);

	if (mode == MODES)
		return error_set(err, -EINVAL, "cpufreq: say what to do: one of %s", parameters[MODE].words);
	for (size_t i = 0; i < sizeof(belongings) / sizeof(belongings[0]); i++) {
		const char *name = parameters[belongings[i].parameter].name;
		bool given = arguments[belongings[i].parameter].text;

		if (given && belongings[i].mode != mode)
			return error_set(err, -EINVAL, "cpufreq: %s belongs to %s, not to %s", name,
				mode_names[belongings[i].mode], mode_names[mode]);
		if (!given && belongings[i].mode == mode && belongings[i].required)
			return error_set(err, -EINVAL, "cpufreq: %s needs %s", mode_names[mode], name);
	}
	if (mode == FIXED && arguments[KHZ].number != floor(arguments[KHZ].number))
		return error_set(err, -EINVAL, "cpufreq: khz=%s: not a whole number", arguments[KHZ].text);
	return 0;
}

static struct wish wish_of(const struct argument *arguments)
{
	struct wish wish = { .mode = mode_find(arguments[MODE].text), .rate_hz = RATE_INITIAL_HZ };

	if (wish.mode == FIXED)
		wish.khz = (unsigned long)arguments[KHZ].number;
	if (arguments[RATE].text)
		wish.rate_hz = arguments[RATE].number;
	wish.name = arguments[NAME].text;
	wish.on = arguments[STATE].text && strcmp(arguments[STATE].text, "on") == 0;
	return wish;
}

static unsigned long khz_wanted(const struct wish *wish, const struct freq_policy *policy, enum freq_end end)
{
	if (wish->mode == FIXED)
		return wish->khz;
	return wish->mode == HIGHEST || end == FREQ_HIGH ? policy->high_khz : policy->low_khz;
}

/* "1200000 kHz", or a range where the CPUs differ. */
static void khz_text(const struct wish *wish, const struct freq_set *set, enum freq_end end, char text[64])
{
	unsigned long least = khz_wanted(wish, &set->policies[0], end), most = least;

	for (size_t i = 1; i < set->count; i++) {
		unsigned long khz = khz_wanted(wish, &set->policies[i], end);

		least = khz < least ? khz : least;
		most = khz > most ? khz : most;
	}
	if (least == most)
		snprintf(text, 64, "%lu kHz", least);
	else
		snprintf(text, 64, "%lu to %lu kHz", least, most);
}

/* ---- can it be done ---- */

static bool has_userspace(const struct freq_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		char path[FREQ_PATH_MAX];

		freq_policy_path(&set->policies[i], "scaling_setspeed", path);
		if (!freq_policy_has_governor(&set->policies[i], USERSPACE) || access(path, F_OK))
			return false;
	}
	return true;
}

static int need_limits(const struct freq_policy *policy, struct error *err)
{
	int rc = freq_policy_need_file(policy, "scaling_min_freq", err);

	return rc ? rc : freq_policy_need_file(policy, "scaling_max_freq", err);
}

static int policy_can(const struct wish *wish, const struct freq_policy *policy, struct error *err)
{
	int rc;

	switch (wish->mode) {
	case FIXED:
		rc = freq_policy_need_khz(policy, wish->khz, err);
		return rc ? rc : need_limits(policy, err);
	case TOGGLE:
		if (policy->low_khz == policy->high_khz)
			return error_set(err, -ENOTSUP, "CPU %u has only one frequency, %lu kHz", policy->cpu,
				policy->low_khz);
		return need_limits(policy, err);
	case GOVERNOR:
		rc = freq_policy_need_governor(policy, wish->name, err);
		return rc ? rc : freq_policy_need_file(policy, "scaling_governor", err);
	case TURBO:
		return 0;
	default:
		return need_limits(policy, err);
	}
}

static int set_can(const struct wish *wish, const struct freq_set *set, struct error *err)
{
	int rc = 0;

	if (geteuid() != 0)
		return error_set(err, -EPERM, "changing " FREQ_CPU_DIR "/cpufreq needs root");
	if (wish->mode == TURBO)
		return freq_boost_need(set, err);
	for (size_t i = 0; !rc && i < set->count; i++)
		rc = policy_can(wish, &set->policies[i], err);
	return rc;
}

static int cpufreq_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct wish wish = wish_of(setup->arguments);
	struct freq_set set;
	int rc = freq_load(setup->cpus, setup->cpu_count, &set, why);

	if (!rc)
		rc = set_can(&wish, &set, why);
	freq_free(&set);
	return rc;
}

static void cpufreq_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	struct wish wish = wish_of(setup->arguments);
	struct error ignored = { "" };
	struct freq_set set;
	char cpus[80] = "the probes' CPUs", low[64] = "lowest", high[64] = "highest";
	bool known = freq_load(setup->cpus, setup->cpu_count, &set, &ignored) == 0;

	if (known) {
		khz_text(&wish, &set, FREQ_LOW, low);
		khz_text(&wish, &set, FREQ_HIGH, high);
		snprintf(cpus, sizeof(cpus), "CPU %s", set.cpus);
	}
	switch (wish.mode) {
	case TOGGLE:
		snprintf(text, size, "switches the frequency of %s %g times a second between %s and %s", cpus,
			wish.rate_hz, low, high);
		break;
	case GOVERNOR:
		snprintf(text, size, "sets the cpufreq governor of %s to %s", cpus, wish.name);
		break;
	case TURBO:
		snprintf(text, size, "switches turbo %s", wish.on ? "on" : "off");
		break;
	case FIXED:
		snprintf(text, size, "holds %s at %lu kHz", cpus, wish.khz);
		break;
	default:
		snprintf(text, size, "holds %s at the %s frequency%s%s", cpus, mode_names[wish.mode],
			known ? ", " : "", known ? low : "");
	}
	freq_free(&set);
}

/* ---- doing it ---- */

/* The change began at tsc. */
static void tell(struct state *s, uint64_t tsc, const char *text)
{
	if (s->events < EVENTS_MAX)
		stage_event(s->stage, tsc, "cpufreq", false, "%s", text);
	else if (s->events == EVENTS_MAX)
		stage_event(s->stage, tsc, "cpufreq", false,
			"further changes of cpufreq in this phase are not listed");
	else
		return;
	s->events++;
}

static int set_frequency(struct state *s, enum freq_end end, struct error *err)
{
	uint64_t tsc = tsc_before();
	char khz[64], text[160];
	int rc = 0;

	for (size_t i = 0; !rc && i < s->set.count; i++) {
		struct freq_policy *p = &s->set.policies[i];
		unsigned long wanted = khz_wanted(&s->wish, p, end);

		rc = s->userspace ? freq_policy_speed(p, wanted, err) : freq_policy_pin(p, wanted, err);
	}
	if (rc)
		return rc;
	khz_text(&s->wish, &s->set, end, khz);
	snprintf(text, sizeof(text), "cpufreq of CPU %s set to %s", s->set.cpus, khz);
	tell(s, tsc, text);
	return 0;
}

static int confirm_frequency(const struct state *s, enum freq_end end, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->set.count; i++) {
		const struct freq_policy *p = &s->set.policies[i];
		unsigned long khz = khz_wanted(&s->wish, p, end);

		rc = s->userspace ? freq_policy_confirm_governor(p, USERSPACE, err)
				  : freq_policy_confirm_range(p, khz, khz, err);
	}
	return rc;
}

/* Records everything that is written from now on; from here on only set_frequency() writes. */
static int take_frequency(struct state *s, struct error *err)
{
	int rc = 0;

	s->userspace = s->wish.mode == FIXED && has_userspace(&s->set);
	for (size_t i = 0; !rc && i < s->set.count; i++) {
		struct freq_policy *p = &s->set.policies[i];

		if (s->userspace)
			rc = freq_policy_govern(p, USERSPACE, s->journal, err);
		if (!rc)
			rc = freq_policy_widen(p, s->journal, err);
	}
	return rc;
}

static int start_frequency(struct state *s, struct error *err)
{
	int rc = take_frequency(s, err);

	for (size_t i = 0; i < s->set.count; i++) {
		struct freq_watched *w = &s->watch.watched[i];

		w->asked_khz[FREQ_LOW] = khz_wanted(&s->wish, w->policy, FREQ_LOW);
		if (s->wish.mode == TOGGLE)
			w->asked_khz[FREQ_HIGH] = w->policy->high_khz;
	}
	if (!rc)
		rc = set_frequency(s, FREQ_LOW, err);
	if (!rc)
		rc = confirm_frequency(s, FREQ_LOW, err);
	/* Both ends are tried here, where a failure can be told; the toggler then begins with the lower. */
	if (!rc && s->wish.mode == TOGGLE)
		rc = set_frequency(s, FREQ_HIGH, err);
	if (!rc && s->wish.mode == TOGGLE)
		rc = confirm_frequency(s, FREQ_HIGH, err);
	return rc;
}

static int start_governor(struct state *s, struct error *err)
{
	uint64_t tsc = tsc_before();
	char text[160];
	int rc = 0;

	for (size_t i = 0; !rc && i < s->set.count; i++)
		rc = freq_policy_govern(&s->set.policies[i], s->wish.name, s->journal, err);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "cpufreq governor of CPU %s set to %s", s->set.cpus, s->wish.name);
	tell(s, tsc, text);
	return 0;
}

static int start_turbo(struct state *s, struct error *err)
{
	uint64_t tsc = tsc_before();
	int rc = freq_boost_set(&s->set, s->wish.on, s->journal, err);

	if (!rc)
		tell(s, tsc, s->wish.on ? "cpufreq turbo switched on" : "cpufreq turbo switched off");
	return rc;
}

static int toggle_step(void *context, uint64_t turn)
{
	struct state *s = context;
	int rc = set_frequency(s, turn % 2 ? FREQ_HIGH : FREQ_LOW, &s->toggle_err);

	s->toggles += rc == 0;
	return rc;
}

static int start_mode(struct state *s, struct error *err)
{
	if (s->wish.mode == GOVERNOR)
		return start_governor(s, err);
	if (s->wish.mode == TURBO)
		return start_turbo(s, err);
	return start_frequency(s, err);
}

static void state_free(struct state *s)
{
	freq_watch_close(&s->watch);
	freq_free(&s->set);
	free(s);
}

static int cpufreq_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct state *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->wish = wish_of(setup->arguments);
	s->journal = setup->journal;
	s->stage = setup->stage;
	rc = freq_load(setup->cpus, setup->cpu_count, &s->set, err);
	if (!rc)
		rc = set_can(&s->wish, &s->set, err);
	if (!rc)
		rc = freq_watch_open(&s->watch, &s->set, err);
	if (!rc)
		rc = start_mode(s, err);
	if (!rc) {
		freq_watch_begin(&s->watch);
		s->began_ns = now_ns();
	}
	if (!rc && s->wish.mode == TOGGLE) {
		s->toggler = toggler_start(s->wish.rate_hz, toggle_step, s, err);
		rc = s->toggler ? 0 : -EAGAIN;
	}
	if (rc) {
		state_free(s);
		return rc;
	}
	*state = s;
	return 0;
}

/* ---- seeing it ---- */

/*
 * A toggler whose turns fit evenly into the time between two looks would always be caught at the same
 * end: two of four looks come one turn later.
 */
static void wait_a_turn(const struct state *s)
{
	double turn_ns = (double)NS_PER_SEC / s->wish.rate_hz;

	if (s->wish.mode == TOGGLE && turn_ns <= DISTURBANCE_OBSERVE_NS / 2 && s->looks & 2)
		nanosleep(&(struct timespec){ .tv_nsec = (long)turn_ns }, NULL);
}

static void cpufreq_observe(void *state, uint64_t tsc)
{
	struct state *s = state;

	(void)tsc;
	wait_a_turn(s);
	s->looks++;
	freq_watch_look(&s->watch, s->stage, tsc_before());
}

/* What was set is set still. */
static int confirm(const struct state *s, struct error *err)
{
	int rc = 0;

	if (s->wish.mode == TURBO)
		return freq_boost_confirm(&s->set, s->wish.on, err);
	if (s->wish.mode != GOVERNOR)
		return confirm_frequency(s, FREQ_LOW, err);
	for (size_t i = 0; !rc && i < s->set.count; i++)
		rc = freq_policy_confirm_governor(&s->set.policies[i], s->wish.name, err);
	return rc;
}

static bool say_toggling(const struct state *s, double seconds, struct evidence *evidence)
{
	char low[64], high[64];
	bool seen;

	khz_text(&s->wish, &s->set, FREQ_LOW, low);
	khz_text(&s->wish, &s->set, FREQ_HIGH, high);
	freq_say(evidence, "%llu toggles of CPU %s between %s and %s in %.3g s, %g a second asked for",
		(unsigned long long)s->toggles, s->set.cpus, low, high, seconds, s->wish.rate_hz);
	if (s->toggle_err.text[0])
		freq_say(evidence, "the next one failed: %s", s->toggle_err.text);
	seen = freq_say_toggled(evidence, &s->watch, s->toggles);
	return seen && !s->toggle_err.text[0];
}

static bool say_steady(const struct state *s, struct evidence *evidence)
{
	struct error why = { "" };
	bool in_force = confirm(s, &why) == 0, held = true;
	char khz[64];

	khz_text(&s->wish, &s->set, FREQ_LOW, khz);
	if (s->wish.mode == GOVERNOR)
		freq_say(evidence, "governor %s asked for CPU %s", s->wish.name, s->set.cpus);
	else if (s->wish.mode == TURBO)
		freq_say(evidence, "turbo %s asked for", s->wish.on ? "on" : "off");
	else
		freq_say(evidence, "%s asked for CPU %s", khz, s->set.cpus);
	freq_say(evidence, "%s", in_force ? "in force at the end" : why.text);
	if (s->wish.mode == GOVERNOR || s->wish.mode == TURBO)
		freq_say_seen(evidence, &s->watch);
	else
		held = freq_say_held(evidence, &s->watch);
	return in_force && held;
}

static int cpufreq_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct state *s = state;

	(void)err;
	*evidence = (struct evidence){ .observed = false };
	if (s->toggler) {
		toggler_stop(s->toggler);
		evidence->observed = say_toggling(s, (double)(now_ns() - s->began_ns) / NS_PER_SEC, evidence);
	} else {
		evidence->observed = say_steady(s, evidence);
	}
	state_free(s);
	return 0;
}

const struct disturbance disturb_cpufreq = {
	.name = "cpufreq",
	.summary = "hold or switch the CPUs' frequency, its governor, or turbo",
	.parameters = parameters,
	.changes_machine = true,
	.check = cpufreq_check,
	.supported = cpufreq_supported,
	.needs_cpu = disturbance_needs_probes,
	.plan = cpufreq_plan,
	.start = cpufreq_start,
	.observe = cpufreq_observe,
	.stop = cpufreq_stop,
};
