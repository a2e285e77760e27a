/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/page_file.c"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-page-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/page", dir);
	return 0;
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_well(struct page_file *f)
{
	struct error err = { "" };

	if (page_file_open(f, path, &err))
		fail_msg("%s", err.text);
}

static void refused(const char *reason)
{
	struct page_file f;
	struct error err = { "" };

	if (page_file_open(&f, path, &err) >= 0 || !strstr(err.text, reason))
		fail_msg("\"%s\" says nothing of \"%s\"", err.text, reason);
	assert_null(f.page);
	assert_int_equal(f.fd, -1);
}

static void put_file(const char *bytes, off_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), 3000), (ssize_t)strlen(bytes));
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void test_makes_and_removes(void **state)
{
	struct page_file f;
	struct stat st;

	(void)state;
	open_well(&f);
	assert_true(f.made);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, PEER_FILE_SIZE);
	assert_int_equal(st.st_mode & 07777, 0600);
	refused("another 'clkdrift serve'");
	assert_int_equal(stat(path, &st), 0);
	page_file_close(&f);
	assert_int_equal(access(path, F_OK), -1);
}

/* What a killed responder left is taken, and removed at the end. */
static void test_takes_what_was_left(void **state)
{
	struct page_file f;

	(void)state;
	open_well(&f);
	peer_page_prepare(f.page, 1e9, f.made);
	release(&f);
	open_well(&f);
	assert_true(f.made);
	page_file_close(&f);
	assert_int_equal(access(path, F_OK), -1);
}

/* A file of QEMU's is used and left as it was: guests have it mapped. */
static void test_file_of_qemu_stays(void **state)
{
	struct page_file f;

	(void)state;
	put_file("", PEER_FILE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		open_well(&f);
		assert_false(f.made);
		peer_page_prepare(f.page, 1e9, f.made);
		page_file_close(&f);
		assert_int_equal(access(path, F_OK), 0);
	}
	open_well(&f);
	peer_page_prepare(f.page, 1e9, f.made);
	release(&f); /* killed: the next one still knows whose it is */
	open_well(&f);
	assert_false(f.made);
	page_file_close(&f);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_leaves_what_is_not_its_own(void **state)
{
	char target[128];

	(void)state;
	put_file("precious", PEER_FILE_SIZE);
	refused("holds something else");
	assert_int_equal(truncate(path, PEER_FILE_SIZE - 1), 0);
	refused("is not of a clkdrift");
	assert_int_equal(access(path, F_OK), 0);
	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	refused("Too many levels of symbolic links");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(path);
	assert_int_equal(mkfifo(target, 0600), -1);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused("is not of a clkdrift");
	snprintf(path, sizeof(path), "%s/none/page", dir);
	refused("No such file or directory");
}

/* Another file came to stand under its name: that one is not removed. */
static void test_removes_only_its_own(void **state)
{
	struct page_file f;

	(void)state;
	open_well(&f);
	unlink(path);
	put_file("another", PEER_FILE_SIZE);
	page_file_close(&f);
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_makes_and_removes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_what_was_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_of_qemu_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_what_is_not_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removes_only_its_own, setup, teardown),
	};

	return cmocka_run_group_tests_name("bench/page_file", tests, NULL, NULL);
}
