/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/untar.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bench/lab_tool.h"

static char dir[64];
static FILE *archive;

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-untar-XXXXXX");
	archive = tmpfile();
	return mkdtemp(dir) && archive ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	fclose(archive);
	lab_remove_tree(dir);
	return 0;
}

static void set_checksum(unsigned char *block)
{
	unsigned sum = 0;

	memset(block + CHECKSUM, ' ', CHECKSUM_W);
	for (size_t i = 0; i < BLOCK; i++)
		sum += block[i];
	snprintf((char *)block + CHECKSUM, CHECKSUM_W, "%06o", sum);
}

static void put(const char *name, char type, const char *text)
{
	unsigned char block[BLOCK] = { 0 };

	memcpy(block + NAME, name, strlen(name) < NAME_W ? strlen(name) : NAME_W);
	snprintf((char *)block + SIZE, SIZE_W, "%011o", (unsigned)strlen(text));
	block[TYPE] = (unsigned char)type;
	memcpy(block + MAGIC, "ustar  ", 8);
	set_checksum(block);
	fwrite(block, 1, BLOCK, archive);
	if (!text[0])
		return;
	memset(block, 0, BLOCK);
	memcpy(block, text, strlen(text));
	fwrite(block, 1, BLOCK, archive);
}

static void finish(void)
{
	static const unsigned char zero[2 * BLOCK];

	fwrite(zero, 1, sizeof(zero), archive);
	assert_int_equal(fflush(archive), 0);
}

static int unpack(struct error *err)
{
	*err = (struct error){ "" };
	return untar(fileno(archive), dir, 1 << 20, err);
}

static void assert_content(const char *name, const char *wanted)
{
	char path[256], text[BLOCK + 1];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = fopen(path, "re");
	assert_non_null(in);
	n = fread(text, 1, BLOCK, in);
	fclose(in);
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "run.json", "samples/cpu000.csv", "a/b/c", "..a", "a..",
		".a" };
	static const char *const bad[] = { "", "/", "/etc/passwd", "..", "../a", "a/..", "a/../b", "a//b",
		".", "./a", "a/.", "a/", "a\nb", "a\x1b", "\xff\xfe" };
	char text[NAME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!untar_name_is_safe(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (untar_name_is_safe(bad[i]))
			fail_msg("%s was taken", bad[i]);
	memset(text, 'x', NAME_LEN);
	text[NAME_LEN] = '\0';
	assert_false(untar_name_is_safe(text));
	text[NAME_LEN - 1] = '\0';
	assert_true(untar_name_is_safe(text));
}

static void test_unpacks(void **state)
{
	struct error err;

	(void)state;
	put("./", '5', "");
	put("./run.json", '0', "{}\n");
	put("./samples/", '5', "");
	put("./samples/cpu000.csv", '0', "a,b\n");
	put("guest", '5', "");
	put("guest/exit", '\0', "");
	finish();
	assert_int_equal(unpack(&err), 0);
	assert_content("run.json", "{}\n");
	assert_content("samples/cpu000.csv", "a,b\n");
	assert_content("guest/exit", "");
}

/* What GNU tar and busybox write is read alike. */
static void test_real_tar(void **state)
{
	struct error err;
	char command[512];

	(void)state;
	if (system("tar --version >/dev/null 2>&1")) {
		print_message("no tar here\n");
		skip();
	}
	snprintf(command, sizeof(command),
		"mkdir %s/in && echo one >%s/in/f && mkdir %s/in/d && seq 1000 >%s/in/d/g && tar -C %s/in "
		"-cf %s/t .",
		dir, dir, dir, dir, dir, dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/t", dir);
	fclose(archive);
	archive = fopen(command, "re");
	assert_non_null(archive);
	assert_int_equal(unpack(&err), 0);
	assert_content("f", "one\n");
	snprintf(command, sizeof(command), "cmp %s/in/d/g %s/d/g", dir, dir);
	assert_int_equal(system(command), 0);
}

static void refused(const char *name, char type, const char *why)
{
	struct error err;

	rewind(archive);
	assert_int_equal(ftruncate(fileno(archive), 0), 0);
	put(name, type, type == '0' ? "x" : "");
	finish();
	assert_int_equal(unpack(&err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", name, err.text);
}

static void test_refused(void **state)
{
	struct error err;

	(void)state;
	refused("../escape", '0', "name that is not allowed");
	refused("/tmp/escape", '0', "name that is not allowed");
	refused("a/../../escape", '0', "name that is not allowed");
	refused("../escape", '5', "name that is not allowed");
	refused("link", '2', "neither a file nor a directory");
	refused("hard", '1', "neither a file nor a directory");
	refused("device", '3', "neither a file nor a directory");
	refused("fifo", '6', "neither a file nor a directory");
	refused("long", 'L', "neither a file nor a directory");
	/* No file is replaced. */
	rewind(archive);
	put("twice", '0', "1");
	put("twice", '0', "2");
	finish();
	assert_int_equal(unpack(&err), -EEXIST);
	assert_content("twice", "1");
}

static void test_damaged(void **state)
{
	unsigned char block[BLOCK] = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(unpack(&err), -EINVAL);
	assert_non_null(strstr(err.text, "cut off"));
	finish();
	assert_int_equal(unpack(&err), -EINVAL);
	assert_non_null(strstr(err.text, "empty"));
	rewind(archive);
	put("a", '0', "text");
	fflush(archive);
	assert_int_equal(ftruncate(fileno(archive), BLOCK + 100), 0);
	assert_int_equal(unpack(&err), -EINVAL);
	assert_non_null(strstr(err.text, "cut off"));
	rewind(archive);
	memset(block, 'x', BLOCK);
	fwrite(block, 1, BLOCK, archive);
	finish();
	assert_int_equal(unpack(&err), -EINVAL);
	assert_non_null(strstr(err.text, "damaged"));
}

static void test_too_large(void **state)
{
	struct error err = { "" };

	(void)state;
	put("a", '0', "0123456789");
	finish();
	assert_int_equal(untar(fileno(archive), dir, 9, &err), -EINVAL);
	assert_non_null(strstr(err.text, "larger"));
	err.text[0] = '\0';
	assert_int_equal(untar(fileno(archive), dir, 10, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_unpacks, begin, end),
		cmocka_unit_test_setup_teardown(test_real_tar, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
		cmocka_unit_test_setup_teardown(test_too_large, begin, end),
	};

	return cmocka_run_group_tests_name("untar", tests, NULL, NULL);
}
