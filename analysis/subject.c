/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/subject.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analysis/situation.h"
#include "results/facts_get.h"

static void take(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

/* A flag that a hand may have written as a word. */
static int flag_or_word(const json_t *facts, const char *path)
{
	const char *text = facts_text(facts, path);

	if (text && strcasecmp(text, "yes") == 0)
		return 1;
	if (text && strcasecmp(text, "no") == 0)
		return 0;
	return facts_flag(facts, path);
}

static const char *one_of(const json_t *facts, const char *path, const char *other)
{
	const char *text = facts_text(facts, path);

	return text ? text : facts_text(facts, other);
}

/* The names that Linux, Debian and the guides have for the two. */
static void read_arch(const json_t *facts, struct subject *s)
{
	static const char *const names[][2] = { { "amd64", "x86_64" }, { "x86-64", "x86_64" },
		{ "AMD64/Intel 64", "x86_64" }, { "x64", "x86_64" }, { "x86", "i386" }, { "i486", "i386" },
		{ "i586", "i386" }, { "i686", "i386" } };

	take(s->arch, sizeof(s->arch), one_of(facts, "arch", "kernel.machine"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(s->arch, names[i][0]) == 0)
			take(s->arch, sizeof(s->arch), names[i][1]);
}

int subject_pvclock(const json_t *facts)
{
	int said = flag_or_word(facts, "pvclock");

	if (said >= 0)
		return said;
	if (facts_get(facts, "clocksource.available"))
		return facts_has_word(facts, "clocksource.available", "kvm-clock");
	return facts_flag(facts, "cpuid.kvm.clocksource") == 0 ? 0 : -1;
}

/* What a guest is promised is all that it can know of its host. */
int subject_constant_tsc(const json_t *facts)
{
	int said = flag_or_word(facts, "host.constant_tsc");

	if (said < 0)
		said = facts_flag(facts, "cpu.flags.constant_tsc");
	return said >= 0 ? said : facts_flag(facts, "cpuid.invariant_tsc");
}

static const char *read_role(const json_t *facts)
{
	const char *said = facts_text(facts, "role");
	int present = facts_flag(facts, "hypervisor.present");

	if (said)
		return said;
	if (present >= 0)
		return present ? "guest" : "host";
	/* Who has a pvclock, a host or a hypervisor is a guest. */
	return facts_get(facts, "pvclock") || facts_get(facts, "host") || facts_get(facts, "hypervisor")
		       ? "guest"
		       : "";
}

int subject_has_hypervisor(const json_t *facts)
{
	int present = facts_flag(facts, "hypervisor.present");
	const char *role = read_role(facts);

	if (present >= 0)
		return present;
	return strcmp(role, "guest") == 0 ? 1 : strcmp(role, "host") == 0 ? 0 : -1;
}

/* Up to its end, or to a character that no other version goes on with. */
static bool starts_with_version(const char *text, const char *version)
{
	const size_t length = strlen(version);

	return strncasecmp(text, version, length) == 0 &&
	       !strchr("0123456789.", text[length] ? text[length] : ' ') &&
	       !isalpha((unsigned char)text[length]);
}

/* The number of NT of what follows "Windows" in a product's name, "" where that is not one of these. */
static const char *windows_version(const char *name)
{
	/* The longer names first. */
	static const char *const known[][2] = { { "2008 R2", "6.1" }, { "2008R2", "6.1" },
		{ "2012 R2", "6.3" }, { "2012R2", "6.3" }, { "2000", "5.0" }, { "XP", "5.1" },
		{ "2003", "5.2" }, { "Vista", "6.0" }, { "2008", "6.0" }, { "7", "6.1" }, { "8.1", "6.3" },
		{ "8", "6.2" }, { "2012", "6.2" }, { "10", "10.0" }, { "11", "10.0" }, { "2016", "10.0" },
		{ "2019", "10.0" }, { "2022", "10.0" }, { "2025", "10.0" } };

	name += strspn(name, " ");
	if (strncasecmp(name, "Server ", 7) == 0)
		name += 7 + strspn(name + 7, " ");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (starts_with_version(name, known[i][0]))
			return known[i][1];
	return "";
}

/* As in "6.1.7601". */
static bool is_nt_version(const char *version)
{
	const char *point = strchr(version, '.');

	return isdigit((unsigned char)version[0]) && point && isdigit((unsigned char)point[1]);
}

/* "Microsoft Windows Server 2019" is Windows; the catalogue has the numbers of NT, people the products' names. */
static void read_os(const json_t *facts, struct subject *s)
{
	const char *name = one_of(facts, "os.name", "os"), *version = facts_text(facts, "os.version"), *nt;

	if (name && strncasecmp(name, "Microsoft", 9) == 0 && strcasestr(name, "Windows"))
		name = strcasestr(name, "Windows");
	take(s->os, sizeof(s->os), name);
	take(s->version, sizeof(s->version), version);
	if (!name || strncasecmp(name, "Windows", 7) != 0)
		return;
	nt = windows_version(version ? version : "");
	/* "SP3", "Professional", "22H2" say nothing of NT: the name does. */
	if (!nt[0] && !(version && is_nt_version(version)))
		nt = windows_version(name + 7);
	if (nt[0])
		take(s->version, sizeof(s->version), nt);
}

void subject_read(const json_t *facts, struct subject *s)
{
	*s = (struct subject){ .pvclock = subject_pvclock(facts),
		.host_constant_tsc = subject_constant_tsc(facts) };
	take(s->role, sizeof(s->role), read_role(facts));
	read_os(facts, s);
	take(s->kernel, sizeof(s->kernel), one_of(facts, "kernel.release", "kernel"));
	take(s->hypervisor, sizeof(s->hypervisor), one_of(facts, "hypervisor.name", "hypervisor"));
	read_arch(facts, s);
}

/* CentOS is RHEL built anew: the guide gives one table for both. */
static bool is_rhel(const char *name)
{
	return strncasecmp(name, "CentOS", 6) == 0 || strncasecmp(name, "RHEL", 4) == 0 ||
	       strncasecmp(name, "Red Hat Enterprise Linux", 24) == 0;
}

bool subject_is_os(const struct subject *s, const struct profile *p)
{
	return p->guest_os[0] && s->os[0] &&
	       ((is_rhel(p->guest_os) && is_rhel(s->os)) ||
		       strncasecmp(s->os, p->guest_os, strlen(p->guest_os)) == 0);
}

/* One column against one fact: *all becomes the worst of both. */
static void meet(
	enum match *all, bool wanted, bool known, bool same, const char *key, struct missing *missing)
{
	if (!wanted || (known && same))
		return;
	if (known)
		*all = MATCH_NO;
	else if (*all == MATCH_YES)
		*all = MATCH_UNKNOWN;
	if (!known && missing->count < MISSING_MAX)
		missing->keys[missing->count++] = key;
}

static void meet_flag(enum match *all, const char *wish, int fact, const char *key, struct missing *missing)
{
	meet(all, wish[0], fact >= 0, (wish[0] == 'y') == (fact > 0), key, missing);
}

bool profile_has_situation(const struct profile *p, int situation)
{
	for (const char *word = p->situation; *word;) {
		size_t length = strcspn(word, " ");

		if (situation_find(word, length) == situation)
			return true;
		word += length + (word[length] == ' ');
	}
	return false;
}

static void meet_situations(
	enum match *all, const json_t *facts, const struct profile *p, struct missing *missing)
{
	for (int i = 0; situations[i].name && *all != MATCH_NO; i++) {
		const char *key;

		if (!profile_has_situation(p, i))
			continue;
		key = situation_lacks(i, facts);
		missing->open_danger |= key != NULL;
		meet(all, true, !key, situations[i].holds(facts) > 0, key, missing);
	}
}

enum match subject_match(
	const struct subject *s, const json_t *facts, const struct profile *p, struct missing *missing)
{
	enum match all = MATCH_YES;
	bool os = subject_is_os(s, p), linux_only = p->kernel[0] && !p->guest_os[0];
	/* A snapshot of inspect does not name its system, but who has a Linux kernel is no Windows. */
	bool os_known = s->os[0] || (s->kernel[0] && strcmp(p->guest_os, "Windows") == 0);

	meet(&all, true, s->role[0], strcmp(s->role, p->role) == 0, "role", missing);
	meet(&all, p->guest_os[0], os_known, os, "os.name", missing);
	meet(&all, p->guest_versions[0], s->version[0], version_in_range(s->version, p->guest_versions),
		"os.version", missing);
	if (s->kernel[0] || !os)
		meet(&all, p->kernel[0], s->kernel[0], version_in_range(s->kernel, p->kernel),
			"kernel.release", missing);
	meet(&all, linux_only, true, strncasecmp(s->os, "Windows", 7) != 0, "os.name", missing);
	meet(&all, p->arch[0], s->arch[0], strcmp(s->arch, p->arch) == 0, "arch", missing);
	meet_flag(&all, p->pvclock, s->pvclock, "pvclock", missing);
	meet_flag(&all, p->host_constant_tsc, s->host_constant_tsc, "host.constant_tsc", missing);
	/* Whose guest it is does not change what its kernel takes: not knowing it keeps nothing back. */
	if (s->hypervisor[0])
		meet(&all, p->hypervisor[0], true, strcasestr(s->hypervisor, p->hypervisor), "hypervisor",
			missing);
	meet_situations(&all, facts, p, missing);
	return all;
}

/* Appends a word; what finds no room is left out. */
static void append(char *text, size_t size, const char *name, const char *value)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s%s%s", used ? " " : "", name, value ? "=" : "",
		value ? value : "");
}

void subject_command_line(const json_t *facts, char *text, size_t size)
{
	const json_t *parameters = facts_get(facts, "command_line.parameters"), *entry;
	const char *whole = facts_text(facts, "command_line.text");
	char *end;
	size_t i;

	take(text, size, whole ? whole : facts_text(facts, "command_line"));
	json_array_foreach(parameters, i, entry)
	{
		const char *name = facts_text(entry, "name");

		if (i == 0)
			*text = '\0';
		if (name)
			append(text, size, name, facts_text(entry, "value"));
	}
	end = strstr(text, " -- ");
	if (end)
		*end = '\0';
}

/* The same so far; in names '-' and '_' are the same, as the kernel reads them. */
static bool same_word(const char *a, const char *b, size_t length)
{
	bool name = true;

	for (size_t i = 0; i < length; i++) {
		char one = name && a[i] == '-' ? '_' : a[i], other = name && b[i] == '-' ? '_' : b[i];

		if (one != other)
			return false;
		name &= one != '=';
	}
	return true;
}

/* Of several words with one name the kernel takes the last, but for those that say several things. */
static size_t name_length(const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);
	size_t name = equals ? (size_t)(equals + 1 - word) : length;
	bool lists =
		(name == 4 && strncmp(word, "tsc=", 4) == 0) || (name == 5 && strncmp(word, "hpet=", 5) == 0);

	return lists ? length : name;
}

static bool word_on(const char *word, size_t length, const char *line)
{
	bool number = length == 5 && strncmp(word, "lpj=n", 5) == 0, found = false;
	/* On x86-64 the two do the same. */
	bool unstable = length == 12 && strncmp(word, "tsc=unstable", 12) == 0;
	size_t name = name_length(word, length);

	while (*line) {
		size_t its = strcspn(line, " \t\n");

		if (unstable && its == 5 && strncmp(line, "notsc", 5) == 0)
			return true;
		if (its >= name && name_length(line, its) == name_length(word, length) &&
			same_word(line, word, name))
			found = number ? its > 4 : its == length && same_word(line, word, length);
		line += its + strspn(line + its, " \t\n");
	}
	return found;
}

bool parameters_on(const char *parameters, const char *command_line)
{
	const char *word = parameters;

	while (*word) {
		size_t length = strcspn(word, " ");

		if (!word_on(word, length, command_line))
			return false;
		word += length + strspn(word + length, " ");
	}
	return parameters[0];
}

double command_line_lpj(const char *line)
{
	double lpj = 0;

	while (*line) {
		if (strncmp(line, "lpj=", 4) == 0)
			lpj = (double)strtoull(line + 4, NULL, 10);
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t\n");
	}
	return lpj;
}

/* "Calibrating delay loop (skipped) preset value.. 4800.00 BogoMIPS (lpj=9600000)": Linux init/calibrate.c. */
static double logged_lpj(const json_t *facts)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text"), *at = text ? strstr(text, "(lpj=") : NULL;
		unsigned long long lpj = at ? strtoull(at + 5, NULL, 10) : 0;

		if (lpj && lpj < UINT32_MAX && strstr(text, "Calibrating delay"))
			return (double)lpj;
	}
	return 0;
}

double subject_lpj(const json_t *facts)
{
	double lpj, khz = 0, hz = 0;
	char line[4096];

	subject_command_line(facts, line, sizeof(line));
	lpj = command_line_lpj(line) > 0 ? 0 : logged_lpj(facts);
	if (lpj > 0)
		return lpj;
	facts_number(facts, "tsc.khz", &khz);
	facts_number(facts, "kernel.hz", &hz);
	return khz > 0 && hz > 0 ? khz * 1000 / hz : 0;
}
