/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/cpu_list.h"

#include <errno.h>

#include "bench/sysfs.h"

hwloc_bitmap_t cpu_list_read(const char *path, struct error *err)
{
	char text[SYSFS_TEXT_MAX];
	hwloc_bitmap_t set;

	if (sysfs_read(path, text, sizeof(text), err))
		return NULL;
	set = hwloc_bitmap_alloc();
	if (!set)
		error_set(err, -ENOMEM, "out of memory");
	else if (!*text || hwloc_bitmap_list_sscanf(set, text) || hwloc_bitmap_weight(set) < 1) {
		error_set(err, -EINVAL, "%s: \"%.80s\" is no list of CPUs", path, text);
		hwloc_bitmap_free(set);
		set = NULL;
	}
	return set;
}
