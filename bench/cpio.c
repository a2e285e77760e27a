/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGNMENT 4
#define TRAILER	  "TRAILER!!!"

static int write_failed(const struct cpio *cpio, struct error *err)
{
	int failure = errno ? errno : EIO;

	return error_set(err, -failure, "%s: cannot write: %s", cpio->path, strerror(failure));
}

/* Header and names fill up to four bytes, and so does what follows them. */
static void pad(struct cpio *cpio, size_t written)
{
	while (written++ % ALIGNMENT)
		fputc(0, cpio->out);
}

static void write_header(struct cpio *cpio, const char *name, unsigned mode, size_t size)
{
	size_t name_size = strlen(name) + 1;
	int n = fprintf(cpio->out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		++cpio->inode, mode, 0u, 0u, S_ISDIR(mode) ? 2u : 1u, 0u, (unsigned)size, 0u, 0u, 0u, 0u,
		(unsigned)name_size, 0u);

	fwrite(name, 1, name_size, cpio->out);
	pad(cpio, (size_t)(n > 0 ? n : 0) + name_size);
}

bool cpio_has(const struct cpio *cpio, const char *name)
{
	for (size_t i = 0; i < cpio->count; i++)
		if (strcmp(cpio->names[i], name) == 0)
			return true;
	return false;
}

static int remember(struct cpio *cpio, const char *name, struct error *err)
{
	char **grown = reallocarray(cpio->names, cpio->count + 1, sizeof(*grown));

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	cpio->names = grown;
	grown[cpio->count] = strdup(name);
	return grown[cpio->count++] ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int begin_entry(struct cpio *cpio, const char *name, unsigned mode, size_t size, struct error *err)
{
	char parent[PATH_MAX];
	char *slash;
	int rc = 0;

	if (!name[0] || name[0] == '/' || strlen(name) >= sizeof(parent) || size > UINT32_MAX)
		return error_set(err, -EINVAL, "%s: cannot be put into an archive", name);
	strcpy(parent, name);
	slash = strrchr(parent, '/');
	if (slash) {
		*slash = '\0';
		rc = cpio_add_directory(cpio, parent, err);
	}
	if (!rc)
		rc = remember(cpio, name, err);
	if (!rc)
		write_header(cpio, name, mode, size);
	return rc;
}

int cpio_open(struct cpio *cpio, const char *path, struct error *err)
{
	*cpio = (struct cpio){ 0 };
	snprintf(cpio->path, sizeof(cpio->path), "%s", path);
	errno = 0;
	cpio->out = fopen(path, "we");
	return cpio->out ? 0 : write_failed(cpio, err);
}

int cpio_add_directory(struct cpio *cpio, const char *name, struct error *err)
{
	return cpio_has(cpio, name) ? 0 : begin_entry(cpio, name, S_IFDIR | 0755, 0, err);
}

int cpio_add_text(
	struct cpio *cpio, const char *name, const char *text, unsigned permissions, struct error *err)
{
	size_t size = strlen(text);
	int rc;

	if (cpio_has(cpio, name))
		return 0;
	rc = begin_entry(cpio, name, S_IFREG | permissions, size, err);
	if (rc)
		return rc;
	fwrite(text, 1, size, cpio->out);
	pad(cpio, size);
	return 0;
}

/* Exactly size bytes: a file that shrinks meanwhile would shift all that follows. */
static int copy_bytes(struct cpio *cpio, FILE *in, const char *path, size_t size, struct error *err)
{
	char buffer[65536];

	for (size_t left = size; left;) {
		size_t n = fread(buffer, 1, left < sizeof(buffer) ? left : sizeof(buffer), in);

		if (n == 0)
			return error_set(err, -EIO, "%s: cannot read: %s", path,
				ferror(in) ? strerror(errno) : "it is shorter than it was");
		fwrite(buffer, 1, n, cpio->out);
		left -= n;
	}
	pad(cpio, size);
	return 0;
}

int cpio_add_file(
	struct cpio *cpio, const char *name, const char *path, unsigned permissions, struct error *err)
{
	struct stat st;
	FILE *in;
	int rc;

	if (cpio_has(cpio, name))
		return 0;
	in = fopen(path, "re");
	if (!in)
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	if (fstat(fileno(in), &st) || !S_ISREG(st.st_mode))
		rc = error_set(err, -EINVAL, "%s: not a regular file", path);
	else
		rc = begin_entry(cpio, name, S_IFREG | permissions, (size_t)st.st_size, err);
	if (!rc)
		rc = copy_bytes(cpio, in, path, (size_t)st.st_size, err);
	fclose(in);
	return rc;
}

int cpio_close(struct cpio *cpio, int failed, struct error *err)
{
	int rc = failed;

	if (cpio->out) {
		if (!rc)
			write_header(cpio, TRAILER, 0, 0);
		errno = 0;
		if ((fflush(cpio->out) || ferror(cpio->out)) && !rc)
			rc = write_failed(cpio, err);
		fclose(cpio->out);
		if (rc)
			unlink(cpio->path);
	}
	for (size_t i = 0; i < cpio->count; i++)
		free(cpio->names[i]);
	free(cpio->names);
	*cpio = (struct cpio){ 0 };
	return rc;
}
