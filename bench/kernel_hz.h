/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef BENCH_KERNEL_HZ_H
#define BENCH_KERNEL_HZ_H

/*
 * HZ of the kernel of that release, from its configuration in /boot or /lib/modules below root; 0: not
 * known.  USER_HZ, which sysconf() tells, is another number.
 */
int kernel_hz(const char *root, const char *release);

#endif
