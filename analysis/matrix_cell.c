/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* One cell of a matrix: its run, judged by the clocks that programs get. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyze.h"
#include "analysis/cause.h"
#include "analysis/judge.h"
#include "analysis/kernel_says.h"
#include "analysis/matrix_parts.h"
#include "analysis/read_cost.h"
#include "analysis/subject.h"
#include "results/facts_get.h"
#include "results/file.h"
#include "results/text.h"

/* What the kernel offers to programs and is meant to tell the time; of CLOCK_MONOTONIC_RAW they know that it is raw. */
static bool is_programs_clock(const char *name)
{
	static const char *const names[] = { "monotonic", "realtime", "boottime", "tai" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Takes the samples and tallies of all other clocks out of the run, and with them their say in the verdict. */
static void keep_programs_clocks(struct run *run, struct samples *samples, int reference)
{
	size_t kept = 0;

	for (size_t i = 0; i < samples->series_count; i++) {
		struct series *s = &samples->series[i];

		if ((int)s->clock == reference || is_programs_clock(run->clocks[s->clock].name))
			samples->series[kept++] = *s;
		else
			free(s->readings);
	}
	samples->series_count = kept;
	kept = 0;
	for (size_t i = 0; i < run->tally_count; i++) {
		struct tally *t = &run->tallies[i];

		if (is_programs_clock(run->clocks[t->clock].name))
			run->tallies[kept++] = *t;
		else
			free(t->brackets);
	}
	run->tally_count = kept;
}

/* Programs see that TSCs are apart where the kernel makes their clocks from the TSC. */
static bool uses_tsc(const struct matrix_result_cell *cell)
{
	return strcmp(cell->clocksource_before, "tsc") == 0 || strcmp(cell->clocksource_after, "tsc") == 0 ||
	       !cell->clocksource_before[0];
}

/* How far from zero the interval reaches; without one it is the farthest. */
static double reach(const struct drift *d)
{
	double far = fmax(fabs(d->ci_low_ppm), fabs(d->ci_high_ppm)) + d->systematic_ppm;

	return isfinite(far) ? far : INFINITY;
}

static void worst_drift(const struct estimates *e, struct matrix_result_cell *cell)
{
	const struct drift *worst = NULL;

	for (size_t i = 0; i < e->drift_count; i++) {
		const struct drift *d = &e->drift[i];
		int more = worst ? judge_severity(d->status) - judge_severity(worst->status) : 1;

		if (more > 0 || (more == 0 && reach(d) > reach(worst)))
			worst = d;
	}
	if (!worst)
		return;
	strcpy(cell->clock, worst->clock);
	strcpy(cell->phase, worst->phase);
	cell->cpu = worst->cpu;
	cell->drift_ppm = worst->drift_ppm;
	cell->ci_low_ppm = worst->ci_low_ppm;
	cell->ci_high_ppm = worst->ci_high_ppm;
	cell->systematic_ppm = worst->systematic_ppm;
	cell->limit_ppm = worst->limit_ppm;
	strcpy(cell->limit, worst->limit);
	if (strcmp(worst->status, "inconclusive") == 0 && reach(worst) > worst->limit_ppm &&
		2 * fabs(worst->drift_ppm) - reach(worst) <= worst->limit_ppm)
		cell->settle_min = judge_minutes(worst, 0);
}

static void worst_step(const struct estimates *e, struct matrix_result_cell *cell)
{
	const struct step *worst = NULL;

	for (size_t i = 0; i < e->step_count; i++) {
		const struct step *s = &e->steps[i];

		if (strcmp(s->injected, "yes") == 0)
			continue;
		cell->steps++;
		if (!worst || fabs(s->step_ns) > fabs(worst->step_ns))
			worst = s;
	}
	if (!worst)
		return;
	cell->step_ns = worst->step_ns;
	cell->step_low_ns = worst->ci_low_ns;
	cell->step_high_ns = worst->ci_high_ns;
	cell->step_at_s = worst->at_s;
	strcpy(cell->step_clock, worst->clock);
	strcpy(cell->step_cause, worst->cause);
}

static void backward_readings(
	const struct run *run, const struct estimates *e, struct matrix_result_cell *cell)
{
	for (size_t i = 0; i < e->backward_count; i++) {
		const struct backward *b = &e->backward[i];

		if (!is_programs_clock(b->clock) || b->count <= cause_excused_backward(run, NULL, b->clock))
			continue;
		cell->backward += b->count;
		cell->max_backward_ns = fmax(cell->max_backward_ns, b->largest_ns);
	}
}

/* "a; b", cut where there is no more room. */
static void append_words(char *text, size_t size, const char *words)
{
	text_add(text, size, "%s%s", text[0] ? "; " : "", words);
	text_clean(text);
}

static bool said_before(const struct matrix_result_cell *cell, const struct kernel_saying *saying)
{
	for (size_t i = 0; i < cell->said_count; i++)
		if (kernel_saying_of(cell->said[i].text) == saying)
			return true;
	return false;
}

static int kernel_complaints(const json_t *facts, struct matrix_result_cell *cell)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	bool guest = facts_flag(facts, "hypervisor.present") > 0;
	size_t i;

	cell->said = calloc(json_array_size(lines) + 1, sizeof(*cell->said));
	if (!cell->said)
		return -ENOMEM;
	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text");
		const struct kernel_saying *saying = text ? kernel_saying_of(text) : NULL;
		struct matrix_complaint *c = &cell->said[cell->said_count];

		if (!saying || said_before(cell, saying))
			continue;
		snprintf(c->text, sizeof(c->text), "%s", text);
		text_clean(c->text);
		c->risk = guest ? saying->guest_risk : saying->risk;
		if (c->risk)
			append_words(cell->complaints, sizeof(cell->complaints), c->text);
		cell->said_count++;
	}
	return 0;
}

/* What the profile itself asked for; the cell's parameters have what the user added to all cells, too. */
static const char *own_parameters(const struct matrix *m, const struct matrix_result_cell *cell)
{
	const json_t *profile = matrix_profile(m, cell->profile);
	const char *booted = facts_text(profile, "booted"), *row = facts_text(profile, "parameters");

	return booted ? booted : row ? row : cell->parameters;
}

static bool has_word(const char *words, const char *word, size_t length)
{
	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		size_t its = strcspn(words, " ");

		if (its == length && strncmp(words, word, length) == 0)
			return true;
		words += its;
	}
	return false;
}

static void parameter_words(struct matrix_result_cell *cell, const struct parameter_verdict *v)
{
	char words[200];

	snprintf(words, sizeof(words), "%s: %s", parameter_spelled(v).text, parameter_effect_name(v->effect));
	append_words(cell->effects, sizeof(cell->effects), words);
}

static int judge_parameters(
	const struct matrix *m, const json_t *facts, struct matrix_result_cell *cell, struct error *err)
{
	const char *parameters = own_parameters(m, cell);
	struct parameter_verdict *all = NULL;
	size_t count = 0, asked = 0, inert = 0;
	int rc = parameters_judge(facts, &all, &count, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		const struct parameter_spelled spelled = parameter_spelled(&all[i]);
		bool own = has_word(parameters, spelled.text, strlen(spelled.text));

		if (all[i].effect == PARAMETER_NOT_TIME && !own)
			continue;
		asked += own;
		inert += own && parameter_is_inert(&all[i]) && all[i].effect != PARAMETER_DEFAULT;
		parameter_words(cell, &all[i]);
		all[cell->judged_count++] = all[i];
	}
	cell->judged = all;
	cell->inert = asked > 0 && inert == asked;
	return 0;
}

static void clocksource_of(const json_t *facts, char *out, size_t size)
{
	const char *name = facts_text(facts, "clocksource.current");

	snprintf(out, size, "%s", name ? name : "");
	text_clean(out);
}

/* Where the CPU or the hypervisor tells the TSC's frequency, each boot has the same. */
static bool is_draw(const struct matrix_result_cell *cell, const json_t *facts)
{
	return strcmp(cell->clocksource_before, "tsc") == 0 &&
	       (!cell->clocksource_after[0] || strcmp(cell->clocksource_after, "tsc") == 0) &&
	       facts_flag(facts, "cpu.flags.tsc_known_freq") <= 0;
}

static int look_at_environment(
	const struct matrix *m, const struct run *run, struct matrix_result_cell *cell, struct error *err)
{
	const json_t *before = run->environment_before, *after = run->environment_after;

	clocksource_of(before, cell->clocksource_before, sizeof(cell->clocksource_before));
	clocksource_of(after, cell->clocksource_after, sizeof(cell->clocksource_after));
	cell->draw = is_draw(cell, before);
	if (kernel_complaints(facts_get(after, "kernel_log") ? after : before, cell))
		return error_set(err, -ENOMEM, "out of memory");
	return judge_parameters(m, before ? before : after, cell, err);
}

static void no_result(struct matrix_result_cell *cell, const char *reason)
{
	strcpy(cell->status, MATRIX_NO_RESULT);
	snprintf(cell->reason, sizeof(cell->reason), "%s", reason);
	text_clean(cell->reason);
}

static void conclude(const struct run *run, struct estimates *e, struct matrix_result_cell *cell)
{
	worst_drift(e, cell);
	worst_step(e, cell);
	backward_readings(run, e, cell);
	strcpy(cell->status, status_name(e->verdict.status));
	if (e->verdict.reason_count)
		strcpy(cell->reason, e->verdict.reasons[0].text);
	cell->verdict = e->verdict;
	e->verdict = (struct verdict){ 0 };
}

static void read_cost_of_cell(
	const struct run *run, const struct samples *samples, struct matrix_result_cell *cell)
{
	int clock = run_clock_find(run, "monotonic");
	struct read_cost cost = { NAN, NAN, NAN };

	if (clock >= 0)
		cost = read_cost_of(run, samples, (unsigned)clock);
	cell->read_ns = cost.ns;
	cell->read_low_ns = cost.low_ns;
	cell->read_high_ns = cost.high_ns;
}

/* Why the reference is not there, where the run knows. */
static const char *why_unavailable(const struct run *run, const char *clock)
{
	for (size_t i = 0; i < run->unavailable_count; i++)
		if (strcmp(run->unavailable[i].name, clock) == 0)
			return run->unavailable[i].reason;
	return "it was not sampled";
}

/* A run that was booted with other parameters is not this cell's, whatever matrix.json says. */
static int check_booted(const struct run *run, const struct matrix_result_cell *cell, struct error *err)
{
	const json_t *facts = run->environment_before ? run->environment_before : run->environment_after;
	const char *whole = facts_text(facts, "command_line.text"), *word = cell->parameters;
	char line[4096];

	if (!whole && !facts_get(facts, "command_line.parameters"))
		return 0;
	subject_command_line(facts, line, sizeof(line));
	for (word += strspn(word, " "); *word; word += strspn(word, " ")) {
		size_t length = strcspn(word, " ");

		if (!has_word(whole ? whole : line, word, length))
			return error_set(err, -EINVAL, "%s: its guest was booted without %.*s", cell->run,
				(int)length, word);
		word += length;
	}
	return 0;
}

static int judge_run_of_cell(const struct matrix *m, struct run *run, const struct limits *limits,
	const struct judging *judging, struct matrix_result_cell *cell, struct error *err)
{
	struct estimates estimates = { 0 };
	struct samples samples = { 0 };
	int reference, rc;

	rc = check_booted(run, cell, err);
	if (!rc)
		rc = look_at_environment(m, run, cell, err);
	if (!rc && strcmp(judging->reference, "tsc") != 0 && run_clock_find(run, judging->reference) < 0)
		rc = error_set(err, -EINVAL, "no clock \"%s\" to compare with: %s", judging->reference,
			why_unavailable(run, judging->reference));
	if (!rc)
		rc = analyze_reference(run, judging, &reference, err);
	if (!rc)
		rc = samples_load(run, &samples, err);
	if (rc)
		return rc;
	read_cost_of_cell(run, &samples, cell);
	keep_programs_clocks(run, &samples, reference);
	if (!uses_tsc(cell))
		samples.exchange_count = 0;
	rc = analyze_run(run, &samples, limits, judging, &estimates, err);
	if (!rc)
		conclude(run, &estimates, cell);
	estimates_free(&estimates);
	samples_free(&samples);
	return rc;
}

static void cell_begin(const struct matrix_cell *cell, struct matrix_result_cell *out)
{
	*out = (struct matrix_result_cell){
		.order = cell->order,
		.repeat = cell->repeat,
		.seconds = cell->seconds,
		.cpu = -1,
		.drift_ppm = NAN,
		.ci_low_ppm = NAN,
		.ci_high_ppm = NAN,
		.systematic_ppm = NAN,
		.limit_ppm = NAN,
		.step_ns = NAN,
		.step_low_ns = NAN,
		.step_high_ns = NAN,
		.step_at_s = NAN,
		.read_ns = NAN,
		.read_low_ns = NAN,
		.read_high_ns = NAN,
	};
	strcpy(out->configuration, cell->configuration);
	strcpy(out->profile, cell->profile);
	strcpy(out->parameters, cell->parameters);
	strcpy(out->run, cell->run);
}

int matrix_cell_analyze(const struct matrix *m, const struct matrix_cell *cell, const struct limits *limits,
	const struct judging *judging, struct matrix_result_cell *out, struct error *err)
{
	struct error why = { "" };
	char path[PATH_MAX];
	struct run run;
	int rc;

	cell_begin(cell, out);
	if (strcmp(cell->state, MATRIX_DONE) != 0 || !cell->run[0]) {
		no_result(out, cell->reason[0]				  ? cell->reason
			       : strcmp(cell->state, MATRIX_WAITING) == 0 ? "it was not measured yet"
									  : "the matrix does not say why");
		return 0;
	}
	rc = path_join(path, sizeof(path), m->dir, cell->run, &why);
	if (!rc)
		rc = run_load(path, &run, &why);
	if (!rc) {
		rc = judge_run_of_cell(m, &run, limits, judging, out, &why);
		run_free(&run);
	}
	if (rc == -ENOMEM)
		return error_set(err, rc, "%s", why.text);
	if (rc)
		no_result(out, why.text);
	return 0;
}

void matrix_cell_free(struct matrix_result_cell *cell)
{
	free(cell->verdict.reasons);
	free(cell->judged);
	free(cell->said);
}
