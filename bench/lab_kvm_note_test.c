/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/lab_kvm_note.c"

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

static char cache[PATH_MAX];

static int make_cache(void **state)
{
	(void)state;
	snprintf(cache, sizeof(cache), "/tmp/clkdrift-note-XXXXXX");
	return mkdtemp(cache) ? 0 : -1;
}

static int remove_cache(void **state)
{
	(void)state;
	lab_remove_tree(cache);
	return 0;
}

static void test_counts_until_the_next_boot(void **state)
{
	char why[PATH_MAX + 512];

	(void)state;
	assert_false(kvm_note_read(cache, "boot-1", why, sizeof(why)));
	assert_string_equal(why, "");
	kvm_note_write(cache, "boot-1", "the guest hangs");
	assert_true(kvm_note_read(cache, "boot-1", why, sizeof(why)));
	assert_non_null(strstr(why, "the guest hangs (an earlier guest"));
	assert_non_null(strstr(why, cache));
	assert_false(kvm_note_read(cache, "boot-2", why, sizeof(why)));
	assert_string_equal(why, "");
	kvm_note_write(cache, "boot-2", "no such device");
	assert_true(kvm_note_read(cache, "boot-2", why, sizeof(why)));
	assert_false(kvm_note_read(cache, "boot-1", why, sizeof(why)));
}

/* No boot id, half a file, a directory that cannot be made: as if there were no note. */
static void test_without_a_note(void **state)
{
	char why[600], path[PATH_MAX];
	FILE *out;

	(void)state;
	kvm_note_write(cache, NULL, "the guest hangs");
	assert_false(kvm_note_read(cache, NULL, why, sizeof(why)));
	assert_int_equal(path_join(path, sizeof(path), cache, NAME, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs("boot-1\n", out);
	fclose(out);
	assert_false(kvm_note_read(cache, "boot-1", why, sizeof(why)));
	kvm_note_write("/dev/null/none", "boot-1", "the guest hangs");
	assert_false(kvm_note_read("/dev/null/none", "boot-1", why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_until_the_next_boot, make_cache, remove_cache),
		cmocka_unit_test_setup_teardown(test_without_a_note, make_cache, remove_cache),
	};

	return cmocka_run_group_tests_name("bench/lab_kvm_note", tests, NULL, NULL);
}
