/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Reasons for a verdict: drifts, steps and clocks that went backward. */
#include "analysis/judge_parts.h"

#include "analysis/cause.h"

size_t judge_say_unstable(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (!has_status(row, "unstable") || count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "%s drifts %s%s against %s (%s): beyond the limit %s of %s", row->clock,
			judge_interval(row).text, judge_steered(j, i).text, row->reference,
			judge_place(j->run, row->phase, row->cpu).text, row->limit,
			format_ppm(row->limit_ppm).text);
	}
	return judge_say_more(j, count, "pairs beyond their limit");
}

static struct formatted step_size(const struct step *s)
{
	return format_offset(s->step_ns, (s->ci_high_ns - s->ci_low_ns) / 2);
}

/* All steps of the row's kind at once, at the first of them; false: they are not many. */
static bool say_sum(struct judge *j, size_t row, const char *asked)
{
	const struct step_sum *sum = step_sum_of(&j->steps, row);
	const struct step *s = &j->e->steps[row];
	char text[REASON_MAX - 80];

	if (sum && sum->step == s) {
		step_sum_say(sum, text, sizeof(text));
		SAY(j, "%s (phase %s)%s", text, s->phase, asked);
	}
	return sum != NULL;
}

static void say_asked_steps(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->step_count; i++) {
		const struct step *s = &j->e->steps[i];

		if (strcmp(s->injected, "yes") == 0 && !say_sum(j, i, ", as asked for") &&
			count++ < REASONS_OF_A_KIND)
			SAY(j, "%s stepped by %s against %s at %.3f s (%s), as asked for: %s", s->clock,
				step_size(s).text, s->reference, s->at_s,
				judge_place(j->run, s->phase, s->cpu).text, s->cause);
	}
	judge_say_more(j, count, "steps as asked for");
}

size_t judge_say_steps(struct judge *j)
{
	size_t count = 0, summed = 0;

	for (size_t i = 0; i < j->e->step_count; i++) {
		const struct step *s = &j->e->steps[i];

		if (strcmp(s->injected, "yes") == 0)
			continue;
		if (say_sum(j, i, "")) {
			summed++;
			continue;
		}
		if (count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "%s stepped by %s against %s at %.3f s (%s); cause: %s", s->clock, step_size(s).text,
			s->reference, s->at_s, judge_place(j->run, s->phase, s->cpu).text, s->cause);
	}
	return summed + judge_say_more(j, count, "steps");
}

/* All of it can be what was done on purpose. */
static bool is_excused(const struct judge *j, const struct backward *b)
{
	return b->count <= cause_excused_backward(j->run, NULL, b->clock);
}

size_t judge_say_backward(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->backward_count; i++) {
		const struct backward *b = &j->e->backward[i];

		if (is_excused(j, b) || count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "%s went backward %s on CPU %d, by up to %s", b->clock, format_times(b->count).text,
			b->cpu, format_ns(b->largest_ns).text);
	}
	return judge_say_more(j, count, "clocks that went backward");
}

static void say_asked_backward(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->backward_count; i++) {
		const struct backward *b = &j->e->backward[i];

		if (is_excused(j, b) && count++ < REASONS_OF_A_KIND)
			SAY(j, "%s went backward %s on CPU %d, by up to %s: it was set on purpose", b->clock,
				format_times(b->count).text, b->cpu, format_ns(b->largest_ns).text);
	}
	judge_say_more(j, count, "clocks that were set back on purpose");
}

void judge_say_injected(struct judge *j)
{
	size_t slewed = 0;

	say_asked_steps(j);
	say_asked_backward(j);
	for (size_t i = 0; i < j->e->drift_count; i++)
		slewed += has_status(&j->e->drift[i], "injected");
	if (slewed)
		SAY(j, "%zu pair%s no verdict: a clock was slewed on purpose, by an amount that is not known",
			slewed, slewed == 1 ? " has" : "s have");
}
