/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What cpuspeed's limits were, on a machine with systemd: governor and lowest frequency from boot on. */
#include "bench/candidate.h"

static bool governor_wanted(const struct candidate_request *request)
{
	return candidate_mentions(request, "cpuspeed") || candidate_mentions(request, "MIN_SPEED") ||
	       candidate_mentions(request, "governor") || candidate_mentions(request, "cpufreq");
}

/* The governor alone keeps the frequency only as long as nobody sets another one. */
static bool holds_minimum(const struct candidate_request *request)
{
	return candidate_mentions(request, "cpuspeed") || candidate_mentions(request, "MIN_SPEED") ||
	       candidate_mentions(request, "scaling_min_freq");
}

static int governor_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	(void)err;
	/* A loop: what one of them refuses keeps none of the others from being set.
	   systemd makes one '$' of two. */
	fprintf(out->text,
		"[Unit]\n"
		"Description=CPUs at their highest frequency\n"
		"ConditionPathExistsGlob=/sys/devices/system/cpu/cpufreq/policy*\n"
		"After=multi-user.target\n\n"
		"[Service]\n"
		"Type=oneshot\n"
		"RemainAfterExit=yes\n"
		"ExecStart=/bin/sh -c 'rc=0; cd /sys/devices/system/cpu/cpufreq || exit; for p in policy*; "
		"do "
		"echo performance >$$p/scaling_governor || rc=1; %sdone; exit $$rc'\n\n"
		"[Install]\n"
		"WantedBy=multi-user.target\n",
		holds_minimum(in->request)
			? "[ -e $$p/cpuinfo_max_freq ] && [ -e $$p/scaling_min_freq ] || continue; "
			  "cat $$p/cpuinfo_max_freq >$$p/scaling_min_freq || rc=1; "
			: "");
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_governor = {
	.name = "governor",
	.summary = "a systemd unit that holds the CPUs at their highest frequency, today's way to do what "
		   "cpuspeed did",
	.wanted = governor_wanted,
	.file = "clkdrift-governor.service",
	.home = "/etc/systemd/system",
	.steps =
		"Only for hosts without constant_tsc; where tuned or power-profiles-daemon sets governors, "
		"tell it instead.\n"
		"Try it first: cpupower frequency-set -g performance\n"
		"Copy the candidate to its place: systemctl daemon-reload, systemctl enable --now "
		"clkdrift-governor\n"
		"Look at scaling_governor and scaling_min_freq in /sys/devices/system/cpu/cpufreq/policy*.\n",
	.transform = governor_transform,
};
