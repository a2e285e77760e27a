/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_image.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cpio.h"
#include "bench/data_path.h"
#include "bench/elf_needs.h"
#include "results/file.h"

#define LIST_S	    30
#define COMMAND_MAX 4096
#define DEPTH_MAX   32 /* of libraries */

struct builder {
	struct lab_wait *wait;
	const struct lab_image *image;
	struct cpio cpio;
	struct error *err;
};

/* "	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x7f..)"; others are the loader and the vdso. */
static int add_library(struct builder *b, char *line)
{
	char *arrow = strstr(line, " => "), *end, name[NAME_MAX + 8];

	if (!arrow)
		return 0;
	while (*line == '\t' || *line == ' ')
		line++;
	*arrow = '\0';
	arrow += strlen(" => ");
	end = strstr(arrow, " (");
	if (arrow[0] != '/' || !end)
		return error_set(b->err, -ENOENT, "library %s: %s", line, arrow);
	*end = '\0';
	snprintf(name, sizeof(name), "lib/%s", strrchr(line, '/') ? strrchr(line, '/') + 1 : line);
	return cpio_add_file(&b->cpio, name, arrow, 0755, b->err);
}

/* Of this machine: its loader knows where they are. */
static int add_own_libraries(struct builder *b, const char *path, const char *loader)
{
	const char *const argv[] = { loader, "--list", path, NULL };
	char *output = NULL, *rest = NULL;
	int rc = lab_tool_run(b->wait, "/", argv, LIST_S, &output, b->err);

	for (char *line = rc ? NULL : strtok_r(output, "\n", &rest); line && !rc;
		line = strtok_r(NULL, "\n", &rest))
		rc = add_library(b, line);
	free(output);
	return rc;
}

/* Of a private root, whose loader may not run here.  depth: libraries need libraries. */
static int add_root_libraries(struct builder *b, const char *path, unsigned depth)
{
	struct elf_needs *needs = malloc(sizeof(*needs));
	char library[PATH_MAX], name[NAME_MAX + 8];
	int rc = needs ? elf_needs_read(path, needs, b->err) : error_set(b->err, -ENOMEM, "out of memory");

	if (!rc && depth > DEPTH_MAX)
		rc = error_set(b->err, -ELOOP, "%s: libraries need each other", path);
	for (size_t i = 0; !rc && i < needs->count; i++) {
		snprintf(name, sizeof(name), "lib/%s", needs->libraries[i]);
		if (cpio_has(&b->cpio, name))
			continue;
		if (!lab_root_library(b->image->place, needs->libraries[i], library))
			rc = error_set(b->err, -ENOENT, "%s needs %s, which is not in %s", path,
				needs->libraries[i], b->image->place->root);
		if (!rc)
			rc = cpio_add_file(&b->cpio, name, library, 0755, b->err);
		if (!rc)
			rc = add_root_libraries(b, library, depth + 1);
	}
	free(needs);
	return rc;
}

static int check_machine(struct builder *b, const char *path, const struct elf_needs *needs)
{
	const char *arch = b->image->config->arch;
	unsigned wanted = strcmp(arch, "i386") == 0 ? EM_386 : EM_X86_64;

	return needs->machine == wanted ? 0
					: error_set(b->err, -ENOEXEC, "%s: not a program for %s", path, arch);
}

/* A program with its loader, and its libraries in /lib, where init makes the loader look. */
static int add_program(struct builder *b, const char *name, const char *path)
{
	bool own = !b->image->place->root[0];
	struct elf_needs needs;
	char loader[PATH_MAX];
	int rc = elf_needs_read(path, &needs, b->err);

	if (!rc)
		rc = check_machine(b, path, &needs);
	if (!rc)
		rc = cpio_add_file(&b->cpio, name, path, 0755, b->err);
	if (rc || !needs.loader[0])
		return rc;
	snprintf(loader, sizeof(loader), "%s", needs.loader);
	if (!own && !lab_root_library(b->image->place, strrchr(needs.loader, '/') + 1, loader))
		return error_set(b->err, -ENOENT, "%s: its loader %s is not in %s", path, needs.loader,
			b->image->place->root);
	rc = cpio_add_file(&b->cpio, needs.loader + strspn(needs.loader, "/"), loader, 0755, b->err);
	if (rc)
		return rc;
	return own ? add_own_libraries(b, path, loader) : add_root_libraries(b, path, 0);
}

static bool find_program(const struct builder *b, const char *name, char path[PATH_MAX])
{
	return b->image->place->root[0] ? lab_root_program(b->image->place, name, path)
					: lab_tool_find(name, path);
}

static int add_programs(struct builder *b)
{
	char path[PATH_MAX];
	int rc;

	if (!find_program(b, "busybox", path))
		return error_set(b->err, -ENOENT,
			"busybox is not installed; install it (Debian: apt install busybox-static)");
	rc = add_program(b, "bin/busybox", path);
	if (!rc)
		rc = add_program(b, "bin/clkdrift", b->image->program);
	/* Phases that need it are skipped without it. */
	if (!rc && find_program(b, "stress-ng", path))
		rc = add_program(b, "bin/stress-ng", path);
	return rc;
}

/* What runs in the guest beside the run; init looks for its configuration. */
static int add_daemon(struct builder *b)
{
	const struct lab_image *image = b->image;
	char *text;
	int rc;

	if (!image->config->daemon[0])
		return 0;
	text = lab_daemon_config(image->daemon, image->config->makestep);
	rc = text ? add_program(b, "bin/chronyd", image->daemon->program)
		  : error_set(b->err, -ENOMEM, "out of memory");
	if (!rc)
		rc = cpio_add_text(&b->cpio, "etc/chrony/chrony.conf", text, 0644, b->err);
	/* chronyd wants to know as whom it runs. */
	if (!rc)
		rc = cpio_add_text(&b->cpio, "etc/passwd", "root:x:0:0:root:/:/bin/sh\n", 0644, b->err);
	free(text);
	return rc;
}

static int add_modules(struct builder *b)
{
	const struct lab_config *config = b->image->config;
	struct lab_modules modules = { 0 };
	char names[sizeof(config->modules) + 64], path[PATH_MAX], name[PATH_MAX + 16], *rest = NULL,
										       *list = NULL;
	size_t size = 0;
	FILE *text;
	bool found;
	int rc = 0;

	/* virtio: the disk that takes the result.  msr: for a look at the TSC's own registers. */
	snprintf(names, sizeof(names), "virtio_pci virtio_blk msr %s %s %s",
		config->pstates ? "acpi_cpufreq" : "", config->daemon[0] ? "virtio_net" : "",
		config->modules);
	for (char *one = strtok_r(names, " ", &rest); one && !rc; one = strtok_r(NULL, " ", &rest))
		rc = lab_modules_add(b->image->kernel, one, &modules, &found, b->err);
	text = open_memstream(&list, &size);
	if (!rc && !text)
		rc = error_set(b->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < modules.count && !rc; i++) {
		const char *base = strrchr(modules.paths[i], '/') ? strrchr(modules.paths[i], '/') + 1
								  : modules.paths[i];

		fprintf(text, "%s\n", base);
		snprintf(name, sizeof(name), "lab/modules/%s", base);
		rc = path_join(path, sizeof(path), b->image->kernel->modules, modules.paths[i], b->err);
		if (!rc)
			rc = cpio_add_file(&b->cpio, name, path, 0644, b->err);
	}
	if (text)
		fclose(text);
	if (!rc)
		rc = cpio_add_text(&b->cpio, "lab/modules.list", list, 0644, b->err);
	free(list);
	lab_modules_free(&modules);
	return rc;
}

/* Between single quotes nothing is special but the quote itself. */
static void quote(FILE *out, const char *word)
{
	fputs(" '", out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

static int add_scenario(struct builder *b)
{
	char name[128], command[COMMAND_MAX];
	FILE *out = fmemopen(command, sizeof(command), "w");
	int rc;

	if (!out)
		return error_set(b->err, -errno, "out of memory");
	snprintf(name, sizeof(name), "lab/%s.ini", b->image->scenario_name);
	fprintf(out, "exec /bin/clkdrift run --no-report -q -o /out/run");
	for (size_t i = 0; b->image->arguments[i]; i++)
		quote(out, b->image->arguments[i]);
	fprintf(out, " /%s\n", name);
	if (fclose(out) || memchr(command, '\0', sizeof(command)) == NULL)
		return error_set(b->err, -E2BIG, "the guest's command is too long");
	rc = cpio_add_file(&b->cpio, name, b->image->scenario, 0644, b->err);
	return rc ? rc : cpio_add_text(&b->cpio, "lab/run", command, 0755, b->err);
}

static int add_data(struct builder *b)
{
	char path[PATH_MAX], host[sizeof(b->image->config->name) + 8];
	int rc = data_path("bench/lab/init.sh", path, b->err);

	if (!rc)
		rc = cpio_add_file(&b->cpio, "init", path, 0755, b->err);
	if (!rc)
		rc = data_path("analysis/limits.csv", path, b->err);
	if (!rc)
		rc = cpio_add_file(&b->cpio, "share/analysis/limits.csv", path, 0644, b->err);
	snprintf(host, sizeof(host), "lab-%s\n", b->image->config->name);
	return rc ? rc : cpio_add_text(&b->cpio, "lab/hostname", host, 0644, b->err);
}

int lab_image_write(struct lab_wait *wait, const struct lab_image *image, const char *path, struct error *err)
{
	static const char *const directories[] = { "dev", "proc", "sys", "tmp", "out", "bin" };
	struct builder b = { .wait = wait, .image = image, .err = err };
	int rc = cpio_open(&b.cpio, path, err);

	for (size_t i = 0; !rc && i < sizeof(directories) / sizeof(directories[0]); i++)
		rc = cpio_add_directory(&b.cpio, directories[i], err);
	if (!rc)
		rc = add_programs(&b);
	if (!rc)
		rc = add_daemon(&b);
	if (!rc)
		rc = add_modules(&b);
	if (!rc)
		rc = add_scenario(&b);
	if (!rc)
		rc = add_data(&b);
	return cpio_close(&b.cpio, rc, err);
}
