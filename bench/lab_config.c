/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/data_path.h"
#include "results/text.h"

static const struct lab_config defaults = { .arch = "x86_64",
	.cpu = "max",
	.machine = "pc",
	.accel = "auto",
	.makestep = "1 3",
	.vcpus = 1,
	.memory_mb = 512,
	.hpet = true };

struct key {
	const char *name;
	enum { TEXT, NUMBER, SWITCH } kind;
	size_t offset, size; /* of the member; TEXT: with its NUL */
	unsigned low, high;  /* NUMBER */
	const char *words;   /* TEXT: one of these, between blanks; NULL: any */
};

#define MEMBER(m) offsetof(struct lab_config, m), sizeof(((struct lab_config *)0)->m)
static const struct key keys[] = {
	{ "summary", TEXT, MEMBER(summary), 0, 0, NULL },
	{ "arch", TEXT, MEMBER(arch), 0, 0, " x86_64 i386 " },
	{ "vcpus", NUMBER, MEMBER(vcpus), 1, 64, NULL },
	{ "maxvcpus", NUMBER, MEMBER(maxvcpus), 1, 64, NULL },
	{ "memory", NUMBER, MEMBER(memory_mb), 128, 65536, NULL },
	{ "cpu", TEXT, MEMBER(cpu), 0, 0, NULL },
	{ "machine", TEXT, MEMBER(machine), 0, 0, NULL },
	{ "hpet", SWITCH, MEMBER(hpet), 0, 0, NULL },
	{ "cstates", SWITCH, MEMBER(cstates), 0, 0, NULL },
	{ "pstates", SWITCH, MEMBER(pstates), 0, 0, NULL },
	{ "accel", TEXT, MEMBER(accel), 0, 0, " auto kvm tcg " },
	{ "daemon", TEXT, MEMBER(daemon), 0, 0, " chrony " },
	{ "makestep", TEXT, MEMBER(makestep), 0, 0, NULL },
	{ "modules", TEXT, MEMBER(modules), 0, 0, NULL },
	{ "append", TEXT, MEMBER(append), 0, 0, NULL },
	{ "extra", TEXT, MEMBER(extra), 0, 0, NULL },
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

struct loader {
	struct lab_configs *configs;
	struct error why; /* inih tells no reason */
	uint64_t seen;	  /* keys of the section at hand */
};

/* inih: 0 is an error in this line. */
static int refuse(struct loader *l, const char *key, const char *value, const char *why)
{
	error_set(&l->why, -EINVAL, "%s = %s: %s", key, value, why);
	return 0;
}

static int set_text(struct loader *l, const struct key *key, char *to, const char *value)
{
	char word[96];

	if (strlen(value) >= key->size || !text_is_plain(value, strlen(value)))
		return refuse(l, key->name, value, "is too long or holds a control character");
	snprintf(word, sizeof(word), " %.90s ", value);
	if (key->words && (strchr(value, ' ') || !strstr(key->words, word)))
		return refuse(l, key->name, value, "is none of the words that this key takes");
	strcpy(to, value);
	return 1;
}

static int set_number(struct loader *l, const struct key *key, unsigned *to, const char *value)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end || number < key->low || number > key->high) {
		char why[64];

		snprintf(why, sizeof(why), "not a whole number from %u to %u", key->low, key->high);
		return refuse(l, key->name, value, why);
	}
	*to = (unsigned)number;
	return 1;
}

static int set_key(struct loader *l, struct lab_config *config, const char *name, const char *value)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		char *member = (char *)config + keys[i].offset;

		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (l->seen & UINT64_C(1) << i)
			return refuse(l, name, value, "the key is given twice");
		l->seen |= UINT64_C(1) << i;
		if (keys[i].kind == TEXT)
			return set_text(l, &keys[i], member, value);
		if (keys[i].kind == NUMBER)
			return set_number(l, &keys[i], (unsigned *)(void *)member, value);
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return refuse(l, name, value, "neither yes nor no");
		*(bool *)member = strcmp(value, "yes") == 0;
		return 1;
	}
	return refuse(l, name, value, "unknown key");
}

static bool name_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
			return false;
	return isalnum((unsigned char)name[0]) && strlen(name) < sizeof(defaults.name);
}

static int begin(struct loader *l, const char *name)
{
	struct lab_configs *c = l->configs;
	struct lab_config *grown;

	if (!name_is_plain(name))
		return refuse(l, "section", name, "a name is letters, digits and -_.+");
	if (lab_configs_find(c, name))
		return refuse(l, "section", name, "there is one of that name already");
	grown = reallocarray(c->rows, c->count + 1, sizeof(*grown));
	if (!grown)
		return refuse(l, "section", name, "out of memory");
	c->rows = grown;
	grown[c->count] = defaults;
	strcpy(grown[c->count++].name, name);
	l->seen = 0;
	return 1;
}

static int on_key(void *context, const char *section, const char *key, const char *value)
{
	struct loader *l = context;
	struct lab_configs *c = l->configs;

	if (l->why.text[0])
		return 0;
	if ((!c->count || strcmp(c->rows[c->count - 1].name, section) != 0) && !begin(l, section))
		return 0;
	return set_key(l, &c->rows[c->count - 1], key, value);
}

static int check_rows(const struct lab_configs *configs, const char *path, struct error *err)
{
	for (size_t i = 0; i < configs->count; i++) {
		const struct lab_config *c = &configs->rows[i];

		if (c->maxvcpus && c->maxvcpus < c->vcpus)
			return error_set(err, -EINVAL, "%s: [%s]: maxvcpus = %u is below vcpus = %u", path,
				c->name, c->maxvcpus, c->vcpus);
	}
	return 0;
}

int lab_configs_load(struct lab_configs *configs, const char *path, struct error *err)
{
	struct loader l = { .configs = configs };
	char shipped[PATH_MAX];
	int line, rc;

	*configs = (struct lab_configs){ 0 };
	if (!path) {
		rc = data_path("bench/lab/configurations.ini", shipped, err);
		if (rc)
			return rc;
		path = shipped;
	}
	errno = 0;
	line = ini_parse(path, on_key, &l);
	if (line < 0)
		return error_set(err, errno ? -errno : -EIO, "%s: cannot read: %s", path,
			errno ? strerror(errno) : "no memory");
	if (line > 0)
		return error_set(err, -EINVAL, "%s:%d: %s", path, line,
			l.why.text[0] ? l.why.text : "neither [section] nor key = value");
	return check_rows(configs, path, err);
}

void lab_configs_free(struct lab_configs *configs)
{
	free(configs->rows);
	*configs = (struct lab_configs){ 0 };
}

const struct lab_config *lab_configs_find(const struct lab_configs *configs, const char *name)
{
	for (size_t i = 0; i < configs->count; i++)
		if (strcmp(configs->rows[i].name, name) == 0)
			return &configs->rows[i];
	return NULL;
}

json_t *lab_config_to_json(const struct lab_config *config)
{
	json_t *json = json_pack("{s:s}", "name", config->name);

	for (size_t i = 0; json && i < KEY_COUNT; i++) {
		const void *member = (const char *)config + keys[i].offset;

		json_object_set_new(json, keys[i].name,
			keys[i].kind == TEXT	 ? json_string(member)
			: keys[i].kind == NUMBER ? json_integer(*(const unsigned *)member)
						 : json_boolean(*(const bool *)member));
	}
	return json;
}
