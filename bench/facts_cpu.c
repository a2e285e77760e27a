/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The processor, as the kernel shows it and as CPUID tells it.  Both are kept:
 * where they disagree, that is a finding.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/facts_read.h"

#define CPU_DIR "/sys/devices/system/cpu"

static const char *const time_flags[] = {
	"constant_tsc",
	"nonstop_tsc",
	"nonstop_tsc_s3",
	"tsc_known_freq",
	"tsc_reliable",
	"tsc_adjust",
	"rdtscp",
	"tsc_deadline_timer",
	"art",
	"arat",
	"aperfmperf",
	"hypervisor",
};

/* The value behind "key :" on the lines of one processor; NULL if it has no such line. */
static char *cpuinfo_value(char *block, const char *key)
{
	size_t length = strlen(key);
	char *line = block;

	while (line && *line) {
		char *colon = line + length;

		if (!strncmp(line, key, length)) {
			colon += strspn(colon, " \t");
			if (*colon == ':')
				return colon + 1 + strspn(colon + 1, " \t");
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

static json_t *cpuinfo_json(struct facts *f, char *block, const char *key, enum facts_kind kind)
{
	char *text = cpuinfo_value(block, key), copy[256], what[64];
	json_t *value = NULL;

	if (text) {
		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(text, "\n"), text);
		value = facts_parse(kind, copy);
	}
	if (value)
		return value;
	if (*block) {
		snprintf(what, sizeof(what), "/proc/cpuinfo: %s", key);
		facts_note(f, what, text ? "makes no sense" : "no such line");
	}
	return json_null();
}

static bool line_has_word(const char *line, const char *word)
{
	size_t length = strlen(word), rest = line ? strcspn(line, "\n") : 0;

	while (rest) {
		size_t n = strcspn(line, " \t\n");

		if (n == length && !strncmp(line, word, length))
			return true;
		if (n >= rest)
			break;
		line += n + 1;
		rest -= n + 1;
	}
	return false;
}

static json_t *flags(struct facts *f, char *block)
{
	const char *line = cpuinfo_value(block, "flags"), *vmx = cpuinfo_value(block, "vmx flags");
	json_t *object;

	if (!line) {
		if (*block)
			facts_note(f, "/proc/cpuinfo: flags", "no such line");
		return json_null();
	}
	object = json_object();
	for (size_t i = 0; i < sizeof(time_flags) / sizeof(*time_flags); i++)
		facts_set(f, object, time_flags[i], json_boolean(line_has_word(line, time_flags[i])));
	/* A host that can give its guests another TSC rate: AMD's name and Intel's ({cpu,vmx}features.h). */
	facts_set(f, object, "tsc_scale",
		json_boolean(line_has_word(line, "tsc_scale") || line_has_word(vmx, "tsc_scaling")));
	return object;
}

static const char *vendor_name(const char *id)
{
	static const char *const names[][2] = {
		{ "GenuineIntel", "Intel" }, { "AuthenticAMD", "AMD" }, { "HygonGenuine", "Hygon" },
		{ "CentaurHauls", "Centaur" }, { "  Shanghai  ", "Zhaoxin" },
		{ "Shanghai", "Zhaoxin" }, /* as /proc/cpuinfo has it, blanks cut */
	};

	for (size_t i = 0; id && i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(id, names[i][0]))
			return names[i][1];
	}
	return id;
}

/*
 * AMD family 0Fh (K8): the revision is in the extended model.  4h and 5h are
 * revision F, 6h and 7h revision G, less is E or older: illumos
 * usr/src/uts/i86pc/os/cpuid_subr.c; Linux drivers/edac/amd64_edac.h K8_REV_F
 * and drivers/hwmon/k8temp.c, which cite AMD's revision guide 33610.  Model C1h
 * is JH-F3 too (Athlon 64 FX, CPUID 000C0F13h).
 */
static const char *amd_revision(long long family, long long model)
{
	long long extended = model >> 4;

	if (family != 0xf || model < 0)
		return NULL;
	if (extended < 4)
		return "E or older";
	if (extended < 6 || model == 0xc1)
		return "F";
	return extended < 8 ? "G" : "unknown";
}

static json_t *bogomips(char *block)
{
	const char *text = cpuinfo_value(block, "bogomips");
	double value;

	return text && sscanf(text, "%lf", &value) == 1 && value > 0 && value < 1e6 ? json_real(value)
										    : json_null();
}

static void add_model(struct facts *f, json_t *cpu, char *block)
{
	json_t *id = cpuinfo_json(f, block, "vendor_id", FACTS_STRING);
	json_t *family = cpuinfo_json(f, block, "cpu family", FACTS_INTEGER);
	json_t *model = cpuinfo_json(f, block, "model", FACTS_INTEGER);
	const char *vendor = vendor_name(json_string_value(id)), *revision = NULL;

	if (vendor && !strcmp(vendor, "AMD") && json_is_integer(family) && json_is_integer(model))
		revision = amd_revision(json_integer_value(family), json_integer_value(model));
	facts_set(f, cpu, "vendor", vendor ? json_string(vendor) : json_null());
	facts_set(f, cpu, "vendor_id", id);
	facts_set(f, cpu, "family", family);
	facts_set(f, cpu, "model", model);
	facts_set(f, cpu, "stepping", cpuinfo_json(f, block, "stepping", FACTS_INTEGER));
	facts_set(f, cpu, "model_name", cpuinfo_json(f, block, "model name", FACTS_STRING));
	facts_set(f, cpu, "microcode", cpuinfo_json(f, block, "microcode", FACTS_STRING));
	facts_set(f, cpu, "bogomips", bogomips(block));
	facts_set(f, cpu, "amd_revision", revision ? json_string(revision) : json_null());
	facts_set(f, cpu, "amd_revision_f",
		vendor && json_is_integer(family) ? json_boolean(revision && !strcmp(revision, "F"))
						  : json_null());
	facts_set(f, cpu, "flags", flags(f, block));
}

/* How many different numbers are in the files dir/cpuN/file; 0 if none could be read. */
static size_t count_distinct(struct facts *f, const unsigned *cpus, size_t n, const char *file)
{
	size_t distinct = 0;
	json_t *seen = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *value = facts_value(f, FACTS_STRING, !i, CPU_DIR "/cpu%u/%s", cpus[i], file);

		if (json_is_string(value))
			facts_set(f, seen, json_string_value(value), json_null());
		json_decref(value);
	}
	distinct = json_object_size(seen);
	json_decref(seen);
	return distinct;
}

static json_t *list_count(struct facts *f, const json_t *list, const char *what)
{
	int count = json_is_string(list) ? facts_list_count(json_string_value(list)) : -1;

	if (count >= 0)
		return json_integer(count);
	if (json_is_string(list))
		facts_note(f, what, "makes no sense");
	return json_null();
}

static json_t *number_or_null(size_t n)
{
	return n ? json_integer((json_int_t)n) : json_null();
}

static void add_topology(struct facts *f, json_t *cpu)
{
	json_t *online = facts_value(f, FACTS_STRING, true, CPU_DIR "/online");
	json_t *present = facts_value(f, FACTS_STRING, true, CPU_DIR "/present");
	json_t *nodes = facts_value(f, FACTS_STRING, true, "/sys/devices/system/node/online");
	unsigned cpus[FACTS_LIST_MAX];
	size_t n = facts_numbers(f, CPU_DIR, "cpu", cpus), microcodes;

	facts_set(f, cpu, "online_count", list_count(f, online, CPU_DIR "/online"));
	facts_set(f, cpu, "present_count", list_count(f, present, CPU_DIR "/present"));
	facts_set(f, cpu, "nodes", list_count(f, nodes, "/sys/devices/system/node/online"));
	facts_set(f, cpu, "online", online);
	facts_set(f, cpu, "present", present);
	facts_set(f, cpu, "packages",
		number_or_null(count_distinct(f, cpus, n, "topology/physical_package_id")));
	microcodes = count_distinct(f, cpus, n, "microcode/version");
	facts_set(f, cpu, "microcode_differs", microcodes ? json_boolean(microcodes > 1) : json_null());
	json_decref(nodes);
}

json_t *facts_cpu(struct facts *f)
{
	static const char path[] = "/proc/cpuinfo";
	char text[FACTS_FILE_MAX], *end;
	json_t *cpu = json_object();
	/* Large machines have more, but only the first processor is looked at: not noted. */
	ssize_t n = facts_load(f, path, text, sizeof(text) - 1);

	if (n <= 0)
		facts_note(f, path, n < 0 ? strerror((int)-n) : "empty");
	facts_clean(text, n > 0 ? (size_t)n : 0);
	end = strstr(text, "\n\n");
	if (end)
		*end = '\0';
	add_model(f, cpu, text);
	add_topology(f, cpu);
	return cpu;
}
