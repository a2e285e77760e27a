/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/now.h"
#include "results/units.h"

#define OUTPUT_MAX  16384
#define EXIT_LEFT   125 /* of the warden: something of the program could not be ended */
#define EXIT_CANNOT 126
#define POLL_NS	    (2 * NS_PER_MS)
#define REAP_TURNS  250 /* of POLL_NS: a killed process is reaped in no time, or never */

struct warden {
	pid_t pid; /* 0: ended */
	int output_fd;
	int status; /* as waitpid() gave it, of the warden */
	size_t used;
	char output[OUTPUT_MAX + 1];
};

/* All that the new process needs; it must not allocate, for we have threads. */
struct birth {
	const struct warden_plan *plan;
	cpu_set_t *set; /* NULL: not bound */
	size_t set_bytes;
	pid_t parent;
	int output_fd;
};

/* ---- in the warden's process ---- */

/* The number of a signal that came, or 0 at the deadline. */
static int wait_signal(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec wait = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sig = sigtimedwait(&set, NULL, &wait);
	return sig > 0 ? sig : 0;
}

static void signals_reset(void)
{
	struct sigaction initial = { .sa_handler = SIG_DFL };

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &initial, NULL);
}

static _Noreturn void program_exec(const struct birth *birth)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(birth->plan->argv[0], birth->plan->argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", birth->plan->argv[0], strerror(errno));
	_exit(127);
}

/* Reaps what has ended; true if the program itself was among it. */
static bool reap(pid_t program, int *status)
{
	bool ended = false;
	int one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid == program) {
			*status = one;
			ended = true;
		}
	}
	return ended;
}

/* Until the program has ended, or has used up the time that it had to end after SIGTERM. */
static void watch(pid_t program, int share, int *status)
{
	uint64_t on_ns = WARDEN_PERIOD_NS / 100 * (uint64_t)share, off_ns = WARDEN_PERIOD_NS - on_ns;
	uint64_t edge = share < 100 ? now_ns() + on_ns : UINT64_MAX, limit = UINT64_MAX;
	bool paused = false;

	while (now_ns() < limit) {
		uint64_t next = edge < limit ? edge : limit;
		int sig = wait_signal(next);

		/* The number of an ended program stays ours until it is reaped, so no other group is hit. */
		if (sig == SIGCHLD && reap(program, status))
			return;
		if (sig == SIGTERM && limit == UINT64_MAX) {
			kill(-program, SIGTERM);
			kill(-program, SIGCONT);
			limit = now_ns() + WARDEN_GRACE_NS;
			edge = UINT64_MAX;
		}
		if (now_ns() < edge)
			continue;
		paused = !paused;
		kill(-program, paused ? SIGSTOP : SIGCONT);
		edge += paused ? off_ns : on_ns;
		if (now_ns() > edge + WARDEN_PERIOD_NS)
			edge = now_ns() + (paused ? off_ns : on_ns);
	}
}

/* Only what is a child: the children of the killed become ours, as we are their subreaper. */
static void children_kill(void)
{
	char text[4096], *at = text, *end;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* Each number has a blank behind it, but for one that was cut. */
	for (long pid; (pid = strtol(at, &end, 10)) > 0 && *end == ' '; at = end)
		kill((pid_t)pid, SIGKILL);
}

static bool end_all(void)
{
	uint64_t limit = now_ns() + WARDEN_KILL_NS;
	pid_t pid;

	while (now_ns() < limit) {
		children_kill();
		wait_signal(now_ns() + POLL_NS);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return true;
	}
	return false;
}

static _Noreturn void warden_main(const struct birth *birth)
{
	struct sched_param normal = { 0 };
	int status = 0, null;
	pid_t program;

	signals_reset();
	setpgid(0, 0); /* Ctrl-C is for the run, which ends us in order */
	prctl(PR_SET_NAME, "clkdrift-warden");
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || prctl(PR_SET_CHILD_SUBREAPER, 1) ||
		getppid() != birth->parent)
		_exit(EXIT_CANNOT);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(birth->output_fd, STDOUT_FILENO) < 0 ||
		dup2(birth->output_fd, STDERR_FILENO) < 0)
		_exit(EXIT_CANNOT);
	/* A lock or a pipe that stayed open here would keep others waiting for the end of the run. */
	close_range(3, ~0U, 0);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	if (birth->set && sched_setaffinity(0, birth->set_bytes, birth->set)) {
		dprintf(STDERR_FILENO, "cannot run on CPU %d: %s\n", birth->plan->cpu, strerror(errno));
		_exit(EXIT_CANNOT);
	}
	program = fork();
	if (program == 0)
		program_exec(birth);
	if (program < 0) {
		dprintf(STDERR_FILENO, "cannot start a process: %s\n", strerror(errno));
		_exit(EXIT_CANNOT);
	}
	setpgid(program, program); /* whoever comes first */
	watch(program, birth->plan->share, &status);
	if (!end_all())
		_exit(EXIT_LEFT);
	if (birth->plan->directory)
		rmdir(birth->plan->directory);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- in ours ---- */

static int warden_fork(struct warden *w, const struct warden_plan *plan, int output_fd, struct error *err)
{
	struct birth birth = { .plan = plan, .parent = getpid(), .output_fd = output_fd };
	sigset_t all, before;
	int rc = 0;

	if (plan->cpu >= 0) {
		birth.set = CPU_ALLOC((size_t)plan->cpu + 1);
		birth.set_bytes = CPU_ALLOC_SIZE((size_t)plan->cpu + 1);
		if (!birth.set)
			return error_set(err, -ENOMEM, "out of memory");
		CPU_ZERO_S(birth.set_bytes, birth.set);
		CPU_SET_S((size_t)plan->cpu, birth.set_bytes, birth.set);
	}
	/* None of our handlers may run there. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	w->pid = fork();
	if (w->pid == 0)
		warden_main(&birth);
	if (w->pid < 0) {
		rc = error_set(err, -errno, "cannot start a process: %s", strerror(errno));
		w->pid = 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	CPU_FREE(birth.set);
	return rc;
}

struct warden *warden_start(const struct warden_plan *plan, struct error *err)
{
	struct warden *w = calloc(1, sizeof(*w));
	int ends[2];

	if (!w) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
		free(w);
		return NULL;
	}
	w->output_fd = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (warden_fork(w, plan, ends[1], err)) {
		close(ends[0]);
		free(w);
		w = NULL;
	}
	close(ends[1]);
	return w;
}

pid_t warden_pid(const struct warden *w)
{
	return w->pid;
}

static void output_take(struct warden *w)
{
	ssize_t n;

	do {
		if (w->used == OUTPUT_MAX) {
			w->used = OUTPUT_MAX / 2;
			memmove(w->output, w->output + OUTPUT_MAX - w->used, w->used);
		}
		n = read(w->output_fd, w->output + w->used, OUTPUT_MAX - w->used);
		if (n > 0)
			w->used += (size_t)n;
	} while (n > 0);
	w->output[w->used] = '\0';
}

bool warden_poll(struct warden *w)
{
	pid_t ended = w->pid ? waitpid(w->pid, &w->status, WNOHANG) : 0;

	/* What was written before the end is in the pipe when the end is seen. */
	output_take(w);
	if (ended)
		w->pid = 0; /* ECHILD too: whoever ignores SIGCHLD gets no status */
	return w->pid != 0;
}

const char *warden_output(const struct warden *w)
{
	return w->output;
}

int warden_exit_status(const struct warden *w)
{
	return WIFSIGNALED(w->status) ? 128 + WTERMSIG(w->status) : WEXITSTATUS(w->status);
}

void warden_describe_end(const struct warden *w, char *text, size_t size)
{
	int code = warden_exit_status(w);

	if (code > 128 && code <= 128 + SIGRTMAX)
		snprintf(text, size, "killed by signal %d (%s)", code - 128, strsignal(code - 128));
	else
		snprintf(text, size, "exit status %d", code);
}

void warden_end(struct warden *w)
{
	if (w->pid)
		kill(w->pid, SIGTERM);
}

int warden_free(struct warden *w, uint64_t deadline_ns, struct error *err)
{
	const struct timespec nap = { 0, POLL_NS };
	int rc = 0;

	if (!w)
		return 0;
	while (warden_poll(w) && now_ns() < deadline_ns)
		nanosleep(&nap, NULL);
	if (w->pid) {
		rc = error_set(err, -EBUSY, "process %d, which watches over the load, did not end; killed",
			(int)w->pid);
		kill(w->pid, SIGKILL);
		for (int turn = 0; turn < REAP_TURNS && warden_poll(w); turn++)
			nanosleep(&nap, NULL);
	} else if (WIFEXITED(w->status) && WEXITSTATUS(w->status) == EXIT_LEFT) {
		rc = error_set(err, -EBUSY, "a process of the load did not end within %lld s of SIGKILL",
			WARDEN_KILL_NS / NS_PER_SEC);
	}
	close(w->output_fd);
	free(w);
	return rc;
}
