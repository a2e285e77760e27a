/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_key.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void peer_key_set(struct peer_key *key, const void *bytes, size_t size)
{
	hmac_sha256_set_key(&key->context, size, bytes);
}

/* The bytes of the file, one more than PEER_KEY_MAX at most.  Their number or -errno. */
static ssize_t key_read(int fd, const char *path, uint8_t bytes[PEER_KEY_MAX + 1], struct error *err)
{
	struct stat st;
	ssize_t size;

	if (fstat(fd, &st))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file: write the key into one", path);
	if (st.st_mode & S_IRWXO)
		return error_set(
			err, -EACCES, "everybody may read or write the key %s: chmod o= %s", path, path);
	size = read(fd, bytes, PEER_KEY_MAX + 1);
	if (size < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (size < PEER_KEY_MIN || size > PEER_KEY_MAX)
		return error_set(err, -EINVAL,
			"the key %s must have %d to %d bytes: head -c 32 /dev/urandom > %s", path,
			PEER_KEY_MIN, PEER_KEY_MAX, path);
	return size;
}

int peer_key_load(struct peer_key *key, const char *path, struct error *err)
{
	/* O_NONBLOCK: a FIFO must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t bytes[PEER_KEY_MAX + 1];
	ssize_t size;

	if (fd < 0)
		return error_set(err, -errno, "cannot read the key %s: %s", path, strerror(errno));
	size = key_read(fd, path, bytes, err);
	close(fd);
	if (size > 0)
		peer_key_set(key, bytes, (size_t)size);
	explicit_bzero(bytes, sizeof(bytes));
	return size < 0 ? (int)size : 0;
}

void peer_key_sign(const struct peer_key *key, const void *data, size_t size, uint8_t *mac)
{
	/* The digest starts the context anew for the next message, so a copy is used up. */
	struct hmac_sha256_ctx context = key->context;

	hmac_sha256_update(&context, size, data);
	hmac_sha256_digest(&context, PEER_MAC_SIZE, mac);
}

bool peer_key_check(const struct peer_key *key, const void *data, size_t size, const uint8_t *mac)
{
	uint8_t right[PEER_MAC_SIZE];

	peer_key_sign(key, data, size, right);
	return memeql_sec(right, mac, PEER_MAC_SIZE);
}
