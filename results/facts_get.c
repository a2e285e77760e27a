/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/facts_get.h"

#include <string.h>

json_t *facts_get(const json_t *facts, const char *path)
{
	const json_t *value = facts;

	while (value && *path) {
		char key[64];
		size_t length = strcspn(path, ".");

		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		value = json_object_get(value, key);
		path += length + (path[length] == '.');
	}
	/* A const json_t * goes in and a borrowed, mutable one comes out, as with json_object_get(). */
	return value && !json_is_null(value) ? (json_t *)value : NULL;
}

const char *facts_text(const json_t *facts, const char *path)
{
	return json_string_value(facts_get(facts, path));
}

int facts_flag(const json_t *facts, const char *path)
{
	const json_t *value = facts_get(facts, path);

	return json_is_boolean(value) ? json_is_true(value) : -1;
}

bool facts_number(const json_t *facts, const char *path, double *number)
{
	const json_t *value = facts_get(facts, path);

	if (!json_is_number(value))
		return false;
	*number = json_number_value(value);
	return true;
}

bool facts_has_word(const json_t *facts, const char *path, const char *word)
{
	const json_t *array = facts_get(facts, path), *entry;
	size_t i;

	json_array_foreach(array, i, entry)
	{
		const char *text = json_string_value(entry);

		if (text && !strcmp(text, word))
			return true;
	}
	return false;
}

bool facts_same_parameter(const char *a, const char *b)
{
	for (; *a || *b; a++, b++) {
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	}
	return true;
}

const char *facts_parameter(const json_t *facts, const char *name)
{
	const json_t *parameters = facts_get(facts, "command_line.parameters"), *entry;
	const char *found = NULL;
	size_t i;

	/* The last one is in force where a parameter is given twice. */
	json_array_foreach(parameters, i, entry)
	{
		const char *its = facts_text(entry, "name"), *value = facts_text(entry, "value");

		if (its && facts_same_parameter(its, name))
			found = value ? value : "";
	}
	return found;
}
