/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Windows since Vista has no boot.ini: what to do there, in words. */
#include <strings.h>

#include "bench/candidate.h"
#include "bench/guest_timers.h"

static bool windows_wanted(const struct candidate_request *request)
{
	return strncasecmp(request->guest_os, "windows", 7) == 0 || candidate_for_windows(request);
}

/* Also where it is not told which Windows it is. */
static const char since_vista[] =
	"\nWindows Vista, Server 2008 and later keep their boot settings in the BCD store.\n"
	"1. First the hypervisor: the enlightenments hv-time and hv-frequencies give Windows a clock that "
	"it\n"
	"   reads without leaving the guest (libvirt-clock.xml and qemu-options.txt have them).  With them\n"
	"   nothing is to be set inside.  Look whether something was, as administrator:\n"
	"       bcdedit /enum {current}\n"
	"   and take it back, so that Windows chooses the enlightened clock:\n"
	"       bcdedit /deletevalue {current} useplatformclock\n"
	"2. Only where there are no enlightenments: back up the store and ask for the platform's clock, "
	"which\n"
	"   is an emulated timer under a hypervisor, steady but slow to read:\n"
	"       bcdedit /export C:\\bcd-before\n"
	"       bcdedit /set {current} useplatformclock true\n"
	"   Reboot.  Back again: bcdedit /deletevalue {current} useplatformclock\n";

static int windows_transform(
	const struct candidate_input *in, struct candidate_output *out, struct error *err)
{
	(void)err;
	fprintf(out->text,
		"Windows XP and Server 2003 read boot.ini: the switch is /usepmtimer, in one word, on the "
		"line of\n"
		"each system.%s\n",
		in->request->boot_ini
			? ""
			: "  Give the file with --boot-ini FILE to have a candidate of it made.");
	if (guest_timers(in->request).enlightened || !guest_timers(in->request).windows)
		fputs(since_vista, out->text);
	out->entries = out->changed = 1;
	return 0;
}

const struct candidate candidate_windows = {
	.name = "windows",
	.summary = "what to do in Windows, in words",
	.wanted = windows_wanted,
	.file = "windows.txt",
	.home = "nowhere: it is to be read",
	.steps = "Read it, and do what fits this Windows.\n",
	.transform = windows_transform,
};
