/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef PROBES_PEER_VSOCK_H
#define PROBES_PEER_VSOCK_H

#include <linux/vm_sockets.h>

#include "results/error.h"

/*
 * "CID:PORT", or "PORT" where default_cid is not 0.  CID 2 is the host of a guest, 1 this machine itself
 * (vsock(7)).  Returns 0 or -EINVAL with err set.
 */
int peer_vsock_parse(const char *text, unsigned default_cid, struct sockaddr_vm *address, struct error *err);

#endif
