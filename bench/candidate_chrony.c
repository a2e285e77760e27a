/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* chrony in a KVM guest takes the host's clock through the device of ptp_kvm. */
#include <errno.h>

#include "bench/candidate.h"
#include "bench/lines.h"

#define DEVICE "/dev/ptp_kvm"

/* A directive of chrony.conf that is no comment and speaks of `part`. */
static bool directive(const struct bytes *conf, const char *name, const char *part)
{
	struct line line = { 0 };
	size_t head, head_end;

	while (line_next(conf->at, conf->length, &line)) {
		line_head(conf->at, &line, "", &head, &head_end);
		if (head_end - head == strlen(name) &&
			strncasecmp(conf->at + head, name, head_end - head) == 0 &&
			memmem(conf->at + head_end, line.end - head_end, part, strlen(part)))
			return true;
	}
	return false;
}

static int chrony_transform(const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	const struct candidate_beside *conf = in->beside_count ? &in->beside[0] : NULL;

	if (conf && directive(&conf->text, "refclock", "ptp_kvm"))
		return error_set(err, -ENODATA, "%s: has a refclock of ptp_kvm already", conf->path);
	if (conf && !directive(&conf->text, "confdir", "/") && !directive(&conf->text, "include", "/"))
		fprintf(out->notes,
			"%s reads no other directory: put the line into it, or add: confdir /etc/chrony.d\n",
			conf->path);
	if (!conf)
		fprintf(out->notes, "chrony.conf is not there: install chrony first\n");
	fputs("# The host's clock, through ptp_kvm (clkdrift advise).\n"
	      "refclock PHC " DEVICE " poll 2\n",
		out->text);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_chrony = {
	.name = "chrony",
	.summary = "a snippet for chrony that takes the host's clock through ptp_kvm",
	.wanted = candidate_for_ptp,
	.beside = (const char *const[]){ "/etc/chrony/chrony.conf", "/etc/chrony.conf", NULL },
	.file = "clkdrift-ptp_kvm.conf",
	.home = "/etc/chrony/conf.d",
	.steps = "Needs the module ptp_kvm (see clkdrift-ptp_kvm.modules.conf), and a host whose own clock "
		 "is disciplined.\n"
		 "Where udev makes no " DEVICE
		 ", write the /dev/ptpN whose /sys/class/ptp/ptpN/clock_name is \"KVM virtual PTP\".\n"
		 "Copy the candidate to its place; where chrony.conf names another directory "
		 "(/etc/chrony.d), there.\n"
		 "Restart chrony, and look at: chronyc sources\n",
	.transform = chrony_transform,
};
