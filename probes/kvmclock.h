/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What KVM's pvclock page says beside the time. */
#ifndef PROBES_KVMCLOCK_H
#define PROBES_KVMCLOCK_H

/*
 * The frequency in Hz that the hypervisor takes this guest's TSC for, from the multiplier of the page: kvm-clock counts
 * with it.  nominal_hz: about what it must be, to within 10 %.  Returns 0 or -errno: -ENODEV where there is no page.
 */
int kvmclock_tsc_hz(double nominal_hz, double *hz);

#endif
