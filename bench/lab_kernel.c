/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lab_package.h"
#include "results/file.h"

#define DEPMOD_S  300
#define ASK_S	  60
#define DEPTH_MAX 32 /* of dependencies between modules */

/* The package that always depends on the newest kernel of its kind. */
static const struct {
	const char *arch, *package;
} kinds[] = {
	{ "x86_64", "linux-image-cloud-amd64" },
	{ "i386", "linux-image-686-pae" },
};

static const char *kind_of(const char *arch)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].arch, arch) == 0)
			return kinds[i].package;
	return NULL;
}

static int kernel_at(const char *dir, struct lab_kernel *kernel)
{
	char pattern[PATH_MAX];
	int rc;

	if (path_join(pattern, sizeof(pattern), dir, "boot/vmlinuz-*", NULL))
		return -ENAMETOOLONG;
	rc = lab_package_find(pattern, kernel->image);
	if (!rc)
		rc = path_join(pattern, sizeof(pattern), dir, "lib/modules/*/modules.dep", NULL);
	if (!rc)
		rc = lab_package_find(pattern, kernel->modules);
	if (!rc)
		*strrchr(kernel->modules, '/') = '\0';
	return rc;
}

/* "  Depends: linux-image-6.1.0-56-cloud-amd64" */
static int parse_depends(const char *text, char *package, size_t size)
{
	static const char word[] = "Depends: linux-image-";
	const char *at = strstr(text, word);
	size_t length;

	if (!at)
		return -ENOENT;
	at += strlen("Depends: ");
	length = strcspn(at, " \n");
	if (length >= size || memchr(at, '/', length))
		return -EINVAL;
	snprintf(package, size, "%.*s", (int)length, at);
	return 0;
}

static int newest_package(struct lab_wait *wait, const char *apt, const char *kind, char *package,
	size_t size, struct error *err)
{
	const char *const argv[] = { "apt-cache", apt, "depends", kind, NULL };
	struct error why = { "" };
	char *output = NULL;
	int rc = lab_tool_run(wait, "/", argv, ASK_S, &output, &why);

	if (!rc && parse_depends(output, package, size))
		rc = error_set(&why, -ENOENT, "apt-cache: nothing is known of it; try 'apt-get update'");
	free(output);
	if (rc)
		error_set(err, rc, "no guest kernel: package %s: %s (or give --kernel FILE --modules DIR)",
			kind, why.text);
	return rc;
}

/* The list of what each module depends on, which packages leave to be made. */
static int list_modules(struct lab_wait *wait, const char *dir, struct error *err)
{
	char pattern[PATH_MAX], modules[PATH_MAX];
	const char *argv[] = { "busybox", "depmod", "-b", LAB_PACKAGE_TREE, NULL, NULL };

	if (path_join(pattern, sizeof(pattern), dir, LAB_PACKAGE_TREE "/lib/modules/*", err) ||
		lab_package_find(pattern, modules))
		return error_set(err, -ENOENT, "the package holds no modules");
	argv[4] = strrchr(modules, '/') + 1;
	return lab_tool_run(wait, dir, argv, DEPMOD_S, NULL, err);
}

/* Without the package lists, one that was fetched before will do. */
static int any_cached(const char *parent, struct lab_kernel *kernel)
{
	char pattern[PATH_MAX], place[PATH_MAX];

	if (path_join(pattern, sizeof(pattern), parent, "linux-image-*", NULL) ||
		lab_package_find(pattern, place))
		return -ENOENT;
	snprintf(kernel->package, sizeof(kernel->package), "%.120s", strrchr(place, '/') + 1);
	return kernel_at(place, kernel);
}

int lab_kernel_fetch(struct lab_wait *wait, const struct lab_place *at, const char *arch,
	struct lab_kernel *kernel, struct error *err)
{
	const char *kind = kind_of(arch);
	char parent[PATH_MAX], place[PATH_MAX];
	struct error why = { "" };
	int rc;

	*kernel = (struct lab_kernel){ 0 };
	if (!kind)
		return error_set(err, -EINVAL, "no kernel package is known for %s; give --kernel FILE", arch);
	rc = path_join(parent, sizeof(parent), at->dir, "kernel", err);
	if (rc)
		return rc;
	rc = newest_package(wait, at->apt, kind, kernel->package, sizeof(kernel->package), &why);
	if (rc && rc != -EINTR && any_cached(parent, kernel) == 0)
		return 0;
	if (rc)
		return error_set(err, rc, "%s", why.text);
	rc = path_join(place, sizeof(place), parent, kernel->package, err);
	if (rc || kernel_at(place, kernel) == 0)
		return rc;
	rc = lab_package_fetch(wait,
		&(struct lab_package){ at->apt, parent, kernel->package, "guest kernel", list_modules },
		place, err);
	if (!rc && kernel_at(place, kernel))
		rc = error_set(
			err, -ENOENT, "%s: holds no kernel; remove it to have it fetched again", place);
	return rc;
}

int lab_kernel_use(struct lab_kernel *kernel, const char *image, const char *modules, struct error *err)
{
	char list[PATH_MAX];

	*kernel = (struct lab_kernel){ 0 };
	if (access(image, R_OK))
		return error_set(err, -errno, "--kernel %s: cannot read: %s", image, strerror(errno));
	if (modules && (path_join(list, sizeof(list), modules, "modules.dep", err) || access(list, R_OK)))
		return error_set(err, -ENOENT, "--modules %s: no modules.dep there; run depmod", modules);
	if (!realpath(image, kernel->image) || (modules && !realpath(modules, kernel->modules)))
		return error_set(err, -errno, "--kernel %s: %s", image, strerror(errno));
	return 0;
}

/* "kernel/drivers/block/virtio_blk.ko.xz" is virtio_blk; '-' and '_' are the same in a module's name. */
static bool is_module(const char *path, size_t length, const char *name)
{
	size_t i = 0, begin = length;

	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	for (; name[i] && begin + i < length; i++)
		if (path[begin + i] != name[i] && !(strchr("-_", path[begin + i]) && strchr("-_", name[i])))
			return false;
	return !name[i] && begin + i + 3 <= length && strncmp(path + begin + i, ".ko", 3) == 0;
}

static int remember(struct lab_modules *modules, const char *path, struct error *err)
{
	char **grown = reallocarray(modules->paths, modules->count + 1, sizeof(*grown));

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	modules->paths = grown;
	grown[modules->count] = strdup(path);
	return grown[modules->count++] ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static bool is_there(const struct lab_modules *modules, const char *path)
{
	for (size_t i = 0; i < modules->count; i++)
		if (strcmp(modules->paths[i], path) == 0)
			return true;
	return false;
}

/*
 * "a.ko: b.ko c.ko": depmod programs differ in whether and how they order what stands behind the colon,
 * so each of these is looked up by itself.  A NULL path asks for the module of that name.
 */
static int add_module(FILE *list, const char *path, const char *name, unsigned depth,
	struct lab_modules *modules, struct error *err)
{
	char *line = NULL, *rest = NULL;
	size_t room = 0;
	int rc = -ENOENT;

	rewind(list);
	while (rc == -ENOENT && getline(&line, &room, list) > 0) {
		size_t length = strcspn(line, ":");

		if (path ? strncmp(line, path, length) != 0 || path[length] : !is_module(line, length, name))
			continue;
		rc = depth > DEPTH_MAX ? error_set(err, -ELOOP, "modules.dep goes in circles") : 0;
		path = strtok_r(line, ": \n", &rest);
		for (char *one = strtok_r(NULL, ": \n", &rest); one && !rc;
			one = strtok_r(NULL, ": \n", &rest))
			rc = add_module(list, one, NULL, depth + 1, modules, err);
		if (rc == -ENOENT)
			rc = error_set(
				err, -EINVAL, "modules.dep: %s needs a module that is not listed", path);
		if (!rc && !is_there(modules, path))
			rc = remember(modules, path, err);
	}
	free(line);
	return rc;
}

int lab_modules_add(const struct lab_kernel *kernel, const char *name, struct lab_modules *modules,
	bool *found, struct error *err)
{
	char path[PATH_MAX];
	FILE *list;
	int rc;

	*found = false;
	if (!kernel->modules[0])
		return 0;
	rc = path_join(path, sizeof(path), kernel->modules, "modules.dep", err);
	list = rc ? NULL : fopen(path, "re");
	if (!list)
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	rc = add_module(list, NULL, name, 0, modules, err);
	*found = rc == 0;
	fclose(list);
	return rc == -ENOENT ? 0 : rc;
}

void lab_modules_free(struct lab_modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		free(modules->paths[i]);
	free(modules->paths);
	*modules = (struct lab_modules){ 0 };
}
