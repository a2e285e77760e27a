/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Sets the kernel's clocksource, or switches between two of them all the time.
 * Each switch stops all CPUs for a moment and hands the time over from one counter
 * to the other (Linux kernel/time/timekeeping.c, change_clocksource()).
 *
 * The kernel takes any text without complaint and ignores names that it does not
 * know, so each write is read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/disturbance.h"
#include "bench/kmsg.h"
#include "bench/toggler.h"
#include "probes/now.h"
#include "probes/tsc.h"
#include "results/evidence.h"
#include "results/units.h"

#define DIRECTORY    "/sys/devices/system/clocksource/clocksource0"
#define NAME_MAX_CS  32	  /* CS_NAME_LEN of Linux kernel/time/tick-internal.h */
#define LIST_MAX     1024 /* bytes of available_clocksource */
#define EVENTS_MAX   2000 /* switches listed in a phase */
#define RATE_INITIAL 10	  /* switches per second */
#define RATE_ENOUGH  0.9  /* of the switches asked for */

/* Before all paths; a test sets it. */
static const char *root = "";

enum { MODE, NAME, WITH, RATE };

static const struct parameter parameters[] = {
	[MODE] = { .name = "mode",
		.kind = PARAMETER_WORD,
		.initial = "set",
		.words = "set,toggle",
		.help = "set: one clocksource for the whole phase; toggle: switch between two" },
	[NAME] = { .name = "name",
		.kind = PARAMETER_WORD,
		.help = "clocksource to set: tsc, kvm-clock, hpet, acpi_pm ...; toggle: the next available "
			"one" },
	[WITH] = { .name = "with",
		.kind = PARAMETER_WORD,
		.help = "toggle: the other clocksource; else the one in force, or the next available one" },
	/* No initial value, so that check() sees whether it was given. */
	[RATE] = { .name = "rate",
		.kind = PARAMETER_NUMBER,
		.low = 0.05,
		.high = 100,
		.help = "toggle: switches per second; 10 where it is not given" },
	{ .name = NULL },
};

/* What the machine has, and what is to be done with it. */
struct choice {
	char path[256]; /* of current_clocksource */
	char current[NAME_MAX_CS], available[LIST_MAX];
	char name[NAME_MAX_CS], with[NAME_MAX_CS]; /* with is empty for set */
	double rate_hz;				   /* of toggle */
};

/* The kernel log since the start. */
struct log_tail {
	int fd, failure; /* failure: -errno where it cannot be read */
	uint64_t switched, complaints;
	bool lost; /* lines were overwritten before they were read */
};

struct clocksource {
	struct stage *stage;
	struct choice choice;
	bool toggles;
	char unit[EVIDENCE_NAME_MAX];
	uint64_t start_ns;
	/* Of the thread that switches, until it ended. */
	struct toggler *toggler;
	bool at_name; /* the last switch was to choice.name, not to choice.with */
	uint64_t switches;
	struct error trouble;
	/* Of the thread that observes. */
	struct log_tail log;
	uint64_t observations, astray;
	struct error unseen;
};

/* ---- what to choose from ---- */

/* Place of a word in a list with blanks between, or -1. */
static int list_index(const char *list, const char *word)
{
	size_t length = strlen(word);
	int i = 0;

	for (list += strspn(list, " "); *list; list += strspn(list, " "), i++) {
		size_t n = strcspn(list, " ");

		if (n == length && !strncmp(list, word, n))
			return i;
		list += n;
	}
	return -1;
}

/* The first of the list that is not `taken`; false: there is none. */
static bool list_other(const char *list, const char *taken, char other[NAME_MAX_CS])
{
	for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
		size_t n = strcspn(list, " ");

		if (n < NAME_MAX_CS) {
			snprintf(other, NAME_MAX_CS, "%.*s", (int)n, list);
			if (strcmp(other, taken) != 0)
				return true;
		}
		list += n;
	}
	*other = '\0';
	return false;
}

static int read_machine(struct choice *c, struct error *err)
{
	char path[sizeof(c->path)];
	int rc;

	snprintf(c->path, sizeof(c->path), "%s" DIRECTORY "/current_clocksource", root);
	snprintf(path, sizeof(path), "%s" DIRECTORY "/available_clocksource", root);
	rc = sysfs_read(c->path, c->current, sizeof(c->current), err);
	return rc ? rc : sysfs_read(path, c->available, sizeof(c->available), err);
}

/* The second of the pair: the one in force, or the next available one if that is `taken`. */
static int choose_other(struct choice *c, const char *taken, char other[NAME_MAX_CS], struct error *err)
{
	if (strcmp(c->current, taken) != 0)
		strcpy(other, c->current);
	else if (!list_other(c->available, taken, other))
		return error_set(err, -ENOTSUP, "to toggle takes two clocksources, and there is only %s",
			c->available[0] ? c->available : "none");
	return 0;
}

static int choose(struct choice *c, const struct argument *arguments, struct error *err)
{
	const char *name = arguments[NAME].text, *with = arguments[WITH].text;
	bool toggles = !strcmp(arguments[MODE].text, "toggle");
	int rc = read_machine(c, err);

	if (rc)
		return rc;
	c->rate_hz = isnan(arguments[RATE].number) ? RATE_INITIAL : arguments[RATE].number;
	if (with)
		snprintf(c->with, sizeof(c->with), "%s", with);
	else if (toggles && !name)
		strcpy(c->with, c->current);
	if (name)
		snprintf(c->name, sizeof(c->name), "%s", name);
	else
		rc = choose_other(c, c->with, c->name, err);
	if (!rc && toggles && !c->with[0])
		rc = choose_other(c, c->name, c->with, err);
	for (int i = 0; !rc && i <= toggles; i++) {
		const char *wanted = i ? c->with : c->name;

		if (list_index(c->available, wanted) < 0)
			rc = error_set(
				err, -ENOTSUP, "no clocksource %s here, only %s", wanted, c->available);
	}
	return rc;
}

static int clocksource_check(const struct argument *a, struct error *err)
{
	bool toggles = !strcmp(a[MODE].text, "toggle");

	for (int i = NAME; i <= WITH; i++)
		if (a[i].text && strlen(a[i].text) >= NAME_MAX_CS)
			return error_set(err, -EINVAL,
				"%s: no clocksource has a name of more than %d characters",
				parameters[i].name, NAME_MAX_CS - 1);
	if (!toggles && !a[NAME].text)
		return error_set(err, -EINVAL, "which one? Write name=tsc, or toggle");
	if (!toggles && (a[WITH].text || !isnan(a[RATE].number)))
		return error_set(
			err, -EINVAL, "with and rate are for toggle; write: toggle name=%s", a[NAME].text);
	if (toggles && a[NAME].text && a[WITH].text && !strcmp(a[NAME].text, a[WITH].text))
		return error_set(
			err, -EINVAL, "name and with are both %s: to toggle takes two", a[NAME].text);
	return 0;
}

static int clocksource_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct choice choice = { .current = "" };
	int rc = choose(&choice, setup->arguments, why);

	if (!rc && faccessat(AT_FDCWD, choice.path, W_OK, AT_EACCESS))
		rc = error_set(why, -errno, "%s: cannot write: %s%s", choice.path, strerror(errno),
			geteuid() ? "; it takes root" : "");
	return rc;
}

static void clocksource_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	const struct argument *a = setup->arguments;
	struct choice c = { .current = "" };
	struct error ignored = { "" };
	bool known = !choose(&c, a, &ignored);

	if (strcmp(a[MODE].text, "toggle") != 0)
		snprintf(text, size, "sets the clocksource to %s", a[NAME].text);
	else if (known)
		snprintf(text, size, "switches the clocksource between %s and %s, %g times a second", c.name,
			c.with, c.rate_hz);
	else
		snprintf(text, size, "switches between two clocksources all the time");
}

/* ---- the kernel log ---- */

static void log_open(struct log_tail *log)
{
	log->fd = kmsg_open(root, true);
	log->failure = log->fd < 0 ? log->fd : 0;
}

static void log_record(void *context, const struct kmsg_record *record)
{
	struct clocksource *c = context;

	if (!record->from_kernel)
		return;
	/* Linux kernel/time/{timekeeping,clocksource}.c, arch/x86/kernel/tsc.c */
	if (strstr(record->text, "Switched to clocksource")) {
		c->log.switched++;
	} else if (strstr(record->text, "Marking clocksource") ||
		   strstr(record->text, "Marking TSC unstable") ||
		   strstr(record->text, "Override clocksource")) {
		if (c->log.complaints++ < EVENTS_MAX)
			stage_event(c->stage, tsc_before(), "watchdog", false, "%s", record->text);
	}
}

static void log_drain(struct clocksource *c)
{
	if (!c->log.failure)
		c->log.failure = kmsg_read(c->log.fd, SIZE_MAX, &c->log.lost, log_record, c);
}

static void log_say(const struct log_tail *log, char *text, size_t size)
{
	if (log->failure) {
		snprintf(text, size, "the kernel log cannot be read: %s", strerror(-log->failure));
		return;
	}
	snprintf(text, size, "kernel log: %s%llu line%s 'Switched to clocksource'",
		log->lost ? "at least " : "", (unsigned long long)log->switched,
		log->switched == 1 ? "" : "s");
	if (log->complaints)
		snprintf(text + strlen(text), size - strlen(text),
			", %llu of an unstable or refused clocksource", (unsigned long long)log->complaints);
}

/* ---- switching ---- */

static void tell_switch(struct clocksource *c, uint64_t before, uint64_t after, const char *name)
{
	uint64_t middle = after > before ? before + (after - before) / 2 : before;

	if (c->switches <= EVENTS_MAX)
		stage_event(c->stage, middle, "clocksource", false, "clocksource switched to %s", name);
	else if (c->switches == EVENTS_MAX + 1)
		stage_event(c->stage, middle, "clocksource", false,
			"further switches of this phase are not listed");
}

static int switch_to(struct clocksource *c, const char *name, struct error *err)
{
	char now[LIST_MAX];
	uint64_t before = tsc_before(), after;
	int rc = sysfs_write(c->choice.path, name, err);

	after = tsc_after();
	if (!rc)
		rc = sysfs_read(c->choice.path, now, sizeof(now), err);
	if (!rc && strcmp(now, name) != 0)
		rc = error_set(err, -EIO, "%s: the kernel did not take \"%s\": it is still \"%s\"",
			c->choice.path, name, now);
	if (rc)
		return rc;
	c->switches++;
	tell_switch(c, before, after, name);
	return 0;
}

static int switch_to_other(struct clocksource *c, struct error *err)
{
	int rc = switch_to(c, c->at_name ? c->choice.with : c->choice.name, err);

	if (!rc)
		c->at_name = !c->at_name;
	return rc;
}

/* start() did the first one itself, to know that it can be done. */
static int toggle_step(void *context, uint64_t turn)
{
	struct clocksource *c = context;

	return turn ? switch_to_other(c, &c->trouble) : 0;
}

/* "tsc=0 kvm-clock=1": what the numbers of the series stand for, as far as there is room. */
static void name_unit(const char *available, char *unit, size_t size)
{
	char name[NAME_MAX_CS];
	size_t used = 0;
	int i = 0;

	*unit = '\0';
	for (const char *at = available + strspn(available, " "); *at; at += strspn(at, " "), i++) {
		size_t n = strcspn(at, " ");
		int needed;

		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		needed = snprintf(unit + used, size - used, "%s%s=%d", used ? " " : "", name, i);
		if ((size_t)needed >= size - used) {
			unit[used] = '\0';
			return;
		}
		used += (size_t)needed;
		at += n;
	}
}

static int begin(struct clocksource *c, const struct disturbance_setup *setup, struct error *err)
{
	int rc = choose(&c->choice, setup->arguments, err);

	if (!rc)
		rc = journal_add_file(setup->journal, c->choice.path, err);
	if (rc)
		return rc;
	name_unit(c->choice.available, c->unit, sizeof(c->unit));
	log_open(&c->log);
	c->start_ns = now_ns();
	c->at_name = !strcmp(c->choice.current, c->choice.name);
	if (!c->toggles)
		return c->at_name ? 0 : switch_to(c, c->choice.name, err);
	rc = switch_to_other(c, err);
	if (rc)
		return rc;
	c->toggler = toggler_start(c->choice.rate_hz, toggle_step, c, err);
	return c->toggler ? 0 : -EAGAIN;
}

static void clocksource_free(struct clocksource *c)
{
	if (c->log.fd >= 0)
		close(c->log.fd);
	free(c);
}

static int clocksource_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct clocksource *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->stage = setup->stage;
	c->toggles = !strcmp(setup->arguments[MODE].text, "toggle");
	c->log.fd = -1;
	rc = begin(c, setup, err);
	if (rc)
		clocksource_free(c);
	else
		*state = c;
	return rc;
}

/* ---- what was seen ---- */

static void clocksource_observe(void *state, uint64_t tsc)
{
	struct clocksource *c = state;
	char now[LIST_MAX];
	int index;

	log_drain(c);
	c->observations++;
	if (sysfs_read(c->choice.path, now, sizeof(now), &c->unseen)) {
		c->astray++;
		return;
	}
	if (strcmp(now, c->choice.name) != 0 && !(c->toggles && !strcmp(now, c->choice.with))) {
		c->astray++;
		error_set(&c->unseen, -EIO, "%s: was \"%s\" at an observation", c->choice.path, now);
	}
	index = list_index(c->choice.available, now);
	if (index >= 0)
		stage_point(c->stage, "clocksource", "source", c->unit, tsc, index);
}

static bool enough(uint64_t switches, double rate_hz, double elapsed_s)
{
	return (double)switches >= RATE_ENOUGH * floor(rate_hz * elapsed_s);
}

static void say_toggle(const struct clocksource *c, struct evidence *e)
{
	double elapsed_s = ns_to_s((double)(now_ns() - c->start_ns));
	const struct error *trouble = c->trouble.text[0] ? &c->trouble : &c->unseen;
	const struct choice *choice = &c->choice;
	char *text = e->text;
	size_t size = sizeof(e->text);

	e->observed = !trouble->text[0] && enough(c->switches, choice->rate_hz, elapsed_s);
	snprintf(text, size, "%llu switch%s between %s and %s, each read back",
		(unsigned long long)c->switches, c->switches == 1 ? "" : "es", choice->name, choice->with);
	if (!enough(c->switches, choice->rate_hz, elapsed_s))
		snprintf(text + strlen(text), size - strlen(text), ", of %.0f asked for",
			floor(choice->rate_hz * elapsed_s));
	if (trouble->text[0])
		snprintf(text + strlen(text), size - strlen(text), "; then %.250s", trouble->text);
}

static void say_set(const struct clocksource *c, struct evidence *e)
{
	char *text = e->text;
	size_t size = sizeof(e->text);

	e->observed = !c->unseen.text[0];
	if (e->observed)
		snprintf(text, size, "%s in force at all %llu observations and at the end", c->choice.name,
			(unsigned long long)c->observations);
	else
		snprintf(text, size, "%s not in force at %llu of %llu observations: %.250s", c->choice.name,
			(unsigned long long)c->astray, (unsigned long long)c->observations, c->unseen.text);
	if (!strcmp(c->choice.current, c->choice.name))
		snprintf(text + strlen(text), size - strlen(text), ", as before the phase");
}

static int clocksource_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct clocksource *c = state;
	const char *last;
	char now[LIST_MAX], log[160];

	(void)err;
	if (c->toggler)
		toggler_stop(c->toggler);
	log_drain(c);
	last = c->at_name || !c->toggles ? c->choice.name : c->choice.with;
	if (!sysfs_read(c->choice.path, now, sizeof(now), &c->unseen) && strcmp(now, last) != 0)
		error_set(&c->unseen, -EIO, "%s: \"%s\" at the end, not \"%s\"", c->choice.path, now, last);
	if (c->toggles)
		say_toggle(c, evidence);
	else
		say_set(c, evidence);
	log_say(&c->log, log, sizeof(log));
	snprintf(evidence->text + strlen(evidence->text), sizeof(evidence->text) - strlen(evidence->text),
		"; %s", log);
	clocksource_free(c);
	return 0;
}

const struct disturbance disturb_clocksource = {
	.name = "clocksource",
	.summary = "sets the kernel's clocksource, or switches between two of them",
	.parameters = parameters,
	.changes_machine = true,
	.check = clocksource_check,
	.supported = clocksource_supported,
	.plan = clocksource_plan,
	.start = clocksource_start,
	.observe = clocksource_observe,
	.stop = clocksource_stop,
};
