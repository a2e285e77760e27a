/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cpio.h"
#include "bench/data_path.h"
#include "results/file.h"

#define LIST_S	    30
#define INTERP_MAX  256
#define PHDRS_MAX   64
#define COMMAND_MAX 4096

struct builder {
	struct lab_wait *wait;
	const struct lab_image *image;
	struct cpio cpio;
	struct error *err;
};

/* The loader that a program names; empty: it is linked statically. */
static int read_interpreter(const char *path, char interpreter[INTERP_MAX], struct error *err)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	FILE *in = fopen(path, "re");
	bool good = in && fread(&head, sizeof(head), 1, in) == 1 &&
		    memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == ELFCLASS64 &&
		    head.e_phnum <= PHDRS_MAX;

	interpreter[0] = '\0';
	for (unsigned i = 0; good && i < head.e_phnum && !interpreter[0]; i++) {
		good = fseek(in, (long)(head.e_phoff + i * sizeof(part)), SEEK_SET) == 0 &&
		       fread(&part, sizeof(part), 1, in) == 1;
		if (!good || part.p_type != PT_INTERP)
			continue;
		good = part.p_filesz > 1 && part.p_filesz < INTERP_MAX &&
		       fseek(in, (long)part.p_offset, SEEK_SET) == 0 &&
		       fread(interpreter, part.p_filesz, 1, in) == 1;
		interpreter[good ? part.p_filesz : 0] = '\0';
	}
	if (in)
		fclose(in);
	return good ? 0 : error_set(err, -ENOEXEC, "%s: not a 64-bit program", path);
}

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

/* A program with its loader, and its libraries in /lib, where init makes the loader look. */
static int add_program(struct builder *b, const char *name, const char *path)
{
	char interpreter[INTERP_MAX], *output = NULL, *rest = NULL;
	const char *const argv[] = { interpreter, "--list", path, NULL };
	int rc;

	rc = read_interpreter(path, interpreter, b->err);
	if (!rc)
		rc = cpio_add_file(&b->cpio, name, path, 0755, b->err);
	if (rc || !interpreter[0])
		return rc;
	rc = cpio_add_file(&b->cpio, interpreter + strspn(interpreter, "/"), interpreter, 0755, b->err);
	if (!rc)
		rc = lab_tool_run(b->wait, "/", argv, LIST_S, &output, b->err);
	for (char *line = rc ? NULL : strtok_r(output, "\n", &rest); line && !rc;
		line = strtok_r(NULL, "\n", &rest))
		rc = add_library(b, line);
	free(output);
	return rc;
}

static int add_programs(struct builder *b)
{
	char path[PATH_MAX];
	ssize_t length;
	int rc;

	if (!lab_tool_find("busybox", path))
		return error_set(b->err, -ENOENT,
			"busybox is not installed; install it (Debian: apt install busybox-static)");
	rc = add_program(b, "bin/busybox", path);
	length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (!rc && length <= 0)
		rc = error_set(b->err, -errno, "/proc/self/exe: %s", strerror(errno));
	if (rc)
		return rc;
	path[length] = '\0';
	rc = add_program(b, "bin/clkdrift", path);
	/* Phases that need it are skipped without it. */
	if (!rc && lab_tool_find("stress-ng", path))
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
