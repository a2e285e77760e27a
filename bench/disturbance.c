/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a scenario's line asks of a disturbance. */
#include "bench/disturbance.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"

#define BLANKS " \t"

bool disturbance_needs_probes(const struct disturbance_setup *setup, int cpu)
{
	for (size_t i = 0; i < setup->cpu_count; i++)
		if (setup->cpus[i] == cpu)
			return true;
	return false;
}

const struct disturbance *disturbance_find(const char *name)
{
	for (size_t i = 0; disturbances[i]; i++)
		if (strcmp(disturbances[i]->name, name) == 0)
			return disturbances[i];
	return NULL;
}

static bool word_is_known(const char *words, const char *text)
{
	size_t length = strlen(text);

	for (const char *at = words; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, text, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

static int parse_number(const struct parameter *p, const char *text, double *number, struct error *err)
{
	char *end;

	*number = strtod(text, &end);
	if (end == text || *end || !isfinite(*number))
		return error_set(err, -EINVAL, "%s=%s: not a number", p->name, text);
	if (*number < p->low || *number > p->high)
		return error_set(
			err, -EINVAL, "%s=%s: not from %.15g to %.15g", p->name, text, p->low, p->high);
	return 0;
}

static int parse_time(const struct parameter *p, const char *text, double *number, struct error *err)
{
	bool negative = text[0] == '-' && p->low < 0;

	if (duration_parse(text + negative, number))
		return error_set(err, -EINVAL, "%s=%s: not a time; write 10ms or 5s", p->name, text);
	if (negative)
		*number = -*number;
	if (*number < p->low || *number > p->high)
		return error_set(
			err, -EINVAL, "%s=%s: not from %.15g s to %.15g s", p->name, text, p->low, p->high);
	return 0;
}

static int argument_set(
	const struct parameter *p, const char *text, struct argument *argument, struct error *err)
{
	argument->text = text;
	if (!text[0])
		return error_set(err, -EINVAL, "%s=: no value", p->name);
	switch (p->kind) {
	case PARAMETER_NUMBER:
		return parse_number(p, text, &argument->number, err);
	case PARAMETER_TIME:
		return parse_time(p, text, &argument->number, err);
	case PARAMETER_WORD:
		if (p->words && !word_is_known(p->words, text))
			return error_set(err, -EINVAL, "%s=%s: not one of %s", p->name, text, p->words);
		return 0;
	}
	return 0;
}

/* KEY=VALUE, or the first parameter's value alone. */
static int take_word(const struct disturbance *d, size_t index, char *word, struct asked *asked, bool *given,
	struct error *err)
{
	char *value = strchr(word, '=');
	const char *key = word;
	size_t i = 0;

	if (value)
		*value++ = '\0';
	else if (index == 0)
		key = d->parameters ? d->parameters[0].name : "", value = word;
	else
		return error_set(err, -EINVAL, "%s: \"%s\" is not of the form KEY=VALUE", d->name, word);
	while (d->parameters && d->parameters[i].name && strcmp(d->parameters[i].name, key) != 0)
		i++;
	if (!d->parameters || !d->parameters[i].name)
		return error_set(err, -EINVAL, "%s has no parameter \"%s\"; see 'clkdrift list disturbances'",
			d->name, key);
	if (given[i])
		return error_set(err, -EINVAL, "%s: %s is given twice", d->name, key);
	given[i] = true;
	return argument_set(&d->parameters[i], value, &asked->arguments[i], err);
}

int disturbance_parse(
	const struct disturbance *disturbance, const char *text, struct asked *asked, struct error *err)
{
	bool given[DISTURBANCE_PARAMETERS_MAX] = { false };
	char *save = NULL, *word;
	int rc = 0;

	memset(asked, 0, sizeof(*asked));
	asked->disturbance = disturbance;
	if (strlen(text) >= sizeof(asked->text))
		return error_set(err, -EINVAL, "%s: longer than %zu characters", disturbance->name,
			sizeof(asked->text) - 1);
	strcpy(asked->text, text);
	strcpy(asked->words, text);
	for (size_t i = 0; disturbance->parameters && disturbance->parameters[i].name; i++) {
		const struct parameter *p = &disturbance->parameters[i];

		asked->arguments[i].number = NAN;
		if (p->initial)
			rc = argument_set(p, p->initial, &asked->arguments[i], err);
		if (rc)
			return rc;
	}
	word = strtok_r(asked->words, BLANKS, &save);
	for (size_t i = 0; word && !rc; i++, word = strtok_r(NULL, BLANKS, &save))
		rc = take_word(disturbance, i, word, asked, given, err);
	if (!rc && disturbance->check)
		rc = disturbance->check(asked->arguments, err);
	return rc;
}
