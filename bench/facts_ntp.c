/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Who disciplines the clock, with which servers, and what the kernel makes of it. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/facts_read.h"

/* As /proc/PID/comm has them, cut to 15 characters, and what they are called. */
static const char *const daemons[][2] = {
	{ "chronyd", "chronyd" },
	{ "ntpd", "ntpd" },
	{ "systemd-timesyn", "systemd-timesyncd" },
	{ "ptp4l", "ptp4l" },
	{ "phc2sys", "phc2sys" },
	{ "ts2phc", "ts2phc" },
	{ "VBoxService", "VBoxService" },
	{ "vmtoolsd", "vmtoolsd" },
	{ "qemu-ga", "qemu-ga" },
};

/* OpenNTPD calls its processes "ntpd: ntp engine" and so on; its comm is the other ntpd's. */
static bool is_openntpd(const struct facts *f, unsigned pid)
{
	char path[64], title[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	n = facts_load(f, path, title, sizeof(title) - 1);
	facts_clean(title, n > 0 ? (size_t)n : 0);
	return strstr(title, "ntpd: ") || strstr(title, "openntpd");
}

/* "chronyd -x" serves the time and never sets the clock: in containers, and for the lab's guests. */
static bool leaves_clock_alone(const struct facts *f, unsigned pid)
{
	static const char option[] = "\0-x"; /* a word of its own, with the NUL at either end */
	char path[64], words[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	n = facts_load(f, path, words, sizeof(words) - 1);
	return n > 0 && memmem(words, (size_t)n, option, sizeof(option));
}

static void add_process(struct facts *f, json_t *running, unsigned pid)
{
	char path[64], comm[64];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	if (facts_read(f, path, comm, sizeof(comm)) < 0)
		return; /* it ended meanwhile */
	comm[strcspn(comm, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++) {
		const char *name = daemons[i][1];

		if (strcmp(comm, daemons[i][0]))
			continue;
		if (!strcmp(name, "chronyd") && leaves_clock_alone(f, pid))
			continue;
		if (!strcmp(name, "ntpd") && is_openntpd(f, pid))
			name = "openntpd";
		facts_append(f, running, json_pack("{s:s, s:I}", "name", name, "pid", (json_int_t)pid));
	}
}

static json_t *running_daemons(struct facts *f)
{
	char full[PATH_MAX];
	json_t *running = json_array();
	struct dirent *entry;
	DIR *d = NULL;

	if ((size_t)snprintf(full, sizeof(full), "%s/proc", f->src->root) < sizeof(full))
		d = opendir(full);
	if (!d) {
		facts_note(f, "/proc", strerror(errno));
		json_decref(running);
		return json_null();
	}
	while ((entry = readdir(d))) {
		size_t digits = strspn(entry->d_name, "0123456789");

		if (digits && digits < 10 && !entry->d_name[digits])
			add_process(f, running, (unsigned)strtoul(entry->d_name, NULL, 10));
	}
	closedir(d);
	/* Process 1 is everybody's business, unless /proc is mounted with hidepid. */
	if (facts_exists(f, "/proc/1"))
		facts_note(f, "/proc/1",
			"processes are hidden: a time daemon of another user would not be seen");
	return running;
}

struct server_file {
	const char *daemon;
	const char *path; /* a file, or a directory where suffix is set */
	const char *suffix;
};

static const struct server_file server_files[] = {
	{ "chrony", "/etc/chrony/chrony.conf", NULL },
	{ "chrony", "/etc/chrony.conf", NULL },
	{ "chrony", "/etc/chrony/conf.d", ".conf" },
	{ "chrony", "/etc/chrony.d", ".conf" },
	{ "chrony", "/etc/chrony/sources.d", ".sources" },
	{ "chrony", "/run/chrony-dhcp", ".sources" },
	{ "ntp", "/etc/ntp.conf", NULL },
	{ "ntp", "/etc/ntpsec/ntp.conf", NULL },
	{ "ntp", "/etc/ntpsec/ntp.d", ".conf" },
	{ "openntpd", "/etc/openntpd/ntpd.conf", NULL },
	{ "timesyncd", "/etc/systemd/timesyncd.conf", NULL },
	{ "timesyncd", "/etc/systemd/timesyncd.conf.d", ".conf" },
	{ "timesyncd", "/run/systemd/timesyncd.conf.d", ".conf" },
	{ "timesyncd", "/usr/lib/systemd/timesyncd.conf.d", ".conf" },
};

/*
 * One line of any of these files: "server NAME options", "refclock PHC /dev/ptp0",
 * or timesyncd's "NTP=NAME NAME", whose every word is a server.
 */
static void add_servers(struct facts *f, json_t *servers, const char *daemon, const char *path, char *line)
{
	static const char *const kinds[] = { "server", "servers", "pool", "peer", "refclock", NULL };
	static const char *const timesyncd_kinds[] = { "NTP", "FallbackNTP", NULL };
	bool timesyncd = !strcmp(daemon, "timesyncd");
	const char *const *known = timesyncd ? timesyncd_kinds : kinds;
	char *rest = line + strspn(line, " \t"), *name;
	const char *kind = strsep(&rest, " \t=");

	while (*known && strcmp(kind, *known))
		known++;
	while (*known && (name = strsep(&rest, " \t="))) {
		if (!*name)
			continue;
		facts_append(f, servers,
			json_pack("{s:s, s:s, s:s, s:s}", "daemon", daemon, "kind", kind, "name", name,
				"file", path));
		if (!timesyncd)
			break;
	}
}

static void scan_file(struct facts *f, json_t *servers, const char *daemon, const char *path)
{
	char text[FACTS_FILE_MAX], *rest = text, *line;
	char shown[PATH_MAX];
	ssize_t n = facts_read(f, path, text, sizeof(text));

	snprintf(shown, sizeof(shown), "%s", path);
	facts_clean(shown, strlen(shown)); /* any bytes can be a file's name */
	if (n < 0) {
		/* Nobody has them all; one that is there and cannot be read is a gap. */
		if (n != -ENOENT)
			facts_note(f, shown, strerror((int)-n));
		return;
	}
	while ((line = strsep(&rest, "\n")))
		add_servers(f, servers, daemon, shown, line);
}

static void scan_directory(struct facts *f, json_t *servers, const struct server_file *file)
{
	char full[PATH_MAX];
	struct dirent **entries;
	int n;

	if ((size_t)snprintf(full, sizeof(full), "%s%s", f->src->root, file->path) >= sizeof(full))
		return;
	n = scandir(full, &entries, NULL, alphasort);
	if (n < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			facts_note(f, file->path, strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		size_t length = strlen(name), suffix = strlen(file->suffix);

		if (length > suffix && !strcmp(name + length - suffix, file->suffix)) {
			snprintf(full, sizeof(full), "%s/%s", file->path, name);
			scan_file(f, servers, file->daemon, full);
		}
		free(entries[i]);
	}
	free(entries);
}

json_t *facts_time_daemon(struct facts *f)
{
	json_t *object = json_object(), *servers = json_array();

	facts_set(f, object, "running", running_daemons(f));
	for (size_t i = 0; i < sizeof(server_files) / sizeof(*server_files); i++) {
		const struct server_file *file = &server_files[i];

		if (file->suffix)
			scan_directory(f, servers, file);
		else
			scan_file(f, servers, file->daemon, file->path);
	}
	facts_set(f, object, "servers", servers);
	/* timesyncd touches this file when it has set the clock (systemd-timesyncd.service(8)). */
	facts_set(f, object, "timesyncd_synchronized",
		json_boolean(!facts_exists(f, "/run/systemd/timesync/synchronized")));
	return object;
}

static json_t *status_names(struct facts *f, int status)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{ STA_PLL, "PLL" },
		{ STA_PPSFREQ, "PPSFREQ" },
		{ STA_PPSTIME, "PPSTIME" },
		{ STA_FLL, "FLL" },
		{ STA_INS, "INS" },
		{ STA_DEL, "DEL" },
		{ STA_UNSYNC, "UNSYNC" },
		{ STA_FREQHOLD, "FREQHOLD" },
		{ STA_PPSSIGNAL, "PPSSIGNAL" },
		{ STA_PPSJITTER, "PPSJITTER" },
		{ STA_PPSWANDER, "PPSWANDER" },
		{ STA_PPSERROR, "PPSERROR" },
		{ STA_CLOCKERR, "CLOCKERR" },
		{ STA_NANO, "NANO" },
		{ STA_MODE, "MODE" },
		{ STA_CLK, "CLK" },
	};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (status & names[i].bit)
			facts_append(f, array, json_string(names[i].name));
	}
	return array;
}

json_t *facts_adjtimex(struct facts *f)
{
	static const char *const states[] = { "ok", "insert leap second", "delete leap second", "leap second",
		"leap second done", "not synchronised" };
	struct timex tx = { .modes = 0 };
	int state = f->src->adjtimex ? f->src->adjtimex(f->src->context, &tx) : -ENOSYS;

	if (state < 0) {
		facts_note(f, "adjtimex", f->src->adjtimex ? strerror(-state) : "not asked");
		return json_null();
	}
	/* adjtimex(2): freq in 2^-16 ppm; offset in ns with STA_NANO, else in us. */
	return json_pack("{s:b, s:s, s:o, s:f, s:I, s:I, s:I, s:I, s:i}", "synchronised",
		state != TIME_ERROR && !(tx.status & STA_UNSYNC), "state",
		(size_t)state < sizeof(states) / sizeof(*states) ? states[state] : "unknown", "status",
		status_names(f, tx.status), "freq_ppm", (double)tx.freq / 65536.0, "tick_us",
		(json_int_t)tx.tick, "offset_ns", (json_int_t)tx.offset * (tx.status & STA_NANO ? 1 : 1000),
		"maxerror_us", (json_int_t)tx.maxerror, "esterror_us", (json_int_t)tx.esterror, "tai_s",
		tx.tai);
}
