/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Entries of /boot/loader, which GRUB 2 reads on Fedora and RHEL 8 and later. */
#include "bench/candidate.h"
#include "bench/loader_entry.h"

const struct candidate candidate_bls = {
	.name = "bls",
	.summary = "boot loader entries of /boot/loader/entries with the parameters on their options line",
	.wanted = candidate_for_linux,
	.live = (const char *const[]){ "/boot/loader/entries/*.conf", NULL },
	.beside = (const char *const[]){ "/boot/grub2/grubenv", "/boot/efi/EFI/*/grubenv", NULL },
	.file = "boot-%s",
	.steps = "Where grubby is installed, it does the same to all entries and to those of kernels to "
		 "come:\n"
		 "    grubby --update-kernel=ALL --args=\"%p\"%r\n"
		 "Otherwise back up the live file and compare the two: nothing but the added parameters may "
		 "differ.\n"
		 "Rename the candidate to the name of the live file, on the same file system.\n"
		 "Reboot, and look at /proc/cmdline.\n",
	.words = WORDS_LINUX,
	.heads = loader_entry_heads,
	.line = true,
	.transform = loader_entry_transform,
};
