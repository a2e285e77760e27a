/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_root.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/data_path.h"
#include "results/file.h"

#define UPDATE_S     300
#define DOWNLOAD_S   900
#define UNPACK_S     120
#define LIST_MAX     4096
#define PACKAGES_MAX 16		 /* lab_tool_run() takes 24 arguments */
#define STAMP	     ".packages" /* in the root: the list that it was made of */

bool lab_arch_is_foreign(const char *arch)
{
	return strcmp(arch, "i386") == 0;
}

int lab_place_of(const char *cache, const char *arch, struct lab_place *place, struct error *err)
{
	char conf[PATH_MAX];
	int rc;

	*place = (struct lab_place){ .apt = "-q" };
	if (!lab_arch_is_foreign(arch)) {
		snprintf(place->dir, sizeof(place->dir), "%s", cache);
		return 0;
	}
	rc = path_join(place->dir, sizeof(place->dir), cache, arch, err);
	if (!rc)
		rc = path_join(place->root, sizeof(place->root), place->dir, "root", err);
	if (!rc)
		rc = path_join(conf, sizeof(conf), place->dir, "apt/apt.conf", err);
	if (!rc)
		snprintf(place->apt, sizeof(place->apt), "-c=%s", conf);
	return rc;
}

int lab_root_check(const struct lab_place *place, const char *arch, struct error *err)
{
	char stamp[PATH_MAX];

	if (path_join(stamp, sizeof(stamp), place->root, STAMP, err))
		return -ENAMETOOLONG;
	if (access(stamp, R_OK))
		return error_set(err, -ENOENT,
			"%s guests are not set up: run 'clkdrift lab setup --arch %s' once", arch, arch);
	return 0;
}

static int write_text(const char *dir, const char *name, const char *text, struct error *err)
{
	struct file_replace file;
	int rc = file_replace_begin(&file, dir, name, err);

	if (rc)
		return rc;
	fputs(text, file.out);
	return file_replace_commit(&file, err);
}

/*
 * The machine's sources, keys and proxies are kept; its state, its architectures and the commands that it runs on
 * the way are not.  In a directory of the user's no other user can read: apt's own one for downloads would fail.
 */
static int make_apt(const struct lab_place *place, const char *arch, struct error *err)
{
	static const char *const parts[] = { "apt/state/lists/partial", "apt/cache/archives/partial",
		"apt/log" };
	char path[PATH_MAX], *text;
	int rc = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !rc; i++) {
		rc = path_join(path, sizeof(path), place->dir, parts[i], err);
		if (!rc)
			rc = lab_cache_made(lab_make_directory(path, err), err);
	}
	if (!rc)
		rc = path_join(path, sizeof(path), place->dir, "apt", err);
	if (!rc && strpbrk(path, "\"\n"))
		rc = error_set(err, -EINVAL, "%s: a quote in the cache's path; give --cache DIR", path);
	if (rc)
		return rc;
	if (asprintf(&text,
		    "#clear APT::Architectures;\n#clear APT::Update;\n#clear DPkg;\n"
		    "APT::Architecture \"%s\";\nAPT::Architectures { \"%s\"; };\n"
		    "APT::Sandbox::User \"root\";\nDir::State \"%s/state\";\n"
		    "Dir::State::status \"%s/status\";\nDir::Cache \"%s/cache\";\n"
		    "Dir::Log \"%s/log\";\nquiet \"1\";\n",
		    arch, arch, path, path, path, path) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	rc = write_text(path, "status", "", err);
	if (!rc)
		rc = write_text(path, "apt.conf", text, err);
	free(text);
	return rc;
}

/* ---- the list ---- */

struct list {
	char text[LIST_MAX]; /* the lines, cut apart */
	const char *packages[PACKAGES_MAX + 1];
	size_t count;
	char stamp[LIST_MAX]; /* the same, one a line */
};

/* One package a line; '#' begins a comment. */
static int parse_list(struct list *list, const char *path, struct error *err)
{
	char *rest = NULL;

	list->count = 0;
	list->stamp[0] = '\0';
	for (char *line = strtok_r(list->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == '#')
			continue;
		if (line[0] == '-' || strpbrk(line, " \t/"))
			return error_set(err, -EINVAL, "%s: \"%s\" is no name of a package", path, line);
		if (list->count == PACKAGES_MAX)
			return error_set(err, -E2BIG, "%s: more than %d packages", path, PACKAGES_MAX);
		list->packages[list->count++] = line;
		strcat(strcat(list->stamp, line), "\n");
	}
	list->packages[list->count] = NULL;
	return list->count ? 0 : error_set(err, -EINVAL, "%s: names no package", path);
}

static int read_list(struct list *list, const char *arch, struct error *err)
{
	char name[64], path[PATH_MAX];
	int rc;
	size_t n;
	FILE *in;

	snprintf(name, sizeof(name), "bench/lab/%.32s.packages", arch);
	rc = data_path(name, path, err);
	if (rc)
		return rc;
	in = fopen(path, "re");
	if (!in)
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	/* Its stamp has a newline behind the last line too. */
	n = fread(list->text, 1, sizeof(list->text) - 1, in);
	fclose(in);
	if (n >= sizeof(list->text) - 2)
		return error_set(err, -E2BIG, "%s: more than %d bytes", path, LIST_MAX - 2);
	list->text[n] = '\0';
	return parse_list(list, path, err);
}

static bool is_made_of(const char *root, const struct list *list)
{
	char path[PATH_MAX], stamp[LIST_MAX];
	FILE *in = path_join(path, sizeof(path), root, STAMP, NULL) ? NULL : fopen(path, "re");
	size_t n = in ? fread(stamp, 1, sizeof(stamp) - 1, in) : 0;

	if (in)
		fclose(in);
	stamp[n] = '\0';
	return in && strcmp(stamp, list->stamp) == 0;
}

/* ---- fetch, unpack ---- */

static int download(struct lab_wait *wait, const struct lab_place *place, const char *scratch,
	const struct list *list, struct error *err)
{
	char archives[PATH_MAX + 32];
	const char *argv[PACKAGES_MAX + 8] = { "apt-get", place->apt, archives, "-y",
		"--no-install-recommends", "--download-only", "install" };
	char partial[PATH_MAX];
	int rc = path_join(partial, sizeof(partial), scratch, "partial", err);

	if (!rc)
		rc = lab_make_directory(partial, err);
	if (rc)
		return rc;
	snprintf(archives, sizeof(archives), "-oDir::Cache::archives=%s", scratch);
	memcpy(argv + 7, list->packages, (list->count + 1) * sizeof(*argv));
	return lab_tool_run(wait, scratch, argv, DOWNLOAD_S, NULL, err);
}

static int unpack(struct lab_wait *wait, const char *scratch, struct error *err)
{
	char pattern[PATH_MAX];
	glob_t found;
	int rc = path_join(pattern, sizeof(pattern), scratch, "*.deb", err);

	if (rc)
		return rc;
	if (glob(pattern, 0, NULL, &found))
		return error_set(err, -ENOENT, "apt-get left no packages");
	for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
		const char *const argv[] = { "dpkg", "-x", found.gl_pathv[i], "root", NULL };

		rc = lab_tool_run(wait, scratch, argv, UNPACK_S, NULL, err);
	}
	globfree(&found);
	return rc;
}

/* Whole or not at all. */
static int fetch(
	struct lab_wait *wait, const struct lab_place *place, const struct list *list, struct error *err)
{
	char scratch[PATH_MAX], made[PATH_MAX];
	int rc = path_join(scratch, sizeof(scratch), place->dir, ".fetch-XXXXXX", err);

	if (rc)
		return rc;
	if (!mkdtemp(scratch))
		return error_set(
			err, -errno, "%s: cannot make a directory there: %s", place->dir, strerror(errno));
	rc = download(wait, place, scratch, list, err);
	if (!rc)
		rc = unpack(wait, scratch, err);
	if (!rc)
		rc = path_join(made, sizeof(made), scratch, "root", err);
	if (!rc)
		rc = write_text(made, STAMP, list->stamp, err);
	if (!rc) {
		lab_remove_tree(place->root);
		if (rename(made, place->root))
			rc = error_set(err, -errno, "%s: cannot make it: %s", place->root, strerror(errno));
	}
	lab_remove_tree(scratch);
	return rc;
}

int lab_root_setup(struct lab_wait *wait, const struct lab_place *place, const char *arch, bool *fetched,
	struct error *err)
{
	const char *const update[] = { "apt-get", place->apt, "update", NULL };
	struct error late = { "" }, why = { "" };
	struct list *list = calloc(1, sizeof(*list));
	int rc = list ? read_list(list, arch, err) : error_set(err, -ENOMEM, "out of memory");

	*fetched = false;
	if (!rc)
		rc = make_apt(place, arch, err);
	/* Where one source of several does not answer, the packages may be in the others. */
	if (!rc && lab_tool_run(wait, place->dir, update, UPDATE_S, NULL, &late) == -EINTR)
		rc = error_set(err, -EINTR, "%s", late.text);
	if (!rc && !is_made_of(place->root, list)) {
		rc = fetch(wait, place, list, &why);
		if (rc == -EINTR)
			error_set(err, rc, "%s", why.text);
		else if (rc)
			error_set(err, rc, "packages for %s: %s%s%s", arch, why.text,
				late.text[0] ? "; before it " : "", late.text);
		*fetched = rc == 0;
	}
	free(list);
	return rc;
}

/* ---- what is in it ---- */

static bool find_in(const char *root, const char *const *places, const char *name, char path[PATH_MAX])
{
	for (; *places; places++) {
		int n = snprintf(path, PATH_MAX, "%s/%s/%s", root, *places, name);

		if (n < PATH_MAX && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

bool lab_root_program(const struct lab_place *place, const char *name, char path[PATH_MAX])
{
	static const char *const places[] = { "bin", "usr/bin", NULL };

	return find_in(place->root, places, name, path);
}

bool lab_root_library(const struct lab_place *place, const char *name, char path[PATH_MAX])
{
	static const char *const places[] = { "lib", "usr/lib", "lib/i386-linux-gnu",
		"usr/lib/i386-linux-gnu", NULL };

	return find_in(place->root, places, name, path);
}
