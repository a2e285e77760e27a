/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/facts_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "results/facts_get.h"

enum kind { TEXT, FLAG, FLAG_OR_WORD, NUMBER, ABOVE_0, ROLE, LIST, OBJECT, OBJECT_OR_TEXT };

/* In words; a rule may have words of its own. */
static const char *const kinds[] = {
	[TEXT] = "a text in quotes",
	[FLAG] = "true or false",
	[FLAG_OR_WORD] = "true, false, \"yes\" or \"no\"",
	[NUMBER] = "a number",
	[ABOVE_0] = "a number above 0",
	[ROLE] = "\"guest\" or \"host\"",
	[LIST] = "a list",
	[OBJECT] = "an object",
	[OBJECT_OR_TEXT] = "an object or a text",
};

/* "a.b[].c": c of each entry of a.b.  What holds others comes before them. */
static const struct rule {
	const char *path;
	enum kind kind;
	const char *words; /* NULL: those of its kind */
} rules[] = {
	{ "role", ROLE, NULL },
	{ "os", OBJECT_OR_TEXT, "an object, as {\"name\":\"CentOS\",\"version\":\"5.4\"}" },
	{ "os.name", TEXT, "a text in quotes, as \"CentOS\"" },
	{ "os.version", TEXT, "a text in quotes, as \"5.4\"" },
	{ "arch", TEXT, "a text in quotes, as \"x86_64\"" },
	{ "pvclock", FLAG_OR_WORD, NULL },
	{ "host", OBJECT, "an object, as {\"constant_tsc\":false}" },
	{ "host.constant_tsc", FLAG_OR_WORD, NULL },
	{ "hypervisor", OBJECT_OR_TEXT,
		"a text, as \"KVM\", or an object, as {\"present\":true,\"name\":\"KVM\"}" },
	{ "hypervisor.present", FLAG, NULL },
	{ "hypervisor.name", TEXT, NULL },
	{ "kernel", OBJECT_OR_TEXT, "a text, as \"2.6.18\", or an object, as {\"release\":\"2.6.18\"}" },
	{ "kernel.release", TEXT, "a text in quotes, as \"2.6.18\"" },
	{ "kernel.machine", TEXT, NULL },
	{ "kernel.hz", ABOVE_0, NULL },
	{ "command_line", OBJECT_OR_TEXT, "a text, or an object, as {\"text\":\"ro quiet\"}" },
	{ "command_line.text", TEXT, NULL },
	{ "command_line.parameters", LIST, "a list of {\"name\",\"value\"}" },
	{ "command_line.parameters[]", OBJECT, "an object, as {\"name\":\"lpj\",\"value\":\"2593900\"}" },
	{ "command_line.parameters[].name", TEXT, NULL },
	{ "command_line.parameters[].value", TEXT, NULL },
	{ "cpu", OBJECT, NULL },
	{ "cpu.online_count", NUMBER, NULL },
	{ "cpu.amd_revision_f", FLAG, NULL },
	{ "cpu.flags", OBJECT, "an object, as {\"constant_tsc\":true}" },
	{ "cpu.flags.constant_tsc", FLAG, NULL },
	{ "cpu.flags.nonstop_tsc", FLAG, NULL },
	{ "cpu.flags.tsc_known_freq", FLAG, NULL },
	{ "cpuid", OBJECT, NULL },
	{ "cpuid.invariant_tsc", FLAG, NULL },
	{ "cpuid.kvm", OBJECT, NULL },
	{ "cpuid.kvm.clocksource", FLAG, NULL },
	{ "cpuid.kvm.clocksource_stable", FLAG, NULL },
	{ "tsc", OBJECT, "an object, as {\"khz\":2593900}" },
	{ "tsc.khz", ABOVE_0, NULL },
	{ "clocksource", OBJECT, "an object, as {\"current\":\"tsc\",\"available\":[\"tsc\",\"hpet\"]}" },
	{ "clocksource.current", TEXT, NULL },
	{ "clocksource.available", LIST, "a list of texts, as [\"tsc\",\"hpet\"]" },
	{ "clocksource.available[]", TEXT, NULL },
	{ "idle", OBJECT, "an object, as {\"driver\":\"acpi_idle\",\"states\":[{\"name\":\"C1\"}]}" },
	{ "idle.driver", TEXT, NULL },
	{ "idle.states", LIST, "a list, as [{\"name\":\"C1\"},{\"name\":\"C6\"}]" },
	{ "idle.states[]", OBJECT, "an object, as {\"name\":\"C6\"}" },
	{ "idle.states[].name", TEXT, NULL },
	{ "idle.states[].disabled", FLAG, NULL },
	{ "cpufreq", OBJECT, NULL },
	{ "cpufreq.policies", LIST, "a list, as [{\"min_khz\":1000000,\"max_khz\":2400000}]" },
	{ "cpufreq.policies[]", OBJECT, "an object, as {\"min_khz\":1000000,\"max_khz\":2400000}" },
	{ "cpufreq.policies[].min_khz", NUMBER, NULL },
	{ "cpufreq.policies[].max_khz", NUMBER, NULL },
	{ "ptp", LIST, "a list of {\"device\",\"clock_name\"}" },
	{ "ptp[]", OBJECT, "an object, as {\"device\":\"ptp0\",\"clock_name\":\"KVM virtual PTP\"}" },
	{ "ptp[].clock_name", TEXT, NULL },
	{ "time_daemon", OBJECT, "an object, as {\"running\":[{\"name\":\"chronyd\"}]}" },
	{ "time_daemon.running", LIST, "a list, as [{\"name\":\"chronyd\"}]" },
	{ "kernel_log", OBJECT, "an object, as {\"lines\":[{\"text\":\"Marking TSC unstable\"}]}" },
	{ "kernel_log.from_boot", FLAG, NULL },
	{ "kernel_log.lines", LIST, "a list, as [{\"text\":\"Marking TSC unstable\"}]" },
	{ "kernel_log.lines[]", OBJECT, "an object, as {\"text\":\"Marking TSC unstable\"}" },
	{ "kernel_log.lines[].text", TEXT, NULL },
	{ "kvm_host", OBJECT, "an object, as {\"module\":true,\"device\":true}" },
	{ "kvm_host.module", FLAG, NULL },
	{ "kvm_host.device", FLAG, NULL },
	{ 0 },
};

static bool is_one_of(
	const json_t *value, const char *a, const char *b, int (*compare)(const char *, const char *))
{
	const char *text = json_string_value(value);

	return text && (compare(text, a) == 0 || compare(text, b) == 0);
}

static bool is_kind(const json_t *value, enum kind kind)
{
	switch (kind) {
	case TEXT:
		return json_is_string(value);
	case FLAG:
		return json_is_boolean(value);
	case FLAG_OR_WORD:
		return json_is_boolean(value) || is_one_of(value, "yes", "no", strcasecmp);
	case NUMBER:
		return json_is_number(value);
	case ABOVE_0:
		return json_number_value(value) > 0;
	case ROLE:
		return is_one_of(value, "guest", "host", strcmp);
	case LIST:
		return json_is_array(value);
	case OBJECT:
		return json_is_object(value);
	case OBJECT_OR_TEXT:
		return json_is_object(value) || json_is_string(value);
	}
	return false;
}

static int check_value(
	const json_t *value, const struct rule *rule, const char *name, const char *place, struct error *err)
{
	if (!value || json_is_null(value) || is_kind(value, rule->kind))
		return 0;
	return error_set(err, -EINVAL, "%s: %s must be %s", place, name,
		rule->words ? rule->words : kinds[rule->kind]);
}

static int check_entries(const json_t *facts, const struct rule *rule, const char *place, struct error *err)
{
	const char *rest = strstr(rule->path, "[]") + 2;
	char head[64], name[128];
	const json_t *list, *entry;
	size_t i;
	int rc = 0;

	snprintf(head, sizeof(head), "%.*s", (int)(rest - 2 - rule->path), rule->path);
	list = facts_get(facts, head);
	json_array_foreach(list, i, entry)
	{
		snprintf(name, sizeof(name), "%s[%zu]%s", head, i, rest);
		if (!rc && !json_is_null(entry))
			rc = check_value(*rest ? facts_get(entry, rest + 1) : entry, rule, name, place, err);
	}
	return rc;
}

int facts_check(const json_t *facts, const char *place, struct error *err)
{
	int rc = 0;

	for (const struct rule *rule = rules; !rc && rule->path; rule++)
		rc = strstr(rule->path, "[]")
			     ? check_entries(facts, rule, place, err)
			     : check_value(facts_get(facts, rule->path), rule, rule->path, place, err);
	return rc;
}
