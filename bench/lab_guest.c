/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lab_tables.h"
#include "bench/lab_vcpus.h"
#include "probes/now.h"
#include "results/file.h"
#include "results/text.h"
#include "results/units.h"

#define STATUS "status"
#define SOCKET "qmp"

#define POLL_NS	      (20 * NS_PER_MS)
#define ATTEND_NS     (5 * NS_PER_MS)
#define COMMAND_NS    (5 * NS_PER_SEC)
#define ARGUMENTS_MAX 256
#define CONSOLE_TAIL  (256 * 1024)

/* ---- the command line ---- */

struct line {
	char *argv[ARGUMENTS_MAX + 1];
	size_t count;
	bool failed;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (line->count == ARGUMENTS_MAX || vasprintf(&line->argv[line->count], format, args) < 0) {
		line->failed = true;
		if (line->count < ARGUMENTS_MAX)
			line->argv[line->count] = NULL;
	} else {
		line->count++;
	}
	va_end(args);
}

static void line_free(struct line *line)
{
	for (size_t i = 0; i < line->count; i++)
		free(line->argv[i]);
}

/* In a value of a QEMU option a comma stands twice. */
static void escape(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (; *path && n + 3 < size; path++) {
		if (*path == ',')
			out[n++] = ',';
		out[n++] = *path;
	}
	out[n] = '\0';
}

static void add_words(struct line *line, const char *words)
{
	for (size_t n; *words; words += n) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		if (n)
			add(line, "%.*s", (int)n, words);
	}
}

static void add_machine(struct line *line, const struct lab_guest *g)
{
	const struct lab_config *c = g->config;

	add(line, "-machine");
	/* Machines without an HPET, as microvm, do not know the switch. */
	add(line, "%s%s", c->machine, c->hpet ? "" : ",hpet=off");
	add(line, "-accel");
	add(line, "%s", g->accel);
	add(line, "-cpu");
	add(line, "%s", c->cpu);
	add(line, "-smp");
	if (c->maxvcpus > c->vcpus)
		add(line, "%u,maxcpus=%u", c->vcpus, c->maxvcpus);
	else
		add(line, "%u", c->vcpus);
	add(line, "-m");
	add(line, "%u", c->memory_mb);
	add_words(line, "-nodefaults -no-user-config -display none -no-reboot");
}

static void add_tables(struct line *line, const struct lab_guest *g)
{
	static const char *const names[] = { "cstates", "pstates" };
	const bool wanted[] = { g->config->cstates, g->config->pstates };
	char dir[2 * PATH_MAX];

	escape(g->dir, dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (unsigned cpu = 0; wanted[i] && cpu < g->config->vcpus; cpu++) {
			add(line, "-acpitable");
			add(line, "file=%s/%s-%03X.aml", dir, names[i], cpu);
		}
	/* It keeps what is written to the port of the P-states. */
	if (g->config->pstates)
		add_words(line, "-device pc-testdev");
}

/* The path of a file for QEMU's options: a QEMU that comes later finds it without a name, through our descriptor. */
static void file_path(const struct lab_guest *g, int fd, const char *path, char *out, size_t size)
{
	if (g->incoming)
		snprintf(out, size, "/proc/%d/fd/%d", (int)getpid(), fd);
	else
		escape(path, out, size);
}

static void add_file(const struct lab_guest *g, int fd, const char *name, char *out, size_t size)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", g->dir, name);
	file_path(g, fd, path, out, size);
}

static void add_devices(struct line *line, const struct lab_guest *g)
{
	char dir[2 * PATH_MAX], path[2 * PATH_MAX];
	const char *append = g->incoming ? ",append=on" : ""; /* the other QEMU has written there */

	escape(g->dir, dir, sizeof(dir));
	escape(g->console, path, sizeof(path));
	add(line, "-chardev");
	add(line, "file,id=console,path=%s%s", path, append);
	add_file(g, g->status, STATUS, path, sizeof(path));
	add(line, "-chardev");
	add(line, "file,id=status,path=%s%s", path, append);
	add_words(line, "-serial chardev:console -serial chardev:status -qmp");
	add(line, "unix:%s/" SOCKET ",server=on,wait=off", dir);
	add_file(g, g->disk, LAB_DISK, path, sizeof(path));
	add(line, "-drive");
	/* A file that may become read-only is opened anew by its name when the guest leaves, and has none by then. */
	add(line, "if=virtio,format=raw,cache=unsafe,read-only=off,auto-read-only=off,file=%s%s", path,
		/* The other QEMU has a lock on it, and stands. */
		g->incoming && !g->incoming[0] ? ",file.locking=off" : "");
	/* What it is told to boot from is never asked, and may not be installed. */
	if (g->config->daemon[0])
		add_words(line, "-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=");
	if (!g->shared)
		return;
	file_path(g, g->shared_fd, g->shared, path, sizeof(path));
	add(line, "-object");
	add(line, "memory-backend-file,id=clk,mem-path=%s,size=1M,share=on", path);
	/* Without master=on its guest cannot be migrated. */
	add_words(line, "-device ivshmem-plain,memdev=clk,master=on");
}

int lab_guest_program(const struct lab_config *config, char path[PATH_MAX], struct error *err)
{
	char name[48];

	snprintf(name, sizeof(name), "qemu-system-%s", config->arch);
	return lab_tool_find(name, path)
		       ? 0
		       : error_set(err, -ENOENT,
				 "%s is not installed; install it (Debian: apt install qemu-system-x86)",
				 name);
}

static int make_line(struct line *line, const struct lab_guest *g, struct error *err)
{
	char path[PATH_MAX];
	int rc = lab_guest_program(g->config, path, err);

	if (rc)
		return rc;
	add(line, "%s", path);
	add_machine(line, g);
	add(line, "-kernel");
	add(line, "%s", g->kernel->image);
	add(line, "-initrd");
	if (g->incoming)
		add(line, "/proc/%d/fd/%d", (int)getpid(), g->initrd);
	else
		add(line, "%s/" LAB_INITRD, g->dir);
	add(line, "-append");
	/* A panic ends QEMU, as it does not reboot. */
	add(line, "console=ttyS0 panic=-1 rdinit=/init%s%s%s%s", g->config->append[0] ? " " : "",
		g->config->append, g->append[0] ? " " : "", g->append);
	add_devices(line, g);
	add_tables(line, g);
	add_words(line, g->config->extra);
	if (g->incoming && !g->incoming[0])
		add(line, "-S");
	if (g->incoming && g->incoming[0]) {
		add(line, "-incoming");
		add(line, "unix:%s", g->incoming);
	}
	return line->failed ? error_set(err, -E2BIG, "the command line of QEMU is too long") : 0;
}

/* ---- what it says, and why it ended ---- */

/* The last stage that it told of. */
static enum lab_stage stage_of(const struct lab_guest *g)
{
	static const char *const names[] = { [LAB_INIT] = "init",
		[LAB_SAMPLING] = "sampling",
		[LAB_NO_DISK] = "no-disk",
		[LAB_PACKED] = "packed" };
	char text[512];
	ssize_t n = pread(g->status, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (enum lab_stage stage = LAB_PACKED; stage > LAB_STARTED; stage--) {
		char *at = strstr(text, names[stage]);

		/* Half a line is no word yet. */
		if (at && strpbrk(at, "\r\n"))
			return stage;
	}
	return LAB_STARTED;
}

/* The end of a file as text; NULs are what a serial line says before it is set up. */
static char *read_tail(const char *path)
{
	char *text = malloc(CONSOLE_TAIL + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n = 0;

	if (text && fd >= 0)
		n = pread(fd, text, CONSOLE_TAIL, size > CONSOLE_TAIL ? size - CONSOLE_TAIL : 0);
	if (fd >= 0)
		close(fd);
	if (!text)
		return NULL;
	text[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = '?';
	return text;
}

static void copy_line(const char *begin, char *line, size_t size)
{
	snprintf(line, size, "%.*s", (int)strcspn(begin, "\r\n"), begin);
	text_clean(line);
}

/* The line of the panic, else the last one; what a boot loader paints is no text. */
static bool console_says(const char *path, char *line, size_t size)
{
	static const char panic[] = "Kernel panic - not syncing";
	char *text = read_tail(path), *at = text ? strstr(text, panic) : NULL, *last = text;
	bool panicked = at != NULL;

	line[0] = '\0';
	for (char *c = text; !at && c && *c; c += strcspn(c, "\r\n"), c += strspn(c, "\r\n"))
		last = c;
	if (text)
		copy_line(at ? at : last, line, size);
	free(text);
	return panicked;
}

static int tell_end(const struct lab_guest *g, struct error *err)
{
	const char *said = warden_output(g->warden);
	char line[300], end[64];

	if (console_says(g->console, line, sizeof(line)))
		return error_set(err, -ECHILD, "the guest's kernel panicked: %s", line);
	warden_describe_end(g->warden, end, sizeof(end));
	if (warden_exit_status(g->warden) == 0)
		return error_set(err, -ECHILD, "the guest ended before it was done; its last line: %s", line);
	copy_line(said, line, sizeof(line));
	return error_set(err, -ECHILD, "QEMU: %s: %s", end, line[0] ? line : "no message");
}

static int tell_hang(const struct lab_guest *g, double deadline_s, struct error *err)
{
	static const char *const where[] = { [LAB_STARTED] = "in its boot",
		[LAB_INIT] = "in its setup",
		[LAB_SAMPLING] = "in its run",
		[LAB_NO_DISK] = "at its end",
		[LAB_PACKED] = "at its end" };
	char line[300];

	if (console_says(g->console, line, sizeof(line)))
		return error_set(err, -ETIMEDOUT, "the guest's kernel panicked: %s", line);
	return error_set(err, -ETIMEDOUT,
		"the guest hangs %s: not done after %.3g s (see --deadline); its last line: %s",
		where[stage_of(g)], deadline_s, line[0] ? line : "(none)");
}

/* ---- its life ---- */

static int open_files(struct lab_guest *g, struct error *err)
{
	char path[PATH_MAX], initrd[PATH_MAX];
	int rc = path_join(path, sizeof(path), g->dir, STATUS, err);

	if (!rc)
		rc = path_join(initrd, sizeof(initrd), g->dir, LAB_INITRD, err);
	if (rc)
		return rc;
	/* Ours, so that it is there from the beginning; QEMU writes over it. */
	g->status = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (g->status < 0)
		return error_set(err, -errno, "%s: cannot write: %s", path, strerror(errno));
	g->initrd = open(initrd, O_RDONLY | O_CLOEXEC);
	return g->initrd >= 0 ? 0 : error_set(err, -errno, "%s: cannot read: %s", initrd, strerror(errno));
}

static uint64_t start_deadline(const struct lab_guest *g)
{
	return g->started_ns + (uint64_t)(g->start_s * (double)NS_PER_SEC);
}

static int connect_qmp(struct lab_guest *g, struct error *err)
{
	uint64_t deadline = start_deadline(g);
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), g->dir, SOCKET, err);

	while (!rc && !g->qmp) {
		g->qmp = qmp_open(path, deadline, &rc, err);
		if (g->qmp)
			break;
		if (!warden_poll(g->warden))
			return tell_end(g, err);
		if (rc == -ENOENT || rc == -ECONNREFUSED)
			rc = now_ns() < deadline
				     ? lab_wait_for(g->wait, POLL_NS, err)
				     : error_set(err, -ETIMEDOUT, "QEMU does not open its control socket");
	}
	return rc;
}

int lab_guest_start(struct lab_guest *g, struct error *err)
{
	struct warden_plan plan = { .cpu = -1, .share = 100 };
	struct line line = { 0 };
	int rc = g->incoming ? 0 : open_files(g, err);

	for (unsigned cpu = 0; !rc && cpu < g->config->vcpus; cpu++) {
		if (g->config->cstates)
			rc = lab_table_compile(g->wait, g->dir, "cstates", cpu, err);
		if (!rc && g->config->pstates)
			rc = lab_table_compile(g->wait, g->dir, "pstates", cpu, err);
	}
	if (!rc)
		rc = make_line(&line, g, err);
	if (!rc) {
		plan.argv = line.argv;
		g->started_ns = now_ns();
		g->warden = warden_start(&plan, err);
		rc = g->warden ? 0 : -EIO;
	}
	line_free(&line);
	if (!rc)
		rc = connect_qmp(g, err);
	/* Its answer means that the machine is made, and so all files are open. */
	if (!rc)
		rc = lab_vcpus_place(g, err);
	/* What QEMU said tells more than that it has gone. */
	if (rc == -EPIPE) {
		lab_wait_for(g->wait, 100 * NS_PER_MS, NULL);
		if (!warden_poll(g->warden)) {
			*err = (struct error){ "" };
			rc = tell_end(g, err);
		}
	}
	return rc;
}

int lab_guest_await(struct lab_guest *g, enum lab_stage stage, double deadline_s, struct error *err)
{
	uint64_t deadline = now_ns() + (uint64_t)(deadline_s * (double)NS_PER_SEC);
	int rc = 0;

	while (!rc && stage_of(g) < stage) {
		uint64_t began = now_ns();

		/* It may have said so just before it ended. */
		if (!warden_poll(g->warden))
			return stage_of(g) >= stage ? 0 : tell_end(g, err);
		if (now_ns() > deadline)
			return tell_hang(g, deadline_s, err);
		if (g->attend)
			rc = g->attend(g->attend_context, err);
		deadline += now_ns() - began;
		if (!rc)
			rc = lab_wait_for(g->wait, g->attend ? ATTEND_NS : POLL_NS, err);
	}
	if (!rc && stage == LAB_PACKED && stage_of(g) == LAB_NO_DISK)
		rc = error_set(
			err, -ENODEV, "the guest has no disk for its result: its kernel lacks virtio_blk");
	return rc;
}

/* The reason in QEMU's last event, which comes before it closes the socket. */
static bool was_poweroff(struct lab_guest *g)
{
	bool clean = false;
	json_t *event;

	while ((event = qmp_event(g->qmp))) {
		const char *name = json_string_value(json_object_get(event, "event"));
		const char *why =
			json_string_value(json_object_get(json_object_get(event, "data"), "reason"));

		if (name && why && strcmp(name, "SHUTDOWN") == 0)
			clean = strcmp(why, "guest-shutdown") == 0;
		json_decref(event);
	}
	return clean;
}

int lab_guest_await_end(struct lab_guest *g, double deadline_s, bool *clean, struct error *err)
{
	uint64_t deadline = now_ns() + (uint64_t)(deadline_s * (double)NS_PER_SEC);
	int rc = 0;

	while (!rc && warden_poll(g->warden)) {
		if (now_ns() > deadline)
			return tell_hang(g, deadline_s, err);
		rc = lab_wait_for(g->wait, POLL_NS, err);
	}
	*clean = !rc && was_poweroff(g);
	return rc;
}

int lab_guest_end(struct lab_guest *g, struct error *err)
{
	int rc;

	qmp_close(g->qmp);
	g->qmp = NULL;
	if (g->warden)
		warden_end(g->warden);
	rc = warden_free(g->warden, now_ns() + WARDEN_GRACE_NS + 2 * WARDEN_KILL_NS, err);
	g->warden = NULL;
	if (g->status >= 0)
		close(g->status);
	if (g->initrd >= 0)
		close(g->initrd);
	g->status = g->initrd = -1;
	return rc;
}
