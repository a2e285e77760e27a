/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Which clocks take part, and what the run directory will say of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/session.h"

static int add_unavailable(struct run *run, const char *name, const char *reason, struct error *err)
{
	struct unavailable *grown =
		reallocarray(run->unavailable, run->unavailable_count + 1, sizeof(*grown));

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	run->unavailable = grown;
	grown += run->unavailable_count++;
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	snprintf(grown->reason, sizeof(grown->reason), "%.*s", (int)sizeof(grown->reason) - 1, reason);
	return 0;
}

const char *session_kernel_oscillator(const char *clocksource)
{
	/* kvm-clock is the TSC scaled to ns; hpet and acpi_pm count the board's timer crystal. */
	if (strcmp(clocksource, "hpet") == 0 || strcmp(clocksource, "acpi_pm") == 0)
		return "platform";
	if (strcmp(clocksource, "tsc") == 0 || strcmp(clocksource, "tsc-early") == 0 ||
		strcmp(clocksource, "kvm-clock") == 0)
		return "tsc";
	return clocksource[0] ? clocksource : "tsc";
}

static const char *oscillator_label(enum oscillator oscillator, const char *name, const char *clocksource)
{
	switch (oscillator) {
	case OSCILLATOR_TSC:
		return "tsc";
	case OSCILLATOR_CLOCKSOURCE:
		return session_kernel_oscillator(clocksource);
	case OSCILLATOR_PLATFORM:
		return "platform";
	case OSCILLATOR_RTC:
		return "rtc";
	case OSCILLATOR_REMOTE:
	case OSCILLATOR_OWN:
		return name;
	}
	return name;
}

static void describe_unit(struct clock_info *info, enum unit unit, const struct clock_traits *traits)
{
	info->unit = unit;
	info->hz = unit == UNIT_TICKS ? traits->hz : 1e9;
	info->bits = unit == UNIT_TICKS ? traits->bits : 64;
}

static void describe_oscillator(struct clock_info *info, enum oscillator oscillator, const char *clocksource)
{
	info->clocksource = oscillator == OSCILLATOR_CLOCKSOURCE;
	snprintf(info->oscillator, sizeof(info->oscillator), "%s",
		oscillator_label(oscillator, info->name, clocksource));
}

static void describe_clock(struct clock_info *info, const struct clock_reader *reader,
	const struct clock_traits *traits, const char *clocksource)
{
	*info = (struct clock_info){ .name = "" };
	snprintf(info->name, sizeof(info->name), "%s", traits->name[0] ? traits->name : reader->name);
	describe_unit(info, reader->unit, traits);
	info->steered = reader->steered || traits->steered;
	info->cadence = reader->cadence;
	describe_oscillator(
		info, traits->own_machine ? OSCILLATOR_CLOCKSOURCE : reader->oscillator, clocksource);
	if (traits->oscillator[0])
		strcpy(info->oscillator, traits->oscillator);
}

/* What else its readings yield. */
static unsigned describe_outputs(struct run *run, const struct clock_reader *reader,
	const struct clock_traits *traits, const char *clocksource)
{
	const struct clock_info *first = &run->clocks[run->clock_count - 1];
	unsigned outputs = 1;

	for (const struct clock_output *o = reader->also; o && o->suffix; o++, outputs++) {
		struct clock_info *info = &run->clocks[run->clock_count++];

		*info = *first;
		snprintf(info->name, sizeof(info->name), "%.20s_%.10s", first->name, o->suffix);
		describe_unit(info, o->unit, traits);
		info->steered = o->steered;
		if (traits->own_machine)
			describe_oscillator(info, o->own, clocksource);
	}
	return outputs;
}

/* The clock is open: makes its rows.  On failure the caller closes it. */
static int add_clock(struct session *s, const struct clock_reader *reader, const struct clock_traits *traits,
	const char *clocksource, struct error *err)
{
	struct run *run = s->run;
	struct probe_clock clock = { .reader = reader,
		.state = traits->state,
		.index = (unsigned)run->clock_count,
		.bits = 64,
		.turn = UINT64_MAX,
		.interval_min_ns = traits->interval_min_ns,
		.burst = traits->burst };

	if (run_clock_find(run, traits->name[0] ? traits->name : reader->name) >= 0)
		return error_set(err, -EINVAL, "clock %s is asked for twice",
			traits->name[0] ? traits->name : reader->name);
	if (run->clock_count + CLOCK_OUTPUTS_MAX > RUN_CLOCKS_MAX)
		return error_set(err, -E2BIG, "more than %d clocks", RUN_CLOCKS_MAX);
	describe_clock(&run->clocks[run->clock_count++], reader, traits, clocksource);
	clock.outputs = describe_outputs(run, reader, traits, clocksource);
	if (reader->unit == UNIT_TICKS && traits->bits < 64) {
		clock.bits = traits->bits;
		clock.turn =
			(uint64_t)((double)(UINT64_C(1) << (traits->bits - 1)) / traits->hz * run->tsc_hz);
	}
	if (reader->cadence == CADENCE_TIGHT)
		s->tight[s->tight_count++] = clock;
	else
		s->slow[s->slow_count++] = clock;
	return 0;
}

static int open_clock(struct session *s, const struct clock_reader *reader, const char *options,
	const char *clocksource, struct error *err)
{
	struct clock_setup setup = { options, s->run->tsc_hz, s->run->seed, s->run->interval_s,
		s->run->burst };
	struct clock_traits traits = { 0 };
	struct error why = { "" };
	int rc;

	if (!reader->several && run_clock_find(s->run, reader->name) >= 0)
		return error_set(err, -EINVAL, "clock %s is asked for twice", reader->name);
	rc = reader->open ? reader->open(&setup, &traits, &why) : 0;
	if (rc) {
		/* Bad options are the user's mistake; that one of several servers does not answer is not. */
		if (options && (!reader->several || rc == -EINVAL))
			return error_set(err, -EINVAL, "%s", why.text);
		return add_unavailable(s->run, traits.name[0] ? traits.name : reader->name, why.text, err);
	}
	rc = add_clock(s, reader, &traits, clocksource, err);
	if (rc && reader->close)
		reader->close(traits.state);
	return rc;
}

int session_add_clock(
	struct session *s, const char *name, const char *options, const char *clocksource, struct error *err)
{
	const struct clock_reader *reader = clock_reader_find(name);

	if (!reader)
		return error_set(err, -EINVAL, "unknown clock \"%s\"; see 'clkdrift list clocks'", name);
	if (options && !reader->options)
		return error_set(err, -EINVAL, "clock %s takes no options", name);
	return open_clock(s, reader, options, clocksource, err);
}

static int open_listed(struct session *s, const char *list, const char *clocksource, struct error *err)
{
	char *copy = strdup(list), *save = NULL, *item;
	int rc = copy ? 0 : error_set(err, -ENOMEM, "out of memory");

	for (item = copy ? strtok_r(copy, ",", &save) : NULL; item && !rc;
		item = strtok_r(NULL, ",", &save)) {
		char *options = strchr(item, ':');

		if (options)
			*options++ = '\0';
		rc = session_add_clock(s, item, options, clocksource, err);
	}
	free(copy);
	return rc;
}

static int open_defaults(struct session *s, const char *clocksource, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; clock_readers[i] && !rc; i++)
		if (!clock_readers[i]->optional)
			rc = open_clock(s, clock_readers[i], NULL, clocksource, err);
	return rc;
}

/* A foreign topology has no clocks but simulated ones. */
static int check_topology(const struct session *s, struct error *err)
{
	for (size_t i = 0; i < s->tight_count; i++)
		if (!placement_is_real(s->placement) && s->tight[i].reader->oscillator != OSCILLATOR_OWN)
			return error_set(err, -EINVAL,
				"the topology is synthetic: only simulated clocks make sense; use --clocks "
				"sim");
	return 0;
}

int session_open(struct session *s, struct run *run, struct placement *placement, int *cpus, size_t cpu_count,
	const char *list, const char *clocksource, struct error *err)
{
	int rc;

	*s = (struct session){ .run = run, .placement = placement, .cpus = cpus, .cpu_count = cpu_count };
	pthread_mutex_init(&s->events, NULL);
	s->tight = calloc(RUN_CLOCKS_MAX, sizeof(*s->tight));
	s->slow = calloc(RUN_CLOCKS_MAX, sizeof(*s->slow));
	run->clocks = calloc(RUN_CLOCKS_MAX, sizeof(*run->clocks));
	if (!s->tight || !s->slow || !run->clocks)
		return error_set(err, -ENOMEM, "out of memory");
	if (!list && !placement_is_real(placement))
		list = "sim";
	rc = list ? open_listed(s, list, clocksource, err) : open_defaults(s, clocksource, err);
	if (!rc)
		rc = check_topology(s, err);
	if (!rc && run->clock_count == 0)
		rc = error_set(err, -ENODEV, "no clock can be read: %s: %s",
			run->unavailable_count ? run->unavailable[0].name : "--clocks",
			run->unavailable_count ? run->unavailable[0].reason : "the list is empty");
	return rc;
}
