/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer.h"

#include <stdio.h>
#include <time.h>

#include "probes/posix_clock.h"
#include "probes/tsc.h"

const struct peer_transport *const peer_transports[] = {
	&peer_shm,
	&peer_udp,
	&peer_vsock,
	NULL,
};

/* FNV-1a of 64 bits. */
uint64_t peer_kernel_word(void)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[64];
	size_t length = in ? fread(text, 1, sizeof(text), in) : 0;

	if (in)
		fclose(in);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return length ? hash : 0;
}

void peer_values_read(struct peer_values *values)
{
	values->monotonic_raw_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	values->tsc_cycles = tsc_before();
	values->monotonic_ns = posix_clock_ns(CLOCK_MONOTONIC);
	values->realtime_ns = posix_clock_ns(CLOCK_REALTIME);
}
