/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/elf_needs.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define PARTS_MAX   64
#define ENTRIES_MAX 4096

/* A program header of either class. */
struct part {
	uint32_t type;
	uint64_t offset, address, size;
};

struct file {
	int fd;
	bool is_64;
	struct part parts[PARTS_MAX];
	unsigned part_count;
};

static bool get(const struct file *f, uint64_t at, void *to, size_t size)
{
	return at <= INT64_MAX && pread(f->fd, to, size, (off_t)at) == (ssize_t)size;
}

static bool read_part(const struct file *f, uint64_t at, struct part *part)
{
	Elf32_Phdr small;
	Elf64_Phdr big;

	if (f->is_64) {
		if (!get(f, at, &big, sizeof(big)))
			return false;
		*part = (struct part){ big.p_type, big.p_offset, big.p_vaddr, big.p_filesz };
		return true;
	}
	if (!get(f, at, &small, sizeof(small)))
		return false;
	*part = (struct part){ small.p_type, small.p_offset, small.p_vaddr, small.p_filesz };
	return true;
}

static bool read_parts(struct file *f, unsigned *machine)
{
	/* Up to e_machine both classes are the same. */
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr small;
		Elf64_Ehdr big;
	} head = { .ident = { 0 } };
	uint64_t at;

	if (!get(f, 0, &head.small, sizeof(head.small)) || memcmp(head.ident, ELFMAG, SELFMAG) != 0 ||
		head.ident[EI_DATA] != ELFDATA2LSB)
		return false;
	f->is_64 = head.ident[EI_CLASS] == ELFCLASS64;
	if (!f->is_64 && head.ident[EI_CLASS] != ELFCLASS32)
		return false;
	if (f->is_64 && !get(f, 0, &head.big, sizeof(head.big)))
		return false;
	*machine = head.small.e_machine;
	at = f->is_64 ? head.big.e_phoff : head.small.e_phoff;
	f->part_count = f->is_64 ? head.big.e_phnum : head.small.e_phnum;
	if (f->part_count > PARTS_MAX)
		return false;
	for (unsigned i = 0; i < f->part_count; i++)
		if (!read_part(
			    f, at + i * (f->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)), &f->parts[i]))
			return false;
	return true;
}

static const struct part *find_part(const struct file *f, uint32_t type)
{
	for (unsigned i = 0; i < f->part_count; i++)
		if (f->parts[i].type == type)
			return &f->parts[i];
	return NULL;
}

/* A string of less than size bytes at a place of the file. */
static bool get_text(const struct file *f, uint64_t at, char *text, size_t size)
{
	ssize_t n = at <= INT64_MAX ? pread(f->fd, text, size, (off_t)at) : -1;

	return n > 0 && text[0] && memchr(text, '\0', (size_t)n);
}

/* Where in the file stands what is at that address in memory; 0: nowhere. */
static uint64_t place_of(const struct file *f, uint64_t address)
{
	for (unsigned i = 0; i < f->part_count; i++) {
		const struct part *p = &f->parts[i];

		if (p->type == PT_LOAD && address >= p->address && address - p->address < p->size)
			return p->offset + (address - p->address);
	}
	return 0;
}

static bool read_entry(const struct file *f, uint64_t at, uint64_t i, uint64_t *tag, uint64_t *value)
{
	Elf32_Dyn small;
	Elf64_Dyn big;

	if (f->is_64) {
		if (!get(f, at + i * sizeof(big), &big, sizeof(big)))
			return false;
		*tag = (uint64_t)big.d_tag;
		*value = big.d_un.d_val;
		return true;
	}
	if (!get(f, at + i * sizeof(small), &small, sizeof(small)))
		return false;
	*tag = (uint32_t)small.d_tag;
	*value = small.d_un.d_val;
	return true;
}

static bool read_libraries(const struct file *f, const struct part *dynamic, struct elf_needs *needs)
{
	uint64_t names[ELF_LIBRARIES_MAX], tag = DT_NEEDED, value, strings = 0;
	size_t entry = f->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);

	for (uint64_t i = 0; i < dynamic->size / entry && tag != DT_NULL; i++) {
		if (i == ENTRIES_MAX || !read_entry(f, dynamic->offset, i, &tag, &value))
			return false;
		if (tag == DT_STRTAB)
			strings = place_of(f, value);
		if (tag != DT_NEEDED)
			continue;
		if (needs->count == ELF_LIBRARIES_MAX)
			return false;
		names[needs->count++] = value;
	}
	if (needs->count && !strings)
		return false;
	for (size_t i = 0; i < needs->count; i++)
		if (!get_text(f, strings + names[i], needs->libraries[i], sizeof(needs->libraries[i])) ||
			strchr(needs->libraries[i], '/'))
			return false;
	return true;
}

int elf_needs_read(const char *path, struct elf_needs *needs, struct error *err)
{
	struct file f = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	const struct part *loader, *dynamic;
	bool good;

	*needs = (struct elf_needs){ 0 };
	if (f.fd < 0)
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	good = read_parts(&f, &needs->machine);
	loader = good ? find_part(&f, PT_INTERP) : NULL;
	dynamic = good ? find_part(&f, PT_DYNAMIC) : NULL;
	if (loader)
		good = get_text(&f, loader->offset, needs->loader, sizeof(needs->loader)) &&
		       needs->loader[0] == '/';
	if (good && dynamic)
		good = read_libraries(&f, dynamic, needs);
	close(f.fd);
	return good ? 0 : error_set(err, -ENOEXEC, "%s: not a program, or a damaged one", path);
}
