/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/summary_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/judge.h"
#include "analysis/recovery.h"

#define ROWS_MAX    40 /* more pairs than this: the worst CPU of each clock and phase stands for all */
#define STEPS_SHOWN 8
#define PHASES_MAX  6 /* more disturbed phases than this: the table of phases stands for all drifts */

const char *summary_paint(enum status status, bool colour)
{
	static const char *const codes[] = { "\033[1;32m", "\033[1;31m", "\033[1;33m" };

	return colour ? codes[status] : "";
}

void summary_wrapped(const char *text, int indent, FILE *out)
{
	size_t begin = (size_t)indent, column = begin;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > begin && column + 1 + length > LINE_COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = begin;
		} else if (column > begin) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)length, text);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* UTF-8 continuation bytes take no column. */
static int letters(const char *text)
{
	int seen = 0;

	for (const char *c = text; *c; c++)
		seen += (*c & 0xc0) != 0x80;
	return seen;
}

void summary_cell(const char *text, int width, FILE *out)
{
	int seen = letters(text);

	fprintf(out, "%s%*s  ", text, seen < width ? width - seen : 0, "");
}

/* Columns of the names; the phases' is 0 where there is only one. */
struct name_widths {
	int phase, clock;
};

static struct name_widths name_widths(const struct estimates *e, bool phases)
{
	struct name_widths w = { phases ? 14 : 0, 13 };

	for (size_t i = 0; i < e->drift_count; i++) {
		if (phases && letters(e->drift[i].phase) > w.phase)
			w.phase = letters(e->drift[i].phase);
		if (letters(e->drift[i].clock) > w.clock)
			w.clock = letters(e->drift[i].clock);
	}
	return w;
}

static void print_drift(const struct drift *row, struct name_widths widths, FILE *out)
{
	char counts[64], cpu[16];

	if (widths.phase)
		summary_cell(row->phase, widths.phase, out);
	summary_cell(row->clock, widths.clock, out);
	snprintf(cpu, sizeof(cpu), "%d", row->cpu);
	summary_cell(cpu, 3, out);
	summary_cell(format_drift(row->drift_ppm, row->ci_low_ppm, row->ci_high_ppm).text, 24, out);
	summary_cell(row->relation, 10, out);
	snprintf(counts, sizeof(counts), "%llu/%llu/%llu", (unsigned long long)row->n,
		(unsigned long long)row->rejected, (unsigned long long)row->backward);
	summary_cell(counts, 14, out);
	summary_cell(row->limit[0] ? format_ppm(row->limit_ppm).text : "none", 8, out);
	fprintf(out, "%s\n", row->status);
}

static double severity(const struct drift *row)
{
	double reach = fmax(fabs(row->ci_low_ppm), fabs(row->ci_high_ppm));

	if (judge_is_few(row))
		return -1;
	return isfinite(reach) ? reach / row->limit_ppm : INFINITY;
}

/* With many CPUs: is this the row that stands for its clock and phase? */
static bool is_worst(const struct estimates *e, size_t index)
{
	const struct drift *row = &e->drift[index];

	for (size_t i = 0; i < e->drift_count; i++) {
		const struct drift *other = &e->drift[i];

		if (strcmp(other->clock, row->clock) || strcmp(other->phase, row->phase))
			continue;
		if (severity(other) > severity(row) || (severity(other) == severity(row) && i < index))
			return false;
	}
	return true;
}

static void print_drifts(const struct run *run, const struct estimates *e, FILE *out)
{
	struct name_widths widths = name_widths(e, run->phase_count > 1);
	bool many = e->drift_count > ROWS_MAX;

	if (e->drift_count == 0)
		return;
	fprintf(out, "\ndrift against %s%s\n", e->drift[0].reference,
		many ? ", on the CPU where it is worst (all rows: drift.csv)" : "");
	if (widths.phase)
		summary_cell("phase", widths.phase, out);
	summary_cell("clock", widths.clock, out);
	summary_cell("CPU", 3, out);
	summary_cell("drift (95 %)", 24, out);
	summary_cell("relation", 10, out);
	summary_cell("used/rej/back", 14, out);
	summary_cell("limit", 8, out);
	fputs("status\n", out);
	for (size_t i = 0; i < e->drift_count; i++)
		if (!many || is_worst(e, i))
			print_drift(&e->drift[i], widths, out);
}

static void print_crosscpu(const struct estimates *e, FILE *out)
{
	double worst = 0, bound = 0;
	const struct crosscpu *at = NULL;

	for (size_t i = 0; i < e->crosscpu_count; i++) {
		const struct crosscpu *c = &e->crosscpu[i];

		if (!at || fabs(c->offset_ns) - c->bound_ns > worst - bound) {
			worst = fabs(c->offset_ns);
			bound = c->bound_ns;
			at = c;
		}
	}
	if (at)
		fprintf(out, "\nTSC across CPUs: at worst %s (CPU %d and %d, %s), from %zu exchanges\n",
			format_offset(at->offset_ns, at->bound_ns).text, at->cpu_a, at->cpu_b, at->phase,
			e->crosscpu_count);
}

static bool has_disturbances(const struct run *run)
{
	for (size_t i = 0; i < run->phase_count; i++)
		if (run->phases[i].disturbance_count)
			return true;
	return false;
}

static void print_phases(const struct estimates *e, FILE *out)
{
	int width = 5, indent;

	for (size_t i = 0; i < e->phase_count; i++)
		width = (int)fmax(width, letters(e->phases[i].phase));
	indent = width + 2 + 12 + 2;
	fputc('\n', out);
	summary_cell("phase", width, out);
	summary_cell("verdict", 12, out);
	fputs("what it shows\n", out);
	for (size_t i = 0; i < e->phase_count; i++) {
		const struct phase_result *p = &e->phases[i];

		summary_cell(p->phase, width, out);
		summary_cell(strcmp(p->status, "none") == 0 ? "no verdict" : p->status, 12, out);
		summary_wrapped(p->text[0] ? p->text : "idle", indent, out);
	}
}

static void print_steps(const struct run *run, const struct estimates *e, FILE *out)
{
	size_t shown = 0;

	/* That a clock came back is what an event was looked at for: such a row is never left out. */
	for (size_t i = 0; i < e->step_count; i++) {
		const struct step *s = &e->steps[i];

		if (i >= STEPS_SHOWN && strcmp(s->recovered, "yes") != 0)
			continue;
		fprintf(out, "%sstep of %s on CPU %d at %.3f s: %s, cause: %s%s\n", shown++ ? "" : "\n",
			s->clock, s->cpu, s->at_s,
			format_offset(s->step_ns, (s->ci_high_ns - s->ci_low_ns) / 2).text, s->cause,
			recovery_words(s, run->environment_before).text);
	}
	if (e->step_count > shown)
		fprintf(out, "... and %zu more steps: steps.csv\n", e->step_count - shown);
}

static void print_losses(const struct run *run, const struct estimates *e, FILE *out)
{
	const char *key;
	json_t *value;
	const char *separator = "\nreadings: ";

	json_object_foreach(e->losses, key, value)
	{
		fprintf(out, "%s%lld %s", separator, (long long)json_integer_value(value), key);
		separator = ", ";
	}
	fputc('\n', out);
	for (size_t i = 0; i < run->unavailable_count; i++)
		fprintf(out, "%s %s: %s\n", i ? "         " : "not read:", run->unavailable[i].name,
			run->unavailable[i].reason);
}

void summary_print(const struct run *run, const struct estimates *e, bool colour, FILE *out)
{
	fprintf(out, "verdict: %s%s%s\n", summary_paint(e->verdict.status, colour),
		status_name(e->verdict.status), colour ? "\033[0m" : "");
	for (size_t i = 0; i < e->verdict.reason_count; i++) {
		fputs("  - ", out);
		summary_wrapped(e->verdict.reasons[i].text, 4, out);
	}
	if (has_disturbances(run))
		print_phases(e, out);
	if (!has_disturbances(run) || run->phase_count <= PHASES_MAX)
		print_drifts(run, e, out);
	else
		fprintf(out,
			"\ndrift of %zu pairs in all phases: drift.csv; effects of the disturbances: "
			"effects.csv\n",
			e->drift_count);
	print_steps(run, e, out);
	print_crosscpu(e, out);
	print_losses(run, e, out);
}
