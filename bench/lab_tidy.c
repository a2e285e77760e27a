/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_tidy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/lab_tool.h"
#include "bench/warden.h"
#include "probes/now.h"
#include "results/units.h"

#define POLL_NS	 (10 * NS_PER_MS)
#define PATIENCE (WARDEN_GRACE_NS + 2 * WARDEN_KILL_NS) /* ns; until then a dying QEMU may still make files */

/* Shared with the helper.  A path is noted when its first byte, a slash, is there: that is written last. */
struct notes {
	char path[LAB_TIDY_MAX][PATH_MAX];
};

static struct notes *notes;
static pid_t helper;
static int alive = -1; /* the helper reads the end of this pipe when we are gone, however that came */

/* ---- in the helper ---- */

static bool remove_noted(const struct notes *from)
{
	bool all = true;
	struct stat st;

	for (int i = 0; i < LAB_TIDY_MAX; i++) {
		if (!from->path[i][0])
			continue;
		lab_remove_tree(from->path[i]);
		if (lstat(from->path[i], &st) == 0)
			all = false;
	}
	return all;
}

static _Noreturn void helper_main(int pipe_end)
{
	const struct timespec nap = { 0, POLL_NS };
	uint64_t limit;
	char byte;

	setpgid(0, 0);
	prctl(PR_SET_NAME, "clkdrift-tidy");
	/* Whoever waits for the end of our output, or of a lock, must not wait for the helper. */
	if (dup2(pipe_end, 3) != 3)
		_exit(1);
	close_range(4, ~0U, 0);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	limit = now_ns() + PATIENCE;
	while (!remove_noted(notes) && now_ns() < limit)
		nanosleep(&nap, NULL);
	_exit(0);
}

/* ---- in ours ---- */

static int start_helper(struct error *err)
{
	sigset_t all, before;
	int ends[2], rc = 0;

	if (pipe2(ends, O_CLOEXEC))
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	/* Nothing but our end may end it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	helper = fork();
	if (helper == 0) {
		close(ends[1]);
		helper_main(ends[0]);
	}
	if (helper < 0) {
		rc = error_set(err, -errno, "cannot start a process: %s", strerror(errno));
		helper = 0;
		close(ends[1]);
	} else {
		alive = ends[1];
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	return rc;
}

int lab_tidy_start(struct error *err)
{
	int rc;

	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED) {
		notes = NULL;
		return error_set(err, -errno, "out of memory");
	}
	rc = start_helper(err);
	if (rc)
		lab_tidy_end();
	return rc;
}

void lab_tidy_end(void)
{
	if (alive >= 0)
		close(alive);
	alive = -1;
	while (helper && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
	helper = 0;
	if (notes)
		munmap(notes, sizeof(*notes));
	notes = NULL;
}

int lab_tidy_note(const char *path, struct error *err)
{
	if (!notes)
		return 0;
	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return error_set(err, -EINVAL, "%s: not an absolute path", path);
	for (int i = 0; i < LAB_TIDY_MAX; i++) {
		volatile char *first = &notes->path[i][0];

		if (*first)
			continue;
		strcpy(notes->path[i] + 1, path + 1);
		atomic_signal_fence(memory_order_release);
		*first = '/';
		return 0;
	}
	return error_set(err, -E2BIG, "more than %d private files at a time", LAB_TIDY_MAX);
}

void lab_tidy_forget(const char *path)
{
	for (int i = 0; notes && i < LAB_TIDY_MAX; i++)
		if (strcmp(notes->path[i], path) == 0)
			notes->path[i][0] = '\0';
}
