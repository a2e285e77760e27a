/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/facts_read.h"

#define VALUE_MAX 4096 /* bytes: a sysfs attribute is at most a page */

void facts_set(struct facts *f, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		f->failed = true;
}

void facts_append(struct facts *f, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		f->failed = true;
}

void facts_note(struct facts *f, const char *what, const char *why)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(f->unreadable, i, entry)
	{
		const char *known = json_string_value(json_object_get(entry, "what"));

		if (known && !strcmp(known, what))
			return;
	}
	facts_append(f, f->unreadable, json_pack("{s:s, s:s}", "what", what, "why", why));
}

static int full_path(const struct facts *f, const char *path, char full[PATH_MAX])
{
	int n = snprintf(full, PATH_MAX, "%s%s", f->src->root, path);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int facts_exists(const struct facts *f, const char *path)
{
	char full[PATH_MAX];
	int err = full_path(f, path, full);

	if (!err && faccessat(AT_FDCWD, full, F_OK, AT_EACCESS))
		err = -errno;
	return err;
}

ssize_t facts_load(const struct facts *f, const char *path, void *data, size_t size)
{
	char full[PATH_MAX];
	size_t used = 0;
	ssize_t got;
	int err = full_path(f, path, full);
	int fd;

	if (err)
		return err;
	fd = open(full, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		got = read(fd, (char *)data + used, size - used);
		if (got > 0)
			used += (size_t)got;
	} while ((got > 0 && used < size) || (got < 0 && errno == EINTR));
	if (got < 0 && !used)
		err = -errno;
	close(fd);
	return err ? err : (ssize_t)used;
}

void facts_clean(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n' && text[i] != '\t' && (text[i] < ' ' || text[i] > '~'))
			text[i] = '?';
	}
	text[n] = '\0';
}

ssize_t facts_read(struct facts *f, const char *path, char *text, size_t size)
{
	ssize_t n = facts_load(f, path, text, size);

	if (n < 0)
		return n;
	if ((size_t)n == size) {
		char why[64];

		n--;
		snprintf(why, sizeof(why), "longer than %zu bytes, the rest was not read", size - 1);
		facts_note(f, path, why);
	}
	facts_clean(text, (size_t)n);
	return n;
}

static json_t *parse_integer(const char *text)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || end[strspn(end, " \t\n")])
		return NULL;
	return json_integer(number);
}

static json_t *parse_words(char *text, bool integers)
{
	json_t *array = json_array();
	char *rest = text, *word;

	while ((word = strsep(&rest, " \t\n"))) {
		if (*word &&
			json_array_append_new(array, integers ? parse_integer(word) : json_string(word))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *facts_parse(enum facts_kind kind, char *text)
{
	size_t length;

	switch (kind) {
	case FACTS_STRING:
		text += strspn(text, " \t\n");
		length = strcspn(text, "\n");
		while (length && isspace((unsigned char)text[length - 1]))
			length--;
		return length ? json_stringn(text, length) : NULL;
	case FACTS_INTEGER:
		return parse_integer(text);
	case FACTS_BOOL:
		text[strcspn(text, " \t\n")] = '\0';
		if (!strcmp(text, "1") || !strcmp(text, "Y"))
			return json_true();
		return !strcmp(text, "0") || !strcmp(text, "N") ? json_false() : NULL;
	case FACTS_WORDS:
		return parse_words(text, false);
	case FACTS_INTEGERS:
		return parse_words(text, true);
	}
	return NULL;
}

json_t *facts_value(struct facts *f, enum facts_kind kind, bool noted, const char *format, ...)
{
	char path[PATH_MAX], text[VALUE_MAX + 1];
	json_t *value = NULL;
	va_list args;
	ssize_t n;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	n = facts_read(f, path, text, sizeof(text));
	if (n >= 0)
		value = facts_parse(kind, text);
	if (value)
		return value;
	if (noted)
		facts_note(f, path, n < 0 ? strerror((int)-n) : n ? "makes no sense" : "empty");
	return json_null();
}

json_t *facts_attributes(
	struct facts *f, const char *dir, const struct facts_attribute *attributes, size_t n, bool noted)
{
	json_t *object = json_object();
	int err = noted ? facts_exists(f, dir) : 0;

	if (err)
		facts_note(f, dir, strerror(-err));
	for (size_t i = 0; i < n; i++) {
		const struct facts_attribute *a = &attributes[i];

		facts_set(f, object, a->key,
			err ? json_null() : facts_value(f, a->kind, noted, "%s/%s", dir, a->file));
	}
	return object;
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

size_t facts_numbers(struct facts *f, const char *dir, const char *prefix, unsigned numbers[FACTS_LIST_MAX])
{
	char full[PATH_MAX];
	size_t n = 0, skip = strlen(prefix);
	struct dirent *entry;
	DIR *d = full_path(f, dir, full) ? NULL : opendir(full);

	if (!d)
		return 0;
	while (n < FACTS_LIST_MAX && (entry = readdir(d))) {
		const char *digits = entry->d_name + skip;

		if (strncmp(entry->d_name, prefix, skip) || !*digits ||
			digits[strspn(digits, "0123456789")] || strlen(digits) > 9)
			continue;
		numbers[n++] = (unsigned)strtoul(digits, NULL, 10);
	}
	closedir(d);
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	return n;
}

int facts_list_count(const char *list)
{
	int count = 0;

	for (;;) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*list))
			return -1;
		first = last = strtoul(list, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last > INT_MAX || (unsigned long)(INT_MAX - count) <= last - first)
			return -1;
		count += (int)(last - first) + 1;
		if (!*end)
			return count;
		if (*end != ',')
			return -1;
		list = end + 1;
	}
}

json_t *facts_list_text(const unsigned *numbers, size_t n)
{
	char *text = NULL;
	size_t length;
	json_t *value;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && numbers[j] == numbers[j - 1] + 1; j++)
			;
		fprintf(out, "%s%u", i ? "," : "", numbers[i]);
		if (j - i > 1)
			fprintf(out, "-%u", numbers[j - 1]);
	}
	value = fclose(out) ? NULL : json_string(text);
	free(text);
	return value;
}
