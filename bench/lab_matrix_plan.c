/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_matrix_plan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "bench/catalogue.h"
#include "bench/facts.h"
#include "bench/judging.h"
#include "bench/lab.h"
#include "bench/lab_matrix.h"
#include "bench/scenario.h"
#include "bench/tsc_rate.h"
#include "probes/clock_reader.h"
#include "probes/tsc.h"
#include "results/file.h"

#define CONFIGS_DEFAULT	 "one-vcpu,two-vcpus,cstates,pstates"
#define CONFIGS_I386	 "i386-one-vcpu,i386-two-vcpus"
#define PROFILE_NONE	 "default"
#define PROFILES_DEFAULT "default,notsc-lpj,acpi-pm,pmtmr,hpet,max-cstate-1"
#define SCENARIO_DEFAULT "matrix"
#define REFUSED		 ""  /* key of the name of an option that cannot be kept */
#define GUEST_HZ	 250 /* CONFIG_HZ of Debian's kernels, of both architectures */

/* ---- the options that cells depend on ---- */

static void ask_text(json_t *asked, const char *name, const char *text)
{
	if (text && text[0] && json_object_set_new(asked, name, json_string(text)))
		json_object_set_new(asked, REFUSED, json_string(name));
}

/* The matrix may go on from another directory. */
static void ask_path(json_t *asked, const char *name, const char *text)
{
	char full[PATH_MAX];

	ask_text(asked, name, text && realpath(text, full) ? full : text);
}

static void ask_number(json_t *asked, const char *name, bool given, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.17g", value);
	if (given)
		ask_text(asked, name, text);
}

static bool is_path(const char *scenario)
{
	const char *end = strrchr(scenario, '.');

	return strchr(scenario, '/') || (end && strcmp(end, ".ini") == 0);
}

/* By their long names, as texts that options_set() takes. */
static int ask(const struct options *o, json_t **asked, struct error *err)
{
	json_t *all = json_object();

	*asked = all;
	if (!all)
		return error_set(err, -ENOMEM, "out of memory");
	ask_text(all, "configs", o->configs);
	ask_text(all, "profiles", o->profiles);
	ask_text(all, "append", o->append);
	ask_text(all, "clocks", o->clocks);
	ask_text(all, "cpus", o->cpus);
	ask_text(all, "reference", o->judging.reference);
	ask_text(all, "limits", o->judging.limits);
	if (o->scenario && !is_path(o->scenario))
		ask_text(all, "scenario", o->scenario);
	else
		ask_path(all, "scenario", o->scenario);
	ask_path(all, "catalogue", o->catalogue);
	ask_path(all, "kernel", o->kernel);
	ask_path(all, "modules", o->modules);
	ask_path(all, "program", o->program);
	ask_number(all, "limit", o->judging.limit_ppm > 0, o->judging.limit_ppm);
	ask_number(all, "duration", o->duration_s > 0, o->duration_s);
	ask_number(all, "interval", o->interval_s >= 0, o->interval_s);
	ask_number(all, "deadline", o->deadline_s > 0, o->deadline_s);
	ask_number(all, "burst", o->burst > 0, o->burst);
	ask_number(all, "repeat", o->repeat > 0, o->repeat);
	/* jansson takes no text that is not UTF-8. */
	if (json_object_get(all, REFUSED))
		return error_set(
			err, -EINVAL, "--%s: not UTF-8", json_string_value(json_object_get(all, REFUSED)));
	return 0;
}

/* ---- choosing ---- */

/* The next word of a list between commas; false: there is none. */
static bool next_word(const char **list, char *word, size_t size)
{
	size_t length;

	while (**list == ',' || **list == ' ')
		(*list)++;
	length = strcspn(*list, ", ");
	snprintf(word, size, "%.*s", (int)length, *list);
	*list += length;
	return length > 0;
}

static int add_row(json_t *rows, const char *key, const char *name, json_t *row, struct error *err)
{
	json_t *other;
	size_t i;

	json_array_foreach(rows, i, other)
	{
		if (strcmp(json_string_value(json_object_get(other, key)), name) == 0) {
			json_decref(row);
			return error_set(err, -EINVAL, "\"%s\" is named twice", name);
		}
	}
	return json_array_append_new(rows, row) ? error_set(err, -ENOMEM, "out of memory") : 0;
}

static int choose_configs(struct lab_matrix_plan *plan, const char *list, struct error *err)
{
	char name[64];
	int rc = 0;

	while (!rc && next_word(&list, name, sizeof(name))) {
		const struct lab_config *config = lab_configs_find(&plan->configs, name);

		rc = config ? add_row(plan->matrix.configurations, "name", name, lab_config_to_json(config),
				      err)
			    : error_set(err, -EINVAL,
				      "--configs: no configuration \"%s\"; see 'clkdrift list "
				      "configurations'",
				      name);
	}
	return rc;
}

/* 32-bit guests where they were made ready. */
static int choose_default_configs(struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	struct error why = { "" };
	int rc = choose_configs(plan, CONFIGS_DEFAULT, err);

	if (rc)
		return rc;
	/* A kernel or a program of the user's is for one architecture alone. */
	if (o->kernel || o->program)
		return 0;
	if (lab_has_arch("i386", o->cache, NULL, &why) == 0)
		return choose_configs(plan, CONFIGS_I386, err);
	snprintf(plan->left_out, sizeof(plan->left_out), "%.*s", (int)sizeof(plan->left_out) - 1, why.text);
	return 0;
}

/* What a command line cannot bring about must not be credited to it. */
static int check_profile(const struct profile *p, struct error *err)
{
	const char *other = p->host_settings[0] ? p->host_settings : p->hypervisor_settings;

	if (strcasestr(p->guest_os, "Windows"))
		return error_set(err, -EINVAL,
			"--profiles: %s is for Windows, and guests of the lab run Linux", p->id);
	if (!other[0] && !p->parameters[0] && strcmp(p->id, PROFILE_NONE) != 0)
		return error_set(err, -EINVAL,
			"--profiles: %s has no kernel parameters, so the matrix cannot show it; its guest is "
			"that "
			"of " PROFILE_NONE,
			p->id);
	if (!other[0])
		return 0;
	return error_set(err, -EINVAL,
		"--profiles: %s is more than kernel parameters of a guest, so the matrix cannot show it: %s",
		p->id, other);
}

static int add_profile(
	struct lab_matrix_plan *plan, const struct profile *p, double tsc_khz, struct error *err)
{
	char parameters[sizeof(plan->matrix.cells->parameters)];
	json_t *row;
	int rc = check_profile(p, err);

	if (rc)
		return rc;
	rc = profile_parameters(p, tsc_khz, GUEST_HZ, parameters, sizeof(parameters));
	if (rc)
		return error_set(err, rc, "--profiles: %s: \"%s\" cannot be filled in: %s", p->id,
			p->parameters, strerror(-rc));
	row = catalogue_json(p);
	if (row)
		json_object_set_new(row, "booted", json_string(parameters));
	return add_row(plan->matrix.profiles, "id", p->id, row, err);
}

/* The guest's TSC has this machine's rate, under TCG as under KVM. */
static double tsc_khz_here(void)
{
	char source[96];
	json_t *facts;
	double hz;

	tsc_init();
	facts = facts_collect(&facts_live);
	hz = tsc_rate(facts, source, sizeof(source));
	json_decref(facts);
	return round(hz / 1e3);
}

static int choose_profiles(struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	const char *list = o->profiles ? o->profiles : PROFILES_DEFAULT;
	struct profiles catalogue = { 0 };
	double tsc_khz = tsc_khz_here();
	char id[64];
	int rc = catalogue_load(o->catalogue, &catalogue, err);

	while (!rc && next_word(&list, id, sizeof(id))) {
		const struct profile *p = profiles_find(&catalogue, id);

		rc = p ? add_profile(plan, p, tsc_khz, err)
		       : error_set(err, -EINVAL,
				 "--profiles: no profile \"%s\"; see 'clkdrift list profiles'", id);
	}
	profiles_free(&catalogue);
	return rc;
}

/* What the user adds is the last of a cell's parameters. */
static int append_to_cells(struct matrix *m, const char *append, struct error *err)
{
	for (size_t i = 0; append && append[0] && i < m->count; i++) {
		char *parameters = m->cells[i].parameters;
		size_t length = strlen(parameters), room = sizeof(m->cells[i].parameters) - length;
		int n = snprintf(parameters + length, room, "%s%s", length ? " " : "", append);

		if (n < 0 || (size_t)n >= room)
			return error_set(err, -E2BIG, "--append: the parameters are longer than %zu bytes",
				sizeof(m->cells[i].parameters) - 1);
	}
	return 0;
}

static int choose_seed(struct matrix *m, const struct options *o, struct error *err)
{
	m->seed = o->seed;
	if (!o->seed_given && getrandom(&m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
		return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	m->seed &= INT64_MAX;
	return 0;
}

static int take_scenario(struct lab_matrix_plan *plan, struct error *err)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	struct matrix *m = &plan->matrix;
	int rc;

	if (!scenario)
		return error_set(err, -ENOMEM, "out of memory");
	rc = scenario_load(plan->options.scenario, scenario, err);
	if (!rc && plan->options.duration_s > 0)
		scenario_scale(scenario, plan->options.duration_s);
	snprintf(m->scenario, sizeof(m->scenario), "%s", scenario->name);
	m->duration_s = scenario_duration(scenario);
	scenario_free(scenario);
	free(scenario);
	return rc;
}

int lab_matrix_plan_new(struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	struct matrix *m = &plan->matrix;
	int rc;

	*plan = (struct lab_matrix_plan){ .options = *o };
	snprintf(m->tool, sizeof(m->tool), "clkdrift %s", CLKDRIFT_VERSION);
	gethostname(m->host, sizeof(m->host) - 1);
	m->configurations = json_array();
	m->profiles = json_array();
	rc = ask(o, &m->asked, err);
	if (!rc)
		rc = lab_configs_load(&plan->configs, NULL, err);
	if (!plan->options.scenario)
		plan->options.scenario = SCENARIO_DEFAULT;
	if (!rc)
		rc = take_scenario(plan, err);
	if (!rc)
		rc = o->configs ? choose_configs(plan, o->configs, err)
				: choose_default_configs(plan, o, err);
	if (!rc)
		rc = choose_profiles(plan, o, err);
	if (!rc)
		rc = choose_seed(m, o, err);
	if (!rc)
		rc = lab_matrix_make(m, o->repeat ? o->repeat : 1, err);
	return rc ? rc : append_to_cells(m, o->append, err);
}

/* ---- going on ---- */

static int check_same(const struct matrix *m, const struct options *o, struct error *err)
{
	const char *name;
	json_t *asked, *text;
	int rc = ask(o, &asked, err);

	if (!rc && o->output)
		rc = error_set(err, -EINVAL, "--output does not go with --resume: it goes on in %s", m->dir);
	if (!rc && o->seed_given && o->seed != m->seed)
		rc = error_set(err, -EINVAL,
			"--seed: the matrix in %s was begun with seed %llu; leave it out, or begin a new one",
			m->dir, (unsigned long long)m->seed);
	if (rc) {
		json_decref(asked);
		return rc;
	}
	json_object_foreach(asked, name, text)
	{
		const char *before = json_string_value(json_object_get(m->asked, name));

		if (!before || strcmp(before, json_string_value(text)) != 0)
			rc = error_set(err, -EINVAL,
				"--%s %s: the matrix in %s was begun with%s %s; leave it out, or begin a new "
				"one",
				name, json_string_value(text), m->dir, before ? "" : "out",
				before ? before : "it");
	}
	json_decref(asked);
	return rc;
}

/* The machine and its guests must be those of the cells that are done. */
static int check_place(const struct lab_matrix_plan *plan, struct error *err)
{
	const struct matrix *m = &plan->matrix;
	char host[sizeof(m->host)] = "";
	json_t *row;
	size_t i;

	gethostname(host, sizeof(host) - 1);
	if (strcmp(host, m->host) != 0)
		return error_set(err, -EINVAL,
			"%s: was begun on %s, and this is %s: cells of two machines do not compare", m->dir,
			m->host, host);
	json_array_foreach(m->configurations, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		const struct lab_config *config = lab_configs_find(&plan->configs, name);
		json_t *now = config ? lab_config_to_json(config) : NULL;
		bool same = now && json_equal(now, row);

		json_decref(now);
		if (!same)
			return error_set(err, -EINVAL,
				"%s: configuration %s is no longer what the matrix was begun with; begin a "
				"new one",
				m->dir, name);
	}
	return 0;
}

static int take_options(struct lab_matrix_plan *plan, struct error *err)
{
	static const char *const known[] = { "clocks", "cpus", "reference", "limits", "kernel", "modules",
		"program", "limit", "duration", "interval", "deadline", "burst" };
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(known) / sizeof(known[0]); i++) {
		const char *text = json_string_value(json_object_get(plan->matrix.asked, known[i]));

		if (text)
			rc = options_set(&plan->options, known[i], text, err);
	}
	return rc;
}

/* The scenario's copy in the matrix. */
static int own_scenario(struct lab_matrix_plan *plan, struct error *err)
{
	const struct matrix *m = &plan->matrix;
	char name[sizeof(m->scenario) + sizeof(".ini")];

	if (!m->scenario[0] || strchr(m->scenario, '/'))
		return error_set(
			err, -EINVAL, "%s/%s: \"scenario\" is not the name of one", m->dir, MATRIX_FILE);
	snprintf(name, sizeof(name), "%s.ini", m->scenario);
	plan->options.scenario = plan->scenario;
	return path_join(plan->scenario, sizeof(plan->scenario), m->dir, name, err);
}

int lab_matrix_plan_resume(struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	int rc;

	*plan = (struct lab_matrix_plan){ .options = *o };
	rc = matrix_load(o->resume, &plan->matrix, err);
	if (!rc)
		rc = check_same(&plan->matrix, o, err);
	if (!rc)
		rc = lab_configs_load(&plan->configs, NULL, err);
	if (!rc)
		rc = check_place(plan, err);
	if (!rc)
		rc = take_options(plan, err);
	return rc ? rc : own_scenario(plan, err);
}

void lab_matrix_plan_free(struct lab_matrix_plan *plan)
{
	matrix_free(&plan->matrix);
	lab_configs_free(&plan->configs);
}

/* ---- what every cell would be refused for ---- */

/* Some readers make clocks of several names: "ntp-HOST", "peer_monotonic". */
static bool makes(const struct clock_reader *reader, const char *clock)
{
	return reader->several || reader->also ? strncmp(clock, reader->name, strlen(reader->name)) == 0
					       : strcmp(clock, reader->name) == 0;
}

/* A guest samples those of the list, by default all that need not be named, and its host. */
static int check_clocks(const char *list, const char *reference, struct error *err)
{
	bool sampled =
		!reference[0] || strcmp(reference, "tsc") == 0 || makes(clock_reader_find("peer"), reference);
	char name[64];

	for (size_t i = 0; !list && clock_readers[i]; i++)
		sampled |= !clock_readers[i]->optional && makes(clock_readers[i], reference);
	while (list && next_word(&list, name, sizeof(name))) {
		const struct clock_reader *reader;

		name[strcspn(name, ":")] = '\0';
		reader = clock_reader_find(name);
		if (!reader)
			return error_set(
				err, -EINVAL, "unknown clock \"%s\"; see 'clkdrift list clocks'", name);
		sampled |= makes(reader, reference);
	}
	if (sampled)
		return 0;
	return error_set(err, -EINVAL, "reference %s: that clock is not sampled; see 'clkdrift list clocks'",
		reference);
}

int lab_matrix_plan_check(const struct lab_matrix_plan *plan, struct error *err)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	const char *clocks = plan->options.clocks;
	struct judging judging;
	int rc;

	if (!scenario)
		return error_set(err, -ENOMEM, "out of memory");
	rc = scenario_load(plan->options.scenario, scenario, err);
	judging = judging_asked(&plan->options.judging, scenario);
	if (!clocks && scenario->clocks[0])
		clocks = scenario->clocks;
	if (!rc)
		rc = judging_check_limit(&judging, err);
	if (!rc)
		rc = check_clocks(clocks, judging.reference, err);
	scenario_free(scenario);
	free(scenario);
	return rc;
}

/* ---- the directory ---- */

static int scenario_copy(const char *from, const char *to, struct error *err)
{
	char bytes[4096];
	FILE *in = fopen(from, "re"), *out;
	int failed = 0;
	size_t n;

	if (!in)
		return error_set(err, -errno, "%s: cannot read: %s", from, strerror(errno));
	out = fopen(to, "we");
	if (!out)
		failed = errno;
	while (out && (n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		fwrite(bytes, 1, n, out);
	if (out && (ferror(out) || ferror(in)))
		failed = EIO;
	if (out && fclose(out) && !failed)
		failed = errno;
	fclose(in);
	return failed ? error_set(err, -failed, "%s: cannot write: %s", to, strerror(failed)) : 0;
}

int lab_matrix_plan_begin(struct lab_matrix_plan *plan, const char *parent, struct error *err)
{
	char dir[PATH_MAX], name[256], stamp[32], path[PATH_MAX];
	struct matrix *m = &plan->matrix;
	time_t now = time(NULL);
	struct tm utc;
	int rc = scenario_find(plan->options.scenario, path, err);

	if (rc)
		return rc;
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(name, sizeof(name), "%s-%s-matrix", stamp, m->host);
	if (plan->options.output) {
		rc = directory_create_at(plan->options.output, err);
		snprintf(dir, sizeof(dir), "%s", plan->options.output);
	} else {
		rc = directory_create(dir, parent, name, err);
	}
	if (rc)
		return rc;
	m->dir = strdup(dir);
	if (!m->dir)
		return error_set(err, -ENOMEM, "out of memory");
	rc = own_scenario(plan, err);
	return rc ? rc : scenario_copy(path, plan->scenario, err);
}
