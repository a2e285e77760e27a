/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Scenario files. */
#include "bench/scenario.h"
#include "ci/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario scenario;
	struct error err = { "" };
	int rc;

	fuzz_write("fuzz.ini", data, size);
	rc = scenario_load(fuzz_path("fuzz.ini"), &scenario, &err);
	fuzz_check(rc, &err);
	if (!rc && (scenario.phase_count == 0 || scenario.burst == 0 || !(scenario.interval_s >= 0)))
		abort();
	if (!rc)
		scenario_scale(&scenario, 7);
	if (!rc && !(scenario_duration(&scenario) > 6.9 && scenario_duration(&scenario) < 7.1))
		abort();
	scenario_free(&scenario);
	return 0;
}
