/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A key that asker and responder share, and HMAC-SHA256 (RFC 2104) with it. */
#ifndef PROBES_PEER_KEY_H
#define PROBES_PEER_KEY_H

#include <nettle/hmac.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define PEER_MAC_SIZE SHA256_DIGEST_SIZE
#define PEER_KEY_MIN  16 /* bytes */
#define PEER_KEY_MAX  1024

struct peer_key {
	struct hmac_sha256_ctx context; /* with the key taken in */
};

void peer_key_set(struct peer_key *key, const void *bytes, size_t size);

/*
 * Reads the key: all bytes of a regular file that only its owner and group may touch, PEER_KEY_MIN to
 * PEER_KEY_MAX of them.  Returns 0 or -errno with err set.
 */
int peer_key_load(struct peer_key *key, const char *path, struct error *err);

/* mac[PEER_MAC_SIZE] of the data. */
void peer_key_sign(const struct peer_key *key, const void *data, size_t size, uint8_t *mac);

/* In a time that does not depend on where they differ. */
bool peer_key_check(const struct peer_key *key, const void *data, size_t size, const uint8_t *mac);

#endif
