/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/profiles.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/situation.h"
#include "results/csv_file.h"
#include "results/file.h"
#include "results/text.h"

#define VERSION_PARTS	  6
#define VERSION_PART_MAX  1000000000u
#define SIDE_EFFECTS_MAX  100
#define PARAMETERS_NUMBER "lpj=n"

/* What a text column may hold. */
enum kind { KIND_TEXT, KIND_ID, KIND_WORDS, KIND_RANGE, KIND_SITUATION };

#define COLUMN(field, kind_of, choice)                                                                       \
	{                                                                                                    \
#field, kind_of, choice, offsetof(struct profile, field),                                    \
			sizeof(((struct profile *)0)->field)                                                 \
	}

/* side_effects, a number, comes behind the required ones; the order is that of columns below. */
static const struct column {
	const char *name;
	enum kind kind;
	const char *choice; /* of KIND_WORDS, with blanks around each; NULL: any */
	size_t offset, size;
} text_columns[] = {
	COLUMN(id, KIND_ID, NULL),
	COLUMN(role, KIND_WORDS, " host guest "),
	COLUMN(parameters, KIND_TEXT, NULL),
	COLUMN(guest_os, KIND_TEXT, NULL),
	COLUMN(guest_versions, KIND_RANGE, NULL),
	COLUMN(kernel, KIND_RANGE, NULL),
	COLUMN(arch, KIND_WORDS, " x86_64 i386  "),
	COLUMN(pvclock, KIND_WORDS, " yes no  "),
	COLUMN(host_constant_tsc, KIND_WORDS, " yes no  "),
	COLUMN(hypervisor, KIND_TEXT, NULL),
	COLUMN(situation, KIND_SITUATION, NULL),
	COLUMN(host_settings, KIND_TEXT, NULL),
	COLUMN(hypervisor_settings, KIND_TEXT, NULL),
	COLUMN(cost, KIND_TEXT, NULL),
	COLUMN(source, KIND_TEXT, NULL),
	COLUMN(note, KIND_TEXT, NULL),
};

#define TEXT_COLUMNS (sizeof(text_columns) / sizeof(text_columns[0]))
#define REQUIRED     3

struct loader {
	struct profiles *profiles;
	struct profile row;
};

/* Up to VERSION_PARTS leading numbers of "2.6.18-164.el5"; how many there are. */
static unsigned version_parts(const char *text, size_t length, unsigned parts[VERSION_PARTS])
{
	unsigned n = 0;
	size_t i = 0;

	while (n < VERSION_PARTS && i < length && isdigit((unsigned char)text[i])) {
		unsigned value = 0;

		for (; i < length && isdigit((unsigned char)text[i]); i++)
			if (value < VERSION_PART_MAX)
				value = value * 10 + (unsigned)(text[i] - '0');
		parts[n++] = value;
		if (i >= length || text[i] != '.')
			break;
		i++;
	}
	return n;
}

/* <0, 0, >0, by as many numbers as the bound has: 5.4.1 is equal to the bound 5.4. */
static int compare_to_bound(const char *version, const char *bound, size_t length)
{
	unsigned have[VERSION_PARTS] = { 0 }, want[VERSION_PARTS] = { 0 };
	unsigned n;

	version_parts(version, strlen(version), have);
	n = version_parts(bound, length, want);
	for (unsigned i = 0; i < n; i++)
		if (have[i] != want[i])
			return have[i] < want[i] ? -1 : 1;
	return 0;
}

bool version_in_range(const char *version, const char *range)
{
	const char *dash = strchr(range, '-');
	size_t low = dash ? (size_t)(dash - range) : strlen(range);

	if (!isdigit((unsigned char)version[0]))
		return false;
	if (!dash)
		return compare_to_bound(version, range, low) == 0;
	return compare_to_bound(version, range, low) >= 0 &&
	       (!dash[1] || compare_to_bound(version, dash + 1, strlen(dash + 1)) <= 0);
}

static bool is_bound(const char *text, size_t length)
{
	unsigned dots = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.')
			dots++;
		if (text[i] == '.' ? i == 0 || i + 1 == length || text[i - 1] == '.'
				   : !isdigit((unsigned char)text[i]))
			return false;
	}
	return dots < VERSION_PARTS;
}

static bool is_range(const char *text)
{
	const char *dash = strchr(text, '-');
	size_t low = dash ? (size_t)(dash - text) : strlen(text);

	return strcmp(text, "-") != 0 && is_bound(text, low) &&
	       (!dash || is_bound(dash + 1, strlen(dash + 1)));
}

/* No version is in it: its lower end lies above the upper one. */
static bool is_reversed(const char *range)
{
	const char *dash = strchr(range, '-');

	return dash && dash > range && dash[1] && compare_to_bound(range, dash + 1, strlen(dash + 1)) > 0;
}

static bool is_id(const char *text)
{
	return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

/* The first condition that nobody knows, or NULL. */
static const char *unknown_situation(const char *text, size_t *length)
{
	for (const char *word = text; *word; word += *length + (word[*length] == ' ')) {
		*length = strcspn(word, " ");
		if (situation_find(word, *length) < 0)
			return word;
	}
	return NULL;
}

static bool is_choice(const char *text, const char *choices)
{
	char word[32];

	if (!choices)
		return true;
	snprintf(word, sizeof(word), " %s ", text);
	return strlen(text) < 16 && strstr(choices, word);
}

static int refuse(const struct csv_file *at, const struct column *c, const char *text, const char *why)
{
	char line[256];

	snprintf(line, sizeof(line), "%s \"%.60s\": %s", c->name, text, why);
	return csv_refuse(at, line);
}

static int check_text(const struct csv_file *at, const struct column *c, const char *text)
{
	size_t length;
	const char *unknown;
	char why[160];

	switch (c->kind) {
	case KIND_ID:
		return is_id(text) ? 0 : refuse(at, c, text, "must be of a-z, 0-9, '.', '_' and '-'");
	case KIND_WORDS:
		if (is_choice(text, c->choice))
			return 0;
		snprintf(why, sizeof(why), "not one of%s", c->choice);
		return refuse(at, c, text, why);
	case KIND_RANGE:
		if (!is_range(text))
			return refuse(at, c, text, "not a range of versions, as 5.4, 5.0-5.3 or 5.2-");
		return is_reversed(text) ? refuse(at, c, text, "the lower version must come first") : 0;
	case KIND_SITUATION:
		unknown = unknown_situation(text, &length);
		if (!unknown)
			return 0;
		snprintf(why, sizeof(why), "no condition is called \"%.*s\" (results/SCHEMA.md lists them)",
			(int)(length < 40 ? length : 40), unknown);
		return refuse(at, c, text, why);
	default:
		return 0;
	}
}

static int profile_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct profile *row = &((struct loader *)context)->row;
	const struct column *c;
	char *to, why[64];
	uint64_t number = 0;
	int rc;

	if (column >= TEXT_COLUMNS) {
		rc = length ? csv_u64(at, "side_effects", text, length, &number) : 0;
		if (!rc && number > SIDE_EFFECTS_MAX)
			rc = csv_refuse(at, "side_effects: not a number from 0 to 100");
		row->side_effects = (int)number;
		return rc;
	}
	c = &text_columns[column];
	to = (char *)row + c->offset;
	if (length >= c->size || !text_is_plain(text, length)) {
		snprintf(why, sizeof(why), "%s: not plain text of at most %zu bytes", c->name, c->size - 1);
		return csv_refuse(at, why);
	}
	memcpy(to, text, length);
	to[length] = '\0';
	return check_text(at, c, to);
}

static int profile_row(void *context, const struct csv_file *at)
{
	struct loader *l = context;
	const struct profile *same = profiles_find(l->profiles, l->row.id);
	const char *name = strrchr(at->path, '/');
	struct profile *grown;

	if (same)
		return error_set(at->err, -EEXIST, "%s:%llu: id \"%s\" is taken: %s:%u has it", at->path,
			(unsigned long long)at->line, same->id, same->file, same->line);
	grown = reallocarray(l->profiles->rows, l->profiles->count + 1, sizeof(*grown));
	if (!grown)
		return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
	l->profiles->rows = grown;
	snprintf(l->row.file, sizeof(l->row.file), "%s", name ? name + 1 : at->path);
	l->row.line = (unsigned)at->line;
	grown[l->profiles->count++] = l->row;
	l->row = (struct profile){ 0 };
	return 0;
}

static int load_file(const char *path, struct profiles *p, struct error *err)
{
	const char *columns[TEXT_COLUMNS + 2] = { 0 };
	struct loader l = { .profiles = p };
	struct csv_handler handler = { .columns = columns,
		.required = REQUIRED,
		.exact = true,
		.field = profile_field,
		.row = profile_row,
		.context = &l };

	for (size_t i = 0; i < TEXT_COLUMNS; i++)
		columns[i] = text_columns[i].name;
	columns[TEXT_COLUMNS] = "side_effects";
	return csv_file_read(path, &handler, NULL, err);
}

static int is_csv(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end && strcmp(end, ".csv") == 0;
}

static int load_directory(const char *dir, struct profiles *p, struct error *err)
{
	struct dirent **names;
	char path[PATH_MAX];
	int count = scandir(dir, &names, is_csv, alphasort), rc = 0;

	if (count < 0)
		return error_set(err, -errno, "%s: cannot read: %s", dir, strerror(errno));
	if (count == 0)
		rc = error_set(err, -ENOENT, "%s: holds no .csv file", dir);
	for (int i = 0; i < count; i++) {
		if (!rc)
			rc = path_join(path, sizeof(path), dir, names[i]->d_name, err);
		if (!rc)
			rc = load_file(path, p, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

int profiles_load(const char *path, struct profiles *p, struct error *err)
{
	struct stat st;

	if (stat(path, &st))
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? load_directory(path, p, err) : load_file(path, p, err);
}

void profiles_free(struct profiles *p)
{
	free(p->rows);
	*p = (struct profiles){ 0 };
}

const struct profile *profiles_find(const struct profiles *p, const char *id)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->rows[i].id, id) == 0)
			return &p->rows[i];
	return NULL;
}

/* Where the whole word lpj=n stands, or NULL. */
static const char *find_number(const char *text)
{
	const size_t length = strlen(PARAMETERS_NUMBER);

	for (const char *at = text; (at = strstr(at, PARAMETERS_NUMBER)); at += length)
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return at;
	return NULL;
}

int profile_parameters_with_lpj(const struct profile *p, double lpj, char *text, size_t size)
{
	const char *at = find_number(p->parameters);
	int used;

	if (!at)
		used = snprintf(text, size, "%s", p->parameters);
	else if (!(lpj > 0))
		return -ENODATA;
	else
		used = snprintf(text, size, "%.*slpj=%.0f%s", (int)(at - p->parameters), p->parameters, lpj,
			at + strlen(PARAMETERS_NUMBER));
	return used >= 0 && (size_t)used < size ? 0 : -ENOSPC;
}

int profile_parameters(const struct profile *p, double tsc_khz, double hz, char *text, size_t size)
{
	return profile_parameters_with_lpj(p, tsc_khz > 0 && hz > 0 ? tsc_khz * 1000 / hz : 0, text, size);
}
