/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * slew: steers realtime and monotonic with adjtimex(2), as a time daemon would: by frequency and tick, by
 * adjtime(), or by setting the time.
 *
 * That it happened is read back from the kernel and measured: monotonic_raw is made from the same counter
 * and is not steered, so what monotonic gains on it is the steering alone.  realtime - boottime changes only
 * when the time is set.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/disturbance.h"
#include "bench/facts_read.h"
#include "bench/timex.h"
#include "probes/tsc.h"
#include "results/units.h"
#include "probes/posix_clock.h"

#define FREQ_MAX_PPM 500
#define SLEW_MIN_US  20 /* of less the journal could not tell for sure that it was begun */
#define STEP_MIN_NS  1000

/*
 * Tolerances of what is measured.  A change of the rate comes with a tick of the timer, which is late on an
 * idle kernel (32 ms were seen); of adjtime() what is taken up for the present second may not be done.
 */
#define GAIN_TOLERANCE_NS  5000
#define GAIN_TOLERANCE_PPM 1
#define SLEW_TOLERANCE_US  100
#define SLEW_BEGUN	   0.1 /* share of what the kernel took up that must be seen */

enum { FREQ, TICK, OFFSET, STEP };

static const struct parameter parameters[] = {
	{ .name = "freq",
		.kind = PARAMETER_NUMBER,
		.low = -FREQ_MAX_PPM,
		.high = FREQ_MAX_PPM,
		.help = "ppm that are added to the present frequency of realtime and monotonic" },
	{ .name = "tick",
		.kind = PARAMETER_NUMBER,
		.low = -TIMEX_TICK_RANGE_US,
		.high = TIMEX_TICK_RANGE_US,
		.help = "whole us that are added to the tick of 10 ms: 100 ppm each" },
	{ .name = "offset",
		.kind = PARAMETER_TIME,
		.low = -0.1,
		.high = 0.1,
		.help = "adjtime(): realtime and monotonic are slewed by that much, 500 us a second" },
	{ .name = "step",
		.kind = PARAMETER_TIME,
		.low = -3600,
		.high = 3600,
		.help = "realtime is stepped by that much in the middle of the phase" },
	{ 0 },
};

/* What is asked for, in the kernel's units; 0: not. */
struct steering {
	long freq;    /* 2^-16 ppm, relative */
	long tick;    /* us, relative */
	long slew;    /* us */
	int64_t step; /* ns */
};

struct slew {
	const struct disturbance_setup *setup;
	struct steering asked;
	long freq, tick;	     /* to be in force */
	int64_t raw_ns, ahead_ns;    /* monotonic_raw, and monotonic - monotonic_raw, when it began */
	uint64_t observed, in_force; /* how often the frequency was read, and was right */
	bool stepped;
	int64_t offset_ns, offset_error_ns; /* realtime - boottime right before the step */
	int64_t stepped_by_ns;		    /* right after it */
	struct error trouble;		    /* of the step */
};

/* Where /proc is; a test has another. */
static const char *root = "";

static double given(const struct argument *arguments, int i, double scale)
{
	return isnan(arguments[i].number) ? 0 : arguments[i].number * scale;
}

static struct steering steering_of(const struct argument *arguments)
{
	return (struct steering){ .freq = lround(given(arguments, FREQ, TIMEX_FREQ_PER_PPM)),
		.tick = lround(given(arguments, TICK, 1)),
		.slew = lround(given(arguments, OFFSET, 1e6)),
		.step = llround(given(arguments, STEP, (double)NS_PER_SEC)) };
}

static int slew_check(const struct argument *arguments, struct error *err)
{
	struct steering s = steering_of(arguments);
	double tick = given(arguments, TICK, 1);

	if (isnan(arguments[FREQ].number) && isnan(arguments[TICK].number) &&
		isnan(arguments[OFFSET].number) && isnan(arguments[STEP].number))
		return error_set(err, -EINVAL, "give one of freq, tick, offset and step");
	if (tick != round(tick))
		return error_set(err, -EINVAL, "tick=%g: the kernel takes whole us", tick);
	if ((!isnan(arguments[FREQ].number) && !s.freq) || (!isnan(arguments[TICK].number) && !s.tick))
		return error_set(
			err, -EINVAL, "a change of 0 is none: freq and tick are added to what is there");
	if (!isnan(arguments[OFFSET].number) && labs(s.slew) < SLEW_MIN_US)
		return error_set(err, -EINVAL, "offset must be at least %d us", SLEW_MIN_US);
	if (!isnan(arguments[STEP].number) && llabs(s.step) < STEP_MIN_NS)
		return error_set(err, -EINVAL, "step must be at least %d ns", STEP_MIN_NS);
	/* Both move realtime, so freq and tick go with either. */
	if (s.slew && s.step)
		return error_set(err, -EINVAL,
			"offset and step exclude each other: when time is set the kernel drops what is being "
			"slewed");
	return 0;
}

/* ---- can it be done here? ---- */

/* A daemon that is there but steers nothing: ts2phc has its own clock, qemu-ga sets the time on request. */
static bool steers(const char *name)
{
	return strcmp(name, "ts2phc") != 0 && strcmp(name, "qemu-ga") != 0;
}

static int no_time_daemon(struct error *why)
{
	const struct facts_source source = { .root = root };
	struct facts facts = { .src = &source, .unreadable = json_array() };
	json_t *object = facts_time_daemon(&facts), *daemon;
	size_t i;
	int rc = facts.failed || !object ? error_set(why, -ENOMEM, "out of memory") : 0;

	json_array_foreach(json_object_get(object, "running"), i, daemon)
	{
		const char *name = json_string_value(json_object_get(daemon, "name"));

		if (!rc && name && steers(name))
			rc = error_set(why, -EBUSY, "%s (PID %lld) steers the clock; stop it first", name,
				(long long)json_integer_value(json_object_get(daemon, "pid")));
	}
	json_decref(object);
	json_decref(facts.unreadable);
	return rc;
}

/* Asks the kernel for what is so already: it refuses that, too, from those who may not. */
static int may_steer(const struct timex *now, struct error *why)
{
	struct timex same = { .modes = now->status & STA_NANO ? ADJ_NANO : ADJ_MICRO };

	if (adjtimex(&same) >= 0)
		return 0;
	return error_set(why, -errno,
		"the clock may not be steered: adjtimex: %s; run it as root (CAP_SYS_TIME)", strerror(errno));
}

static int in_range(const struct steering *asked, const struct timex *now, struct error *why)
{
	long freq = now->freq + asked->freq, tick = now->tick + asked->tick;

	if (asked->freq && labs(freq) > FREQ_MAX_PPM * TIMEX_FREQ_PER_PPM)
		return error_set(why, -ERANGE,
			"the frequency would be %+.3f ppm: the kernel's limit is %d ppm",
			timex_ppm(freq, TIMEX_TICK_US), FREQ_MAX_PPM);
	if (asked->tick && labs(tick - TIMEX_TICK_US) > TIMEX_TICK_RANGE_US)
		return error_set(why, -ERANGE, "the tick would be %ld us: the kernel takes %d to %d us", tick,
			TIMEX_TICK_US - TIMEX_TICK_RANGE_US, TIMEX_TICK_US + TIMEX_TICK_RANGE_US);
	return 0;
}

static int slew_supported(const struct disturbance_setup *setup, struct error *why)
{
	struct steering asked = steering_of(setup->arguments);
	struct timex now;
	long left = 0;
	int rc = timex_read(&now, why);

	rc = rc ? rc : may_steer(&now, why);
	rc = rc ? rc : no_time_daemon(why);
	rc = rc ? rc : in_range(&asked, &now, why);
	rc = rc ? rc : timex_slew_left(&left, why);
	/* Both of ours would end it. */
	if (!rc && left && (asked.slew || asked.step))
		rc = error_set(
			why, -EBUSY, "an adjtime() of another program is under way (%+ld us to come)", left);
	return rc;
}

/* One more part of a sentence. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list list;

	if (length && length + 2 < size) {
		strcpy(text + length, "; ");
		length += 2;
	}
	va_start(list, format);
	vsnprintf(text + length, size - length, format, list);
	va_end(list);
}

/* "+10 ms", with as many digits as it has. */
static const char *in_words(int64_t ns, char text[32])
{
	if (llabs(ns) >= NS_PER_SEC)
		snprintf(text, 32, "%+.10g s", (double)ns / (double)NS_PER_SEC);
	else if (llabs(ns) >= NS_PER_MS)
		snprintf(text, 32, "%+.9g ms", (double)ns / (double)NS_PER_MS);
	else
		snprintf(text, 32, "%+.6g us", (double)ns / (double)NS_PER_US);
	return text;
}

static void slew_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	struct steering s = steering_of(setup->arguments);
	char amount[32];

	text[0] = '\0';
	if (s.freq)
		append(text, size, "adjtimex frequency %+.3f ppm from what it is",
			(double)s.freq / TIMEX_FREQ_PER_PPM);
	if (s.tick)
		append(text, size, "tick %+ld us from what it is (%+ld ppm)", s.tick,
			s.tick * TIMEX_PPM_PER_TICK);
	if (s.slew)
		append(text, size, "adjtime() of %s at 500 us/s (%.3g s)",
			in_words((int64_t)s.slew * NS_PER_US, amount),
			fabs((double)s.slew) / TIMEX_SLEW_US_PER_S);
	if (s.step)
		append(text, size, "realtime stepped by %s in the middle", in_words(s.step, amount));
}

/* ---- doing it ---- */

static int set_rate(const struct slew *s, struct error *err)
{
	struct timex tx = { .modes = ADJ_FREQUENCY | ADJ_TICK, .freq = s->freq, .tick = s->tick };
	int rc;

	if (adjtimex(&tx) < 0)
		return error_set(err, -errno, "cannot set frequency %+.3f ppm, tick %ld us: adjtimex: %s",
			timex_ppm(s->freq, TIMEX_TICK_US), s->tick, strerror(errno));
	rc = timex_read(&tx, err);
	if (!rc && (tx.freq != s->freq || tx.tick != s->tick))
		rc = error_set(err, -EIO, "adjtimex took frequency %ld, tick %ld instead of %ld, %ld",
			(long)tx.freq, (long)tx.tick, s->freq, s->tick);
	return rc;
}

static void note_begin(struct slew *s)
{
	int64_t error;

	timex_difference(CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, &s->ahead_ns, &error);
	s->raw_ns = (int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW);
}

static int begin(struct slew *s, struct error *err)
{
	struct journal *journal = s->setup->journal;
	struct timex now;
	long left;
	int rc = timex_read(&now, err);

	if (rc)
		return rc;
	s->freq = now.freq + s->asked.freq;
	s->tick = now.tick + s->asked.tick;
	rc = journal_add_timex(journal, err);
	if (!rc && (s->asked.freq || s->asked.tick))
		rc = set_rate(s, err);
	/* The frequency is in force when the slew is recorded: what it adds is known. */
	if (!rc && s->asked.slew)
		rc = journal_add_slew(journal, (int64_t)s->asked.slew * NS_PER_US, err);
	note_begin(s);
	if (!rc && s->asked.slew)
		rc = timex_slew(s->asked.slew, &left, err);
	return rc;
}

static int slew_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct slew *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->setup = setup;
	s->asked = steering_of(setup->arguments);
	rc = begin(s, err);
	if (rc)
		free(s);
	else
		*state = s;
	return rc;
}

/* Once; what went wrong is the evidence. */
static void step_realtime(struct slew *s)
{
	int64_t after, error;
	uint64_t tsc[2];
	char amount[32];

	s->stepped = true;
	s->stepped_by_ns = 0;
	if (journal_add_step(s->setup->journal, s->asked.step, &s->trouble))
		return;
	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &s->offset_ns, &s->offset_error_ns);
	if (timex_step(s->asked.step, tsc, &s->trouble))
		return;
	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &after, &error);
	s->stepped_by_ns = after - s->offset_ns;
	s->offset_error_ns += error;
	stage_event(s->setup->stage, tsc[0] + (tsc[1] - tsc[0]) / 2, "settime", true,
		"realtime stepped by %s (ADJ_SETOFFSET)", in_words(s->asked.step, amount));
}

static void look(struct slew *s, uint64_t tsc)
{
	struct error ignored = { "" };
	struct timex now;
	long left;

	s->observed++;
	if (timex_read(&now, &ignored))
		return;
	s->in_force += now.freq == s->freq && now.tick == s->tick;
	stage_point(s->setup->stage, "slew", "frequency", "ppm", tsc, timex_ppm(now.freq, now.tick));
	if (s->asked.slew && timex_slew_left(&left, &ignored) == 0)
		stage_point(s->setup->stage, "slew", "offset remaining", "us", tsc, (double)left);
}

static void slew_observe(void *state, uint64_t tsc)
{
	struct slew *s = state;
	int64_t passed = (int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW) - s->raw_ns;

	if (s->asked.step && !s->stepped && (double)passed >= s->setup->duration_s / 2 * (double)NS_PER_SEC)
		step_realtime(s);
	look(s, tsc);
}

/* ---- what was seen ---- */

/* What monotonic gained on monotonic_raw since it began. */
struct gain {
	double ns, s;	  /* in so many seconds */
	double beyond_us; /* what the frequency does not explain */
	double unsure_us;
	long slewed_us; /* what the kernel took up of adjtime() */
};

static struct gain measure_gain(const struct slew *s)
{
	struct error ignored = { "" };
	int64_t ahead, error;
	struct gain gain;
	long left = 0;

	timex_difference(CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, &ahead, &error);
	gain.s = ns_to_s((double)((int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW) - s->raw_ns));
	gain.ns = (double)(ahead - s->ahead_ns);
	gain.beyond_us = gain.ns / (double)NS_PER_US - timex_ppm(s->freq, s->tick) * gain.s;
	gain.unsure_us =
		((double)error + GAIN_TOLERANCE_NS) / (double)NS_PER_US + GAIN_TOLERANCE_PPM * gain.s;
	gain.slewed_us = s->asked.slew && timex_slew_left(&left, &ignored) == 0 ? s->asked.slew - left : 0;
	return gain;
}

static bool judge_rate(const struct slew *s, const struct gain *gain, char *text, size_t size)
{
	double unsure = gain->unsure_us;
	double rate = s->asked.slew ? NAN : gain->ns * PPM_PER_ONE / (gain->s * (double)NS_PER_SEC);

	append(text, size, "adjtimex frequency %+.3f ppm, tick %ld us in force in %llu of %llu observations",
		timex_ppm(s->freq, TIMEX_TICK_US), s->tick, (unsigned long long)s->in_force,
		(unsigned long long)s->observed);
	if (s->in_force < s->observed)
		append(text, size, "somebody else has changed it");
	if (isnan(rate)) /* judge_slew() says what was gained */
		return s->in_force == s->observed;
	append(text, size, "monotonic gained %+.3f ppm on monotonic_raw", rate);
	return s->in_force == s->observed && fabs(gain->beyond_us) <= unsure;
}

static bool judge_slew(const struct slew *s, const struct gain *gain, char *text, size_t size)
{
	double sign = s->asked.slew < 0 ? -1 : 1;
	double taken = sign * (double)gain->slewed_us, seen = sign * gain->beyond_us;
	double unsure = gain->unsure_us + SLEW_TOLERANCE_US;

	append(text, size,
		"adjtime() of %+ld us: %+ld us taken up by the kernel, monotonic gained %+.1f us on "
		"monotonic_raw "
		"beyond its frequency",
		s->asked.slew, gain->slewed_us, gain->beyond_us);
	return taken > 0 && seen >= SLEW_BEGUN * taken && seen >= taken - TIMEX_SLEW_US_PER_S - unsure &&
	       seen <= taken + unsure;
}

static bool judge_step(const struct slew *s, char *text, size_t size)
{
	int64_t now, error, tolerance, end;

	if (!s->stepped || s->trouble.text[0]) {
		append(text, size, "realtime was not stepped: %s",
			s->stepped ? s->trouble.text : "the phase was over before its middle was seen");
		return false;
	}
	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &now, &error);
	end = now - s->offset_ns;
	tolerance = s->offset_error_ns + error;
	append(text, size, "realtime - boottime changed by %+.6f ms at the step",
		(double)s->stepped_by_ns / (double)NS_PER_MS);
	if (llabs(end - s->stepped_by_ns) > tolerance)
		append(text, size, "it is %+.6f ms at the end: somebody else has set the time",
			(double)end / (double)NS_PER_MS);
	return llabs(s->stepped_by_ns - s->asked.step) <= tolerance &&
	       llabs(end - s->asked.step) <= tolerance;
}

/* All that was changed is in the journal: the caller puts it back. */
static int slew_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct slew *s = state;
	struct gain gain;
	bool observed = true;

	(void)err;
	look(s, tsc_before());
	gain = measure_gain(s);
	evidence->text[0] = '\0';
	if (s->asked.freq || s->asked.tick)
		observed &= judge_rate(s, &gain, evidence->text, sizeof(evidence->text));
	if (s->asked.slew)
		observed &= judge_slew(s, &gain, evidence->text, sizeof(evidence->text));
	if (s->asked.step)
		observed &= judge_step(s, evidence->text, sizeof(evidence->text));
	evidence->observed = observed;
	free(s);
	return 0;
}

const struct disturbance disturb_slew = {
	.name = "slew",
	.summary = "steers realtime and monotonic with adjtimex: frequency, tick, adjtime(), or a step",
	.parameters = parameters,
	.changes_machine = true,
	.check = slew_check,
	.supported = slew_supported,
	.plan = slew_plan,
	.start = slew_start,
	.observe = slew_observe,
	.stop = slew_stop,
};
