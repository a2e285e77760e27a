/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* run.json, and that what was read can be written and read again. */
#include "ci/fuzz/fuzz.h"
#include "results/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { "" };
	struct run run, again;
	int rc;

	fuzz_write("run.json", data, size);
	rc = run_load(fuzz_dir, &run, &err);
	fuzz_check(rc, &err);
	if (rc)
		return 0;
	rc = run_store(&run, &err);
	fuzz_check(rc, &err);
	if (rc || run_load(fuzz_dir, &again, &err) || again.clock_count != run.clock_count ||
		again.phase_count != run.phase_count || again.tally_count != run.tally_count ||
		again.event_count != run.event_count || strcmp(again.host, run.host) != 0)
		abort();
	run_free(&again);
	run_free(&run);
	return 0;
}
