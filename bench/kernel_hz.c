/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/kernel_hz.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

int kernel_hz(const char *root, const char *release)
{
	static const char *const places[] = { "%s/boot/config-%s", "%s/lib/modules/%s/config",
		"%s/usr/lib/modules/%s/config" };
	int hz = 0;

	if (strchr(release, '/'))
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && hz <= 0; i++) {
		char path[PATH_MAX], line[512];
		FILE *in;

		snprintf(path, sizeof(path), places[i], root, release);
		in = fopen(path, "re");
		while (in && fgets(line, sizeof(line), in) && sscanf(line, "CONFIG_HZ=%6d", &hz) != 1)
			;
		if (in)
			fclose(in);
	}
	return hz > 0 ? hz : 0;
}
