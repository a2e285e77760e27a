/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The simulated clock on the real TSC: a truth that the whole program can be held against. */
#include <errno.h>
#include <stdlib.h>

#include "probes/clock_reader.h"
#include "probes/sim.h"
#include "probes/tsc.h"

static int sim_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	struct sim_model *model = calloc(1, sizeof(*model));
	int rc;

	if (!model)
		return error_set(err, -ENOMEM, "out of memory");
	model->tsc_hz = setup->tsc_hz;
	model->seed = setup->seed;
	model->tsc_start = tsc_before();
	rc = sim_model_parse(model, setup->options, err);
	if (rc) {
		free(model);
		return rc;
	}
	traits->state = model;
	return 0;
}

static int sim_read_bracket(void *state, int cpu, struct reading *reading)
{
	const struct sim_model *model = state;

	*reading =
		sim_reading(model, cpu, (double)(int64_t)(tsc_before() - model->tsc_start) / model->tsc_hz);
	return 0;
}

static void sim_close(void *state)
{
	free(state);
}

const struct clock_reader clock_sim = {
	.name = "sim",
	.summary = "simulated clock with known drift, noise, delays, steps and TSC halts",
	.options = sim_options_help,
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_OWN,
	.cadence = CADENCE_TIGHT,
	.optional = true,
	.open = sim_open,
	.read_bracket = sim_read_bracket,
	.close = sim_close,
};
