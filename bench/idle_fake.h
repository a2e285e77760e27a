/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests: two CPUs with the idle states POLL, C1, C3 and C6 that nobody enters, and a latency
 * limit that is a file.  They are mounted over the real ones, in mounts of the test alone:
 * libcpupower knows no other place.
 */
#ifndef BENCH_IDLE_FAKE_H
#define BENCH_IDLE_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKE_CPU_DIR "/sys/devices/system/cpu"
#define FAKE_LIMIT   "/dev/cpu_dma_latency"
#define FAKE_CPUS    2
#define FAKE_STATES  4

static const char *const fake_names[FAKE_STATES] = { "POLL", "C1", "C3", "C6" };
static const int fake_latencies_us[FAKE_STATES] = { 0, 2, 50, 200 };

/* false: it could not be done. */
static bool fake_put(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fake_put(const char *text, const char *format, ...)
{
	char path[160] = FAKE_CPU_DIR "/";
	size_t at = strlen(path);
	va_list list;
	bool done;
	int fd;

	va_start(list, format);
	vsnprintf(path + at, sizeof(path) - at, format, list);
	va_end(list);
	for (char *slash = path + at; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool fake_number(unsigned long number, int cpu, int state, const char *file)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu\n", number);
	return fake_put(text, "cpu%d/cpuidle/state%d/%s", cpu, state, file);
}

static bool fake_cpu(int cpu)
{
	bool done = true;

	for (int s = 0; s < FAKE_STATES; s++) {
		done = done && fake_put(fake_names[s], "cpu%d/cpuidle/state%d/name", cpu, s);
		done = done && fake_number(0, cpu, s, "disable");
		done = done && fake_number(1000, cpu, s, "usage");
		done = done && fake_number(5000000, cpu, s, "time");
		done = done && fake_number((unsigned long)fake_latencies_us[s], cpu, s, "latency");
	}
	return done;
}

static bool fake_limit_put(int32_t us)
{
	int fd = open(FAKE_LIMIT, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, &us, sizeof(us), 0) == sizeof(us);

	if (fd >= 0)
		close(fd);
	return done;
}

static int32_t fake_limit_read(void)
{
	int fd = open(FAKE_LIMIT, O_RDONLY | O_CLOEXEC);
	int32_t us = -1;

	if (fd < 0 || pread(fd, &us, sizeof(us), 0) != sizeof(us))
		us = -1;
	if (fd >= 0)
		close(fd);
	return us;
}

static const char *fake_fail(const char *what)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	return text;
}

/* From here on this process sees the fake.  NULL, or why that is not possible. */
static const char *fake_idle(void)
{
	static bool alone;
	bool done = true;

	if (!alone && unshare(CLONE_NEWNS))
		return fake_fail("no mounts of its own");
	alone = true;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return fake_fail("cannot make mounts private");
	if (mount("fake", FAKE_CPU_DIR, "tmpfs", 0, NULL))
		return fake_fail("cannot mount over " FAKE_CPU_DIR);
	done = fake_put("intel_idle\n", "cpuidle/current_driver") && fake_put("", "limit");
	for (int cpu = 0; cpu < FAKE_CPUS; cpu++)
		done = done && fake_cpu(cpu);
	if (!done)
		return fake_fail("cannot write below " FAKE_CPU_DIR);
	if (mount(FAKE_CPU_DIR "/limit", FAKE_LIMIT, NULL, MS_BIND, NULL))
		return fake_fail("cannot mount over " FAKE_LIMIT);
	return fake_limit_put(2000000000) ? NULL : fake_fail("cannot write " FAKE_LIMIT);
}

static void fake_idle_end(void)
{
	umount2(FAKE_LIMIT, MNT_DETACH);
	umount2(FAKE_CPU_DIR, MNT_DETACH);
}

#endif
