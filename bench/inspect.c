/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/inspect_findings.h"

void finding_add(struct findings *findings, const char *id, enum severity severity, const char *meaning,
	const char *format, ...)
{
	struct finding *finding;
	va_list args;
	int n;

	if (findings->n == findings->room) {
		size_t room = findings->room ? 2 * findings->room : 32;
		struct finding *list = realloc(findings->list, room * sizeof(*list));

		if (!list) {
			findings->failed = true;
			return;
		}
		findings->list = list;
		findings->room = room;
	}
	finding = &findings->list[findings->n++];
	finding->id = id;
	finding->severity = severity;
	va_start(args, format);
	n = vsnprintf(finding->what, sizeof(finding->what), format, args);
	va_end(args);
	findings->cut = findings->cut || n >= (int)sizeof(finding->what);
	finding_meaning(findings, "%s", meaning);
}

void finding_meaning(struct findings *findings, const char *format, ...)
{
	struct finding *finding;
	va_list args;
	int n;

	if (findings->failed)
		return;
	finding = &findings->list[findings->n - 1];
	va_start(args, format);
	n = vsnprintf(finding->meaning, sizeof(finding->meaning), format, args);
	va_end(args);
	findings->cut = findings->cut || n >= (int)sizeof(finding->meaning);
}

void finding_words(char *text, size_t size, const json_t *array, const char *key)
{
	size_t n = json_array_size(array), used = 0;

	*text = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		const json_t *entry = json_array_get(array, i);
		const char *word = key ? facts_text(entry, key) : json_string_value(entry);
		const char *between = !i ? "" : i + 1 < n ? ", " : " and ";
		int wrote = snprintf(text + used, size - used, "%s%s", between, word ? word : "?");

		used += wrote > 0 ? (size_t)wrote : 0;
	}
}

int findings_build(const json_t *facts, struct findings *findings)
{
	memset(findings, 0, sizeof(*findings));
	findings_clocks(facts, findings);
	findings_tsc(facts, findings);
	findings_watchdog(facts, findings);
	findings_power(facts, findings);
	findings_virtual(facts, findings);
	findings_discipline(facts, findings);
	findings_log(facts, findings);
	findings_parameters(facts, findings);
	return findings->failed ? -ENOMEM : 0;
}

void findings_free(struct findings *findings)
{
	free(findings->list);
	memset(findings, 0, sizeof(*findings));
}

json_t *inspect_json(const json_t *facts)
{
	static const char *const severities[] = { "good", "note", "risk" };
	struct findings findings;
	json_t *array = json_array(), *parameters = inspect_parameters(facts), *object = NULL;
	bool failed = findings_build(facts, &findings);

	for (size_t i = 0; i < findings.n; i++) {
		const struct finding *finding = &findings.list[i];

		if (json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "id", finding->id,
							 "severity", severities[finding->severity], "what",
							 finding->what, "meaning", finding->meaning)))
			failed = true;
	}
	findings_free(&findings);
	if (!failed)
		object = json_pack("{s:i, s:O, s:O, s:O}", "schema", 1, "facts", facts, "parameters",
			parameters, "findings", array);
	json_decref(array);
	json_decref(parameters);
	return object;
}
