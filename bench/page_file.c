/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/page_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file system that is full would say so by SIGBUS later: take the room now. */
static int make_file(struct page_file *f, struct error *err)
{
	int rc;

	f->fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return -errno;
	f->made = true;
	rc = posix_fallocate(f->fd, 0, PEER_FILE_SIZE);
	return rc ? error_set(err, -rc, "%s: cannot make %d bytes: %s", f->path, PEER_FILE_SIZE, strerror(rc))
		  : 0;
}

static int take_file(struct page_file *f, struct error *err)
{
	struct stat st;

	f->fd = open(f->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 || fstat(f->fd, &st))
		return error_set(err, -errno, "%s: cannot open it: %s", f->path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size != PEER_FILE_SIZE)
		return error_set(err, -EEXIST,
			"%s: exists, and is not of a clkdrift: it has not %d bytes; choose another path",
			f->path, PEER_FILE_SIZE);
	return 0;
}

/* It may have been removed between its opening and its locking, by the responder that had it. */
static int lock_file(struct page_file *f, struct error *err)
{
	struct stat st;

	if (flock(f->fd, LOCK_EX | LOCK_NB))
		return error_set(err, -errno,
			errno == EWOULDBLOCK ? "%s: another 'clkdrift serve' answers there already"
					     : "%s: cannot lock it",
			f->path);
	if (fstat(f->fd, &st) || st.st_nlink == 0)
		return error_set(err, -EAGAIN, "%s: it was just removed; try again", f->path);
	return 0;
}

static bool is_empty(const struct peer_page *page)
{
	const peer_word *words = (const peer_word *)page;

	for (size_t i = 0; i < PEER_PAGE_SIZE / sizeof(*words); i++)
		if (atomic_load_explicit(&words[i], memory_order_relaxed))
			return false;
	return true;
}

static int map_file(struct page_file *f, struct error *err)
{
	void *page = mmap(NULL, PEER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);

	if (page == MAP_FAILED)
		return error_set(err, -errno, "%s: cannot map it: %s", f->path, strerror(errno));
	f->page = page;
	mlock(page, PEER_PAGE_SIZE); /* so that an answer waits for no swap; without, it mostly does not */
	return 0;
}

/* What is in a file that was there decides whose it is. */
static int check_owner(struct page_file *f, struct error *err)
{
	struct page_header_values header;
	struct error why = { "" };

	if (f->made)
		return 0;
	if (peer_page_check(f->page, &header, &why) == 0) {
		f->made = header.made;
		return 0;
	}
	return is_empty(f->page) ? 0
				 : error_set(err, -EEXIST,
					   "%s: exists, and holds something else; choose another path, or "
					   "remove it",
					   f->path);
}

static void remove_file(const struct page_file *f)
{
	struct stat ours, there;

	if (f->fd >= 0 && fstat(f->fd, &ours) == 0 && lstat(f->path, &there) == 0 &&
		ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
		unlink(f->path);
}

static void release(struct page_file *f)
{
	if (f->page)
		munmap(f->page, PEER_PAGE_SIZE);
	if (f->fd >= 0)
		close(f->fd);
	f->page = NULL;
	f->fd = -1;
}

int page_file_open(struct page_file *f, const char *path, struct error *err)
{
	bool made;
	int rc;

	*f = (struct page_file){ .fd = -1 };
	if ((size_t)snprintf(f->path, sizeof(f->path), "%s", path) >= sizeof(f->path))
		return error_set(err, -ENAMETOOLONG, "the path of the shared file is too long");
	rc = make_file(f, err);
	if (rc == -EEXIST)
		rc = take_file(f, err);
	else if (rc && !f->made)
		error_set(err, rc, "%s: cannot make it: %s", path, strerror(-rc));
	made = f->made;
	if (!rc)
		rc = lock_file(f, err);
	if (!rc)
		rc = map_file(f, err);
	if (!rc)
		rc = check_owner(f, err);
	if (rc && made)
		remove_file(f);
	if (rc)
		release(f);
	return rc;
}

void page_file_close(struct page_file *f)
{
	if (f->page)
		peer_page_retire(f->page);
	if (f->made)
		remove_file(f);
	else if (f->page)
		memset(f->page, 0, PEER_PAGE_SIZE);
	release(f);
}
