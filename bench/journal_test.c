/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/journal.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#define DEADLINE_S 20

static char dir[64], one[96], two[96];

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static const char *read_text(const char *path)
{
	static char text[SYSFS_TEXT_MAX];
	struct error err = { "" };

	return sysfs_read(path, text, sizeof(text), &err) ? "(none)" : text;
}

static const char *journal_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/journal", dir);
	return path;
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-journal-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(one, sizeof(one), "%s/one", dir);
	snprintf(two, sizeof(two), "%s/two", dir);
	write_text(one, "old one\n");
	write_text(two, "old two\n");
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(one);
	unlink(two);
	unlink(journal_path());
	return rmdir(dir);
}

static struct journal *must_open(void)
{
	struct journal *j;
	struct error err = { "" };

	if (open_in(dir, &j, "test", &err))
		fail_msg("%s", err.text);
	return j;
}

static void test_undo_in_reverse_order(void **state)
{
	struct journal *j = must_open();
	struct error err = { "" };
	size_t mark;

	(void)state;
	assert_int_equal(journal_write_file(j, one, "first", &err), 0);
	mark = journal_mark(j);
	assert_int_equal(journal_write_file(j, one, "second", &err), 0);
	assert_int_equal(journal_write_file(j, two, "new two", &err), 0);
	assert_string_equal(read_text(one), "second");
	assert_int_equal(journal_undo(j, mark, &err), 0);
	assert_string_equal(read_text(one), "first");
	assert_string_equal(read_text(two), "old two");
	assert_int_equal(journal_mark(j), mark);
	/* What is left is undone at the end, and no journal stays. */
	assert_int_equal(journal_close(j, &err), 0);
	assert_string_equal(read_text(one), "old one");
	assert_int_not_equal(access(journal_path(), F_OK), 0);
	assert_int_equal(journal_close(NULL, &err), 0);
}

static void test_entry_is_on_disk_before_the_change(void **state)
{
	struct journal *j = must_open();
	struct error err = { "" };
	char text[SYSFS_TEXT_MAX];

	(void)state;
	assert_int_equal(journal_add_file(j, one, &err), 0);
	strcpy(text, read_text(journal_path()));
	assert_non_null(strstr(text, "\"path\":"));
	assert_non_null(strstr(text, "old one"));
	assert_int_equal(journal_close(j, &err), 0);
}

static void test_second_run_is_refused(void **state)
{
	struct journal *j = must_open(), *other;
	struct error err = { "" };
	char pid[32];

	(void)state;
	assert_int_equal(open_in(dir, &other, "test", &err), -EBUSY);
	assert_null(other);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_int_equal(journal_close(j, &err), 0);
	j = must_open();
	assert_int_equal(journal_close(j, &err), 0);
}

static void test_missing_file(void **state)
{
	struct journal *j = must_open();
	struct error err = { "" };
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(journal_write_file(j, path, "x", &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(journal_mark(j), 0);
	assert_int_equal(journal_close(j, &err), 0);
}

/* A file that vanished cannot be put back; the others are, and the journal stays for another try. */
static void test_failed_undo_is_kept(void **state)
{
	struct journal *j = must_open();
	struct error err = { "" };
	size_t undone;

	(void)state;
	assert_int_equal(journal_write_file(j, one, "new one", &err), 0);
	assert_int_equal(journal_write_file(j, two, "new two", &err), 0);
	unlink(two);
	assert_int_equal(journal_close(j, &err), -ENOENT);
	assert_non_null(strstr(err.text, two));
	assert_string_equal(read_text(one), "old one");
	assert_int_equal(access(journal_path(), F_OK), 0);
	err = (struct error){ "" };
	assert_int_equal(open_in(dir, &j, "test", &err), -EEXIST);
	assert_non_null(strstr(err.text, "clkdrift restore"));
	assert_int_equal(access(journal_path(), F_OK), 0);
	/* The file is still not there: the restore says so, too. */
	err = (struct error){ "" };
	assert_int_equal(restore_in(dir, &undone, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, two));
	assert_int_equal(access(journal_path(), F_OK), 0);
	write_text(two, "other\n");
	err = (struct error){ "" };
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 2);
	assert_string_equal(read_text(two), "old two");
	assert_int_not_equal(access(journal_path(), F_OK), 0);
}

static void test_nothing_to_restore(void **state)
{
	struct error err = { "" };
	size_t undone = 7;

	(void)state;
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 0);
	/* A run that has changed nothing yet. */
	write_text(journal_path(), "{\"pid\":1}\n");
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 0);
	assert_int_not_equal(access(journal_path(), F_OK), 0);
}

/* /run may be on disk: what was changed before a restart is not changed any more. */
static void test_journal_of_another_boot(void **state)
{
	struct error err = { "" };
	char text[400];
	struct journal *j;
	size_t undone;

	(void)state;
	snprintf(text, sizeof(text),
		"{\"pid\":1,\"boot\":\"another\"}\n{\"kind\":\"file\",\"path\":\"%s\",\"value\":\"older\"}\n",
		one);
	write_text(journal_path(), text);
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 0);
	assert_string_equal(read_text(one), "old one");
	assert_int_not_equal(access(journal_path(), F_OK), 0);
	/* It does not keep a run from its work, either. */
	write_text(journal_path(), text);
	j = must_open();
	assert_int_equal(journal_write_file(j, one, "new", &err), 0);
	assert_int_equal(journal_close(j, &err), 0);
	assert_string_equal(read_text(one), "old one");
}

/* Whoever can write the journal has root write files. */
static void test_directory_of_others(void **state)
{
	struct error err = { "" };
	struct journal *j;
	char link[96];
	size_t undone;

	(void)state;
	write_text(journal_path(), "{\"pid\":1}\n");
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(restore_in(dir, &undone, NULL, &err), -EPERM);
	assert_non_null(strstr(err.text, dir));
	assert_int_equal(open_in(dir, &j, "test", &err), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	snprintf(link, sizeof(link), "%s-link", dir);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(open_in(link, &j, "test", &err), -EPERM);
	assert_int_equal(unlink(link), 0);
	/* Nor is a link followed that stands in its place. */
	assert_int_equal(unlink(journal_path()), 0);
	assert_int_equal(symlink(one, journal_path()), 0);
	assert_int_equal(open_in(dir, &j, "test", &err), -ELOOP);
	assert_string_equal(read_text(one), "old one");
}

static void test_bad_journals(void **state)
{
	struct error err = { "" };
	char text[400];
	size_t undone;

	(void)state;
	/* The line at which the run was killed: what it would have announced was not done. */
	snprintf(text, sizeof(text),
		"{\"pid\":1}\n{\"kind\":\"file\",\"path\":\"%s\",\"value\":\"older\"}\n{\"kind\":\"fi", one);
	write_text(journal_path(), text);
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 1);
	assert_string_equal(read_text(one), "older");
	write_text(journal_path(), "{\"pid\":1}\nrubbish\n");
	assert_int_equal(restore_in(dir, &undone, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "rubbish"));
	assert_int_equal(access(journal_path(), F_OK), 0);
	err = (struct error){ "" };
	write_text(journal_path(), "{\"pid\":1}\n{\"kind\":\"moon\"}\n");
	assert_int_equal(restore_in(dir, &undone, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "moon"));
}

/* In a child: changes both files and dies as asked.  Returns the pid of its keeper. */
static pid_t die_in_child(int how)
{
	int ends[2];
	pid_t child, keeper = 0;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		struct error err = { "" };
		struct journal *j;

		if (open_in(dir, &j, "test", &err) || journal_write_file(j, one, "new one", &err) ||
			journal_write_file(j, two, "new two", &err))
			_exit(1);
		if (write(ends[1], &j->keeper, sizeof(j->keeper)) != sizeof(j->keeper))
			_exit(1);
		if (how == 0)
			pause();
		signal(how, SIG_DFL);
		raise(how);
		_exit(1);
	}
	assert_int_equal(read(ends[0], &keeper, sizeof(keeper)), sizeof(keeper));
	close(ends[0]);
	close(ends[1]);
	if (how == 0) {
		kill(keeper, SIGKILL);
		kill(child, SIGKILL);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	return keeper;
}

static bool becomes(const char *path, const char *text)
{
	time_t end = time(NULL) + DEADLINE_S;

	while (strcmp(read_text(path), text) != 0 && time(NULL) < end)
		usleep(10000);
	return strcmp(read_text(path), text) == 0;
}

static void test_keeper_puts_back(void **state)
{
	static const int deaths[] = { SIGKILL, SIGSEGV, SIGABRT, SIGTERM };

	(void)state;
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		struct error err = { "" };
		size_t undone;

		die_in_child(deaths[i]);
		assert_true(becomes(one, "old one"));
		assert_true(becomes(two, "old two"));
		/* Waits for the keeper; then there is nothing left to do. */
		assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
		assert_int_equal(undone, 0);
	}
}

/* A terminal that was stopped with Ctrl-S takes no more text: here a full pipe. */
static void test_keeper_does_not_wait_for_its_reader(void **state)
{
	int saved = dup(STDERR_FILENO), ends[2];
	static char full[1 << 16];
	struct error err = { "" };
	bool first, second;
	size_t undone;
	pid_t keeper;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, sizeof(full)), sizeof(full));
	assert_int_equal(write(ends[1], full, sizeof(full)), sizeof(full));
	dup2(ends[1], STDERR_FILENO);
	keeper = die_in_child(SIGKILL);
	dup2(saved, STDERR_FILENO);
	first = becomes(one, "old one");
	second = becomes(two, "old two");
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	assert_true(first && second);
	assert_int_equal(undone, 0);
	assert_true(keeper > 0);
}

/* The run must end although the keeper does not. */
static void test_keeper_that_hangs(void **state)
{
	struct journal *j = must_open();
	struct error err = { "" };
	time_t begin = time(NULL);
	pid_t keeper = j->keeper;

	(void)state;
	assert_int_equal(journal_write_file(j, one, "new one", &err), 0);
	kill(keeper, SIGSTOP);
	assert_int_equal(journal_close(j, &err), 0);
	assert_true(time(NULL) - begin < DEADLINE_S);
	assert_string_equal(read_text(one), "old one");
	kill(keeper, SIGKILL);
	assert_int_equal(waitpid(keeper, NULL, 0), keeper);
}

static void test_restore_when_the_keeper_died_too(void **state)
{
	struct error err = { "" };
	struct journal *j;
	size_t undone;

	(void)state;
	die_in_child(0);
	/* The keeper is nobody's child any more: its lock goes with it. */
	for (int i = 0; i < 100 && open_in(dir, &j, "test", &err) == -EBUSY; i++)
		usleep(50000);
	assert_string_equal(read_text(one), "new one");
	assert_int_equal(restore_in(dir, &undone, NULL, &err), 0);
	assert_int_equal(undone, 2);
	assert_string_equal(read_text(one), "old one");
	assert_string_equal(read_text(two), "old two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_undo_in_reverse_order, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_entry_is_on_disk_before_the_change, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_second_run_is_refused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_missing_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_failed_undo_is_kept, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_nothing_to_restore, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_journal_of_another_boot, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_directory_of_others, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_bad_journals, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_keeper_puts_back, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_keeper_does_not_wait_for_its_reader, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_keeper_that_hangs, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_restore_when_the_keeper_died_too, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("bench/journal", tests, NULL, NULL);
}
