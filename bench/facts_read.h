/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Inside of facts_*.c: reading small files into JSON, with the reason noted
 * where that does not work, and the parts that facts_collect() is made of.
 */
#ifndef BENCH_FACTS_READ_H
#define BENCH_FACTS_READ_H

#include <sys/types.h>

#include "bench/facts.h"

#define FACTS_FILE_MAX 65536 /* bytes: of no file is more read, but the kernel log */
#define FACTS_LIST_MAX 8192  /* entries of a directory; the kernel's largest NR_CPUS on x86 */

struct facts {
	const struct facts_source *src;
	json_t *unreadable;
	bool failed; /* out of memory: there will be no snapshot */
};

enum facts_kind {
	FACTS_STRING, /* the first line */
	FACTS_INTEGER,
	FACTS_BOOL,	/* 1 Y 0 N */
	FACTS_WORDS,	/* array of strings */
	FACTS_INTEGERS, /* array of integers */
};

struct facts_attribute {
	const char *key;
	const char *file;
	enum facts_kind kind;
};

/* Says once that something could not be read, and why. */
void facts_note(struct facts *f, const char *what, const char *why);

/* json_object_set_new and json_array_append_new whose failure is not forgotten. */
void facts_set(struct facts *f, json_t *object, const char *key, json_t *value);
void facts_append(struct facts *f, json_t *array, json_t *value);

/* 0 if the path exists, else -errno. */
int facts_exists(const struct facts *f, const char *path);

/* Up to size raw bytes; returns their number or -errno. */
ssize_t facts_load(const struct facts *f, const char *path, void *data, size_t size);

/* Makes text of n bytes: '?' for what is not printable ASCII, a NUL behind it. */
void facts_clean(char *text, size_t n);

/*
 * The file as text: at most size - 1 bytes (longer is noted), cleaned.
 * Returns the length or -errno.
 */
ssize_t facts_read(struct facts *f, const char *path, char *text, size_t size);

/* The text as JSON, NULL if it is not of that kind. */
json_t *facts_parse(enum facts_kind kind, char *text);

/* The file's value, or null with the reason noted (unless !noted). */
json_t *facts_value(struct facts *f, enum facts_kind kind, bool noted, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* An object of several files of one directory. */
json_t *facts_attributes(
	struct facts *f, const char *dir, const struct facts_attribute *attributes, size_t n, bool noted);

/* The numbers N of the entries "prefixN" in dir, ascending; how many, 0 where there is no dir. */
size_t facts_numbers(struct facts *f, const char *dir, const char *prefix, unsigned numbers[FACTS_LIST_MAX]);

/* How many CPUs "0-3,8" names; -1 if it is no such list. */
int facts_list_count(const char *list);

/* Ascending numbers as "0-3,8". */
json_t *facts_list_text(const unsigned *numbers, size_t n);

/* The parts: each a new reference. */
json_t *facts_cpu(struct facts *f);
json_t *facts_cpuid(struct facts *f);
json_t *facts_idle(struct facts *f);
json_t *facts_cpufreq(struct facts *f);
json_t *facts_pm_timer(struct facts *f);
json_t *facts_ptp(struct facts *f);
json_t *facts_rtc(struct facts *f);
json_t *facts_time_daemon(struct facts *f);
json_t *facts_adjtimex(struct facts *f);
json_t *facts_kernel_log(struct facts *f);
json_t *facts_kvm_vcpus(struct facts *f);

/* Those that put together what is in facts already. */
json_t *facts_hypervisor(struct facts *f, const json_t *facts);
json_t *facts_tsc(struct facts *f, const json_t *facts);
json_t *facts_hpet(struct facts *f, const json_t *facts);

#endif
