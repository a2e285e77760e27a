/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * candidates KEY=VALUE...: writes candidates for a request that is given by hand, where 'clkdrift advise
 * --out' takes it from the catalogue.  Exit code 0: made, 1: none to make, 2: trouble.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/candidate.h"

static const char *value(int argc, char **argv, const char *key)
{
	size_t length = strlen(key);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], key, length) == 0 && argv[i][length] == '=')
			return argv[i] + length + 1;
	return "";
}

int main(int argc, char **argv)
{
	struct candidate_request request = {
		.profile = value(argc, argv, "profile"),
		.role = value(argc, argv, "role"),
		.guest_os = value(argc, argv, "guest_os"),
		.guest_versions = value(argc, argv, "guest_versions"),
		.parameters = value(argc, argv, "parameters"),
		.host_settings = value(argc, argv, "host"),
		.hypervisor_settings = value(argc, argv, "hypervisor"),
		.note = value(argc, argv, "note"),
		.max_khz = strtoul(value(argc, argv, "max_khz"), NULL, 10),
		.tsc_khz = strtod(value(argc, argv, "tsc_khz"), NULL),
		.root = value(argc, argv, "root"),
		.boot_ini = *value(argc, argv, "boot_ini") ? value(argc, argv, "boot_ini") : NULL,
		.out_dir = value(argc, argv, "out"),
	};
	struct candidate_report report;
	struct error err = { "" };
	json_t *json;
	int rc = candidates_write(&request, &report, &err);

	if (rc) {
		fprintf(stderr, "candidates: %s\n", err.text);
	} else if (*value(argc, argv, "json")) {
		json = candidates_to_json(&report);
		json_dumpf(json, stdout, JSON_INDENT(1));
		json_decref(json);
	} else {
		candidates_print(&report, stdout);
	}
	rc = rc ? 2 : !report.made;
	candidates_free(&report);
	return rc;
}
