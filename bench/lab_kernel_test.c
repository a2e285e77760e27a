/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_kernel.c"

#include "bench/lab_bed.h"

static void test_depends(void **state)
{
	char package[64];

	(void)state;
	assert_int_equal(
		parse_depends("linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n",
			package, sizeof(package)),
		0);
	assert_string_equal(package, "linux-image-6.1.0-56-cloud-amd64");
	assert_int_equal(parse_depends("x\n  Depends: <virtual>\n", package, sizeof(package)), -ENOENT);
	assert_int_equal(parse_depends("", package, sizeof(package)), -ENOENT);
	assert_int_equal(
		parse_depends("  Depends: linux-image-../../x\n", package, sizeof(package)), -EINVAL);
	assert_int_equal(
		parse_depends("  Depends: linux-image-6.1.0-56-cloud-amd64\n", package, 20), -EINVAL);
}

/* However the program that made the list has sorted what stands behind a colon. */
static void test_modules(void **state)
{
	static const char list[] =
		"kernel/v/virtio_blk.ko: kernel/v/virtio.ko kernel/v/virtio_ring.ko\n"
		"kernel/v/virtio_pci.ko.xz: kernel/v/virtio_ring.ko kernel/v/legacy.ko\n"
		"kernel/v/virtio_ring.ko: kernel/v/virtio.ko\n"
		"kernel/v/virtio.ko:\nkernel/v/legacy.ko:\n"
		"kernel/c/acpi-cpufreq.ko:\nkernel/c/round.ko: kernel/c/about.ko\n"
		"kernel/c/about.ko: kernel/c/round.ko\nkernel/c/lost.ko: kernel/c/gone.ko\n";
	static const char *const wanted[] = { "kernel/v/virtio.ko", "kernel/v/virtio_ring.ko",
		"kernel/v/virtio_blk.ko", "kernel/v/legacy.ko", "kernel/v/virtio_pci.ko.xz",
		"kernel/c/acpi-cpufreq.ko" };
	static const char *const names[] = { "virtio_blk", "virtio-pci", "acpi_cpufreq", "virtio_blk" };
	struct lab_kernel kernel = { 0 };
	struct lab_modules modules = { 0 };
	struct error err = { "" };
	bool found;

	(void)state;
	/* Without a list nothing is found, and nothing is wrong. */
	assert_int_equal(lab_modules_add(&kernel, "virtio_blk", &modules, &found, &err), 0);
	assert_false(found);
	put("modules.dep", list, 0644);
	strcpy(kernel.modules, dir);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(lab_modules_add(&kernel, names[i], &modules, &found, &err), 0);
		assert_true(found);
	}
	assert_int_equal(lab_modules_add(&kernel, "virtio_b", &modules, &found, &err), 0);
	assert_false(found);
	assert_int_equal(modules.count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < modules.count; i++)
		assert_string_equal(modules.paths[i], wanted[i]);
	assert_int_equal(lab_modules_add(&kernel, "round", &modules, &found, &err), -ELOOP);
	err.text[0] = '\0';
	assert_int_equal(lab_modules_add(&kernel, "lost", &modules, &found, &err), -EINVAL);
	assert_non_null(strstr(err.text, "lost.ko"));
	lab_modules_free(&modules);
}

/* With tools of ours in $PATH: what the archive would do. */
static void fetch_with(const char *apt_get, int *rc, struct lab_kernel *kernel, struct error *err)
{
	char path[512], *before;
	struct lab_place place;
	struct lab_wait wait;

	put("bin/apt-cache", "#!/bin/sh\necho '  Depends: linux-image-9.9-cloud-amd64'\n", 0755);
	put("bin/apt-get", apt_get, 0755);
	put("bin/dpkg", "#!/bin/sh\nmkdir -p $3/boot $3/lib/modules/9.9 && echo k >$3/boot/vmlinuz-9.9\n",
		0755);
	put("bin/busybox", "#!/bin/sh\n[ $1 = depmod ] && echo a.ko: >$3/lib/modules/$4/modules.dep\n", 0755);
	before = path_take();
	snprintf(path, sizeof(path), "%s/cache", dir);
	*err = (struct error){ "" };
	assert_int_equal(lab_place_of(path, "x86_64", &place, err), 0);
	lab_wait_block(&wait);
	*rc = lab_kernel_fetch(&wait, &place, "x86_64", kernel, err);
	lab_wait_unblock(&wait);
	path_restore(before);
}

static void test_fetch(void **state)
{
	struct lab_kernel kernel;
	struct error err;
	char path[256];
	int rc;

	(void)state;
	/* The archive cannot be reached: nothing half is left in the cache. */
	fetch_with("#!/bin/sh\necho 'E: no route' >&2\nexit 100\n", &rc, &kernel, &err);
	assert_int_equal(rc, -EIO);
	assert_non_null(strstr(err.text, "linux-image-9.9-cloud-amd64"));
	assert_non_null(strstr(err.text, "E: no route"));
	snprintf(path, sizeof(path), "%s/cache/kernel", dir);
	assert_int_equal(rmdir(path), 0);
	/* It is fetched once. */
	fetch_with("#!/bin/sh\n[ $2 = download ] && echo p >$3_9.9_amd64.deb\n", &rc, &kernel, &err);
	assert_int_equal(rc, 0);
	snprintf(path, sizeof(path), "%s/cache/kernel/linux-image-9.9-cloud-amd64/boot/vmlinuz-9.9", dir);
	assert_string_equal(kernel.image, path);
	assert_int_equal(access(kernel.image, R_OK), 0);
	assert_string_equal(strrchr(kernel.modules, '/'), "/9.9");
	fetch_with("#!/bin/sh\nexit 1\n", &rc, &kernel, &err);
	assert_int_equal(rc, 0);
	assert_string_equal(kernel.image, path);
	assert_string_equal(kernel.package, "linux-image-9.9-cloud-amd64");
}

static void test_given(void **state)
{
	struct lab_kernel kernel;
	struct error err = { "" };
	char image[128], other[128];

	(void)state;
	put("bzImage", "k", 0644);
	put("mods/modules.dep", "", 0644);
	snprintf(image, sizeof(image), "%s/bzImage", dir);
	snprintf(other, sizeof(other), "%s/mods", dir);
	assert_int_equal(lab_kernel_use(&kernel, image, NULL, &err), 0);
	assert_string_equal(kernel.modules, "");
	assert_int_equal(lab_kernel_use(&kernel, image, other, &err), 0);
	assert_string_equal(kernel.modules, other);
	assert_int_equal(lab_kernel_use(&kernel, image, dir, &err), -ENOENT);
	assert_non_null(strstr(err.text, "run depmod"));
	err.text[0] = '\0';
	assert_int_equal(lab_kernel_use(&kernel, other + 1, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depends),
		cmocka_unit_test_setup_teardown(test_modules, begin, end),
		cmocka_unit_test_setup_teardown(test_fetch, begin, end),
		cmocka_unit_test_setup_teardown(test_given, begin, end),
	};

	return cmocka_run_group_tests_name("lab_kernel", tests, NULL, NULL);
}
