/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The three kinds of sample files; the first byte says which. */
#include "ci/fuzz/fuzz.h"
#include "results/samples.h"

static struct clock_info clocks[] = {
	{ .name = "monotonic", .unit = UNIT_NS, .hz = 1e9, .bits = 64 },
	{ .name = "acpi_pm", .unit = UNIT_TICKS, .hz = 3579545, .bits = 24 },
};

static const char *const names[] = { "samples/cpu000.csv", "samples/slow.csv", CROSSCPU_FILE };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .dir = fuzz_dir, .clocks = clocks, .clock_count = 2 };
	struct error err = { "" };
	struct samples samples;
	const char *name;
	uint64_t rows = 0;
	int rc;

	if (size == 0)
		return 0;
	name = names[data[0] % 3];
	fuzz_write("samples/cpu001.csv", SAMPLES_HEADER, strlen(SAMPLES_HEADER));
	fuzz_write(name, data + 1, size - 1);
	rc = samples_load(&run, &samples, &err);
	fuzz_check(rc, &err);
	for (size_t i = 0; i < samples.series_count; i++) {
		const struct series *s = &samples.series[i];

		rows += s->count;
		if (samples_find(&samples, s->cpu, s->clock) != s)
			abort();
	}
	if (rows != samples.rows)
		abort();
	samples_free(&samples);
	remove(fuzz_path(name));
	return 0;
}
