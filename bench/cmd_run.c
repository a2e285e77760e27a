/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift run: sample, analyse, judge, report. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "bench/facts.h"
#include "bench/judging.h"
#include "bench/options.h"
#include "bench/outcome.h"
#include "bench/placement.h"
#include "bench/progress.h"
#include "bench/scenario.h"
#include "bench/session.h"
#include "bench/stage.h"
#include "bench/tsc_rate.h"
#include "probes/tsc.h"
#include "results/units.h"

#define TICK_NS	 (100 * NS_PER_MS) /* progress */
#define STORE_S	 2.0		   /* run.json is brought up to date so often */
#define RUNS_DIR "results/runs"

struct runner {
	const struct options *options;
	struct scenario scenario;
	struct run run;
	struct placement *placement;
	int *cpus;
	size_t cpu_count;
	struct session session;
	struct stage *stage;
	struct progress progress;
	sigset_t signals;
	int signal; /* that ended the run early; 0: none */
	struct error *err;
};

static void utc_now(char *text, size_t size, const char *format)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, size, format, &utc);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / (double)NS_PER_SEC;
}

/* The command line stands over the scenario. */
static int merge_options(struct runner *r)
{
	const struct options *o = r->options;
	struct scenario *s = &r->scenario;
	struct run *run = &r->run;
	int rc = scenario_load(o->argument_count ? o->arguments[0] : "quick", s, r->err);

	if (rc)
		return rc;
	run->interval_s = o->interval_s >= 0 ? o->interval_s : s->interval_s;
	run->burst = o->burst ? o->burst : s->burst;
	run->judging = judging_asked(&o->judging, s);
	run->seed = o->seed;
	if (!o->seed_given && getrandom(&run->seed, sizeof(run->seed), 0) == sizeof(run->seed))
		run->seed &= INT64_MAX;
	strcpy(run->scenario, s->name);
	strcpy(run->tool, "clkdrift " CLKDRIFT_VERSION);
	strcpy(run->state, "running");
	snprintf(run->tsc_fence, sizeof(run->tsc_fence), "%s", tsc_fence_name());
	gethostname(run->host, sizeof(run->host) - 1);
	return 0;
}

static const char *why_not_sampled(const struct run *run, const char *clock)
{
	for (size_t i = 0; i < run->unavailable_count; i++)
		if (strcmp(run->unavailable[i].name, clock) == 0)
			return run->unavailable[i].reason;
	return "that clock is not sampled; see 'clkdrift list clocks'";
}

/* What is wrong with a value that stands in that line of the scenario, rather than on the command line. */
static int blame_scenario(const struct runner *r, int line, int rc)
{
	struct error why = *r->err;

	if (rc != -EINVAL || !line)
		return rc;
	r->err->text[0] = '\0';
	return error_set(r->err, rc, "%s:%d: %s", r->scenario.path, line, why.text);
}

/* A limit or a reference that is not known must not cost a run. */
static int check_judging(struct runner *r)
{
	const struct judging *judging = &r->run.judging;
	int rc = blame_scenario(r, r->options->judging.limits[0] ? 0 : r->scenario.limits_line,
		judging_check_limit(judging, r->err));

	if (!rc && judging->reference[0] && strcmp(judging->reference, "tsc") != 0 &&
		run_clock_find(&r->run, judging->reference) < 0)
		rc = blame_scenario(r, r->options->judging.reference[0] ? 0 : r->scenario.reference_line,
			error_set(r->err, -EINVAL, "reference %s: %s", judging->reference,
				why_not_sampled(&r->run, judging->reference)));
	return rc;
}

/* On which CPUs, and which of the phases these can do. */
static int place(struct runner *r)
{
	const char *list = r->options->cpus ? r->options->cpus : r->scenario.cpus;
	int rc;

	r->placement = placement_load(r->err);
	if (!r->placement)
		return -EIO;
	rc = placement_select(
		r->placement, list[0] || r->options->cpus ? list : NULL, &r->cpus, &r->cpu_count, r->err);
	rc = blame_scenario(r, r->options->cpus ? 0 : r->scenario.cpus_line, rc);
	if (!rc)
		rc = stage_survey(&r->scenario, r->placement, r->cpus, r->cpu_count, r->err);
	if (!rc && r->options->duration_s > 0)
		scenario_scale(&r->scenario, r->options->duration_s);
	r->run.duration_s = scenario_duration(&r->scenario);
	return rc;
}

static int prepare(struct runner *r)
{
	const struct options *o = r->options;
	const char *clocks, *clocksource;
	int rc;

	tsc_init();
	rc = merge_options(r);
	if (rc)
		return rc;
	rc = place(r);
	if (rc)
		return rc;
	placement_describe(r->placement, r->run.topology, sizeof(r->run.topology));
	r->run.environment_before = facts_collect(&facts_live);
	r->run.tsc_hz =
		tsc_rate(r->run.environment_before, r->run.tsc_hz_source, sizeof(r->run.tsc_hz_source));
	clocks = o->clocks ? o->clocks : r->scenario.clocks[0] ? r->scenario.clocks : NULL;
	clocksource = facts_text(r->run.environment_before, "clocksource.current");
	rc = session_open(&r->session, &r->run, r->placement, r->cpus, r->cpu_count, clocks,
		clocksource ? clocksource : "", r->err);
	rc = blame_scenario(r, o->clocks ? 0 : r->scenario.clocks_line, rc);
	for (size_t i = 0; !rc && i < o->ntp_count; i++)
		rc = session_add_clock(&r->session, "ntp", o->ntp[i], clocksource ? clocksource : "", r->err);
	if (!rc && o->peer)
		rc = session_add_clock(&r->session, "peer", o->peer, clocksource ? clocksource : "", r->err);
	if (!rc && o->peer)
		rc = session_take_peer_facts(&r->session, r->err);
	return rc ? rc : check_judging(r);
}

static int make_directory(struct runner *r)
{
	char name[256], stamp[32];

	utc_now(r->run.started, sizeof(r->run.started), "%Y-%m-%dT%H:%M:%SZ");
	if (r->options->output)
		return outcome_no_place(run_create_at(&r->run, r->options->output, r->err), r->err);
	utc_now(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ");
	snprintf(name, sizeof(name), "%s-%s-%s", stamp, r->run.host, r->run.scenario);
	return outcome_no_place(run_create(&r->run, RUNS_DIR, name, r->err), r->err);
}

/* Samples until the instant, or until a signal or an error ends the run. */
static int sample_until(struct runner *r, const char *phase, double end_s, double *stored_s)
{
	while (!r->signal) {
		double left = end_s - now_s();
		struct timespec wait = { 0,
			left * (double)NS_PER_SEC < TICK_NS ? (long)(left * 1e9) : TICK_NS };
		uint64_t rows, lost;
		int caught;

		if (left <= 0)
			break;
		caught = sigtimedwait(&r->signals, NULL, &wait);
		if (caught > 0)
			r->signal = caught;
		stage_observe(r->stage);
		session_progress(&r->session, &rows, &lost);
		progress_show(&r->progress, phase, end_s - now_s(), rows, lost);
		if (now_s() - *stored_s > STORE_S) {
			int rc = session_tick(&r->session, r->err);

			*stored_s = now_s();
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* The phase at hand has no end yet, so a kill leaves it open. */
static int sample_phase(struct runner *r, size_t index, double *stored)
{
	const struct scenario_phase *asked = &r->scenario.phases[index];
	int rc = stage_begin(r->stage, index, r->err), ended, told;

	if (rc)
		return rc;
	rc = session_tick(&r->session, r->err);
	if (!rc)
		rc = sample_until(r, asked->name, now_s() + asked->duration_s, stored);
	ended = stage_end(r->stage, r->err);
	rc = rc ? rc : ended;
	told = session_tick(&r->session, r->err);
	return rc ? rc : told;
}

static int sample_phases(struct runner *r)
{
	double stored = 0;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && !r->signal && i < r->scenario.phase_count; i++) {
		rc = sample_phase(r, i, &stored);
		/* Between two phases; the last one is followed by the exchange called "after". */
		if (rc == 0 && !r->signal && i + 1 < r->scenario.phase_count)
			rc = session_crosscpu(&r->session, r->scenario.phases[i].name, r->err);
	}
	return rc < 0 ? rc : 0;
}

static bool switched_clocksource(const struct run *run)
{
	for (size_t i = 0; i < run->phase_count; i++)
		for (size_t k = 0; k < run->phases[i].disturbance_count; k++)
			if (strcmp(run->phases[i].disturbances[k].name, "clocksource") == 0)
				return true;
	return false;
}

static void finish(struct runner *r, int failed)
{
	struct run *run = &r->run;

	utc_now(run->finished, sizeof(run->finished), "%Y-%m-%dT%H:%M:%SZ");
	strcpy(run->state, failed ? "failed" : r->signal ? "interrupted" : "complete");
	run->environment_after = facts_collect(&facts_live);
	run->environment_changes =
		facts_changes(run->environment_before, run->environment_after, switched_clocksource(run));
}

/* Whatever happens, what was sampled is on disk and can be analysed. */
static int sample(struct runner *r)
{
	struct run *run = &r->run;
	struct error second = { "" };
	int rc, stored;

	rc = stage_start(r->stage, r->err);
	if (!rc)
		rc = session_crosscpu(&r->session, "before", r->err);
	if (!rc)
		rc = session_start(&r->session, r->err);
	if (!rc)
		rc = sample_phases(r);
	stored = session_stop(&r->session, r->err);
	rc = rc ? rc : stored;
	stored = stage_close(r->stage, r->err);
	r->stage = NULL;
	rc = rc ? rc : stored;
	if (!rc)
		rc = session_crosscpu(&r->session, "after", r->err);
	finish(r, rc);
	stored = run_store(run, rc ? &second : r->err);
	return rc ? rc : stored;
}

/* Handled by sigtimedwait in the main thread; all threads inherit the mask. */
static void block_signals(struct runner *r, int how)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const struct timespec now;

	sigemptyset(&r->signals);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction action;

		/* sigtimedwait takes ignored ones too: nohup must keep its meaning. */
		if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&r->signals, ends[i]);
	}
	/* One that came again, as to a process and then to its group, must not kill what tells of the first. */
	while (r->signal && sigtimedwait(&r->signals, NULL, &now) > 0)
		;
	pthread_sigmask(how, &r->signals, NULL);
}

/* Opens the clocks as a run does, so that it refuses what a run would; takes no reading and changes nothing. */
static int print_plan(struct runner *r)
{
	const char *output = r->options->output;
	int rc = prepare(r);

	if (!rc && output && access(output, F_OK) == 0)
		rc = error_set(r->err, -EEXIST,
			"%s: exists already, and a run never overwrites; name another directory", output);
	if (!rc)
		rc = stage_print_plan(&r->scenario, r->placement, r->cpus, r->cpu_count, r->options->json);
	session_close(&r->session);
	return rc;
}

static int measure(struct runner *r)
{
	int rc = prepare(r);

	if (!rc) {
		/* From the directory on: none is left behind without its run.json. */
		block_signals(r, SIG_BLOCK);
		rc = stage_open(&r->stage, &r->scenario, &r->session, r->err);
		if (!rc)
			rc = make_directory(r);
		if (!rc)
			rc = sample(r);
		stage_close(r->stage, r->err);
		block_signals(r, SIG_UNBLOCK);
	}
	session_close(&r->session);
	progress_end(&r->progress);
	return rc ? rc : outcome_conclude(r->run.dir, r->options, &r->progress, r->err);
}

static int run_command(const struct options *options, struct error *err)
{
	struct runner *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->options = options;
	r->err = err;
	signal(SIGPIPE, SIG_IGN);
	progress_start(&r->progress, options->quiet || options->json);
	rc = options->dry_run ? print_plan(r) : measure(r);
	scenario_free(&r->scenario);
	placement_free(r->placement);
	free(r->cpus);
	run_free(&r->run);
	free(r);
	return rc;
}

const struct command command_run = {
	.name = "run",
	.usage = "[SCENARIO] [OPTION]...",
	.summary = "sample the clocks, analyse, judge, report",
	.help = "Samples all clocks of this machine on every CPU, computes how they drift apart with\n"
		"95 % intervals, gives a verdict and draws a report.  SCENARIO is a name of\n"
		"'clkdrift list scenarios' or the path of an .ini file; without one it is quick:\n"
		"30 s, no privileges, nothing is changed.\n\n"
		"  clkdrift run                                this machine, 30 s\n"
		"  clkdrift run -d 5m -c 0,1                   longer, on two CPUs\n"
		"  clkdrift run full --dry-run                 what a scenario would do to this machine\n"
		"  clkdrift run --clocks monotonic,hpet --reference hpet --limit 20\n"
		"  clkdrift run --peer shm:auto                in a guest: against the clocks of its host\n"
		"  clkdrift run selftest                       a clock of known drift: is the tool right?",
	.options = "duration cpus output clocks ntp peer reference interval burst seed limit limits dry-run "
		   "no-report json quiet",
	.max_arguments = 1,
	.run = run_command,
};
