/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer.h"

#include <time.h>

#include "probes/posix_clock.h"
#include "probes/tsc.h"

const struct peer_transport *const peer_transports[] = {
	&peer_shm,
	&peer_udp,
	&peer_vsock,
	NULL,
};

void peer_values_read(struct peer_values *values)
{
	values->monotonic_raw_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	values->tsc_cycles = tsc_before();
	values->monotonic_ns = posix_clock_ns(CLOCK_MONOTONIC);
	values->realtime_ns = posix_clock_ns(CLOCK_REALTIME);
}
