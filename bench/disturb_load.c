/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * load: stress-ng on chosen CPUs.
 *
 * One stress-ng for each target CPU, all of it bound there: with more than one CPU
 * in its --taskset its workers may share one of them.  What was taken is the CPU
 * time of stress-ng's own processes, not the busy time of the CPU, which other
 * programs may have used.  Stolen time is not taken: the load did not run in it.
 */
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/disturbance.h"
#include "bench/proc_stat.h"
#include "bench/stress_ng.h"
#include "bench/warden.h"
#include "probes/now.h"
#include "results/evidence.h"
#include "results/units.h"

/* stress-ng ends by itself so long after the phase, should everything else fail. */
#define TIMEOUT_SLACK_S 15
/* The load is in force when each stress-ng used so much CPU time, or is alive after so long. */
#define FORCE_CPU_S 0.05
#define FORCE_NS    (2 * NS_PER_SEC)
/* Counters have ticks of 10 ms: a point is good to 2 % of a CPU. */
#define POINT_NS   (500 * NS_PER_MS)
#define POLL_NS	   (2 * NS_PER_MS)
#define STOP_NS	   (WARDEN_GRACE_NS + WARDEN_KILL_NS + NS_PER_SEC / 2)
#define CPUS_NAMED 4 /* in the evidence; of more the extremes are named */

enum {
	LOAD_CLASS,
	LOAD_SHARE,
	LOAD_PLACE,
	LOAD_WORKERS,
	LOAD_ENOUGH,
};

static const struct parameter load_parameters[] = {
	{ "class", PARAMETER_WORD, "cpu", NULL, 0, 0,
		"stressor of stress-ng: cpu, matrix, cache, vm, io, timer ..." },
	{ "share", PARAMETER_NUMBER, "90", NULL, 1, 100, "CPU time to take of each target CPU, in %" },
	{ "place", PARAMETER_WORD, "same", "same,sibling,package,node", 0, 0,
		"where, seen from the sampled CPUs: they themselves, their SMT siblings, other cores of "
		"their package, another NUMA node" },
	{ "workers", PARAMETER_NUMBER, "1", NULL, 1, 64, "workers on each target CPU" },
	{ "enough", PARAMETER_NUMBER, "90", NULL, 1, 100,
		"so much of the share must have been taken on each CPU to count, in %" },
	{ 0 },
};

/* Sums of a stretch of time in which the CPU was online. */
struct sums {
	double s;		 /* its length */
	double taken_s;		 /* CPU time of the load */
	double busy, steal, all; /* ticks */
};

struct target {
	int cpu;
	struct warden *warden;
	struct cpu_ticks ticks; /* at the last look */
	double cpu_s;
	struct sums sums, at_point;
	double offline_s;
	bool ended;
	double ended_s; /* since the start */
	char reason[192];
};

struct load {
	struct stage *stage;
	double share;	    /* % */
	double enough;	    /* % of it */
	char directory[64]; /* for its temporary files */
	uint64_t start_ns, look_ns, point_ns;
	struct target *targets;
	int *cpus;		 /* of the targets */
	struct cpu_ticks *ticks; /* room for one look */
	size_t count;
};

static int load_check(const struct argument *arguments, struct error *err)
{
	/* Other disturbances do such things, with a journal; "syscall" calls what it finds. */
	static const char *const refused[] = { "clock", "cpu-online", "memhotplug", "reboot", "rtc", "swap",
		"syscall", "sysinval", "watchdog" };
	const char *class = arguments[LOAD_CLASS].text;

	/* It becomes an option of stress-ng. */
	if (!islower((unsigned char)*class) ||
		class[strspn(class, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return error_set(err, -EINVAL, "class=%s: not the name of a stressor of stress-ng", class);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(class, refused[i]) == 0)
			return error_set(err, -EINVAL,
				"class=%s is refused: it may change settings of the machine that would not "
				"be put back",
				class);
	for (int i = LOAD_SHARE; i <= LOAD_WORKERS; i += LOAD_WORKERS - LOAD_SHARE)
		if (arguments[i].number != rint(arguments[i].number))
			return error_set(err, -EINVAL, "%s=%s: must be a whole number",
				load_parameters[i].name, arguments[i].text);
	return 0;
}

static int find_cpus(const struct disturbance_setup *setup, int **cpus, size_t *count, struct error *err)
{
	static const char *const names[] = { [PLACEMENT_SAME] = "same",
		[PLACEMENT_SIBLING] = "sibling",
		[PLACEMENT_PACKAGE] = "package",
		[PLACEMENT_NODE] = "node" };
	int where = PLACEMENT_SAME;

	for (int i = 0; i <= PLACEMENT_NODE; i++)
		if (strcmp(setup->arguments[LOAD_PLACE].text, names[i]) == 0)
			where = i;
	return placement_near(setup->placement, where, setup->cpus, setup->cpu_count, cpus, count, err);
}

static int load_supported(const struct disturbance_setup *setup, struct error *why)
{
	char path[STRESS_NG_PATH_MAX];
	size_t count;
	int *cpus, rc;

	if (!placement_is_real(setup->placement))
		return error_set(
			why, -ENOTSUP, "the topology is another machine's (HWLOC_SYNTHETIC, HWLOC_XMLFILE)");
	rc = find_cpus(setup, &cpus, &count, why);
	free(cpus);
	if (!rc)
		rc = process_tree_supported(why);
	if (!rc)
		rc = stress_ng_find(path, why);
	if (!rc)
		rc = stress_ng_knows(path, setup->arguments[LOAD_CLASS].text, why);
	return rc;
}

static bool load_needs_cpu(const struct disturbance_setup *setup, int cpu)
{
	struct error ignored = { "" };
	bool needs = false;
	size_t count;
	int *cpus;

	if (find_cpus(setup, &cpus, &count, &ignored))
		return false;
	for (size_t i = 0; i < count; i++)
		needs |= cpus[i] == cpu;
	free(cpus);
	return needs;
}

static void load_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	const struct argument *a = setup->arguments;
	struct error err = { "" };
	char list[64];
	size_t count;
	int *cpus;

	if (find_cpus(setup, &cpus, &count, &err)) {
		snprintf(text, size, "nothing: %s", err.text);
		return;
	}
	placement_list(cpus, count, list, sizeof(list));
	snprintf(text, size, "stress-ng takes %g %% of %s %s with %g '%s' worker%s%s", a[LOAD_SHARE].number,
		count == 1 ? "CPU" : "each of the CPUs", list, a[LOAD_WORKERS].number, a[LOAD_CLASS].text,
		a[LOAD_WORKERS].number > 1 ? "s" : "", count > 1 ? " on each" : "");
	free(cpus);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static int directory_make(struct load *l, struct error *err)
{
	const char *parent = getenv("TMPDIR");

	if (!parent || *parent != '/' || strlen(parent) > sizeof(l->directory) - 24)
		parent = "/tmp";
	snprintf(l->directory, sizeof(l->directory), "%s/clkdrift-load-XXXXXX", parent);
	if (mkdtemp(l->directory))
		return 0;
	l->directory[0] = '\0';
	return error_set(
		err, -errno, "%s: cannot make a directory for stress-ng: %s", parent, strerror(errno));
}

/* stress-ng that was killed leaves its files. */
static void directory_remove(const struct load *l)
{
	if (l->directory[0])
		nftw(l->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Ends and frees everything.  0 or -EBUSY. */
static int load_end(struct load *l, struct error *err)
{
	uint64_t limit = now_ns() + STOP_NS;
	int rc = 0;

	for (size_t i = 0; i < l->count; i++)
		if (l->targets[i].warden)
			warden_end(l->targets[i].warden);
	for (size_t i = 0; i < l->count; i++) {
		int one = warden_free(l->targets[i].warden, limit, err);

		rc = rc ? rc : one;
	}
	directory_remove(l);
	free(l->targets);
	free(l->ticks);
	free(l->cpus);
	free(l);
	return rc;
}

/* The share that stress-ng keeps itself; less exact where workers take turns, so there it is paused. */
static bool keeps_share(const struct disturbance_setup *setup)
{
	return strcmp(setup->arguments[LOAD_CLASS].text, "cpu") == 0 &&
	       setup->arguments[LOAD_WORKERS].number == 1;
}

static int target_start(struct load *l, struct target *t, const struct disturbance_setup *setup, char *path,
	struct error *err)
{
	bool own = keeps_share(setup);
	char option[DISTURBANCE_TEXT_MAX + 4], workers[16], share[16], timeout[32];
	char *argv[] = { path, option, workers, "--temp-path", l->directory, "--timeout", timeout,
		own ? "--cpu-load" : NULL, share, NULL };
	struct warden_plan plan = {
		.argv = argv, .cpu = t->cpu, .share = own ? 100 : (int)l->share, .directory = l->directory
	};

	snprintf(option, sizeof(option), "--%s", setup->arguments[LOAD_CLASS].text);
	snprintf(workers, sizeof(workers), "%.0f", setup->arguments[LOAD_WORKERS].number);
	snprintf(share, sizeof(share), "%.0f", l->share);
	snprintf(timeout, sizeof(timeout), "%.0fs", ceil(setup->duration_s) + TIMEOUT_SLACK_S);
	t->warden = warden_start(&plan, err);
	return t->warden ? 0 : -EIO;
}

/* False once its stress-ng has ended; the reason is noted then. */
static bool target_alive(const struct load *l, struct target *t)
{
	char end[64], message[96];

	if (t->ended || warden_poll(t->warden))
		return !t->ended;
	t->ended = true;
	t->ended_s = ns_to_s((double)(now_ns() - l->start_ns));
	warden_describe_end(t->warden, end, sizeof(end));
	stress_ng_message(warden_output(t->warden), message, sizeof(message));
	snprintf(t->reason, sizeof(t->reason), "%s%s%s", end, *message ? ": " : "", message);
	return false;
}

/* Until the workers run. */
static int wait_force(struct load *l, struct error *err)
{
	const struct timespec nap = { 0, 5 * POLL_NS };
	uint64_t limit = now_ns() + FORCE_NS;
	bool all = false;

	while (!all && now_ns() < limit) {
		nanosleep(&nap, NULL);
		all = true;
		for (size_t i = 0; i < l->count; i++) {
			struct target *t = &l->targets[i];
			struct process_tree tree = { 0 };

			if (!target_alive(l, t))
				return error_set(err, -ECHILD, "stress-ng on CPU %d ended at once: %s",
					t->cpu, t->reason);
			process_tree_look(warden_pid(t->warden), t->cpu, &tree);
			all = all && tree.cpu_s >= FORCE_CPU_S;
		}
	}
	return 0;
}

/* Adds what happened since the last look; the first one, when no ticks are known, only sets the beginning. */
static void target_look(const struct load *l, struct target *t, const struct cpu_ticks *now, double since_s)
{
	struct process_tree tree = { .cpu_s = t->cpu_s };
	bool alive = target_alive(l, t) && process_tree_look(warden_pid(t->warden), t->cpu, &tree) == 0;
	double taken_s = alive ? tree.cpu_s - t->cpu_s : 0;

	if (now->online && t->ticks.online) {
		t->sums.s += since_s;
		/* What ran elsewhere, since the CPU had been offline, is not taken of this CPU. */
		if (taken_s > 0 && !tree.astray)
			t->sums.taken_s += taken_s;
		if (now->all > t->ticks.all && now->busy >= t->ticks.busy && now->steal >= t->ticks.steal) {
			t->sums.busy += (double)(now->busy - t->ticks.busy);
			t->sums.steal += (double)(now->steal - t->ticks.steal);
			t->sums.all += (double)(now->all - t->ticks.all);
		}
	} else {
		t->offline_s += since_s;
	}
	if (taken_s > 0)
		t->cpu_s = tree.cpu_s;
	t->ticks = *now;
}

static int load_look(struct load *l, struct error *err)
{
	uint64_t now = now_ns();
	double since_s = l->look_ns ? ns_to_s((double)(now - l->look_ns)) : 0;
	int rc = proc_stat_read(PROC_STAT_FILE, l->cpus, l->count, l->ticks, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < l->count; i++)
		target_look(l, &l->targets[i], &l->ticks[i], since_s);
	if (!l->look_ns)
		l->point_ns = now;
	l->look_ns = now;
	return 0;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void load_points(struct load *l, uint64_t tsc)
{
	char series[EVIDENCE_NAME_MAX];

	for (size_t i = 0; i < l->count; i++) {
		struct target *t = &l->targets[i];
		double all = t->sums.all - t->at_point.all, s = t->sums.s - t->at_point.s;

		if (all > 0) {
			snprintf(series, sizeof(series), "busy CPU %d", t->cpu);
			stage_point(l->stage, "load", series, "%", tsc,
				percent(t->sums.busy - t->at_point.busy, all));
			snprintf(series, sizeof(series), "steal CPU %d", t->cpu);
			stage_point(l->stage, "load", series, "%", tsc,
				percent(t->sums.steal - t->at_point.steal, all));
		}
		if (s > 0) {
			snprintf(series, sizeof(series), "taken CPU %d", t->cpu);
			stage_point(l->stage, "load", series, "%", tsc,
				percent(t->sums.taken_s - t->at_point.taken_s, s));
		}
		t->at_point = t->sums;
	}
	l->point_ns = l->look_ns;
}

static int load_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct load *l = calloc(1, sizeof(*l));
	char path[STRESS_NG_PATH_MAX];
	int rc;

	if (!l)
		return error_set(err, -ENOMEM, "out of memory");
	l->stage = setup->stage;
	l->share = setup->arguments[LOAD_SHARE].number;
	l->enough = setup->arguments[LOAD_ENOUGH].number;
	l->start_ns = now_ns();
	rc = find_cpus(setup, &l->cpus, &l->count, err);
	if (!rc)
		rc = stress_ng_find(path, err);
	if (!rc) {
		l->targets = calloc(l->count, sizeof(*l->targets));
		l->ticks = calloc(l->count, sizeof(*l->ticks));
		if (!l->targets || !l->ticks)
			rc = error_set(err, -ENOMEM, "out of memory");
	}
	if (!l->targets)
		l->count = 0;
	if (!rc)
		rc = directory_make(l, err);
	for (size_t i = 0; !rc && i < l->count; i++) {
		l->targets[i].cpu = l->cpus[i];
		rc = target_start(l, &l->targets[i], setup, path, err);
	}
	if (!rc)
		rc = wait_force(l, err);
	if (!rc)
		rc = load_look(l, err);
	if (rc)
		load_end(l, err);
	else
		*state = l;
	return rc;
}

static void load_observe(void *state, uint64_t tsc)
{
	struct load *l = state;

	if (load_look(l, NULL) == 0 && l->look_ns - l->point_ns >= POINT_NS)
		load_points(l, tsc);
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What does not fit is cut. */
static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, size - used, format, list);
	va_end(list);
}

static double taken_percent(const struct target *t)
{
	return percent(t->sums.taken_s, t->sums.s);
}

static void evidence_taken(const struct load *l, char *text, size_t size)
{
	const struct target *low = l->targets, *high = l->targets;

	append(text, size, "took ");
	for (size_t i = 0; i < l->count; i++) {
		const struct target *t = &l->targets[i];

		low = taken_percent(t) < taken_percent(low) ? t : low;
		high = taken_percent(t) > taken_percent(high) ? t : high;
		if (l->count <= CPUS_NAMED)
			append(text, size, "%s%.1f %% of CPU %d",
				i == 0		   ? ""
				: i + 1 < l->count ? ", "
						   : " and ",
				taken_percent(t), t->cpu);
	}
	if (l->count > CPUS_NAMED)
		append(text, size, "%.1f %% (CPU %d) to %.1f %% (CPU %d) of each of %zu CPUs",
			taken_percent(low), low->cpu, taken_percent(high), high->cpu, l->count);
	append(text, size, " (asked %g %%)", l->share);
}

static void load_evidence(const struct load *l, struct evidence *evidence)
{
	struct sums sums = { 0 };
	char *text = evidence->text;
	const size_t size = sizeof(evidence->text);

	evidence->observed = l->count > 0;
	*text = '\0';
	evidence_taken(l, text, size);
	for (size_t i = 0; i < l->count; i++) {
		const struct target *t = &l->targets[i];

		sums.busy += t->sums.busy;
		sums.steal += t->sums.steal;
		sums.all += t->sums.all;
		if (t->ended || taken_percent(t) < l->enough / 100 * l->share)
			evidence->observed = false;
	}
	if (sums.all > 0)
		append(text, size, ", busy with all else %.1f %%, steal %.1f %%",
			percent(sums.busy, sums.all), percent(sums.steal, sums.all));
	for (size_t i = 0; i < l->count; i++) {
		const struct target *t = &l->targets[i];

		if (t->ended)
			append(text, size, "; stress-ng on CPU %d ended after %.1f s, %s", t->cpu, t->ended_s,
				t->reason);
		if (t->offline_s > 0)
			append(text, size, "; CPU %d was offline for %.1f s", t->cpu, t->offline_s);
	}
}

static int load_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct load *l = state;

	load_look(l, NULL);
	load_evidence(l, evidence);
	return load_end(l, err);
}

const struct disturbance disturb_load = {
	.name = "load",
	.summary = "stress-ng takes a share of CPUs",
	.parameters = load_parameters,
	.check = load_check,
	.supported = load_supported,
	.needs_cpu = load_needs_cpu,
	.plan = load_plan,
	.start = load_start,
	.observe = load_observe,
	.stop = load_stop,
};
