/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What processor.max_cstate=1 does at boot, without a reboot: idle states deeper than the first are off. */
#include <string.h>

#include "bench/candidate.h"

static bool idle_wanted(const struct candidate_request *request)
{
	return strstr(request->parameters, "max_cstate") || candidate_mentions(request, "C-state") ||
	       candidate_mentions(request, "cpuidle") || candidate_mentions(request, "idle state");
}

static int idle_transform(const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	(void)in;
	(void)err;
	/* state0 polls and state1 is the shallowest that halts: with the drivers acpi_idle and intel_idle. */
	fputs("[Unit]\n"
	      "Description=Idle states deeper than the first switched off\n"
	      "ConditionPathExistsGlob=/sys/devices/system/cpu/cpu*/cpuidle/state2/disable\n"
	      "After=multi-user.target\n\n"
	      "[Service]\n"
	      "Type=oneshot\n"
	      "RemainAfterExit=yes\n"
	      "ExecStart=/bin/sh -c 'echo 1 | tee /sys/devices/system/cpu/cpu*/cpuidle/state[2-9]*/disable'\n"
	      "ExecStop=/bin/sh -c 'echo 0 | tee "
	      "/sys/devices/system/cpu/cpu*/cpuidle/state[2-9]*/disable'\n\n"
	      "[Install]\n"
	      "WantedBy=multi-user.target\n",
		out->text);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_idle = {
	.name = "idle",
	.summary =
		"a systemd unit that switches deep idle states off, as processor.max_cstate=1 does at boot",
	.wanted = idle_wanted,
	.file = "clkdrift-idle.service",
	.home = "/etc/systemd/system",
	.steps = "Either this or the kernel parameters: processor.max_cstate=1, with intel_idle also "
		 "intel_idle.max_cstate=0.\n"
		 "A state that once stopped the TSC has made it unstable until the next boot: there only the "
		 "parameters help.\n"
		 "Copy the candidate to its place: systemctl daemon-reload, systemctl enable --now "
		 "clkdrift-idle\n"
		 "Look at /sys/devices/system/cpu/cpu*/cpuidle/state*/disable.  It costs power.\n",
	.transform = idle_transform,
};
