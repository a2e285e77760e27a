/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_reader.h"

#include <string.h>

const struct clock_reader *clock_reader_find(const char *name)
{
	for (const struct clock_reader *const *reader = clock_readers; *reader; reader++)
		if (strcmp((*reader)->name, name) == 0)
			return *reader;
	return NULL;
}
