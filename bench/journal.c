/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/journal_time.h"

#define JOURNAL_FILE   "journal"
#define BOOT_ID	       "/proc/sys/kernel/random/boot_id"
#define ENTRIES_MAX    4096
#define FILE_BYTES_MAX (4u << 20)
/* A keeper that puts the machine back at this moment is waited for. */
#define KEEPER_TRIES	50
#define KEEPER_PAUSE_US 100000
/* It ends within ms of the run, unless somebody stops it. */
#define KEEPER_END_MS 5000

struct entry {
	json_t *json; /* owned */
	off_t end;    /* of its line in the file */
};

struct journal {
	char path[128];
	int fd;
	off_t head;	     /* length of the first line */
	bool before_restart; /* of the machine, so nothing of it is in force */
	struct entry entries[ENTRIES_MAX];
	size_t count;
	pid_t keeper;	 /* 0: none */
	int keeper_pipe; /* its end tells the keeper that the run is over */
};

/* ---- entries ---- */

static int undo_file(const json_t *entry, char *text, size_t size, struct error *err)
{
	const char *path = json_string_value(json_object_get(entry, "path"));
	const char *value = json_string_value(json_object_get(entry, "value"));
	char now[SYSFS_TEXT_MAX];
	int rc;

	if (!path || !value)
		return error_set(err, -EINVAL, "a file entry without path and value");
	rc = sysfs_read(path, now, sizeof(now), err);
	if (!rc && strcmp(now, value) == 0) {
		snprintf(text, size, "%.200s is \"%.80s\" already", path, value);
		return 0;
	}
	if (!rc)
		rc = sysfs_write(path, value, err);
	if (!rc)
		snprintf(text, size, "%.200s is put back to \"%.80s\"", path, value);
	return rc;
}

static const struct kind {
	const char *name;
	int (*undo)(const json_t *entry, char *text, size_t size, struct error *err);
} kinds[] = {
	{ "file", undo_file },
	{ "timex", journal_timex_undo },
	{ "time-step", journal_step_undo },
	{ "time-slew", journal_slew_undo },
};

static int undo_entry(const json_t *entry, char *text, size_t size, struct error *err)
{
	const char *kind = json_string_value(json_object_get(entry, "kind"));

	for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return kinds[i].undo(entry, text, size, err);
	return error_set(err, -EINVAL, "an entry of unknown kind \"%s\"", kind ? kind : "");
}

/* In one write and on disk before the caller goes on to change anything. */
static int append_line(struct journal *j, const json_t *json, struct error *err)
{
	char *text = json_dumps(json, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;
	ssize_t done;

	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	text[length] = '\n'; /* in the place of the NUL */
	done = write(j->fd, text, length + 1);
	free(text);
	if (done == (ssize_t)length + 1 && fdatasync(j->fd) == 0)
		return 0;
	return error_set(err, done < 0 ? -errno : -ENOSPC,
		"%s: cannot write the restore journal, so nothing is changed: %s", j->path,
		strerror(done < 0 ? errno : ENOSPC));
}

static off_t journal_end(const struct journal *j)
{
	return j->count ? j->entries[j->count - 1].end : j->head;
}

/* Takes the reference. */
static int add(struct journal *j, json_t *json, struct error *err)
{
	off_t before = journal_end(j);
	int rc;

	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	rc = j->count == ENTRIES_MAX ? error_set(err, -ENOSPC, "the restore journal is full")
				     : append_line(j, json, err);
	if (rc) {
		/* Half a line must not hide the ones that follow. */
		if (ftruncate(j->fd, before))
			rc = -errno;
		json_decref(json);
		return rc;
	}
	j->entries[j->count++] = (struct entry){ json, lseek(j->fd, 0, SEEK_END) };
	return 0;
}

int journal_add_file(struct journal *j, const char *path, struct error *err)
{
	char value[SYSFS_TEXT_MAX];
	int rc = sysfs_read(path, value, sizeof(value), err);

	return rc ? rc
		  : add(j, json_pack("{s:s, s:s, s:s}", "kind", "file", "path", path, "value", value), err);
}

int journal_add_timex(struct journal *j, struct error *err)
{
	json_t *json = journal_timex_record(err);

	return json ? add(j, json, err) : -EIO;
}

int journal_add_step(struct journal *j, int64_t ns, struct error *err)
{
	json_t *json = journal_step_record(ns, err);

	return json ? add(j, json, err) : -EIO;
}

int journal_add_slew(struct journal *j, int64_t ns, struct error *err)
{
	json_t *json = journal_slew_record(ns, err);

	return json ? add(j, json, err) : -EIO;
}

int journal_write_file(struct journal *j, const char *path, const char *value, struct error *err)
{
	int rc = journal_add_file(j, path, err);

	return rc ? rc : sysfs_write(path, value, err);
}

size_t journal_mark(const struct journal *j)
{
	return j->count;
}

static int undo_to(struct journal *j, size_t mark, void (*tell)(const char *text), struct error *err)
{
	size_t kept = mark;
	int first = 0;

	for (size_t i = j->count; i-- > mark;) {
		struct error why = { "" };
		char text[400] = "";
		int rc = undo_entry(j->entries[i].json, text, sizeof(text), &why);

		if (rc && !first)
			first = error_set(err, rc, "cannot put back: %s", why.text);
		if (rc && kept <= i)
			kept = i + 1;
		if (tell)
			tell(rc ? why.text : text);
	}
	/* What was put back leaves the file; a failure keeps what stands before it, which does no harm. */
	for (size_t i = kept; i < j->count; i++)
		json_decref(j->entries[i].json);
	j->count = kept < j->count ? kept : j->count;
	if (ftruncate(j->fd, journal_end(j)) && !first)
		first = error_set(err, -errno, "%s: %s", j->path, strerror(errno));
	return first;
}

int journal_undo(struct journal *j, size_t mark, struct error *err)
{
	return undo_to(j, mark, NULL, err);
}

/* ---- the file ---- */

/* Differs after each start of the machine; empty where /proc is missing. */
static void read_boot_id(char *text, size_t size)
{
	struct error ignored = { "" };

	if (sysfs_read(BOOT_ID, text, size, &ignored))
		*text = '\0';
}

static bool is_of_another_boot(const json_t *head)
{
	const char *then = json_string_value(json_object_get(head, "boot"));
	char now[64];

	read_boot_id(now, sizeof(now));
	return then && strcmp(then, now) != 0;
}

static int parse_lines(struct journal *j, char *text, struct error *err)
{
	off_t at = 0;

	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *json;

		*end = '\0';
		json = json_loads(line, 0, NULL);
		if (!json)
			return error_set(err, -EINVAL,
				"%s: a line is not JSON: \"%.80s\"; put the machine back by hand and remove "
				"the file",
				j->path, line);
		at += end + 1 - line;
		if (j->head == 0) {
			j->head = at;
			j->before_restart = is_of_another_boot(json);
			json_decref(json);
		} else if (j->count < ENTRIES_MAX) {
			j->entries[j->count++] = (struct entry){ json, at };
		} else {
			json_decref(json);
		}
	}
	return 0;
}

/* A last line without its end was never acted upon: nothing was changed after it. */
static int read_entries(struct journal *j, struct error *err)
{
	char *text = calloc(1, FILE_BYTES_MAX + 1);
	ssize_t got = text ? pread(j->fd, text, FILE_BYTES_MAX, 0) : -1;
	int rc;

	if (got < 0)
		rc = error_set(err, -EIO, "%s: cannot read", j->path);
	else
		rc = parse_lines(j, text, err);
	free(text);
	return rc;
}

/* /run is on disk in some places: what stands there after a restart of the machine is dropped. */
static int load(struct journal *j, struct error *err)
{
	int rc = read_entries(j, err);

	if (rc || !j->before_restart)
		return rc;
	while (j->count > 0)
		json_decref(j->entries[--j->count].json);
	j->head = 0;
	return ftruncate(j->fd, 0) ? error_set(err, -errno, "%s: %s", j->path, strerror(errno)) : 0;
}

static pid_t holder(const char *path)
{
	char text[SYSFS_TEXT_MAX];
	struct error ignored = { "" };
	pid_t pid = 0;

	if (sysfs_read(path, text, sizeof(text), &ignored) == 0) {
		char *end = strchr(text, '\n');
		json_t *head;

		if (end)
			*end = '\0';
		head = json_loads(text, 0, NULL);
		pid = (pid_t)json_integer_value(json_object_get(head, "pid"));
		json_decref(head);
	}
	return pid;
}

/* What stands in the journal is written to the machine, so nobody else may have put it there. */
static int check_directory(const char *dir, struct error *err)
{
	struct stat st;

	if (lstat(dir, &st))
		return error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return error_set(err, -EPERM,
		"%s: not a directory that user %d alone can write to: no restore journal in it is "
		"trusted; look who made it, and remove it",
		dir, (int)geteuid());
}

/* Locks the file at path, and not one that its holder has just removed. */
static int lock_file(struct journal *j, bool create, struct error *err)
{
	struct stat here, there;

	for (int i = 0; i < KEEPER_TRIES; i++) {
		j->fd = open(
			j->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
		if (j->fd < 0)
			return error_set(err, -errno, "%s: cannot open the restore journal: %s%s", j->path,
				strerror(errno), errno == EACCES ? "; it takes root" : "");
		if (flock(j->fd, LOCK_EX | LOCK_NB)) {
			close(j->fd);
			j->fd = -1;
			return -EBUSY;
		}
		if (fstat(j->fd, &here) == 0 && stat(j->path, &there) == 0 && here.st_ino == there.st_ino)
			return 0;
		close(j->fd);
	}
	j->fd = -1;
	return error_set(err, -EAGAIN, "%s: comes and goes", j->path);
}

static struct journal *journal_new(const char *dir, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	snprintf(j->path, sizeof(j->path), "%.100s/" JOURNAL_FILE, dir);
	j->fd = -1;
	j->keeper_pipe = -1;
	return j;
}

static void journal_free(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++)
		json_decref(j->entries[i].json);
	if (j->fd >= 0)
		close(j->fd);
	if (j->keeper_pipe >= 0)
		close(j->keeper_pipe);
	free(j);
}

/* ---- the keeper ---- */

static void tell_undone(const char *text)
{
	fprintf(stderr, "clkdrift: left by a run that is over: %s\n", text);
}

static void close_all_but(const int *keep, size_t count)
{
	long limit = sysconf(_SC_OPEN_MAX);

	for (int fd = STDERR_FILENO + 1; fd < (limit > 0 && limit < 65536 ? limit : 65536); fd++) {
		bool wanted = false;

		for (size_t i = 0; i < count; i++)
			wanted |= fd == keep[i];
		if (!wanted)
			close(fd);
	}
}

/*
 * Waits for the end of the run.  An orderly end leaves no entry; after a crash or a SIGKILL
 * what stands in the file is undone here.  Then it is told: a terminal that is stopped
 * (Ctrl-S) must not keep the machine changed, nor the journal locked.
 */
static _Noreturn void keep(struct journal *j, int end_of_run)
{
	struct error err = { "" };
	sigset_t all;
	static char told[1 << 16];
	char byte;
	int rc;

	/* Ctrl-C reaches every process of the terminal: this one must outlive the run. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "clkdrift-keeper");
	close_all_but((int[]){ j->fd, end_of_run }, 2);
	while (read(end_of_run, &byte, 1) < 0 && errno == EINTR)
		;
	setvbuf(stderr, told, _IOFBF, sizeof(told));
	rc = read_entries(j, &err);
	if (!rc)
		rc = undo_to(j, 0, tell_undone, &err);
	if (!rc)
		unlink(j->path);
	else
		fprintf(stderr, "clkdrift: %s; run 'clkdrift restore'\n", err.text);
	close(j->fd);
	fflush(stderr);
	_exit(rc != 0);
}

static int start_keeper(struct journal *j, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	j->keeper = fork();
	if (j->keeper == 0) {
		j->head = 0;
		j->count = 0;
		keep(j, ends[0]);
	}
	close(ends[0]);
	j->keeper_pipe = ends[1];
	if (j->keeper > 0)
		return 0;
	j->keeper = 0;
	return error_set(
		err, -errno, "cannot start the process that puts the machine back: %s", strerror(errno));
}

static int write_head(struct journal *j, const char *scenario, struct error *err)
{
	char boot[64];
	json_t *head;
	int rc;

	read_boot_id(boot, sizeof(boot));
	head = json_pack("{s:i, s:s, s:s}", "pid", (int)getpid(), "scenario", scenario, "boot", boot);
	rc = head ? append_line(j, head, err) : error_set(err, -ENOMEM, "out of memory");

	json_decref(head);
	j->head = lseek(j->fd, 0, SEEK_END);
	return rc;
}

static int open_at(struct journal *j, const char *scenario, struct error *err)
{
	int rc = lock_file(j, true, err);

	if (rc == -EBUSY)
		return error_set(err, -EBUSY,
			"another run that changes this machine is under way (process %d): wait for its end",
			(int)holder(j->path));
	if (!rc)
		rc = load(j, err);
	if (!rc && lseek(j->fd, 0, SEEK_END) > 0)
		return error_set(err, -EEXIST,
			"an earlier run was killed and left the machine changed; run 'clkdrift restore' "
			"first");
	if (rc)
		return rc;
	rc = write_head(j, scenario, err);
	if (!rc)
		rc = start_keeper(j, err);
	if (rc)
		unlink(j->path);
	return rc;
}

static int open_in(const char *dir, struct journal **journal, const char *scenario, struct error *err)
{
	struct journal *j = journal_new(dir, err);
	int rc;

	*journal = NULL;
	if (!j)
		return -ENOMEM;
	if (mkdir(dir, 0755) && errno != EEXIST)
		rc = error_set(err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
	else
		rc = check_directory(dir, err);
	if (!rc)
		rc = open_at(j, scenario, err);
	if (rc)
		journal_free(j);
	else
		*journal = j;
	return rc;
}

int journal_open(struct journal **journal, const char *scenario, struct error *err)
{
	return open_in(JOURNAL_DIR, journal, scenario, err);
}

int journal_close(struct journal *j, struct error *err)
{
	int rc;

	if (!j)
		return 0;
	rc = journal_undo(j, 0, err);
	if (rc == 0)
		unlink(j->path);
	/* The keeper finds either nothing, or what could not be undone just now, and tries once more. */
	close(j->keeper_pipe);
	j->keeper_pipe = -1;
	for (int ms = 0; j->keeper && ms < KEEPER_END_MS && waitpid(j->keeper, NULL, WNOHANG) == 0; ms++)
		usleep(1000);
	journal_free(j);
	return rc;
}

static int restore_in(const char *dir, size_t *undone, void (*tell)(const char *text), struct error *err)
{
	struct journal *j = journal_new(dir, err);
	int rc = j ? -EBUSY : -ENOMEM;

	*undone = 0;
	/* The keeper of a run that died a moment ago may be at it. */
	for (int i = 0; j && i < KEEPER_TRIES && rc == -EBUSY; i++) {
		if (i)
			usleep(KEEPER_PAUSE_US);
		rc = lock_file(j, false, err);
	}
	if (rc == -ENOENT) {
		journal_free(j);
		return 0;
	}
	if (rc == -EBUSY)
		rc = error_set(err, -EBUSY,
			"a run is under way (process %d): it puts the machine back itself",
			(int)holder(j->path));
	if (!rc)
		rc = check_directory(dir, err);
	if (!rc)
		rc = load(j, err);
	if (!rc && j->before_restart && tell)
		tell("the machine was restarted since: nothing of the killed run is left");
	if (!rc) {
		*undone = j->count;
		rc = undo_to(j, 0, tell, err);
	}
	if (!rc)
		unlink(j->path);
	journal_free(j);
	return rc;
}

int journal_restore(size_t *undone, void (*tell)(const char *text), struct error *err)
{
	return restore_in(JOURNAL_DIR, undone, tell, err);
}
