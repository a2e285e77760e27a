/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The catalogue of profiles. */
#include <errno.h>

#include "analysis/profiles.h"
#include "ci/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profiles profiles = { 0 };
	struct error err = { "" };
	char text[256];
	int rc;

	fuzz_write("profiles.csv", data, size);
	rc = profiles_load(fuzz_path("profiles.csv"), &profiles, &err);
	fuzz_check(rc, &err);
	for (size_t i = 0; i < profiles.count; i++) {
		const struct profile *p = &profiles.rows[i];

		if (profiles_find(&profiles, p->id) != p)
			abort();
		version_in_range("5.4.1-2.el5", p->guest_versions);
		version_in_range(p->note, p->kernel);
		rc = profile_parameters(p, 2.6e6, 250, text, sizeof(text));
		if (rc && rc != -ENOSPC)
			abort();
	}
	profiles_free(&profiles);
	return 0;
}
