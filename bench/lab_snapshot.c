/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lab_events.h"
#include "bench/lab_migrate.h"
#include "probes/now.h"
#include "probes/peer_page.h"
#include "results/file.h"

#define COMMAND_NS (5 * NS_PER_SEC)
#define JOB_NS	   (60 * NS_PER_SEC)
#define POLL_NS	   (2 * NS_PER_MS)

/* Nodes of QEMU: the file, and what makes snapshots in it. */
#define FILE_NODE  "clkdrift-file"
#define STATE_NODE "clkdrift-state"
#define TAG	   "clkdrift"
#define JOB	   "clkdrift-job"
/* The node is a disk of its own, which nobody uses; the state of the guest comes on top of it. */
#define DISK_BYTES 1048576

static int execute(struct lab_guest *g, const char *command, json_t *arguments, struct error *err)
{
	return qmp_execute(g->qmp, command, arguments, now_ns() + COMMAND_NS, NULL, err);
}

/* ---- jobs ---- */

/* 1: it is over, and err says what went wrong; 0: not yet; -errno. */
static int look_at_job(struct lab_guest *g, struct error *wrong, struct error *err)
{
	json_t *jobs = NULL, *job;
	size_t i;
	int rc = qmp_execute(g->qmp, "query-jobs", NULL, now_ns() + COMMAND_NS, &jobs, err);

	json_array_foreach(jobs, i, job)
	{
		const char *id = json_string_value(json_object_get(job, "id"));
		const char *status = json_string_value(json_object_get(job, "status"));
		const char *words = json_string_value(json_object_get(job, "error"));

		if (!id || !status || strcmp(id, JOB) != 0)
			continue;
		if (words)
			error_set(wrong, -EIO, "%s", words);
		rc = strcmp(status, "concluded") == 0;
		break;
	}
	if (!rc && i == json_array_size(jobs))
		rc = error_set(err, -ENOENT, "QEMU does not know its job any more");
	json_decref(jobs);
	return rc;
}

/* Starts it and waits for its end. */
static int do_job(struct lab_guest *g, const char *command, json_t *arguments, struct error *err)
{
	uint64_t deadline = now_ns() + JOB_NS;
	struct error wrong = { "" };
	int rc;

	json_object_set_new(arguments, "job-id", json_string(JOB));
	/* QEMU may answer only when all of it is done. */
	rc = qmp_execute(g->qmp, command, arguments, deadline, NULL, err);
	while (!rc) {
		rc = look_at_job(g, &wrong, err);
		if (!rc && now_ns() > deadline)
			rc = error_set(err, -ETIMEDOUT, "QEMU is not done with %s after %d s", command,
				(int)(JOB_NS / NS_PER_SEC));
		if (!rc)
			rc = lab_wait_for(g->wait, POLL_NS, err);
	}
	if (rc == 1)
		rc = execute(g, "job-dismiss", json_pack("{s:s}", "id", JOB), err);
	if (!rc && wrong.text[0])
		rc = error_set(err, -EIO, "%s: %s", command, wrong.text);
	return rc;
}

/* ---- where the state is kept ---- */

/* A file without a name; -errno. */
static int open_file(struct error *err)
{
	char dir[PATH_MAX], path[PATH_MAX];
	int fd = -1, rc = lab_make_private(NULL, LAB_PRIVATE, dir, err);

	if (rc)
		return rc;
	rc = path_join(path, sizeof(path), dir, "state", err);
	if (!rc) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		rc = fd >= 0 ? fd : error_set(err, -errno, "%s: cannot make it: %s", path, strerror(errno));
	}
	lab_remove_private(dir);
	return rc;
}

/* make: of an empty file; else of one that holds a state. */
static int add_nodes(struct lab_guest *g, int fd, bool make, struct error *err)
{
	char path[48];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	rc = execute(g, "blockdev-add",
		json_pack("{s:s, s:s, s:s, s:{s:b}}", "driver", "file", "node-name", FILE_NODE, "filename",
			path, "cache", "no-flush", 1),
		err);
	if (!rc && make)
		rc = do_job(g, "blockdev-create",
			json_pack("{s:{s:s, s:s, s:i}}", "options", "driver", "qcow2", "file", FILE_NODE,
				"size", DISK_BYTES),
			err);
	if (!rc)
		rc = execute(g, "blockdev-add",
			json_pack("{s:s, s:s, s:s}", "driver", "qcow2", "node-name", STATE_NODE, "file",
				FILE_NODE),
			err);
	return rc;
}

static void drop_nodes(struct lab_guest *g)
{
	struct error ignored = { "" };

	execute(g, "blockdev-del", json_pack("{s:s}", "node-name", STATE_NODE), &ignored);
	execute(g, "blockdev-del", json_pack("{s:s}", "node-name", FILE_NODE), &ignored);
}

/* ---- there and back ---- */

static int save_or_load(struct lab_guest *g, const char *command, struct error *err)
{
	return do_job(g, command,
		json_pack("{s:s, s:s, s:[s]}", "tag", TAG, "vmstate", STATE_NODE, "devices", STATE_NODE),
		err);
}

/* QEMU writes the shared memory back too, while nobody asks there. */
static int load_all_but_shared(struct lab_guest *g, struct error *err)
{
	char *kept = malloc(PEER_FILE_SIZE);
	ssize_t n = kept ? pread(g->shared_fd, kept, PEER_FILE_SIZE, 0) : -1;
	int rc = n < 0 && g->shared ? error_set(err, -EIO, "cannot keep the shared page: %s", strerror(errno))
				    : save_or_load(g, "snapshot-load", err);

	if (!rc && n > 0 && pwrite(g->shared_fd, kept, (size_t)n, 0) != n)
		rc = error_set(err, -EIO, "cannot put the shared page back: %s", strerror(errno));
	free(kept);
	return rc;
}

static int await(struct lab_guest *g, const char *event, uint64_t from, uint64_t *at_ns, struct error *err)
{
	return lab_event_await(g, g->qmp, event, from, now_ns() + COMMAND_NS, at_ns, err);
}

/* It stands while QEMU saves it. */
static int save(struct lab_guest *g, uint64_t *stop_ns, uint64_t *resume_ns, struct error *err)
{
	uint64_t from = lab_events_drop(g->qmp);
	int rc = save_or_load(g, "snapshot-save", err);

	if (!rc)
		rc = await(g, "STOP", from, stop_ns, err);
	return rc ? rc : await(g, "RESUME", from, resume_ns, err);
}

/* First stops the guest where it is, and then puts it back there, or in the QEMU that stands. */
static int load(struct lab_guest *g, struct lab_guest *there, uint64_t *stop_ns, uint64_t *resume_ns,
	struct error *err)
{
	uint64_t from = lab_events_drop(g->qmp);
	int rc = execute(g, "stop", NULL, err);

	if (!rc)
		rc = await(g, "STOP", from, stop_ns, err);
	if (!rc)
		rc = load_all_but_shared(there, err);
	if (!rc)
		rc = execute(there, "cont", NULL, err);
	return rc ? rc : await(there, "RESUME", from, resume_ns, err);
}

static int wait_until(struct lab_guest *g, uint64_t when_ns, struct error *err)
{
	uint64_t now = now_ns();

	return when_ns > now ? lab_wait_for(g->wait, when_ns - now, err) : 0;
}

static int back_into_same(
	struct lab_guest *g, uint64_t when_ns, uint64_t *ran_to, struct outside_answer *a, struct error *err)
{
	int rc = wait_until(g, when_ns, err);

	return rc ? rc : load(g, g, ran_to, &a->resume_ns, err);
}

static int back_into_new(struct lab_guest *g, int fd, uint64_t when_ns, uint64_t *ran_to,
	struct outside_answer *a, struct error *err)
{
	struct lab_guest next;
	char dir[PATH_MAX];
	int rc = lab_place_make(g, dir, &next, err);

	if (rc)
		return rc;
	/* Two QEMUs do not open it together. */
	drop_nodes(g);
	rc = lab_guest_start(&next, err);
	if (!rc)
		rc = add_nodes(&next, fd, false, err);
	if (!rc)
		rc = wait_until(g, when_ns, err);
	if (!rc)
		rc = load(g, &next, ran_to, &a->resume_ns, err);
	if (rc)
		lab_place_drop(&next);
	else
		rc = lab_place_take(g, &next, err);
	lab_remove_private(dir);
	return rc;
}

static int there_and_back(struct lab_guest *g, int fd, const struct outside_request *r,
	struct outside_answer *a, struct error *err)
{
	uint64_t ran_from = 0, ran_to = 0, when_ns;
	int rc = save(g, &a->stop_ns, &ran_from, err);

	if (rc)
		return rc;
	when_ns = now_ns() + (uint64_t)(r->seconds * (double)NS_PER_SEC);
	rc = r->same ? back_into_same(g, when_ns, &ran_to, a, err)
		     : back_into_new(g, fd, when_ns, &ran_to, a, err);
	a->lost_ns = ran_to > ran_from ? ran_to - ran_from : 0;
	return rc;
}

int lab_snapshot(
	struct lab_guest *g, const struct outside_request *r, struct outside_answer *a, struct error *err)
{
	struct error ignored = { "" };
	int fd = open_file(err), rc = fd < 0 ? fd : add_nodes(g, fd, true, err);

	if (!rc)
		rc = there_and_back(g, fd, r, a, err);
	/* In any case: one that does not stand is not harmed. */
	if (rc)
		execute(g, "cont", NULL, &ignored);
	if (fd >= 0) {
		drop_nodes(g);
		close(fd);
	}
	return rc;
}
