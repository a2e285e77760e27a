/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_tool.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/lab_tidy.h"
#include "bench/warden.h"
#include "probes/now.h"
#include "results/file.h"
#include "results/units.h"

#define POLL_NS	      (10 * NS_PER_MS)
#define ARGUMENTS_MAX 24
#define EXIT_NO_TOOL  127 /* of env, as of a shell */

void lab_wait_block(struct lab_wait *wait)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	*wait = (struct lab_wait){ 0 };
	sigemptyset(&wait->signals);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction now;

		/* sigtimedwait takes ignored ones too: nohup must keep its meaning. */
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&wait->signals, ends[i]);
	}
	pthread_sigmask(SIG_BLOCK, &wait->signals, &wait->before);
}

void lab_wait_unblock(struct lab_wait *wait)
{
	static const struct timespec now;

	/* One that came again, as to a process and then to its group, must not kill what tells of the first. */
	while ((wait->signal || wait->inner) && sigtimedwait(&wait->signals, NULL, &now) > 0)
		;
	pthread_sigmask(SIG_SETMASK, &wait->before, NULL);
}

int lab_wait_for(struct lab_wait *wait, uint64_t ns, struct error *err)
{
	struct timespec time = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };
	int caught = wait->signal ? 0 : sigtimedwait(&wait->signals, NULL, &time);

	if (caught > 0)
		wait->signal = caught;
	return wait->signal ? error_set(err, -EINTR, "ended by a signal (%s)", strsignal(wait->signal)) : 0;
}

/* The last line that says something. */
static void last_line(const char *text, char *line, size_t size)
{
	size_t length = strlen(text);
	const char *begin;

	while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	begin = text + length;
	while (begin > text && begin[-1] != '\n')
		begin--;
	snprintf(line, size, "%.*s", (int)(text + length - begin), begin);
}

static int tell_end(struct warden *warden, const char *tool, char **output, struct error *err)
{
	char end[64], line[400];

	if (warden_exit_status(warden) == EXIT_NO_TOOL)
		return error_set(err, -ENOENT, "%s is not installed", tool);
	if (warden_exit_status(warden)) {
		warden_describe_end(warden, end, sizeof(end));
		last_line(warden_output(warden), line, sizeof(line));
		return error_set(err, -EIO, "%s: %s: %s", tool, end, line);
	}
	if (!output)
		return 0;
	*output = strdup(warden_output(warden));
	return *output ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int lab_tool_run(struct lab_wait *wait, const char *dir, const char *const *argv, unsigned deadline_s,
	char **output, struct error *err)
{
	const char *line[ARGUMENTS_MAX + 5] = { "/usr/bin/env", "-C", dir, "LC_ALL=C" };
	struct warden_plan plan = { .argv = (char *const *)line, .cpu = -1, .share = 100 };
	uint64_t deadline = now_ns() + deadline_s * NS_PER_SEC;
	struct error second = { "" };
	struct warden *warden;
	int rc = 0;

	for (size_t i = 0; argv[i] && i < ARGUMENTS_MAX; i++)
		line[4 + i] = argv[i];
	warden = warden_start(&plan, err);
	if (!warden)
		return -EIO;
	while (!rc && warden_poll(warden)) {
		rc = lab_wait_for(wait, POLL_NS, err);
		if (!rc && now_ns() > deadline)
			rc = error_set(err, -ETIMEDOUT, "%s: not done after %u s", argv[0], deadline_s);
	}
	if (rc)
		warden_end(warden);
	else
		rc = tell_end(warden, argv[0], output, err);
	warden_free(warden, now_ns() + WARDEN_GRACE_NS + 2 * WARDEN_KILL_NS, &second);
	return rc;
}

bool lab_tool_find(const char *name, char path[PATH_MAX])
{
	const char *search = getenv("PATH");

	while (search && *search) {
		size_t length = strcspn(search, ":");
		int n = snprintf(path, PATH_MAX, "%.*s/%s", (int)length, search, name);
		struct stat st;

		if (length && n < PATH_MAX && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
			access(path, X_OK) == 0)
			return true;
		search += length + (search[length] == ':');
	}
	return false;
}

int lab_make_private(const char *parent, const char *prefix, char dir[PATH_MAX], struct error *err)
{
	const char *tmp = getenv("TMPDIR");
	char name[NAME_MAX];
	uint64_t random;
	int rc;

	dir[0] = '\0';
	if (!parent)
		parent = tmp && tmp[0] == '/' ? tmp : "/tmp";
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	/* Not mkdtemp(): the name is noted before it is made. */
	snprintf(name, sizeof(name), "%s%016" PRIx64, prefix, random);
	rc = path_join(dir, PATH_MAX, parent, name, err);
	if (!rc)
		rc = lab_tidy_note(dir, err);
	if (!rc && mkdir(dir, 0700)) {
		rc = error_set(err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
		lab_tidy_forget(dir);
	}
	if (rc)
		dir[0] = '\0';
	return rc;
}

int lab_make_directory(const char *path, struct error *err)
{
	char part[PATH_MAX];

	if (!path[0] || strlen(path) >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s: not a path", path);
	strcpy(part, path);
	for (char *c = part + 1;; c++) {
		char kept = *c;

		if (kept && kept != '/')
			continue;
		*c = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return error_set(
				err, -errno, "%s: cannot make the directory: %s", part, strerror(errno));
		*c = kept;
		if (!kept)
			return 0;
	}
}

int lab_cache_made(int rc, struct error *err)
{
	if (rc)
		error_hint(err, "; --cache DIR takes another directory for what is fetched");
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	(void)remove(path);
	return 0;
}

void lab_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void lab_remove_private(const char *dir)
{
	lab_remove_tree(dir);
	lab_tidy_forget(dir);
}
