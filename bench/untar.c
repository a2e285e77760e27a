/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/text.h"

#define BLOCK	 512
#define NAME_LEN 256 /* prefix, slash, name and NUL */

/* Offsets and widths in a header block. */
enum {
	NAME = 0,
	NAME_W = 100,
	SIZE = 124,
	SIZE_W = 12,
	CHECKSUM = 148,
	CHECKSUM_W = 8,
	TYPE = 156,
	MAGIC = 257,
	PREFIX = 345,
	PREFIX_W = 155,
};

struct untar {
	FILE *in;
	int dir; /* fd */
	uint64_t left;
	struct error *err;
};

bool untar_name_is_safe(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= NAME_LEN || !text_is_plain(name, length))
		return false;
	for (const char *part = name;; part++) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += n;
		if (!*part)
			return true;
	}
}

static int bad(struct untar *t, const char *what)
{
	return error_set(t->err, -EINVAL, "the archive from the guest: %s", what);
}

/* Octal digits, with blanks before and a blank or NUL behind; anything else is false. */
static bool parse_octal(const unsigned char *field, size_t width, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	while (i < width && field[i] == ' ')
		i++;
	if (i == width || field[i] < '0' || field[i] > '7')
		return false;
	for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
		*value = *value * 8 + (uint64_t)(field[i] - '0');
	return i == width || field[i] == ' ' || field[i] == '\0';
}

static bool checksum_is_good(const unsigned char *block)
{
	uint64_t wanted, sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_W ? ' ' : block[i];
	return parse_octal(block + CHECKSUM, CHECKSUM_W, &wanted) && wanted == sum;
}

static bool is_zero(const unsigned char *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

/* Without the slash at the end of a directory, and without "./" before it; empty: the top itself. */
static void name_of(const unsigned char *block, char name[NAME_LEN + 2])
{
	size_t length;
	const char *begin;
	char full[NAME_LEN + 2];

	if (memcmp(block + MAGIC, "ustar", 6) == 0 && block[PREFIX])
		snprintf(full, sizeof(full), "%.*s/%.*s", PREFIX_W, (const char *)block + PREFIX, NAME_W,
			(const char *)block + NAME);
	else
		snprintf(full, sizeof(full), "%.*s", NAME_W, (const char *)block + NAME);
	begin = strncmp(full, "./", 2) == 0 ? full + 2 : full;
	if (strcmp(full, ".") == 0)
		begin = "";
	snprintf(name, NAME_LEN + 2, "%s", begin);
	length = strlen(name);
	if (length > 1 && name[length - 1] == '/')
		name[length - 1] = '\0';
}

/* No part of the way there is a link: only we have written below dir, and we make none. */
static int unpack_file(struct untar *t, const char *name, uint64_t size)
{
	unsigned char block[BLOCK];
	int fd = openat(t->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	int rc = 0, failure = errno;

	if (!out) {
		if (fd >= 0)
			close(fd);
		return error_set(t->err, -failure, "%s: cannot write what came from the guest: %s", name,
			strerror(failure));
	}
	for (uint64_t left = size; left && !rc;) {
		size_t n = left < BLOCK ? (size_t)left : BLOCK;

		if (fread(block, 1, BLOCK, t->in) != BLOCK)
			rc = bad(t, "it is cut off");
		else if (fwrite(block, 1, n, out) != n)
			rc = error_set(t->err, -EIO, "%s: cannot write: %s", name, strerror(errno));
		left -= n;
	}
	if (fclose(out) && !rc)
		rc = error_set(t->err, -errno, "%s: cannot write: %s", name, strerror(errno));
	return rc;
}

static int unpack_entry(struct untar *t, const unsigned char *block)
{
	char name[NAME_LEN + 2];
	uint64_t size;

	if (!checksum_is_good(block) || !parse_octal(block + SIZE, SIZE_W, &size))
		return bad(t, "it is damaged");
	name_of(block, name);
	if (block[TYPE] == '5') {
		if (size || (name[0] && !untar_name_is_safe(name)))
			return bad(t, "it holds a directory of a name that is not allowed");
		if (name[0] && mkdirat(t->dir, name, 0777) && errno != EEXIST)
			return error_set(
				t->err, -errno, "%s: cannot make the directory: %s", name, strerror(errno));
		return 0;
	}
	if (block[TYPE] != '0' && block[TYPE] != '\0')
		return bad(t, "it holds something that is neither a file nor a directory");
	if (!untar_name_is_safe(name))
		return bad(t, "it holds a file of a name that is not allowed");
	if (size > t->left)
		return bad(t, "it is larger than is allowed");
	t->left -= size;
	return unpack_file(t, name, size);
}

static int unpack_all(struct untar *t)
{
	unsigned char block[BLOCK];

	for (unsigned entries = 0; entries < UNTAR_ENTRIES_MAX; entries++) {
		int rc;

		if (fread(block, 1, BLOCK, t->in) != BLOCK)
			return bad(t, "it is cut off");
		if (is_zero(block))
			return entries ? 0 : bad(t, "it is empty");
		rc = unpack_entry(t, block);
		if (rc)
			return rc;
	}
	return bad(t, "it holds too many files");
}

int untar(int fd, const char *dir, uint64_t bytes_max, struct error *err)
{
	struct untar t = { .left = bytes_max, .err = err };
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), rc;

	t.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t.in = copy >= 0 ? fdopen(copy, "r") : NULL;
	if (t.dir < 0 || !t.in)
		rc = error_set(err, -errno, "%s: cannot unpack into it: %s", dir, strerror(errno));
	else if (fseeko(t.in, 0, SEEK_SET))
		rc = error_set(err, -errno, "the archive from the guest: cannot read: %s", strerror(errno));
	else
		rc = unpack_all(&t);
	if (t.in)
		fclose(t.in);
	else if (copy >= 0)
		close(copy);
	if (t.dir >= 0)
		close(t.dir);
	return rc;
}
