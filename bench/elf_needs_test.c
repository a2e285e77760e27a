/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/elf_needs.c"

#include <stdio.h>
#include <stdlib.h>

#include "bench/lab_bed.h"

/* A program of 32 bits with two libraries, as small as it can be. */
struct image {
	Elf32_Ehdr head;
	Elf32_Phdr parts[3];
	char loader[16];
	Elf32_Dyn dynamic[5];
	char strings[32];
};

#define ADDRESS 0x8048000u /* of the image in memory */

static const struct image image = {
	.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_machine = EM_386,
		.e_phoff = offsetof(struct image, parts),
		.e_phnum = 3 },
	.parts = { { .p_type = PT_INTERP, .p_offset = offsetof(struct image, loader), .p_filesz = 12 },
		{ .p_type = PT_LOAD, .p_vaddr = ADDRESS, .p_filesz = sizeof(struct image) },
		{ .p_type = PT_DYNAMIC,
			.p_offset = offsetof(struct image, dynamic),
			.p_filesz = sizeof(((struct image *)0)->dynamic) } },
	.loader = "/lib/ld.so.2",
	.dynamic = { { DT_NEEDED, { 1 } }, { DT_STRTAB, { ADDRESS + offsetof(struct image, strings) } },
		{ DT_NEEDED, { 11 } }, { DT_NULL, { 0 } }, { DT_NEEDED, { 1000 } } },
	.strings = "\0libm.so.6\0libc.so.6",
};

static int read_image(const struct image *from, size_t size, struct elf_needs *needs, struct error *err)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/image", dir);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(from, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
	*err = (struct error){ "" };
	return elf_needs_read(path, needs, err);
}

static void test_32_bits(void **state)
{
	struct elf_needs needs;
	struct error err;

	(void)state;
	assert_int_equal(read_image(&image, sizeof(image), &needs, &err), 0);
	assert_int_equal(needs.machine, EM_386);
	assert_string_equal(needs.loader, "/lib/ld.so.2");
	assert_int_equal(needs.count, 2);
	assert_string_equal(needs.libraries[0], "libm.so.6");
	assert_string_equal(needs.libraries[1], "libc.so.6");
}

/* What this machine's loader says of this test is the truth. */
static void test_this_program(void **state)
{
	struct elf_needs needs;
	struct error err = { "" };
	char command[512], said[16384];
	FILE *in;
	size_t n;

	(void)state;
	assert_int_equal(elf_needs_read("/proc/self/exe", &needs, &err), 0);
	assert_int_equal(needs.machine, sizeof(void *) == 8 ? EM_X86_64 : EM_386);
	assert_int_equal(access(needs.loader, X_OK), 0);
	assert_true(needs.count > 0);
	snprintf(command, sizeof(command), "%s --list /proc/%d/exe", needs.loader, (int)getpid());
	in = popen(command, "re");
	assert_non_null(in);
	n = fread(said, 1, sizeof(said) - 1, in);
	said[n] = '\0';
	assert_int_equal(pclose(in), 0);
	for (size_t i = 0; i < needs.count; i++)
		assert_non_null(strstr(said, needs.libraries[i]));
}

static void test_refused(void **state)
{
	struct elf_needs needs;
	struct image bad;
	struct error err;

	(void)state;
	assert_int_equal(elf_needs_read("/nonexistent/x", &needs, &err), -ENOENT);
	/* Cut short: all of it is needed but the empty rest of the strings. */
	for (size_t size = 0; size < offsetof(struct image, strings) + 12; size++) {
		assert_int_equal(read_image(&image, size, &needs, &err), -ENOEXEC);
		assert_non_null(strstr(err.text, "/image: not a program"));
	}
#define REFUSED(change)                                                                                      \
	do {                                                                                                 \
		bad = image;                                                                                 \
		change;                                                                                      \
		assert_int_equal(read_image(&bad, sizeof(bad), &needs, &err), -ENOEXEC);                     \
	} while (0)
	REFUSED(bad.head.e_ident[EI_CLASS] = 3);
	REFUSED(bad.head.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED(bad.head.e_phnum = PARTS_MAX + 1);
	REFUSED(bad.loader[0] = 'l');
	REFUSED(bad.strings[4] = '/');
	REFUSED(bad.strings[1] = '\0');
	REFUSED(memset(bad.strings + 11, 'x', sizeof(bad.strings) - 11));
	REFUSED(bad.dynamic[1].d_un.d_ptr = ADDRESS - 1);
	REFUSED(bad.dynamic[1].d_tag = DT_HASH);
}

/* Bytes at random in the place of its own: an answer, whatever it is. */
static void test_damaged(void **state)
{
	unsigned short seed[3] = { 1, 2, 3 };
	unsigned answers = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct image bad = image;
		struct elf_needs needs;
		struct error err;
		int rc;

		for (int j = 0; j < 3; j++)
			((unsigned char *)&bad)[(size_t)nrand48(seed) % sizeof(bad)] =
				(unsigned char)nrand48(seed);
		rc = read_image(&bad, sizeof(bad), &needs, &err);
		assert_true(rc == 0 || rc == -ENOEXEC);
		assert_true(needs.count <= ELF_LIBRARIES_MAX);
		answers += rc == 0;
	}
	assert_true(answers > 0 && answers < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_32_bits, begin, end),
		cmocka_unit_test(test_this_program),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_damaged, begin, end),
	};

	return cmocka_run_group_tests_name("elf_needs", tests, NULL, NULL);
}
