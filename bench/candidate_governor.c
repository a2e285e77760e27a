/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What cpuspeed's limits were, on a machine with systemd: the performance governor from boot on. */
#include "bench/candidate.h"

static bool governor_wanted(const struct candidate_request *request)
{
	return candidate_mentions(request, "cpuspeed") || candidate_mentions(request, "MIN_SPEED") ||
	       candidate_mentions(request, "governor") || candidate_mentions(request, "cpufreq");
}

static int governor_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	(void)in;
	(void)err;
	/* Writing through tee: a glob that fits several files is no target of a shell's redirection. */
	fputs("[Unit]\n"
	      "Description=CPUs at their highest frequency\n"
	      "ConditionPathExistsGlob=/sys/devices/system/cpu/cpufreq/policy*\n"
	      "After=multi-user.target\n\n"
	      "[Service]\n"
	      "Type=oneshot\n"
	      "RemainAfterExit=yes\n"
	      "ExecStart=/bin/sh -c 'echo performance | tee "
	      "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor'\n\n"
	      "[Install]\n"
	      "WantedBy=multi-user.target\n",
		out->text);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_governor = {
	.name = "governor",
	.summary = "a systemd unit that sets the performance governor, today's way to do what cpuspeed did",
	.wanted = governor_wanted,
	.file = "clkdrift-governor.service",
	.home = "/etc/systemd/system",
	.steps = "Only for hosts without constant_tsc; where tuned or power-profiles-daemon sets governors, "
		 "tell it instead.\n"
		 "Try it first: cpupower frequency-set -g performance\n"
		 "Copy the candidate to its place: systemctl daemon-reload, systemctl enable --now "
		 "clkdrift-governor\n"
		 "Look at /sys/devices/system/cpu/cpufreq/policy*/scaling_governor.\n",
	.transform = governor_transform,
};
