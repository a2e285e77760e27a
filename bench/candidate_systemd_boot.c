/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Entries of systemd-boot, on the EFI system partition. */
#include "bench/candidate.h"
#include "bench/loader_entry.h"

const struct candidate candidate_systemd_boot = {
	.name = "systemd_boot",
	.summary =
		"systemd-boot entries of the EFI system partition with the parameters on their options line",
	.wanted = candidate_for_linux,
	.live = (const char *const[]){ "/boot/efi/loader/entries/*.conf", "/efi/loader/entries/*.conf",
		NULL },
	.file = "efi-%s",
	.steps = "Back up the live file and compare the two: nothing but the added parameters may differ.\n"
		 "Rename the candidate to the name of the live file, on the same file system.\n"
		 "For kernels to come put the parameters into /etc/kernel/cmdline too; kernel-install reads "
		 "it.\n"
		 "Reboot, and look at /proc/cmdline.\n",
	.words = WORDS_LINUX,
	.heads = loader_entry_heads,
	.line = true,
	.transform = loader_entry_transform,
};
