/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* QEMU is a fake: two of them where a new one takes the place. */
#define qmp_execute	fake_execute
#define lab_event_await fake_event_await
#define lab_events_drop fake_events_drop
#define lab_guest_start fake_start
#define lab_place_take	fake_take
#define lab_place_drop	fake_drop
#define lab_wait_for	fake_wait_for
#include "bench/lab_snapshot.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "probes/posix_clock.h"

static char here, there; /* stand for the two */
static struct lab_guest guest;
static char said[1024];	      /* commands, in order; those to the second one with a + */
static const char *fails;     /* this command is refused */
static const char *job_fails; /* this one's job ends with an error */
static const char *job;	      /* the last one */
static bool taken, dropped, start_fails;
static char before[4096]; /* of the shared page */
static int polls;

static bool is_job(const char *command)
{
	return strcmp(command, "blockdev-create") == 0 || strncmp(command, "snapshot-", 9) == 0;
}

/* At the first look it is not done. */
static json_t *jobs(void)
{
	bool done = ++polls % 2 == 0;
	json_t *one = json_pack("{s:s, s:s}", "id", JOB, "status", done ? "concluded" : "running");

	if (done && job_fails && strcmp(job, job_fails) == 0)
		json_object_set_new(one, "error", json_string("no space left"));
	return json_pack("[{s:s, s:s}, o]", "id", "other", "status", "running", one);
}

int fake_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns,
	json_t **reply, struct error *err)
{
	(void)deadline_ns;
	if (is_job(command)) {
		assert_string_equal(json_string_value(json_object_get(arguments, "job-id")), JOB);
		job = command;
	}
	/* QEMU writes the old page back. */
	if (strcmp(command, "snapshot-load") == 0)
		assert_int_equal(pwrite(guest.shared_fd, "old", 3, 0), 3);
	json_decref(arguments);
	if (reply)
		*reply = NULL;
	if (strcmp(command, "query-jobs") == 0)
		*reply = jobs();
	else
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s ",
			qmp == (struct qmp *)(void *)&there ? "+" : "", command);
	return fails && strcmp(command, fails) == 0 ? error_set(err, -EREMOTEIO, "QMP %s: refused", command)
						    : 0;
}

int fake_event_await(struct lab_guest *g, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err)
{
	(void)g;
	(void)qmp;
	(void)from_us;
	(void)deadline_ns;
	(void)err;
	(void)name;
	*at_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	return 0;
}

uint64_t fake_events_drop(struct qmp *qmp)
{
	(void)qmp;
	return 0;
}

int fake_start(struct lab_guest *g, struct error *err)
{
	assert_string_equal(g->incoming, "");
	g->qmp = (struct qmp *)(void *)&there;
	return start_fails ? error_set(err, -ECHILD, "QEMU: exit status 1") : 0;
}

int fake_take(struct lab_guest *g, const struct lab_guest *next, struct error *err)
{
	(void)err;
	g->qmp = next->qmp;
	taken = true;
	return 0;
}

void fake_drop(struct lab_guest *next)
{
	(void)next;
	dropped = true;
}

int fake_wait_for(struct lab_wait *wait, uint64_t ns, struct error *err)
{
	const struct timespec time = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	(void)wait;
	(void)err;
	nanosleep(&time, NULL);
	return 0;
}

static char tmp[64];

static int begin(void **state)
{
	char path[96];

	(void)state;
	strcpy(tmp, "/tmp/clkdrift-snapshot-XXXXXX");
	assert_non_null(mkdtemp(tmp));
	setenv("TMPDIR", tmp, 1);
	snprintf(path, sizeof(path), "%s/page", tmp);
	guest = (struct lab_guest){ .qmp = (struct qmp *)(void *)&here, .shared = "page" };
	guest.shared_fd = open(path, O_RDWR | O_CREAT, 0600);
	unlink(path);
	memset(before, 'n', sizeof(before));
	assert_int_equal(pwrite(guest.shared_fd, before, sizeof(before), 0), sizeof(before));
	said[0] = '\0';
	fails = job_fails = NULL;
	taken = dropped = start_fails = false;
	polls = 0;
	return 0;
}

/* No file is left. */
static int end(void **state)
{
	(void)state;
	close(guest.shared_fd);
	return rmdir(tmp);
}

static void expect_page_kept(void)
{
	char now[sizeof(before)];

	assert_int_equal(pread(guest.shared_fd, now, sizeof(now), 0), sizeof(now));
	assert_memory_equal(now, before, sizeof(now));
}

static int go(bool same, struct outside_answer *a, struct error *err)
{
	const struct outside_request r = { .kind = OUTSIDE_SNAPSHOT, .seconds = 0.1, .same = same };

	*a = (struct outside_answer){ 0 };
	return lab_snapshot(&guest, &r, a, err);
}

static void expect_times(const struct outside_answer *a)
{
	assert_true(a->lost_ns >= 100 * NS_PER_MS);
	assert_true(a->resume_ns - a->stop_ns >= a->lost_ns);
}

static void into_the_same(void **state)
{
	struct outside_answer a;
	struct error err = { "" };

	(void)state;
	if (go(true, &a, &err))
		fail_msg("%s", err.text);
	assert_string_equal(said,
		"blockdev-add blockdev-create job-dismiss blockdev-add snapshot-save job-dismiss "
		"stop snapshot-load job-dismiss cont blockdev-del blockdev-del ");
	assert_false(taken || dropped);
	expect_times(&a);
	expect_page_kept();
}

static void into_a_new_one(void **state)
{
	struct outside_answer a;
	struct error err = { "" };

	(void)state;
	if (go(false, &a, &err))
		fail_msg("%s", err.text);
	assert_string_equal(said,
		"blockdev-add blockdev-create job-dismiss blockdev-add snapshot-save job-dismiss "
		"blockdev-del blockdev-del +blockdev-add +blockdev-add stop +snapshot-load "
		"+job-dismiss +cont +blockdev-del +blockdev-del ");
	assert_true(taken && !dropped);
	expect_times(&a);
	expect_page_kept();
}

/* Whatever fails: the guest goes on where it is, and why is told. */
static void fail_at(const char *command, bool at_once, bool same)
{
	struct outside_answer a;
	struct error err = { "" };

	begin(NULL);
	fails = at_once ? command : NULL;
	job_fails = at_once ? NULL : command;
	assert_true(go(same, &a, &err) < 0);
	if (!strstr(err.text, at_once ? "refused" : "no space left") || !strstr(err.text, command))
		fail_msg("%s: %s", command, err.text);
	assert_non_null(strstr(said, " cont "));
	assert_false(taken);
	assert_ptr_equal(guest.qmp, &here);
	assert_int_equal(dropped, !same && strcmp(command, "snapshot-load") == 0);
	assert_int_equal(end(NULL), 0);
}

static void what_goes_wrong(void **state)
{
	static const char *const all[] = { "blockdev-add", "blockdev-create", "snapshot-save",
		"snapshot-load" };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (int same = 0; same < 2; same++) {
			fail_at(all[i], true, same);
			if (is_job(all[i]))
				fail_at(all[i], false, same);
		}
}

static void no_second_qemu(void **state)
{
	struct outside_answer a;
	struct error err = { "" };

	(void)state;
	start_fails = true;
	assert_int_equal(go(false, &a, &err), -ECHILD);
	assert_non_null(strstr(err.text, "exit status 1"));
	assert_true(dropped && !taken);
	assert_non_null(strstr(said, " cont "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(into_the_same, begin, end),
		cmocka_unit_test_setup_teardown(into_a_new_one, begin, end),
		cmocka_unit_test(what_goes_wrong),
		cmocka_unit_test_setup_teardown(no_second_qemu, begin, end),
	};

	return cmocka_run_group_tests_name("bench/lab_snapshot", tests, NULL, NULL);
}
