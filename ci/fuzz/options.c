/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The command line: words with a NUL between them, the first byte picks the command. */
#include "bench/options.h"
#include "ci/fuzz/fuzz.h"

#define WORDS_MAX 32

static const struct command *const candidates[] = { &command_run, &command_analyze, &command_report,
	&command_stability, &command_inspect, &command_list };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 2), *argv[WORDS_MAX + 2] = { text };
	struct options options;
	struct error err = { "" };
	int argc = 1, rc;

	if (!text || !freopen("/dev/null", "w", stdout))
		abort();
	memcpy(text, data, size);
	for (size_t at = 1; at < size && argc <= WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	rc = options_parse(candidates[(size ? data[0] : 0u) % (sizeof(candidates) / sizeof(candidates[0]))],
		argc, argv, &options, &err);
	fuzz_check(rc == 1 ? 0 : rc, &err);
	free(text);
	return 0;
}
