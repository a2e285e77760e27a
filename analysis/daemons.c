/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/daemons.h"

#include <stdio.h>

#include "results/text.h"

static const json_t *running_of(const json_t *environment)
{
	return json_object_get(json_object_get(environment, "time_daemon"), "running");
}

bool daemons_none(const json_t *environment)
{
	const json_t *running = running_of(environment);

	return json_is_array(running) && json_array_size(running) == 0;
}

struct daemons daemons_of(const json_t *environment)
{
	const json_t *running = running_of(environment), *one;
	struct daemons d = { "" };
	size_t i, used = 0;

	json_array_foreach(running, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name && used < sizeof(d.text))
			used += (size_t)snprintf(
				d.text + used, sizeof(d.text) - used, "%s%s", used ? ", " : "", name);
	}
	text_clean(d.text);
	return d;
}
