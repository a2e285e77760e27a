/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_root.c"

#include "bench/lab_bed.h"

static void test_places(void **state)
{
	struct lab_place place;
	struct error err = { "" };

	(void)state;
	assert_false(lab_arch_is_foreign("x86_64"));
	assert_int_equal(lab_place_of("/c", "x86_64", &place, &err), 0);
	assert_string_equal(place.dir, "/c");
	assert_string_equal(place.root, "");
	assert_string_equal(place.apt, "-q");
	assert_true(lab_arch_is_foreign("i386"));
	assert_int_equal(lab_place_of("/c", "i386", &place, &err), 0);
	assert_string_equal(place.dir, "/c/i386");
	assert_string_equal(place.root, "/c/i386/root");
	assert_string_equal(place.apt, "-c=/c/i386/apt/apt.conf");
}

static int parse(struct list *list, const char *text, struct error *err)
{
	snprintf(list->text, sizeof(list->text), "%s", text);
	*err = (struct error){ "" };
	return parse_list(list, "f", err);
}

static void test_list(void **state)
{
	static const char *const bad[] = { "", "# all\n", "a b\n", "-y\n", "../x\n", "a\tb\n" };
	struct list list;
	struct error err;
	char many[128] = "";

	(void)state;
	assert_int_equal(parse(&list, "libc6-dev\n \n", &err), -EINVAL);
	assert_int_equal(parse(&list, "# comment\n\nlibc6-dev\nbusybox-static", &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.packages[1], "busybox-static");
	assert_null(list.packages[2]);
	assert_string_equal(list.stamp, "libc6-dev\nbusybox-static\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(&list, bad[i], &err), -EINVAL);
	for (int i = 0; i < PACKAGES_MAX; i++)
		strcat(many, "p\n");
	assert_int_equal(parse(&list, many, &err), 0);
	assert_int_equal(parse(&list, strcat(many, "p\n"), &err), -E2BIG);
	/* The one that is shipped. */
	setenv("CLKDRIFT_DATADIR", ".", 1);
	err.text[0] = '\0';
	assert_int_equal(read_list(&list, "i386", &err), 0);
	unsetenv("CLKDRIFT_DATADIR");
}

/* Does in DIR/cache what setup does, with an apt-get of ours.  What that was told is in DIR/said. */
static int set_up(const char *apt_get, struct lab_place *place, bool *fetched, struct error *err)
{
	char path[256], tool[1024], *before;
	struct lab_wait wait;
	int rc;

	snprintf(tool, sizeof(tool), "#!/bin/sh\necho \"$@\" >>%s/said\n%s\n", dir, apt_get);
	put("bin/apt-get", tool, 0755);
	put("bin/dpkg",
		"#!/bin/sh\nmkdir -p $3/usr/bin $3/lib/i386-linux-gnu && cat $2 >$3/usr/bin/tool &&\n"
		"echo l >$3/lib/i386-linux-gnu/libx.so.1\n",
		0755);
	snprintf(path, sizeof(path), "%s/cache", dir);
	*err = (struct error){ "" };
	assert_int_equal(lab_place_of(path, "i386", place, err), 0);
	before = path_take();
	setenv("CLKDRIFT_DATADIR", dir, 1);
	lab_wait_block(&wait);
	rc = lab_root_setup(&wait, place, "i386", fetched, err);
	lab_wait_unblock(&wait);
	unsetenv("CLKDRIFT_DATADIR");
	path_restore(before);
	return rc;
}

static void read_back(const char *path, char *text, size_t size)
{
	FILE *in = fopen(path, "re");
	size_t n;

	assert_non_null(in);
	n = fread(text, 1, size - 1, in);
	fclose(in);
	text[n] = '\0';
}

#define FAILS "case $2 in update) echo 'E: no source' >&2 ;; *) echo 'E: no route' >&2 ;; esac; exit 100"
#define WORKS "[ $2 = update ] || { echo tool >${2#*=}/a.deb; }"

static void test_setup(void **state)
{
	struct lab_place place;
	struct error err;
	char path[PATH_MAX], text[4096];
	bool fetched;

	(void)state;
	put("bench/lab/i386.packages", "one\n", 0644);
	/* Nothing can be had: both reasons are told, and nothing half is left. */
	assert_int_equal(set_up(FAILS, &place, &fetched, &err), -EIO);
	assert_false(fetched);
	assert_non_null(strstr(err.text, "no route"));
	assert_non_null(strstr(err.text, "no source"));
	assert_int_not_equal(access(place.root, F_OK), 0);
	err.text[0] = '\0';
	assert_int_equal(lab_root_check(&place, "i386", &err), -ENOENT);
	assert_non_null(strstr(err.text, "clkdrift lab setup --arch i386"));
	/* One source fails, and what is wanted is in another. */
	assert_int_equal(set_up("[ $2 = update ] && exit 100\n" WORKS, &place, &fetched, &err), 0);
	assert_true(fetched);
	assert_int_equal(lab_root_check(&place, "i386", &err), 0);
	snprintf(path, sizeof(path), "%s/said", dir);
	read_back(path, text, sizeof(text));
	assert_non_null(strstr(text, "--download-only install one\n"));
	/* Made of that list already: the package lists alone are read. */
	assert_int_equal(set_up(FAILS, &place, &fetched, &err), 0);
	assert_false(fetched);
	/* Another list; that it cannot be had leaves the root as it was. */
	put("bench/lab/i386.packages", "one\ntwo\n", 0644);
	assert_int_equal(set_up(FAILS, &place, &fetched, &err), -EIO);
	assert_int_equal(lab_root_check(&place, "i386", &err), 0);
	assert_int_equal(set_up(WORKS, &place, &fetched, &err), 0);
	assert_true(fetched);
	assert_true(lab_root_program(&place, "tool", path));
	assert_false(lab_root_program(&place, "other", path));
	assert_true(lab_root_library(&place, "libx.so.1", path));
	assert_false(lab_root_library(&place, "liby.so.1", path));
}

/* The state, the cache and the log are private, and no command of the machine's configuration is kept. */
static void test_apt(void **state)
{
	static const char *const wanted[] = { "#clear APT::Update;", "#clear DPkg;",
		"APT::Architecture \"i386\";", "APT::Architectures { \"i386\"; };" };
	static const char *const names[] = { "Dir::State \"", "Dir::State::status \"", "Dir::Cache \"",
		"Dir::Log \"" };
	struct lab_place place;
	struct error err = { "" };
	char path[256], text[4096], line[400];

	(void)state;
	assert_int_equal(lab_place_of(dir, "i386", &place, &err), 0);
	assert_int_equal(make_apt(&place, "i386", &err), 0);
	snprintf(path, sizeof(path), "%s/i386/apt/apt.conf", dir);
	read_back(path, text, sizeof(text));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(strstr(text, wanted[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "%s%s/i386/apt/", names[i], dir);
		assert_non_null(strstr(text, line));
	}
	snprintf(path, sizeof(path), "%s/a\"b", dir);
	assert_int_equal(lab_place_of(path, "i386", &place, &err), 0);
	assert_int_equal(make_apt(&place, "i386", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_list),
		cmocka_unit_test_setup_teardown(test_setup, begin, end),
		cmocka_unit_test_setup_teardown(test_apt, begin, end),
	};

	return cmocka_run_group_tests_name("lab_root", tests, NULL, NULL);
}
