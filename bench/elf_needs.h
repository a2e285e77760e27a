/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a program or a shared library needs to start: its loader and the libraries that it
 * names.  Read from the file (System V ABI, chapters 4 and 5), so that those of another
 * architecture can be looked into; little-endian ones of 32 and 64 bits.
 */
#ifndef BENCH_ELF_NEEDS_H
#define BENCH_ELF_NEEDS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

#define ELF_LIBRARIES_MAX 64

struct elf_needs {
	unsigned machine;				 /* EM_386, EM_X86_64 of elf.h */
	char loader[256];				 /* path; empty: a library, or linked statically */
	char libraries[ELF_LIBRARIES_MAX][NAME_MAX + 1]; /* file names, in the order of the file */
	size_t count;
};

/* 0 or -errno with err set; -ENOEXEC: not such a file, or a damaged one. */
int elf_needs_read(const char *path, struct elf_needs *needs, struct error *err);

#endif
