/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/file.c"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "results/results_test.h"

/* Files of test_dir, hidden ones too. */
static int count_files(void)
{
	struct dirent *entry;
	DIR *dir = opendir(test_dir);
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

static void test_the_old_file_stays_until_commit(void **state)
{
	struct file_replace file;
	struct error err = { "" };

	(void)state;
	test_write("name", "old");
	assert_int_equal(file_replace_begin(&file, test_dir, "name", &err), 0);
	fputs("new", file.out);
	fflush(file.out);
	assert_file("name", "old");
	assert_int_equal(file_replace_commit(&file, &err), 0);
	assert_file("name", "new");
	assert_int_equal(count_files(), 1);
}

static void test_abort_leaves_the_old_file(void **state)
{
	struct file_replace file;
	struct error err = { "" };

	(void)state;
	test_write("name", "old");
	assert_int_equal(file_replace_begin(&file, test_dir, "name", &err), 0);
	fputs("new", file.out);
	file_replace_abort(&file);
	assert_file("name", "old");
	assert_int_equal(count_files(), 1);
}

static void test_a_commit_that_fails_leaves_nothing(void **state)
{
	struct file_replace file;
	struct error err = { "" };

	(void)state;
	assert_int_equal(mkdir(test_path("name"), 0777), 0);
	assert_int_equal(file_replace_begin(&file, test_dir, "name", &err), 0);
	assert_int_equal(file_replace_commit(&file, &err), -EISDIR);
	assert_ends(err.text, "name: cannot write: Is a directory");
	assert_int_equal(count_files(), 1);
}

static void test_a_write_that_failed_is_found_by_commit(void **state)
{
	struct file_replace file;
	struct error err = { "" };

	(void)state;
	assert_int_equal(file_replace_begin(&file, test_dir, "name", &err), 0);
	file.out = freopen("/dev/full", "we", file.out);
	assert_non_null(file.out);
	fputs("new", file.out);
	assert_int_equal(file_replace_commit(&file, &err), -ENOSPC);
	assert_ends(err.text, "name: cannot write: No space left on device");
	assert_int_equal(count_files(), 0);
}

static void test_no_directory(void **state)
{
	struct file_replace file;
	struct error err = { "" };

	(void)state;
	assert_int_equal(file_replace_begin(&file, test_path("none"), "name", &err), -ENOENT);
	assert_ends(err.text, "none/name: cannot write: No such file or directory");
}

static void test_join(void **state)
{
	char path[8];
	volatile size_t size = sizeof(path); /* or the compiler warns of what is tested here */
	struct error err = { "" };

	(void)state;
	assert_int_equal(path_join(path, size, "abc", "def", &err), 0);
	assert_string_equal(path, "abc/def");
	assert_int_equal(path_join(path, size, "abc", "defg", &err), -ENAMETOOLONG);
	assert_string_equal(err.text, "abc/defg: the path is too long");
}

/* The limit of the file's size stands for a full disk. */
static void test_append_cuts_back_what_did_not_fit(void **state)
{
	struct rlimit before, limit;
	char bytes[1000];
	off_t end = 0;
	int fd = open(test_path("name"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	(void)state;
	assert_true(fd >= 0);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(file_append(fd, "ab\n", 3, &end), 0);
	assert_int_equal(end, 3);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(file_append(fd, bytes, sizeof(bytes), &end), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(end, 3);
	assert_file("name", "ab\n");
	assert_int_equal(file_append(fd, "c\n", 2, &end), 0);
	assert_file("name", "ab\nc\n");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_the_old_file_stays_until_commit),
		on_disk(test_abort_leaves_the_old_file),
		on_disk(test_a_commit_that_fails_leaves_nothing),
		on_disk(test_a_write_that_failed_is_found_by_commit),
		on_disk(test_no_directory),
		cmocka_unit_test(test_join),
		on_disk(test_append_cuts_back_what_did_not_fit),
	};

	return cmocka_run_group_tests_name("results/file", tests, NULL, NULL);
}
