/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift lab: a scenario inside of guests that are booted for it. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lab.h"
#include "bench/lab_matrix_command.h"
#include "bench/lab_order.h"
#include "bench/options.h"
#include "bench/outcome.h"

static int run_with(const struct options *o, const struct lab_config *config, struct error *err)
{
	struct progress progress;
	struct lab_order order;
	char *dir = NULL;
	int rc = lab_order_make(&order, o, config, &progress, err);

	progress_start(&progress, o->quiet || o->json);
	if (!rc)
		rc = lab_run(&order.plan, &dir, err);
	progress_end(&progress);
	if (!rc)
		rc = dir ? outcome_conclude(dir, o, &progress, err)
			 : error_set(err, -ENOMEM, "out of memory");
	else if (dir && !o->quiet)
		fprintf(stderr, "clkdrift: what the guest left is in %s\n", dir);
	lab_order_free(&order);
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
	if (o->configs || o->profiles || o->catalogue || o->repeat || o->resume || o->dry_run)
		return error_set(err, -EINVAL,
			"--configs, --profiles, --catalogue, --repeat, --resume and --dry-run go with lab "
			"matrix; lab run "
			"boots one "
			"guest, --config NAME");
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
	if (!o->arch || o->config || o->configs || o->profiles || o->repeat || o->resume || o->dry_run)
		rc = error_set(err, -EINVAL,
			"lab setup needs --arch NAME and takes none of a run or a matrix; there is i386");
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
	if (strcmp(o->arguments[0], "matrix") == 0)
		return lab_matrix_command(o, err);
	return error_set(
		err, -EINVAL, "lab: unknown action \"%s\"; there are run, matrix and setup", o->arguments[0]);
}

const struct command command_lab = {
	.name = "lab",
	.usage = "{run --config NAME | matrix | setup --arch NAME} [OPTION]...",
	.summary = "boot guests under QEMU and run a scenario in them, against this machine's clocks",
	.help = "Boots a real kernel under QEMU, runs a scenario inside of it with this machine as its peer, "
		"and\n"
		"leaves one run directory, with the guest's console in guest/.  Nothing of the guest stays.\n"
		"Needs qemu-system-x86 and busybox-static; the kernel is fetched as a package once, and not\n"
		"installed.  'clkdrift list configurations' has the guests.\n\n"
		"matrix boots each of the --configs with the kernel parameters of each of the --profiles, in "
		"random\n"
		"order, and says which profile keeps which guest stable.  It can be interrupted, and goes on "
		"with\n"
		"--resume.\n\n"
		"setup fetches what guests of another architecture need, their kernel and a private root of\n"
		"packages, with a package state of its own; it prints the root.  'make lab-i386' does that "
		"and\n"
		"builds the program for them.\n\n"
		"  clkdrift lab run --config one-vcpu\n"
		"  clkdrift lab run --config two-vcpus --append 'clocksource=hpet' --scenario clocksources\n"
		"  clkdrift lab run --config cstates -d 10s --kernel bzImage --modules /lib/modules/6.1.0\n"
		"  clkdrift lab matrix --dry-run\n"
		"  clkdrift lab matrix --configs one-vcpu,cstates --profiles default,hpet --repeat 3\n"
		"  clkdrift lab setup --arch i386",
	.options =
		"config configs profiles catalogue repeat resume append scenario duration output clocks cpus "
		"reference interval burst seed limit "
		"limits deadline cache kernel modules program arch dry-run no-report json quiet",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = lab_command,
};
