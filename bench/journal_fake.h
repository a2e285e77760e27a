/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests of a disturbance: a journal in memory.  Include it in the test; it
 * takes the place of bench/journal.c.  A guard process puts the files back if the
 * test dies.
 */
#ifndef BENCH_JOURNAL_FAKE_H
#define BENCH_JOURNAL_FAKE_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/journal.h"

#define FAKE_JOURNAL_MAX 64

struct journal {
	struct fake_entry {
		char path[256], value[512]; /* of what is no file: "timex", "step", "slew", and the ns */
	} entries[FAKE_JOURNAL_MAX];
	size_t count;
	int fail; /* set by a test: -errno that every journal_add_*() returns */
};

/* A plain file keeps what is longer than the new text, and an attribute of the kernel does not. */
static inline int fake_write(const char *path, const char *value, struct error *err)
{
	struct stat st;

	if (!stat(path, &st) && S_ISREG(st.st_mode) && strncmp(path, "/sys/", 5) &&
		strncmp(path, "/proc/", 6) && truncate(path, 0))
		return error_set(err, -errno, "%s: cannot write \"%s\": %s", path, value, strerror(errno));
	return sysfs_write(path, value, err);
}

int journal_add_file(struct journal *journal, const char *path, struct error *err)
{
	struct fake_entry *e = &journal->entries[journal->count];
	int rc;

	if (journal->fail)
		return error_set(err, journal->fail, "the fake journal fails");
	if (journal->count == FAKE_JOURNAL_MAX)
		return error_set(err, -ENOSPC, "the fake journal is full");
	rc = sysfs_read(path, e->value, sizeof(e->value), err);
	if (!rc) {
		snprintf(e->path, sizeof(e->path), "%s", path);
		journal->count++;
	}
	return rc;
}

int journal_write_file(struct journal *journal, const char *path, const char *value, struct error *err)
{
	int rc = journal_add_file(journal, path, err);

	return rc ? rc : fake_write(path, value, err);
}

/* Written down, and not undone: a disturbance of the time has its own means in its test. */
static inline int fake_journal_note(struct journal *journal, const char *what, int64_t ns, struct error *err)
{
	struct fake_entry *e = &journal->entries[journal->count];

	if (journal->fail)
		return error_set(err, journal->fail, "the fake journal fails");
	if (journal->count == FAKE_JOURNAL_MAX)
		return error_set(err, -ENOSPC, "the fake journal is full");
	snprintf(e->path, sizeof(e->path), "%s", what);
	snprintf(e->value, sizeof(e->value), "%lld", (long long)ns);
	journal->count++;
	return 0;
}

int journal_add_timex(struct journal *journal, struct error *err)
{
	return fake_journal_note(journal, "timex", 0, err);
}

int journal_add_step(struct journal *journal, int64_t ns, struct error *err)
{
	return fake_journal_note(journal, "step", ns, err);
}

int journal_add_slew(struct journal *journal, int64_t ns, struct error *err)
{
	return fake_journal_note(journal, "slew", ns, err);
}

size_t journal_mark(const struct journal *journal)
{
	return journal->count;
}

int journal_undo(struct journal *journal, size_t mark, struct error *err)
{
	int first = 0;

	while (journal->count > mark) {
		const struct fake_entry *e = &journal->entries[--journal->count];
		int rc = *e->path == '/' ? fake_write(e->path, e->value, err) : 0;

		first = first ? first : rc;
	}
	return first;
}

/* What was recorded of the file first, i.e. before any change; NULL: nothing. */
static inline const char *fake_journal_value(const struct journal *journal, const char *path)
{
	for (size_t i = 0; i < journal->count; i++)
		if (!strcmp(journal->entries[i].path, path))
			return journal->entries[i].value;
	return NULL;
}

/*
 * Makes a file read-only for this process, root or not; false: it takes root.  Nobody else sees the
 * mount.  Undone by fake_writable().
 */
static inline bool fake_readonly(const char *path)
{
	static bool own;

	if (!own)
		own = !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return own && !mount(path, path, NULL, MS_BIND, NULL) &&
	       !mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

static inline void fake_writable(const char *path)
{
	umount2(path, MNT_DETACH);
}

/*
 * For tests that change the real machine: a process that writes the file's present text back when
 * this one ends, however it ends.  Its own session, so that no signal to the group of the test
 * reaches it.  Returns the pipe that it waits at for fake_guard_end(); -1: it could not be made.
 */
static inline int fake_guard(const char *path, pid_t *pid)
{
	struct error err = { "" };
	char value[512], byte;
	int ends[2];

	if (sysfs_read(path, value, sizeof(value), &err) || pipe(ends))
		return -1;
	*pid = fork();
	if (*pid == 0) {
		setsid();
		signal(SIGPIPE, SIG_IGN);
		close(ends[1]);
		/* What the test prints goes to a pipe: its reader waits for the last writer. */
		close(STDOUT_FILENO);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
			;
		_exit(sysfs_write(path, value, &err) != 0);
	}
	close(ends[0]);
	if (*pid < 0)
		close(ends[1]);
	return *pid < 0 ? -1 : ends[1];
}

/* Lets it write and waits for it: 0, or 1 where the file could not be put back. */
static inline int fake_guard_end(int guard, pid_t pid)
{
	int status = 0;

	close(guard);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

#endif
