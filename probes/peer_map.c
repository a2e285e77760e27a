/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* QEMU, docs/specs/ivshmem-spec.rst; BAR 2 is the shared memory. */
#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_MEMORY "resource2"

static const char *pci_devices = "/sys/bus/pci/devices";

/* Where a responder's file is too small, looking at its end would be SIGBUS. */
static int map_descriptor(struct peer_map *map, int fd, struct error *err)
{
	struct stat st;
	void *page;

	if (fstat(fd, &st))
		return error_set(err, -errno, "%s: %s", map->path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < PEER_PAGE_SIZE)
		return error_set(
			err, -ENXIO, "%s: not the shared memory of a 'clkdrift serve': too small", map->path);
	page = mmap(NULL, PEER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, -errno, "%s: cannot map it: %s%s", map->path, strerror(errno),
			errno == EPERM ? "; the kernel may be locked down (see dmesg)" : "");
	map->page = page;
	map->device = st.st_dev;
	map->inode = st.st_ino;
	return 0;
}

static int map_path(struct peer_map *map, struct error *err)
{
	int fd = open(map->path, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, -ENOENT,
			"%s is not there: start 'clkdrift serve --shm PATH' on the host, with this path",
			map->path);
	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %s%s", map->path, strerror(errno),
			errno == EACCES ? "; be root, or the user of the responder" : "");
	rc = map_descriptor(map, fd, err);
	close(fd);
	return rc;
}

static bool write_enable(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return done;
}

static unsigned long pci_number(const char *device, const char *file)
{
	char path[PATH_MAX], text[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "%s/%.64s/%s", pci_devices, device, file);
	in = fopen(path, "re");
	if (!in)
		return 0;
	if (!fgets(text, sizeof(text), in))
		text[0] = '\0';
	fclose(in);
	return strtoul(text, NULL, 0);
}

/* The kernel counts who enabled the device, so taking it back disturbs nobody. */
static int map_device(struct peer_map *map, const char *device, struct error *err)
{
	int rc;

	snprintf(map->path, sizeof(map->path), "%s/%.64s/" IVSHMEM_MEMORY, pci_devices, device);
	snprintf(map->enable, sizeof(map->enable), "%s/%.64s/enable", pci_devices, device);
	if (!write_enable(map->enable, "1"))
		map->enable[0] = '\0';
	rc = map_path(map, err);
	if (rc)
		peer_map_close(map);
	return rc;
}

static bool is_prepared(const struct peer_map *map)
{
	struct page_header_values header;
	struct error why = { "" };

	return peer_page_check(map->page, &header, &why) == 0;
}

static int map_any_device(struct peer_map *map, struct error *err)
{
	DIR *dir = opendir(pci_devices);
	struct peer_map first = { 0 }, now;
	struct error why = { "" };
	struct dirent *entry;

	while (dir && (!first.page || !is_prepared(&first)) && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || pci_number(entry->d_name, "vendor") != IVSHMEM_VENDOR ||
			pci_number(entry->d_name, "device") != IVSHMEM_DEVICE)
			continue;
		now = (struct peer_map){ 0 };
		if (map_device(&now, entry->d_name, &why))
			continue;
		if (first.page && !is_prepared(&now)) {
			peer_map_close(&now);
			continue;
		}
		peer_map_close(&first);
		first = now;
	}
	if (dir)
		closedir(dir);
	*map = first;
	if (first.page)
		return 0;
	if (why.text[0])
		return error_set(err, -EACCES, "%s", why.text);
	return error_set(err, -ENODEV,
		"this machine has no ivshmem device: 'clkdrift serve --explain' on the host tells how a "
		"guest "
		"gets one; on one machine, give the path of the file");
}

int peer_map_open(struct peer_map *map, const char *address, struct error *err)
{
	*map = (struct peer_map){ 0 };
	if (strcmp(address, PEER_ADDRESS_AUTO) == 0)
		return map_any_device(map, err);
	if (strlen(address) >= sizeof(map->path))
		return error_set(err, -ENAMETOOLONG, "the path of the shared memory is too long");
	strcpy(map->path, address);
	return map_path(map, err);
}

void peer_map_close(struct peer_map *map)
{
	if (map->page)
		munmap(map->page, PEER_PAGE_SIZE);
	if (map->enable[0])
		write_enable(map->enable, "0");
	map->page = NULL;
	map->enable[0] = '\0';
}

int peer_map_follow(struct peer_map *map)
{
	struct peer_map now = { 0 };
	struct error why = { "" };
	struct stat st;

	if (stat(map->path, &st) || (st.st_ino == map->inode && st.st_dev == map->device))
		return 0;
	strcpy(now.path, map->path);
	if (map_path(&now, &why))
		return 0;
	if (!is_prepared(&now)) {
		peer_map_close(&now);
		return 0;
	}
	strcpy(now.enable, map->enable);
	munmap(map->page, PEER_PAGE_SIZE);
	*map = now;
	return 1;
}
