/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What became of KVM on this machine: where it starts and then hangs, each guest would wait for its deadline in vain.
 *
 * CACHE/kvm-failed: the machine's boot id in its first line, the reason in the second.  It counts until the
 * machine is booted again, or until the file is removed.
 */
#ifndef BENCH_LAB_KVM_NOTE_H
#define BENCH_LAB_KVM_NOTE_H

#include <stdbool.h>
#include <stddef.h>

/* Has KVM failed since boot_id?  why: with the file to remove; always ended with a NUL. */
bool kvm_note_read(const char *cache, const char *boot_id, char *why, size_t size);
/* Where it cannot be written the next guest waits again: no error.  why must be one line. */
void kvm_note_write(const char *cache, const char *boot_id, const char *why);

#endif
