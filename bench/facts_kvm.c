/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * How KVM maps this host's TSC to that of its guests (arch/x86/kvm/debugfs.c):
 * one directory PID-FD a guest, in it one directory vcpuN a vCPU.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/facts_read.h"

#define KVM_DEBUG "/sys/kernel/debug/kvm"
/* Beyond them the facts would not fit into the page that a guest reads (probes/peer_page.h). */
#define VCPUS_MAX  128
#define GUESTS_MAX 128

struct guest {
	int pid, fd; /* of the process that made it; its file */
};

static int by_pid(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;
	int order = (x->pid > y->pid) - (x->pid < y->pid);

	return order ? order : (x->fd > y->fd) - (x->fd < y->fd);
}

/* The guests, ascending; how many, or -errno. */
static int list_guests(const struct facts *f, struct guest guests[GUESTS_MAX])
{
	char full[PATH_MAX];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	if ((size_t)snprintf(full, sizeof(full), "%s" KVM_DEBUG, f->src->root) >= sizeof(full))
		return -ENAMETOOLONG;
	dir = opendir(full);
	if (!dir)
		return -errno;
	while (count < GUESTS_MAX && (entry = readdir(dir))) {
		struct guest *g = &guests[count];
		char end;

		if (sscanf(entry->d_name, "%d-%d%c", &g->pid, &g->fd, &end) == 2 && g->pid > 0 && g->fd >= 0)
			count++;
	}
	closedir(dir);
	qsort(guests, (size_t)count, sizeof(*guests), by_pid);
	return count;
}

/* A guest may end at any time: one whose offset is gone is left out.  Ratio and bits are there where KVM can scale. */
static void add_vcpu(struct facts *f, json_t *list, const struct guest *g, unsigned vcpu)
{
	char dir[128];
	json_t *offset, *entry;

	snprintf(dir, sizeof(dir), KVM_DEBUG "/%d-%d/vcpu%u", g->pid, g->fd, vcpu);
	offset = facts_value(f, FACTS_INTEGER, false, "%s/tsc-offset", dir);
	if (json_is_null(offset)) {
		json_decref(offset);
		return;
	}
	entry = json_pack("{s:i, s:i, s:i}", "pid", g->pid, "fd", g->fd, "vcpu", (int)vcpu);
	facts_set(f, entry, "tsc_offset", offset);
	facts_set(f, entry, "tsc_scaling_ratio",
		facts_value(f, FACTS_INTEGER, false, "%s/tsc-scaling-ratio", dir));
	facts_set(f, entry, "frac_bits",
		facts_value(f, FACTS_INTEGER, false, "%s/tsc-scaling-ratio-frac-bits", dir));
	facts_append(f, list, entry);
}

static void add_guest(struct facts *f, json_t *list, const struct guest *g)
{
	unsigned *vcpus = calloc(FACTS_LIST_MAX, sizeof(*vcpus));
	char dir[96];
	size_t count;

	snprintf(dir, sizeof(dir), KVM_DEBUG "/%d-%d", g->pid, g->fd);
	count = vcpus ? facts_numbers(f, dir, "vcpu", vcpus) : 0;
	f->failed |= !vcpus;
	for (size_t i = 0; i < count && json_array_size(list) < VCPUS_MAX; i++)
		add_vcpu(f, list, g, vcpus[i]);
	free(vcpus);
}

json_t *facts_kvm_vcpus(struct facts *f)
{
	struct guest guests[GUESTS_MAX];
	json_t *list;
	int count;

	/* Without KVM there is nothing to be known. */
	if (facts_exists(f, "/sys/module/kvm"))
		return json_null();
	count = list_guests(f, guests);
	if (count < 0) {
		facts_note(f, KVM_DEBUG,
			count == -ENOENT   ? "not there: mount -t debugfs none /sys/kernel/debug"
			: count == -EACCES ? "only root can read it"
					   : strerror(-count));
		return json_null();
	}
	list = json_array();
	for (int i = 0; i < count && json_array_size(list) < VCPUS_MAX; i++)
		add_guest(f, list, &guests[i]);
	if (json_array_size(list) == VCPUS_MAX || count == GUESTS_MAX)
		facts_note(f, KVM_DEBUG, "many guests: not all of their vCPUs are listed");
	return list;
}

/* What it may say of unreadable files is in the first snapshot already. */
int facts_kvm_refresh(const struct facts_source *src, json_t *facts)
{
	struct facts f = { .src = src, .unreadable = json_array() };
	json_t *list = facts_kvm_vcpus(&f);
	int changed = !json_equal(list, json_object_get(facts, "kvm_vcpus"));

	facts_set(&f, facts, "kvm_vcpus", list);
	json_decref(f.unreadable);
	return f.failed ? -ENOMEM : changed;
}
