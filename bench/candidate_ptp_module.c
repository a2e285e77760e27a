/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The module that chrony's snippet needs, loaded at boot. */
#include "bench/candidate.h"

static int ptp_module_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	(void)in;
	(void)err;
	fputs("# For chrony's refclock of the host (clkdrift advise).\nptp_kvm\n", out->text);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_ptp_module = {
	.name = "ptp_module",
	.summary = "a file for modules-load.d that loads ptp_kvm at boot",
	.wanted = candidate_for_ptp,
	.file = "clkdrift-ptp_kvm.modules.conf",
	.home = "/etc/modules-load.d",
	.steps = "Try it first: modprobe ptp_kvm\n"
		 "Copy the candidate to its place; systemd reads it at boot.\n",
	.transform = ptp_module_transform,
};
