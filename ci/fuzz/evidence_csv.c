/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* evidence.csv, and that what was read can be written and read again. */
#include "ci/fuzz/fuzz.h"
#include "results/evidence.h"

static struct phase phases[] = { { .name = "idle" }, { .name = "load, \"90\" %" } };

static void store(const struct run *run, const struct evidence_set *set)
{
	struct error err = { "" };
	struct evidence_writer *w;

	remove(fuzz_path(EVIDENCE_FILE));
	w = evidence_open(run, &err);
	if (!w)
		abort();
	for (size_t i = 0; i < set->count; i++) {
		const struct evidence_series *s = &set->series[i];

		for (size_t k = 0; k < s->count; k++)
			evidence_add(w, phases[s->phase].name, s->disturbance, s->name, s->unit,
				s->points[k].tsc, s->points[k].value);
	}
	fuzz_check(evidence_close(w, &err), &err);
}

static void check_same(const struct evidence_set *a, const struct evidence_set *b)
{
	if (a->count != b->count)
		abort();
	for (size_t i = 0; i < a->count; i++) {
		const struct evidence_series *x = &a->series[i], *y = &b->series[i];

		if (x->phase != y->phase || x->count != y->count || x->count == 0 ||
			strcmp(x->disturbance, y->disturbance) != 0 || strcmp(x->name, y->name) != 0 ||
			strcmp(x->unit, y->unit) != 0)
			abort();
		for (size_t k = 0; k < x->count; k++)
			if (x->points[k].tsc != y->points[k].tsc)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .dir = fuzz_dir, .phases = phases, .phase_count = 2 };
	struct evidence_set set, again;
	struct error err = { "" };
	int rc;

	fuzz_write(EVIDENCE_FILE, data, size);
	rc = evidence_load(&run, &set, &err);
	fuzz_check(rc, &err);
	if (rc)
		return 0;
	store(&run, &set);
	rc = evidence_load(&run, &again, &err);
	fuzz_check(rc, &err);
	check_same(&set, &again);
	evidence_free(&again);
	evidence_free(&set);
	return 0;
}
