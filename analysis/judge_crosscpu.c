/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Reasons for a verdict: TSCs that are apart or moved. */
#include "analysis/judge_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/format.h"

static bool disjoint(const struct crosscpu *a, const struct crosscpu *b)
{
	return fabs(a->offset_ns - b->offset_ns) > a->bound_ns + b->bound_ns;
}

size_t judge_say_apart(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->crosscpu_count; i++) {
		const struct crosscpu *c = &j->e->crosscpu[i];

		if (fabs(c->offset_ns) > c->bound_ns && count++ < REASONS_OF_A_KIND)
			SAY(j, "the TSCs of CPU %d and CPU %d are %s apart (%s)", c->cpu_a, c->cpu_b,
				format_offset(c->offset_ns, c->bound_ns).text, c->phase);
	}
	return judge_say_more(j, count, "pairs of CPUs apart");
}

/* By CPU pair, then in the order of the exchanges. */
static int crosscpu_order(const void *a, const void *b)
{
	const struct crosscpu *x = *(const struct crosscpu *const *)a,
			      *y = *(const struct crosscpu *const *)b;

	if (x->cpu_a != y->cpu_a)
		return x->cpu_a < y->cpu_a ? -1 : 1;
	if (x->cpu_b != y->cpu_b)
		return x->cpu_b < y->cpu_b ? -1 : 1;
	return (x > y) - (x < y);
}

/* The latest of the exchanges of that pair before `now` that cannot agree with it, or NULL. */
static const struct crosscpu *moved_from(
	const struct crosscpu *const *now, const struct crosscpu *const *first)
{
	const struct crosscpu *c = *now;

	while (now-- > first && (*now)->cpu_a == c->cpu_a && (*now)->cpu_b == c->cpu_b)
		if (disjoint(*now, c))
			return *now;
	return NULL;
}

size_t judge_say_moved(struct judge *j)
{
	size_t n = j->e->crosscpu_count, count = 0;
	const struct crosscpu **sorted = malloc((n + 1) * sizeof(*sorted));

	if (!sorted) {
		j->rc = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &j->e->crosscpu[i];
	qsort(sorted, n, sizeof(*sorted), crosscpu_order);
	for (size_t i = 0; i < n; i++) {
		const struct crosscpu *c = sorted[i], *before = moved_from(&sorted[i], sorted);

		if (before && count++ < REASONS_OF_A_KIND)
			SAY(j, "the TSCs of CPU %d and CPU %d moved from %s (%s) to %s (%s)", c->cpu_a,
				c->cpu_b, format_offset(before->offset_ns, before->bound_ns).text,
				before->phase, format_offset(c->offset_ns, c->bound_ns).text, c->phase);
	}
	free(sorted);
	return judge_say_more(j, count, "moves of TSCs");
}
