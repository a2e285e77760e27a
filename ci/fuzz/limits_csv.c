/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The presets of drift limits. */
#include "analysis/limits.h"
#include "ci/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { "" };
	struct limits limits;
	int rc;

	fuzz_write("limits.csv", data, size);
	rc = limits_load(fuzz_path("limits.csv"), &limits, &err);
	fuzz_check(rc, &err);
	for (size_t i = 0; i < limits.count; i++)
		if (!(limits.rows[i].ppm > 0) || !limits_find(&limits, limits.rows[i].name))
			abort();
	limits_free(&limits);
	return 0;
}
