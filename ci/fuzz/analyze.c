/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A whole run directory through the whole analysis: run.json, a NUL, samples/cpu000.csv. */
#include <jansson.h>

#include "analysis/analyze.h"
#include "ci/fuzz/fuzz.h"

static struct limit presets[] = { { "crystal", 50, "" }, { "arithmetic", 0.1, "" } };

static void analyze(const struct run *run, const struct samples *samples)
{
	static const struct limits limits = { presets, 2 };
	struct estimates estimates;
	struct error err = { "" };
	int rc = analyze_run(run, samples, &limits, &run->judging, &estimates, &err);

	fuzz_check(rc, &err);
	if (rc)
		return;
	json_t *json = estimates_to_json(&estimates, "run");
	char *text = json_dumps(json, TABLE_JSON_FLAGS);

	if (!text || estimates.verdict.reason_count == 0)
		abort();
	free(text);
	json_decref(json);
	estimates_free(&estimates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);
	struct error err = { "" };
	struct samples samples;
	struct run run;

	if (!nul)
		return 0;
	fuzz_write("run.json", data, (size_t)(nul - data));
	fuzz_write("samples/cpu000.csv", nul + 1, (size_t)(data + size - nul - 1));
	if (run_load(fuzz_dir, &run, &err))
		return 0;
	if (samples_load(&run, &samples, &err) == 0) {
		analyze(&run, &samples);
		samples_free(&samples);
	}
	run_free(&run);
	return 0;
}
