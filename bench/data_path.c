/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/data_path.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/file.h"

/* DIR of DIR/build/clkdrift, or "". */
static void tree_of_program(char dir[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", dir, PATH_MAX - 1);

	if (length <= 0) {
		dir[0] = '\0';
		return;
	}
	dir[length] = '\0';
	dirname(dirname(dir));
}

int data_path(const char *name, char path[PATH_MAX], struct error *err)
{
	char tree[PATH_MAX];
	const char *wish = getenv("CLKDRIFT_DATADIR");
	char moved[PATH_MAX + 32];
	const char *places[] = { wish ? wish : tree, moved, CLKDRIFT_DATADIR };

	tree_of_program(tree);
	/* An installation that was moved, or staged under DESTDIR. */
	snprintf(moved, sizeof(moved), "%s/share/clkdrift", tree);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (path_join(path, PATH_MAX, places[i], name, err) == 0 && access(path, R_OK) == 0)
			return 0;
	return error_set(err, -ENOENT,
		"%s: not found under %s%s, %s, %s; set CLKDRIFT_DATADIR to where it is", name,
		wish ? "CLKDRIFT_DATADIR=" : "", places[0], places[1], places[2]);
}
