/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The clock of a guest in libvirt's XML (formatdomain, "Time keeping"). */
#include "bench/candidate.h"
#include "bench/guest_timers.h"

static void write_clock(const struct guest_timers *timers, FILE *out)
{
	fprintf(out, "  <clock offset='%s'>\n", timers->windows ? "localtime" : "utc");
	/* Interrupts that the guest missed come later, so that a guest that counts them keeps its time. */
	fputs("    <timer name='rtc' tickpolicy='catchup'/>\n"
	      "    <timer name='pit' tickpolicy='delay'/>\n",
		out);
	fprintf(out, "    <timer name='hpet' present='%s'/>\n", timers->hpet ? "yes" : "no");
	if (timers->enlightened)
		fputs("    <timer name='hypervclock' present='yes'/>\n", out);
	else if (!timers->windows)
		fprintf(out, "    <timer name='kvmclock' present='%s'/>\n",
			timers->kvmclock_off ? "no" : "yes");
	if (timers->tsc_hz > 0)
		fprintf(out, "    <timer name='tsc' frequency='%.0f' mode='native'/>\n", timers->tsc_hz);
	fputs("  </clock>\n", out);
}

static int libvirt_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct guest_timers timers = guest_timers(in->request);

	(void)err;
	fputs("<!-- To be merged into the guest's own definition, not to be defined as it is. -->\n"
	      "<domain type='kvm'>\n",
		out->text);
	if (timers.enlightened)
		fputs("  <features>\n    <hyperv>\n      <relaxed state='on'/>\n      <vapic state='on'/>\n"
		      "      <frequencies state='on'/>\n    </hyperv>\n  </features>\n",
			out->text);
	if (timers.invtsc)
		fputs("  <cpu mode='host-passthrough'>\n    <feature policy='require' name='invtsc'/>\n  "
		      "</cpu>\n",
			out->text);
	write_clock(&timers, out->text);
	fputs("</domain>\n", out->text);
	if (timers.invtsc && timers.tsc_hz <= 0)
		fputs("invtsc without a fixed frequency keeps the guest from being migrated\n", out->notes);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_libvirt = {
	.name = "libvirt",
	.summary = "the guest's <clock> and what belongs to it for libvirt",
	.wanted = guest_timers_wanted,
	.file = "libvirt-clock.xml",
	.home = "the guest's definition on its host",
	.steps = "On the host back up the definition: virsh dumpxml --inactive GUEST > GUEST.xml\n"
		 "virsh edit GUEST: put these elements in the place of those of the same name; keep all "
		 "others.\n"
		 "Shut the guest down and start it: a reboot inside of it changes no timers.\n",
	.transform = libvirt_transform,
};
