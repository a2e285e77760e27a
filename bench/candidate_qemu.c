/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The same as libvirt's <clock> for a guest whose QEMU is started by hand. */
#include "bench/candidate.h"
#include "bench/guest_timers.h"

static void write_cpu(const struct guest_timers *timers, FILE *out)
{
	if (!timers->enlightened && !timers->invtsc && !timers->kvmclock_off)
		return;
	fputs("-cpu host", out);
	if (timers->enlightened)
		fputs(",hv-relaxed=on,hv-vapic=on,hv-time=on,hv-frequencies=on", out);
	if (timers->invtsc)
		fputs(",invtsc=on", out);
	if (timers->tsc_hz > 0)
		fprintf(out, ",tsc-frequency=%.0f", timers->tsc_hz);
	if (timers->kvmclock_off)
		fputs(",kvmclock=off", out);
	fputc('\n', out);
}

static int qemu_transform(const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	struct guest_timers timers = guest_timers(in->request);

	(void)err;
	fprintf(out->text, "-rtc base=%s,clock=host,driftfix=slew\n", timers.windows ? "localtime" : "utc");
	fputs("-global kvm-pit.lost_tick_policy=delay\n", out->text);
	fprintf(out->text, "-machine hpet=%s\n", timers.hpet ? "on" : "off");
	write_cpu(&timers, out->text);
	if (timers.invtsc && timers.tsc_hz <= 0)
		fputs("invtsc without tsc-frequency= keeps the guest from being migrated\n", out->notes);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_qemu = {
	.name = "qemu",
	.summary = "options of QEMU for the guest's timers",
	.wanted = guest_timers_wanted,
	.file = "qemu-options.txt",
	.home = "the command line that starts the guest on its host",
	.steps = "Add these options to the command line; where it has -rtc, -machine or -cpu already, add "
		 "what stands behind the blank there.\n"
		 "For QEMU with KVM on x86.  An older QEMU has -no-hpet in the place of -machine hpet=off.\n"
		 "Shut the guest down and start it: a reboot inside of it changes no timers.\n",
	.transform = qemu_transform,
};
