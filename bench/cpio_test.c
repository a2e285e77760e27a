/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/cpio.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bench/lab_tool.h"

static char dir[64], path[128];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-cpio-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/archive", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	lab_remove_tree(dir);
	return 0;
}

static size_t read_all(unsigned char *to, size_t size)
{
	FILE *in = fopen(path, "re");
	size_t n;

	assert_non_null(in);
	n = fread(to, 1, size, in);
	fclose(in);
	return n;
}

/* Our own walk over the archive: "MODE NAME SIZE" a line, by the format's definition. */
static void list(char *text, size_t size)
{
	static unsigned char bytes[65536];
	size_t length = read_all(bytes, sizeof(bytes)), at = 0, used = 0;

	for (;;) {
		char field[9] = { 0 };
		unsigned long mode, file, name;

		assert_true(at + 110 <= length);
		assert_memory_equal(bytes + at, "070701", 6);
		mode = strtoul(memcpy(field, bytes + at + 14, 8), NULL, 16);
		file = strtoul(memcpy(field, bytes + at + 54, 8), NULL, 16);
		name = strtoul(memcpy(field, bytes + at + 94, 8), NULL, 16);
		assert_int_equal(bytes[at + 110 + name - 1], 0);
		used += (size_t)snprintf(
			text + used, size - used, "%lo %s %lu\n", mode, (char *)bytes + at + 110, file);
		if (strcmp((char *)bytes + at + 110, TRAILER) == 0)
			break;
		at += (110 + name + 3) / 4 * 4;
		at += (file + 3) / 4 * 4;
	}
}

static void test_listing(void **state)
{
	struct cpio cpio;
	struct error err = { "" };
	char source[128], text[1024];
	FILE *out;

	(void)state;
	snprintf(source, sizeof(source), "%s/source", dir);
	out = fopen(source, "we");
	assert_non_null(out);
	fputs("12345", out);
	fclose(out);
	assert_int_equal(cpio_open(&cpio, path, &err), 0);
	assert_int_equal(cpio_add_directory(&cpio, "dev", &err), 0);
	assert_int_equal(cpio_add_file(&cpio, "a/b/file", source, 0755, &err), 0);
	assert_int_equal(cpio_add_text(&cpio, "a/text", "hello\n", 0644, &err), 0);
	/* The first stays. */
	assert_int_equal(cpio_add_text(&cpio, "a/text", "other", 0600, &err), 0);
	assert_int_equal(cpio_add_directory(&cpio, "a/b", &err), 0);
	assert_int_equal(cpio_add_text(&cpio, "empty", "", 0600, &err), 0);
	assert_int_equal(cpio_close(&cpio, 0, &err), 0);
	list(text, sizeof(text));
	assert_string_equal(text, "40755 dev 0\n40755 a 0\n40755 a/b 0\n100755 a/b/file 5\n100644 a/text 6\n"
				  "100600 empty 0\n0 TRAILER!!! 0\n");
}

/* And the tool reads the same contents back. */
static void test_tool(void **state)
{
	struct cpio cpio;
	struct error err = { "" };
	char command[512];

	(void)state;
	if (system("cpio --version >/dev/null 2>&1")) {
		print_message("no cpio here\n");
		skip();
	}
	assert_int_equal(cpio_open(&cpio, path, &err), 0);
	assert_int_equal(cpio_add_file(&cpio, "bin/self", "/proc/self/exe", 0755, &err), 0);
	assert_int_equal(cpio_add_text(&cpio, "x", "abc", 0644, &err), 0);
	assert_int_equal(cpio_close(&cpio, 0, &err), 0);
	snprintf(command, sizeof(command),
		"cd %s && cpio -id --quiet <archive && cmp bin/self /proc/%d/exe && [ $(cat x) = abc ] && [ "
		"-x bin/self ]",
		dir, (int)getpid());
	assert_int_equal(system(command), 0);
}

static void test_failure_leaves_nothing(void **state)
{
	struct cpio cpio;
	struct error err = { "" };
	int rc;

	(void)state;
	assert_int_equal(cpio_open(&cpio, path, &err), 0);
	rc = cpio_add_file(&cpio, "x", "/nonexistent", 0644, &err);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(cpio_close(&cpio, rc, &err), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	assert_non_null(strstr(err.text, "/nonexistent"));

	err.text[0] = '\0';
	assert_int_equal(cpio_open(&cpio, path, &err), 0);
	rc = cpio_add_file(&cpio, "x", dir, 0644, &err);
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(cpio_close(&cpio, rc, &err), -EINVAL);
	err.text[0] = '\0';
	assert_int_equal(cpio_open(&cpio, path, &err), 0);
	rc = cpio_add_text(&cpio, "/absolute", "", 0644, &err);
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(cpio_close(&cpio, rc, &err), -EINVAL);
	assert_int_equal(cpio_open(&cpio, "/nonexistent/archive", &err), -ENOENT);
	assert_int_equal(cpio_close(&cpio, -ENOENT, &err), -ENOENT);
}

static void test_full_disk(void **state)
{
	struct cpio cpio;
	struct error err = { "" };
	int rc;

	(void)state;
	if (access("/dev/full", W_OK)) {
		print_message("no /dev/full here\n");
		skip();
	}
	assert_int_equal(cpio_open(&cpio, "/dev/full", &err), 0);
	rc = cpio_add_file(&cpio, "self", "/proc/self/exe", 0644, &err);
	/* It must not take the device away. */
	snprintf(cpio.path, sizeof(cpio.path), "%s/none", dir);
	rc = cpio_close(&cpio, rc, &err);
	assert_int_equal(rc, -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_listing, begin, end),
		cmocka_unit_test_setup_teardown(test_tool, begin, end),
		cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_full_disk, begin, end),
	};

	return cmocka_run_group_tests_name("cpio", tests, NULL, NULL);
}
