/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_package.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/file.h"

#define DOWNLOAD_S 600
#define UNPACK_S   300

int lab_package_find(const char *pattern, char path[PATH_MAX])
{
	glob_t found;
	int rc = glob(pattern, 0, NULL, &found);

	if (rc == 0)
		snprintf(path, PATH_MAX, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return rc ? -ENOENT : 0;
}

static int fetch_into(
	struct lab_wait *wait, const char *dir, const struct lab_package *package, struct error *err)
{
	const char *const download[] = { "apt-get", package->apt, "download", package->name, NULL };
	char pattern[PATH_MAX], deb[PATH_MAX];
	const char *const unpack[] = { "dpkg", "-x", deb, LAB_PACKAGE_TREE, NULL };
	int rc = lab_tool_run(wait, dir, download, DOWNLOAD_S, NULL, err);

	if (!rc && (path_join(pattern, sizeof(pattern), dir, "*.deb", err) || lab_package_find(pattern, deb)))
		rc = error_set(err, -ENOENT, "apt-get download left no package");
	if (!rc)
		rc = lab_tool_run(wait, dir, unpack, UNPACK_S, NULL, err);
	return rc || !package->finish ? rc : package->finish(wait, dir, err);
}

/* Made elsewhere, then renamed.  Who comes second finds it there. */
int lab_package_fetch(
	struct lab_wait *wait, const struct lab_package *package, char place[PATH_MAX], struct error *err)
{
	char scratch[PATH_MAX], tree[PATH_MAX];
	struct error why = { "" };
	int rc = lab_cache_made(lab_make_directory(package->parent, err), err);

	if (!rc)
		rc = path_join(place, PATH_MAX, package->parent, package->name, err);
	if (!rc)
		rc = lab_cache_made(lab_make_private(package->parent, ".fetch-", scratch, err), err);
	if (rc)
		return rc;
	rc = fetch_into(wait, scratch, package, &why);
	if (rc == -EINTR)
		error_set(err, rc, "%s", why.text);
	else if (rc)
		error_set(err, rc, "no %s: package %s: %s", package->what, package->name, why.text);
	if (!rc)
		rc = path_join(tree, sizeof(tree), scratch, LAB_PACKAGE_TREE, err);
	if (!rc && rename(tree, place) && errno != EEXIST && errno != ENOTEMPTY)
		rc = error_set(err, -errno, "%s: cannot make it: %s", place, strerror(errno));
	lab_remove_private(scratch);
	return rc;
}
