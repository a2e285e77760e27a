/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_map.c"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-map-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	pci_devices = "/sys/bus/pci/devices";
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_dir(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void write_text(const char *name, const char *value)
{
	FILE *out = fopen(in_dir(name), "w");

	assert_non_null(out);
	fputs(value, out);
	fclose(out);
}

static void assert_text(const char *name, const char *value)
{
	char text[64] = "";
	FILE *in = fopen(in_dir(name), "r");

	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, value);
}

static void make_page(const char *name, bool prepared)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_EXCL, 0600);
	void *page;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PEER_FILE_SIZE), 0);
	page = mmap(NULL, PEER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(page != MAP_FAILED);
	if (prepared)
		peer_page_prepare(page, 2e9, true);
	munmap(page, PEER_PAGE_SIZE);
	close(fd);
}

static void refused(const char *address, const char *reason)
{
	struct peer_map map;
	struct error err = { "" };

	if (peer_map_open(&map, address, &err) >= 0 || !strstr(err.text, reason))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", address, err.text, reason);
	assert_null(map.page);
}

static void test_what_is_no_page(void **state)
{
	(void)state;
	refused(in_dir("none"), "start 'clkdrift serve --shm PATH'");
	write_text("small", "something");
	refused(in_dir("small"), "too small");
	refused(dir, dir);
	refused("/dev/null", "too small");
}

static void test_file(void **state)
{
	struct peer_map map;
	struct error err = { "" };

	(void)state;
	make_page("page", true);
	assert_int_equal(peer_map_open(&map, in_dir("page"), &err), 0);
	assert_true(is_prepared(&map));
	peer_map_close(&map);
	assert_null(map.page);
	peer_map_close(&map); /* harmless */
}

/* The responder ended and another one has made its file anew. */
static void test_follows_to_a_new_file(void **state)
{
	struct peer_map map;
	struct error err = { "" };

	(void)state;
	make_page("page", true);
	assert_int_equal(peer_map_open(&map, in_dir("page"), &err), 0);
	assert_int_equal(peer_map_follow(&map), 0);
	unlink(in_dir("page"));
	assert_int_equal(peer_map_follow(&map), 0);
	assert_true(is_prepared(&map)); /* still mapped, though it has no name */
	make_page("other", false);
	assert_int_equal(rename(in_dir("other"), in_dir("page")), 0);
	assert_int_equal(peer_map_follow(&map), 0);
	make_page("third", true);
	assert_int_equal(rename(in_dir("third"), in_dir("page")), 0);
	assert_int_equal(peer_map_follow(&map), 1);
	assert_true(is_prepared(&map));
	assert_int_equal(peer_map_follow(&map), 0);
	peer_map_close(&map);
}

static void make_device(const char *name, const char *vendor, const char *device)
{
	char path[128];

	assert_int_equal(mkdir(in_dir(name), 0700), 0);
	snprintf(path, sizeof(path), "%s/vendor", name);
	write_text(path, vendor);
	snprintf(path, sizeof(path), "%s/device", name);
	write_text(path, device);
	snprintf(path, sizeof(path), "%s/enable", name);
	write_text(path, "0");
}

static void test_no_device(void **state)
{
	(void)state;
	pci_devices = dir;
	refused("auto", "no ivshmem device");
	make_device("0000:00:01.0", "0x8086\n", "0x1110\n");
	make_device("0000:00:02.0", "0x1af4\n", "0x1000\n");
	refused("auto", "no ivshmem device");
	assert_text("0000:00:02.0/enable", "0");
	pci_devices = "/nonexistent";
	refused("auto", "no ivshmem device");
}

/* The first that a responder prepared; it is enabled while it is mapped, and no other. */
static void test_devices(void **state)
{
	struct peer_map map;
	struct error err = { "" };

	(void)state;
	pci_devices = dir;
	make_device("0000:00:03.0", "0x1af4\n", "0x1110\n");
	refused("auto", "resource2");
	assert_text("0000:00:03.0/enable", "0");
	make_page("0000:00:03.0/resource2", false);
	assert_int_equal(peer_map_open(&map, "auto", &err), 0);
	assert_false(is_prepared(&map));
	assert_text("0000:00:03.0/enable", "1");
	peer_map_close(&map);
	assert_text("0000:00:03.0/enable", "0");
	make_device("0000:00:04.0", "0x1af4\n", "0x1110\n");
	make_page("0000:00:04.0/resource2", true);
	assert_int_equal(peer_map_open(&map, "auto", &err), 0);
	assert_true(is_prepared(&map));
	assert_text("0000:00:03.0/enable", "0");
	assert_text("0000:00:04.0/enable", "1");
	peer_map_close(&map);
	assert_text("0000:00:04.0/enable", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_no_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_to_a_new_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
	};

	return cmocka_run_group_tests_name("probes/peer_map", tests, NULL, NULL);
}
