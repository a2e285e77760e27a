/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The options of the sim clock, and readings of what they ask for. */
#include "ci/fuzz/fuzz.h"
#include "probes/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_model model = { .tsc_hz = 2.6e9, .tsc_start = 1, .seed = 7 };
	struct error err = { "" };
	char *text = strndup((const char *)data, size);
	int rc;

	if (!text)
		abort();
	rc = sim_model_parse(&model, text, &err);
	fuzz_check(rc, &err);
	for (int i = 0; !rc && i < 8; i++)
		sim_reading(&model, i, 0.37 * i * i);
	free(text);
	return 0;
}
