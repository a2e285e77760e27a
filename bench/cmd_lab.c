/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift lab: a scenario inside of a guest that is booted for it. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab.h"
#include "bench/options.h"
#include "bench/outcome.h"

#define RUNS_DIR	 "results/runs"
#define SCENARIO_DEFAULT "quick"
#define WORDS_MAX	 48

/* Words of the guest's command line, which is made of ours. */
struct words {
	char *word[WORDS_MAX + 1];
	size_t count;
	bool failed;
};

static void add(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (w->count == WORDS_MAX || vasprintf(&w->word[w->count], format, args) < 0) {
		w->word[w->count] = NULL;
		w->failed = true;
	} else {
		w->count++;
	}
	va_end(args);
}

static void add_text(struct words *w, const char *option, const char *text)
{
	if (text && text[0])
		add(w, "--%s=%s", option, text);
}

static int make_words(struct words *w, const struct options *o, struct error *err)
{
	add(w, "--peer=shm:auto");
	if (o->duration_s > 0)
		add(w, "--duration=%.9g", o->duration_s);
	if (o->interval_s >= 0)
		add(w, "--interval=%.9g", o->interval_s);
	if (o->burst)
		add(w, "--burst=%u", o->burst);
	if (o->seed_given)
		add(w, "--seed=%" PRIu64, o->seed);
	if (o->judging.limit_ppm > 0)
		add(w, "--limit=%.17g", o->judging.limit_ppm);
	add_text(w, "limits", o->judging.limits);
	add_text(w, "reference", o->judging.reference);
	add_text(w, "clocks", o->clocks);
	add_text(w, "cpus", o->cpus);
	return w->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

static int run_with(const struct options *o, const struct lab_config *config, struct error *err)
{
	struct progress progress;
	struct words words = { 0 };
	char *dir = NULL;
	int rc = make_words(&words, o, err);
	const struct lab_plan plan = { .config = config,
		.append = o->append ? o->append : "",
		.scenario = o->scenario ? o->scenario : SCENARIO_DEFAULT,
		.cache = o->cache,
		.kernel = o->kernel,
		.modules = o->modules,
		.program = o->program,
		.output = o->output,
		.parent = RUNS_DIR,
		.duration_s = o->duration_s,
		.deadline_s = o->deadline_s,
		.arguments = (const char *const *)words.word,
		.progress = &progress };

	progress_start(&progress, o->quiet || o->json);
	if (!rc)
		rc = lab_run(&plan, &dir, err);
	progress_end(&progress);
	if (!rc)
		rc = dir ? outcome_conclude(dir, o, &progress, err)
			 : error_set(err, -ENOMEM, "out of memory");
	else if (dir && !o->quiet)
		fprintf(stderr, "clkdrift: what the guest left is in %s\n", dir);
	for (size_t i = 0; i < words.count; i++)
		free(words.word[i]);
	free(dir);
	return rc;
}

static int run(const struct options *o, struct error *err)
{
	const struct lab_config *config;
	struct lab_configs configs;
	int rc;

	if (o->arch)
		return error_set(err, -EINVAL, "--arch goes with lab setup; a configuration says its own");
	if (!o->config)
		return error_set(
			err, -EINVAL, "lab run needs --config NAME; see 'clkdrift list configurations'");
	rc = lab_configs_load(&configs, NULL, err);
	config = rc ? NULL : lab_configs_find(&configs, o->config);
	if (!rc && !config)
		rc = error_set(err, -EINVAL, "no configuration \"%s\"; see 'clkdrift list configurations'",
			o->config);
	if (!rc)
		rc = run_with(o, config, err);
	lab_configs_free(&configs);
	return rc;
}

/* The root alone on stdout, for scripts. */
static int tell_setup(const struct options *o, const struct lab_setup *setup, struct error *err)
{
	json_t *json;

	if (!o->json) {
		if (!o->quiet)
			fprintf(stderr, "clkdrift: %s guests: %s, kernel %s\n", o->arch,
				setup->fetched ? "packages fetched" : "packages there already",
				setup->kernel.package);
		printf("%s\n", setup->place.root);
		return 0;
	}
	json = json_pack("{s:s, s:s, s:b, s:s, s:s}", "arch", o->arch, "root", setup->place.root, "fetched",
		setup->fetched, "kernel", setup->kernel.image, "package", setup->kernel.package);
	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(json);
	return 0;
}

static int setup(const struct options *o, struct error *err)
{
	struct lab_setup *made = calloc(1, sizeof(*made));
	struct progress progress;
	int rc;

	if (!made)
		return error_set(err, -ENOMEM, "out of memory");
	if (!o->arch || o->config)
		rc = error_set(
			err, -EINVAL, "lab setup needs --arch NAME and takes no --config; there is i386");
	else {
		progress_start(&progress, o->quiet || o->json);
		rc = lab_setup(o->arch, o->cache, &progress, made, err);
		progress_end(&progress);
		if (!rc)
			rc = tell_setup(o, made, err);
	}
	free(made);
	return rc;
}

static int lab_command(const struct options *o, struct error *err)
{
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(o->arguments[0], "run") == 0)
		return run(o, err);
	if (strcmp(o->arguments[0], "setup") == 0)
		return setup(o, err);
	return error_set(
		err, -EINVAL, "lab: unknown action \"%s\"; there are run and setup", o->arguments[0]);
}

const struct command command_lab = {
	.name = "lab",
	.usage = "{run --config NAME | setup --arch NAME} [OPTION]...",
	.summary = "boot a guest under QEMU and run a scenario in it, against this machine's clocks",
	.help = "Boots a real kernel under QEMU, runs a scenario inside of it with this machine as its peer, "
		"and\n"
		"leaves one run directory, with the guest's console in guest/.  Nothing of the guest stays.\n"
		"Needs qemu-system-x86 and busybox-static; the kernel is fetched as a package once, and not\n"
		"installed.  'clkdrift list configurations' has the guests.\n\n"
		"setup fetches what guests of another architecture need, their kernel and a private root of\n"
		"packages, with a package state of its own; it prints the root.  'make lab-i386' does that "
		"and\n"
		"builds the program for them.\n\n"
		"  clkdrift lab run --config one-vcpu\n"
		"  clkdrift lab run --config two-vcpus --append 'clocksource=hpet' --scenario clocksources\n"
		"  clkdrift lab run --config cstates -d 10s --kernel bzImage --modules /lib/modules/6.1.0\n"
		"  clkdrift lab setup --arch i386",
	.options = "config append scenario duration output clocks cpus reference interval burst seed limit "
		   "limits deadline cache kernel modules program arch no-report json quiet",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = lab_command,
};
