/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The one-column file of 'clkdrift stability', through to the statistics. */
#include "bench/options.h"
#include "ci/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = { .tau0_s = 1, .quiet = true };
	struct error err = { "" };

	if (size == 0)
		return 0;
	fuzz_write("column.csv", data + 1, size - 1);
	options.remove_mean = data[0] & 2;
	if (data[0] & 1)
		options.freq = fuzz_path("column.csv");
	else
		options.phase = fuzz_path("column.csv");
	fuzz_check(command_stability.run(&options, &err), &err);
	return 0;
}
