/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Suspends the machine once, a third into the phase, and lets the RTC wake it up.
 *
 * CLOCK_MONOTONIC stands still in the meantime and CLOCK_BOOTTIME goes on, so the
 * difference between the two grows by the time asleep: that is what the machine is
 * meant to do, and a step that it makes is no fault of a clock.
 * Documentation/admin-guide/pm/sleep-states.rst, Documentation/admin-guide/rtc.rst
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/disturbance.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"
#include "results/units.h"

#define STATE_FILE   "/sys/power/state"
#define SUCCESS_FILE "/sys/power/suspend_stats/success"
#define ALARM_GLOB   "/sys/class/rtc/rtc*/wakealarm"
/*
 * The alarm is set in whole seconds, and falling asleep takes some of the time: that much less than
 * asked for may have been slept.
 */
#define ENTRY_S 3

/* Before all paths; a test sets it. */
static const char *root = "";

enum { STATE, SECONDS };

static const struct parameter parameters[] = {
	[STATE] = { .name = "state",
		.kind = PARAMETER_WORD,
		.initial = "freeze",
		.words = "freeze,mem,standby",
		.help = "as in /sys/power/state: freeze is suspend to idle" },
	[SECONDS] = { .name = "seconds",
		.kind = PARAMETER_NUMBER,
		.initial = "5",
		.low = 1,
		.high = 600,
		.help = "the RTC wakes the machine up after so many seconds" },
	{ .name = NULL },
};

struct suspend {
	struct stage *stage;
	char state[16], state_path[256], success_path[256], alarm_path[256];
	int seconds;
	uint64_t due_ns; /* on CLOCK_MONOTONIC */
	bool tried;
	double slept_s;	     /* by which boottime - monotonic grew */
	long success_growth; /* of the kernel's count of suspends; -1: it does not tell */
	struct error trouble;
};

/* ---- what the machine offers ---- */

static bool offers(const char *states, const char *state)
{
	size_t length = strlen(state);

	for (const char *at = states; (at = strstr(at, state)); at += length)
		if ((at == states || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* The first RTC that can wake the machine up. */
static bool find_alarm(char *path, size_t size)
{
	char pattern[256];
	glob_t found;
	bool any;

	snprintf(pattern, sizeof(pattern), "%s" ALARM_GLOB, root);
	any = !glob(pattern, 0, NULL, &found) && found.gl_pathc;
	if (any)
		snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return any;
}

/* Fills the paths.  0, or -errno where it cannot be done. */
static int look(struct suspend *s, const struct argument *arguments, struct error *err)
{
	char states[256], alarm[64];
	bool offered;
	int rc;

	snprintf(s->state, sizeof(s->state), "%s", arguments[STATE].text);
	s->seconds = (int)arguments[SECONDS].number;
	snprintf(s->state_path, sizeof(s->state_path), "%s" STATE_FILE, root);
	snprintf(s->success_path, sizeof(s->success_path), "%s" SUCCESS_FILE, root);
	rc = sysfs_read(s->state_path, states, sizeof(states), err);
	if (rc)
		return rc;
	offered = offers(states, s->state);
	if (!find_alarm(s->alarm_path, sizeof(s->alarm_path)))
		return error_set(err, -ENOTSUP,
			"no RTC could wake the machine up: there is no " ALARM_GLOB "%s%s",
			offered ? "" : "; and " STATE_FILE " does not offer ", offered ? "" : s->state);
	if (!offered)
		return error_set(err, -ENOTSUP, "%s offers %s, not %s", s->state_path,
			*states ? states : "nothing", s->state);
	rc = sysfs_read(s->alarm_path, alarm, sizeof(alarm), err);
	if (!rc && *alarm)
		rc = error_set(err, -EBUSY, "%s: somebody has set an alarm already, which would be lost",
			s->alarm_path);
	return rc;
}

static int suspend_check(const struct argument *a, struct error *err)
{
	if (a[SECONDS].number != floor(a[SECONDS].number))
		return error_set(err, -EINVAL, "seconds=%s: not a whole number", a[SECONDS].text);
	return 0;
}

static int suspend_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct suspend s = { .seconds = 0 };
	int rc = look(&s, setup->arguments, why);
	const char *const paths[] = { s.state_path, s.alarm_path };

	for (size_t i = 0; !rc && i < 2; i++)
		if (faccessat(AT_FDCWD, paths[i], W_OK, AT_EACCESS))
			rc = error_set(why, -errno, "%s: cannot write: %s%s", paths[i], strerror(errno),
				geteuid() ? "; it takes root" : "");
	return rc;
}

static void suspend_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	snprintf(text, size, "suspends the machine once (%s) and has the RTC wake it up after %.0f s",
		setup->arguments[STATE].text, setup->arguments[SECONDS].number);
}

static int suspend_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct suspend *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->stage = setup->stage;
	rc = look(s, setup->arguments, err);
	/* No alarm is what there was.  One that a killed run leaves behind goes off by itself. */
	if (!rc)
		rc = journal_add_file(setup->journal, s->alarm_path, err);
	if (rc) {
		free(s);
		return rc;
	}
	s->due_ns = posix_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(setup->duration_s / 3 * (double)NS_PER_SEC);
	*state = s;
	return 0;
}

/* ---- asleep ---- */

/* Too large by the time between the two readings, less than 1 us mostly. */
static double asleep_so_far(void)
{
	uint64_t monotonic = posix_clock_ns(CLOCK_MONOTONIC);

	return ns_to_s((double)(int64_t)(posix_clock_ns(CLOCK_BOOTTIME) - monotonic));
}

/* How often this machine was suspended since it started; -1: this kernel does not tell it here. */
static long successes(const struct suspend *s)
{
	struct error ignored = { "" };
	char text[32];

	return sysfs_read(s->success_path, text, sizeof(text), &ignored) ? -1 : strtol(text, NULL, 10);
}

/* A machine without an alarm would sleep on: it is read back before anything else. */
static int set_alarm(const struct suspend *s, struct error *err)
{
	char text[64];
	int rc;

	snprintf(text, sizeof(text), "+%d", s->seconds);
	rc = sysfs_write(s->alarm_path, text, err);
	if (!rc)
		rc = sysfs_read(s->alarm_path, text, sizeof(text), err);
	if (!rc && !*text)
		rc = error_set(
			err, -EIO, "%s: took an alarm in %d s and has none", s->alarm_path, s->seconds);
	return rc;
}

/* A step is looked for in the middle of the gap.  Where sleep set the TSC back there is no gap. */
static void tell_sleep(const struct suspend *s, uint64_t before, uint64_t after)
{
	stage_event(s->stage, before, "suspend", true, "machine suspended (%s)", s->state);
	if (after > before)
		stage_event(s->stage, before + (after - before) / 2, "suspend", true,
			"machine asleep for %.3f s (%s)", s->slept_s, s->state);
	stage_event(s->stage, after, "suspend", true, "machine awake again (%s)", s->state);
}

static void sleep_once(struct suspend *s, struct error *err)
{
	long count = successes(s);
	double slept_s;
	uint64_t before, after;
	int rc = set_alarm(s, err);

	if (!rc) {
		slept_s = asleep_so_far();
		before = tsc_before();
		rc = sysfs_write(s->state_path, s->state, err); /* comes back when the machine is awake */
		after = tsc_after();
		s->slept_s = asleep_so_far() - slept_s;
		s->success_growth = count < 0 ? -1 : successes(s) - count;
		/* A suspend that was refused explains no step. */
		if (!rc)
			tell_sleep(s, before, after);
	}
	/* "0" is a time that has gone by: it takes the alarm away (Linux drivers/rtc/sysfs.c). */
	sysfs_write(s->alarm_path, "0", err);
}

static void suspend_observe(void *state, uint64_t tsc)
{
	struct suspend *s = state;

	if (!s->tried && posix_clock_ns(CLOCK_MONOTONIC) >= s->due_ns) {
		s->tried = true;
		sleep_once(s, &s->trouble);
		tsc = tsc_before();
	}
	stage_point(s->stage, "suspend", "boottime - monotonic", "s", tsc, asleep_so_far());
}

static bool slept_enough(const struct suspend *s)
{
	double least_s = s->seconds > 2 * ENTRY_S ? s->seconds - ENTRY_S : s->seconds / 2.0;

	return s->slept_s >= least_s;
}

static int suspend_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct suspend *s = state;
	char *text = evidence->text;
	size_t size = sizeof(evidence->text);

	(void)err;
	evidence->observed = s->tried && !s->trouble.text[0] && slept_enough(s) &&
			     (s->success_growth == 1 || s->success_growth == -1);
	if (!s->tried) {
		snprintf(text, size, "the phase ended before the machine was to be suspended");
	} else {
		snprintf(text, size, "boottime - monotonic grew by %.3f s, of %d s asked for (%s)",
			s->slept_s, s->seconds, s->state);
		if (s->success_growth < 0)
			snprintf(text + strlen(text), size - strlen(text),
				"; this kernel does not count suspends");
		else
			snprintf(text + strlen(text), size - strlen(text), "; " SUCCESS_FILE " grew by %ld",
				s->success_growth);
	}
	if (s->trouble.text[0])
		snprintf(text + strlen(text), size - strlen(text), "; %.250s", s->trouble.text);
	free(s);
	return 0;
}

const struct disturbance disturb_suspend = {
	.name = "suspend",
	.summary = "suspends the machine once and lets the RTC wake it up",
	.parameters = parameters,
	.changes_machine = true,
	.check = suspend_check,
	.supported = suspend_supported,
	.plan = suspend_plan,
	.start = suspend_start,
	.observe = suspend_observe,
	.stop = suspend_stop,
};
