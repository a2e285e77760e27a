/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/idle_states.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpuidle.h>

#define PATH_SIZE 96

static void disable_path(int cpu, unsigned state, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "/sys/devices/system/cpu/cpu%d/cpuidle/state%u/disable", cpu, state);
}

void idle_state_name(int cpu, unsigned state, char name[IDLE_NAME_MAX])
{
	char *text = cpuidle_state_name((unsigned)cpu, state);

	if (text && text[0])
		snprintf(name, IDLE_NAME_MAX, "%s", text);
	else
		snprintf(name, IDLE_NAME_MAX, "state%u", state);
	free(text);
}

/* 1: disabled by the user, 0: not, or -errno. */
static int is_disabled(int cpu, unsigned state, struct error *err)
{
	int is = cpuidle_is_state_disabled((unsigned)cpu, state);
	char path[PATH_SIZE];

	if (is >= 0)
		return is > 0;
	disable_path(cpu, state, path);
	return error_set(err, -ENOENT, "%s is not there; is CPU %d offline?", path, cpu);
}

int idle_state_check(int cpu, unsigned state, bool disable, struct error *why)
{
	int is = is_disabled(cpu, state, why);
	char path[PATH_SIZE];

	if (is < 0 || is == disable)
		return is < 0 ? is : 0;
	disable_path(cpu, state, path);
	/* For root too: a container has sysfs read-only. */
	return access(path, W_OK) == 0 ? 0 : error_set(why, -errno, "%s: %s", path, strerror(errno));
}

int idle_state_disable(struct journal *journal, int cpu, unsigned state, bool disable, struct error *err)
{
	int is = is_disabled(cpu, state, err), rc;
	char path[PATH_SIZE];

	if (is < 0 || is == disable)
		return is < 0 ? is : 0;
	disable_path(cpu, state, path);
	rc = journal_add_file(journal, path, err);
	if (rc)
		return rc;
	/* libcpupower returns numbers of its own, and leaves the errno of the open or write that failed. */
	errno = 0;
	if (cpuidle_state_disable((unsigned)cpu, state, disable)) {
		int code = errno ? errno : EIO;

		return error_set(err, -code, "%s: cannot write %d: %s", path, disable, strerror(code));
	}
	is = is_disabled(cpu, state, err);
	if (is < 0)
		return is;
	return is == disable ? 0 : error_set(err, -EIO, "%s: the kernel did not take %d", path, disable);
}
