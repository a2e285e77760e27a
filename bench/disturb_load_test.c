/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The test is a subreaper: what a load leaves behind becomes its child, so
 * "nothing is left" is waitpid() saying ECHILD.
 */
#include "bench/disturb_load.c"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "bench/stage_fake.h"

#define WAIT_NS (20 * NS_PER_SEC)

/* What the fakes share: they answer --stressors as stress-ng does. */
#define FAKE_HEAD "#!/bin/sh\n[ \"$1\" = --stressors ] && { echo cpu matrix; exit 0; }\n"
#define FAKE_SPIN "while [ ! -e \"$FAKE/die\" ]; do :; done\n"

static struct stage stage = { .lock = PTHREAD_MUTEX_INITIALIZER };
static char fakes[] = "/tmp/clkdrift-fakes-XXXXXX";
static char *real_path;

struct scene {
	struct argument arguments[5];
	struct disturbance_setup setup;
	char share[16], workers[16];
	struct error err;
	int *cpus;
};

static void scene_open(struct scene *s, const char *class, double share, const char *place, double workers)
{
	*s = (struct scene){ 0 };
	snprintf(s->share, sizeof(s->share), "%g", share);
	snprintf(s->workers, sizeof(s->workers), "%g", workers);
	s->arguments[LOAD_CLASS] = (struct argument){ class, NAN };
	s->arguments[LOAD_SHARE] = (struct argument){ s->share, share };
	s->arguments[LOAD_PLACE] = (struct argument){ place, NAN };
	s->arguments[LOAD_WORKERS] = (struct argument){ s->workers, workers };
	s->arguments[LOAD_ENOUGH] = (struct argument){ "90", 90 };
	s->setup.arguments = s->arguments;
	s->setup.duration_s = 2;
	s->setup.stage = &stage;
	s->setup.placement = placement_load(&s->err);
	assert_non_null(s->setup.placement);
	assert_int_equal(
		placement_select(s->setup.placement, NULL, &s->cpus, &s->setup.cpu_count, &s->err), 0);
	s->setup.cpus = s->cpus;
	stage.point_count = 0;
}

/* The fakes are slow shells: one is enough. */
static void scene_open_one(struct scene *s)
{
	scene_open(s, "cpu", 50, "same", 1);
	s->setup.cpu_count = 1;
}

static void scene_close(struct scene *s)
{
	placement_free(s->setup.placement);
	free(s->cpus);
}

static void path_join_fakes(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", fakes, name);
}

static void fake_write(const char *body)
{
	char path[64];
	FILE *file;

	path_join_fakes(path, sizeof(path), "die");
	unlink(path);
	path_join_fakes(path, sizeof(path), "stress-ng");
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%s%s", FAKE_HEAD, body);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void fake_die(void)
{
	char path[64];
	int fd;

	path_join_fakes(path, sizeof(path), "die");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int fakes_begin(void **state)
{
	char path[8192];

	(void)state;
	snprintf(path, sizeof(path), "%s:%s", fakes, real_path);
	return setenv("PATH", path, 1);
}

static int fakes_end(void **state)
{
	char path[64];

	(void)state;
	path_join_fakes(path, sizeof(path), "stress-ng");
	unlink(path);
	path_join_fakes(path, sizeof(path), "die");
	unlink(path);
	return setenv("PATH", real_path, 1);
}

static void assert_nothing_left(void)
{
	errno = 0;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void assert_started(struct scene *s, void **load)
{
	if (disturb_load.start(&s->setup, load, &s->err))
		fail_msg("%s", s->err.text);
}

/* Stops it, whatever hangs, in the time of its contract. */
static struct evidence assert_stopped(struct scene *s, void *load)
{
	struct evidence evidence;
	char directory[64];
	uint64_t from = now_ns();

	snprintf(directory, sizeof(directory), "%s", ((struct load *)load)->directory);
	if (disturb_load.stop(load, &evidence, &s->err))
		fail_msg("%s", s->err.text);
	assert_true(now_ns() - from < WAIT_NS);
	assert_nothing_left();
	assert_int_equal(access(directory, F_OK), -1);
	return evidence;
}

static void observe_for(void *load, uint64_t ns)
{
	const struct timespec nap = { 0, DISTURBANCE_OBSERVE_NS };
	uint64_t limit = now_ns() + ns;

	while (now_ns() < limit) {
		nanosleep(&nap, NULL);
		disturb_load.observe(load, now_ns());
	}
}

static void skip_unless_supported(struct scene *s)
{
	if (!disturb_load.supported(&s->setup, &s->err))
		return;
	print_message("%s\n", s->err.text);
	scene_close(s);
	skip();
}

/* Each series of each CPU, within what a CPU has to give (a tick more or less at the edges). */
static void assert_points(const struct scene *s)
{
	static const char *const names[] = { "busy", "steal", "taken" };

	for (size_t i = 0; i < s->setup.cpu_count * 3; i++) {
		char series[64];
		size_t count = 0;

		snprintf(series, sizeof(series), "%s CPU %d", names[i % 3], s->setup.cpus[i / 3]);
		for (size_t k = 0; k < stage.point_count; k++) {
			const struct fake_point *p = &stage.points[k];

			if (strcmp(p->series, series) != 0)
				continue;
			assert_string_equal(p->unit, "%");
			assert_true(p->value >= 0 && p->value <= 115);
			count++;
		}
		assert_true(count >= 1);
	}
}

static void test_real(void **state)
{
	struct evidence evidence;
	double lowest = 1e9;
	struct scene s;
	const char *at;
	void *load;
	size_t named = 0;

	(void)state;
	scene_open(&s, "cpu", 50, "same", 1);
	if (s.setup.cpu_count > CPUS_NAMED)
		s.setup.cpu_count = CPUS_NAMED;
	skip_unless_supported(&s);
	assert_started(&s, &load);
	for (size_t i = 0; i < s.setup.cpu_count; i++) {
		struct process_tree tree;
		struct target *t = &((struct load *)load)->targets[i];

		assert_int_equal(process_tree_look(warden_pid(t->warden), t->cpu, &tree), 0);
		assert_true(tree.processes >= 3); /* the warden, stress-ng, its worker */
		assert_false(tree.astray);
	}
	observe_for(load, 2 * NS_PER_SEC);
	evidence = assert_stopped(&s, load);
	assert_points(&s);
	for (at = evidence.text; (at = strstr(at, " % of CPU ")); at++, named++) {
		const char *number = at;
		double taken;

		while (number > evidence.text && number[-1] != ' ')
			number--;
		taken = strtod(number, NULL);
		lowest = taken < lowest ? taken : lowest;
		assert_true(taken >= 0 && taken <= 110);
	}
	assert_int_equal(named, s.setup.cpu_count);
	/* Judged as it is written, but for the rounding. */
	if (fabs(lowest - 45) > 0.06)
		assert_int_equal(evidence.observed, lowest > 45);
	print_message("%s\n", evidence.text);
	scene_close(&s);
	if (!evidence.observed) {
		print_message("the machine did not give the time\n");
		skip();
	}
}

/* Two workers on one CPU are paused 70 % of the time. */
static void test_real_paused(void **state)
{
	struct evidence evidence;
	struct scene s;
	void *load;
	double taken;

	(void)state;
	scene_open(&s, "matrix", 30, "same", 2);
	s.setup.cpu_count = 1;
	skip_unless_supported(&s);
	assert_started(&s, &load);
	observe_for(load, 2 * NS_PER_SEC);
	taken = taken_percent(&((struct load *)load)->targets[0]);
	evidence = assert_stopped(&s, load);
	print_message("%s\n", evidence.text);
	/* Without pauses it is 100, on an idle machine. */
	assert_true(taken > 0 && taken < 90);
	scene_close(&s);
}

static void test_missing(void **state)
{
	struct scene s;
	void *load;

	(void)state;
	scene_open_one(&s);
	setenv("PATH", fakes, 1);
	assert_int_equal(disturb_load.supported(&s.setup, &s.err), -ENOENT);
	assert_non_null(strstr(s.err.text, "apt install stress-ng"));
	assert_int_equal(disturb_load.start(&s.setup, &load, &s.err), -ENOENT);
	unsetenv("PATH");
	assert_int_equal(disturb_load.supported(&s.setup, &s.err), -ENOENT);
	assert_nothing_left();
	scene_close(&s);
}

static void test_unknown_class(void **state)
{
	struct scene s;

	(void)state;
	fake_write("exit 1\n");
	scene_open_one(&s);
	assert_int_equal(disturb_load.supported(&s.setup, &s.err), 0);
	s.arguments[LOAD_CLASS].text = "mat"; /* part of a word */
	assert_int_equal(disturb_load.supported(&s.setup, &s.err), -ENOENT);
	assert_non_null(strstr(s.err.text, "no stressor 'mat'"));
	assert_nothing_left();
	scene_close(&s);
}

/* A stress-ng that does not even start, and one that says nothing and hangs. */
static void test_bad_answers(void **state)
{
	struct error err = { "" };
	char path[64];

	(void)state;
	fake_write("");
	path_join_fakes(path, sizeof(path), "stress-ng");
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(stress_ng_knows(path, "cpu", &err), -EIO);
	assert_non_null(strstr(err.text, "exit status 127"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/bin/cat", path), 0);
	err.text[0] = '\0';
	assert_int_equal(stress_ng_knows(path, "cpu", &err), -EIO); /* cat knows no --stressors */
	assert_non_null(strstr(err.text, "--stressors failed: exit status 1"));
	assert_nothing_left();
}

static void test_no_answer(void **state)
{
	struct error err = { "" };
	char path[64];
	FILE *file;

	(void)state;
	path_join_fakes(path, sizeof(path), "stress-ng");
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("#!/bin/sh\nexec sleep 60\n", file);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(stress_ng_knows(path, "cpu", &err), -ETIMEDOUT);
	assert_nothing_left();
}

static void test_exits_at_once(void **state)
{
	struct scene s;
	void *load;

	(void)state;
	fake_write("echo 'stress-ng: info:  [1] dispatching hogs: 1 cpu'\n"
		   "echo 'stress-ng: error: [1] no room for that' >&2\n"
		   "echo 'stress-ng: info:  [1] unsuccessful run completed in 0.1s'\nexit 3\n");
	scene_open_one(&s);
	assert_int_equal(disturb_load.start(&s.setup, &load, &s.err), -ECHILD);
	if (!strstr(s.err.text, "ended at once: exit status 3: no room for that"))
		fail_msg("%s", s.err.text);
	assert_nothing_left();
	scene_close(&s);
}

/* Both ways: by itself with a message, and killed. */
static void dies_in_the_middle(const char *end, const char *wanted)
{
	uint64_t limit = now_ns() + WAIT_NS;
	struct evidence evidence;
	struct load *load;
	struct scene s;
	void *opaque;
	char body[200];

	snprintf(body, sizeof(body), "%s%s\n", FAKE_SPIN, end);
	fake_write(body);
	scene_open_one(&s);
	assert_started(&s, &opaque);
	load = opaque;
	fake_die();
	while (!load->targets[0].ended && now_ns() < limit)
		observe_for(load, DISTURBANCE_OBSERVE_NS);
	assert_true(load->targets[0].ended);
	evidence = assert_stopped(&s, load);
	assert_false(evidence.observed);
	if (!strstr(evidence.text, wanted) || !strstr(evidence.text, "ended after"))
		fail_msg("\"%s\" says nothing of \"%s\"", evidence.text, wanted);
	scene_close(&s);
}

static void test_dies_in_the_middle(void **state)
{
	(void)state;
	dies_in_the_middle("echo broke >&2; exit 7", "exit status 7: broke");
	dies_in_the_middle("kill -9 $$", "killed by signal 9");
}

/* Neither it, nor its child in a session of its own, nor that one's orphan, ends at SIGTERM. */
#define FAKE_HANGS                                                                                           \
	"trap '' TERM HUP INT\n"                                                                             \
	"setsid sh -c 'sleep 1001 & exec sleep 1002' &\n"                                                    \
	"(setsid sleep 1003 &)\n"                                                                            \
	"while :; do :; done\n"

static void test_hangs_at_stop(void **state)
{
	uint64_t from, limit = now_ns() + WAIT_NS;
	struct process_tree tree = { 0 };
	struct evidence evidence;
	struct scene s;
	void *load;

	(void)state;
	fake_write(FAKE_HANGS);
	scene_open_one(&s);
	assert_started(&s, &load);
	/* The warden, the shell and three sleepers. */
	while (tree.processes < 5 && now_ns() < limit)
		process_tree_look(warden_pid(((struct load *)load)->targets[0].warden), s.cpus[0], &tree);
	assert_int_equal(tree.processes, 5);
	from = now_ns();
	evidence = assert_stopped(&s, load);
	assert_true(now_ns() - from >= WARDEN_GRACE_NS); /* it did have the time */
	assert_non_null(strstr(evidence.text, "took "));
	scene_close(&s);
}

/* The run is killed: nobody is left to stop the load but the warden. */
static void test_killed_run(void **state)
{
	uint64_t limit = now_ns() + WAIT_NS;
	const struct timespec nap = { 0, 10 * NS_PER_MS };
	int ready[2], status;
	struct scene s;
	char byte;
	pid_t run, pid;

	(void)state;
	fake_write(FAKE_HANGS);
	scene_open_one(&s);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	run = fork();
	if (run == 0) {
		void *load;

		byte = disturb_load.start(&s.setup, &load, &s.err) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(byte, 'y');
	kill(run, SIGKILL);
	assert_int_equal(waitpid(run, &status, 0), run);
	/* The warden, and nobody else, comes to us; it is gone when all is. */
	while ((pid = waitpid(-1, &status, WNOHANG)) == 0 && now_ns() < limit)
		nanosleep(&nap, NULL);
	assert_true(pid > 0);
	assert_true(WIFEXITED(status));
	assert_nothing_left();
	scene_close(&s);
}

static void test_takes_nothing(void **state)
{
	struct evidence evidence;
	struct scene s;
	void *load;

	(void)state;
	fake_write("exec sleep 60\n");
	scene_open_one(&s);
	assert_started(&s, &load);
	observe_for(load, NS_PER_SEC);
	evidence = assert_stopped(&s, load);
	assert_false(evidence.observed);
	assert_non_null(strstr(evidence.text, "took 0.0 % of CPU"));
	scene_close(&s);
}

/* What stress-ng is given: no shell in between, the default signals, nothing but its output open. */
static void test_what_it_gets(void **state)
{
	struct scene s;
	struct load *load;
	void *opaque;
	sigset_t block, before;
	const char *said;

	(void)state;
	fake_write("echo args: $*\n[ -e /proc/$$/fd/77 ] && echo leak\n"
		   "grep -E '^Sig(Blk|Ign)' /proc/self/status\n" FAKE_SPIN);
	scene_open(&s, "cpu", 35, "same", 1);
	s.setup.cpu_count = 1;
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(dup2(STDERR_FILENO, 77), 77); /* stays open across exec */
	assert_started(&s, &opaque);
	close(77);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	load = opaque;
	observe_for(load, DISTURBANCE_OBSERVE_NS);
	said = warden_output(load->targets[0].warden);
	if (!strstr(said, "args: --cpu 1 --temp-path /") || !strstr(said, "--timeout 17s --cpu-load 35\n") ||
		strstr(said, "leak") || !strstr(said, "SigBlk:\t0000000000000000\n") ||
		/* glibc's posix_spawn leaves its own two, 32 and 33, ignored: a make above us used it. */
		(!strstr(said, "SigIgn:\t0000000000000000\n") &&
			!strstr(said, "SigIgn:\t0000000180000000\n")))
		fail_msg("%s", said);
	assert_stopped(&s, load);
	scene_close(&s);
}

static void assert_checked(const char *class, double share, double workers, const char *reason)
{
	struct argument arguments[4] = { { class, NAN }, { "share", share }, { "same", NAN },
		{ "workers", workers } };
	struct error err = { "" };

	assert_int_equal(disturb_load.check(arguments, &err), reason ? -EINVAL : 0);
	if (reason && !strstr(err.text, reason))
		fail_msg("\"%s\" says nothing of \"%s\"", err.text, reason);
}

static void test_check(void **state)
{
	(void)state;
	assert_checked("cpu", 90, 1, NULL);
	assert_checked("matrix-3d", 100, 64, NULL);
	assert_checked("-cpu", 90, 1, "not the name");
	assert_checked("cpu=1", 90, 1, "not the name");
	assert_checked("", 90, 1, "not the name");
	assert_checked("clock", 90, 1, "refused");
	assert_checked("cpu-online", 90, 1, "refused");
	assert_checked("cpu", 12.5, 1, "share=share: must be a whole number");
	assert_checked("cpu", 90, 1.5, "workers=workers: must be a whole number");
}

static void assert_plan(const char *topology, const char *place, int *cpus, size_t count, const char *wanted)
{
	struct disturbance_setup setup;
	struct error err = { "" };
	struct scene s;
	char text[200];

	scene_open(&s, "cache", 90, place, 2);
	setup = s.setup;
	setenv("HWLOC_SYNTHETIC", topology, 1);
	setup.placement = placement_load(&err);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(setup.placement);
	setup.cpus = cpus;
	setup.cpu_count = count;
	disturb_load.plan(&setup, text, sizeof(text));
	assert_string_equal(text, wanted);
	assert_int_equal(disturb_load.supported(&setup, &err), -ENOTSUP);
	placement_free(setup.placement);
	scene_close(&s);
}

static void test_plan(void **state)
{
	int cpus[] = { 0, 2 };

	(void)state;
	assert_plan("package:2 [numa] core:3 pu:2", "same", cpus, 2,
		"stress-ng takes 90 % of each of the CPUs 0,2 with 2 'cache' workers on each");
	assert_plan("package:2 [numa] core:3 pu:2", "sibling", cpus, 1,
		"stress-ng takes 90 % of CPU 1 with 2 'cache' workers");
	assert_plan("package:2 [numa] core:3 pu:2", "package", cpus, 2,
		"stress-ng takes 90 % of each of the CPUs 4-5 with 2 'cache' workers on each");
	assert_plan("package:2 [numa] core:3 pu:2", "node", cpus, 2,
		"stress-ng takes 90 % of each of the CPUs 6-11 with 2 'cache' workers on each");
	assert_plan("package:1 core:3 pu:1", "sibling", cpus, 2,
		"nothing: there is no SMT sibling of the sampled CPUs that is not sampled itself");
}

static void assert_message(const char *output, const char *wanted)
{
	char text[40];

	stress_ng_message(output, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void test_message(void **state)
{
	(void)state;
	assert_message("", "");
	assert_message("stress-ng: info:  [7] setting to a 2 second run per stressor\n", "");
	assert_message("a\nb\n\n", "b");
	assert_message("stress-ng: info:  [7] spawn stressor must not run as root\n"
		       "stress-ng: info:  [7] setting to a 2 second run per stressor\n"
		       "stress-ng: error: [7] No stress workers invoked (one or more were unsupported)\n",
		"spawn stressor must not run as root");
	assert_message(
		"stress-ng: unrecognized option '--foo'\nTry 'stress-ng --help' for more information.\n",
		"unrecognized option '--foo'");
	assert_message("0123456789012345678901234567890123456789", "012345678901234567890123456789012345678");
	assert_message("a\tb", "a?b");
}

/* A CPU that went away: what was taken is held against the time that it was there. */
static void test_offline(void **state)
{
	struct target targets[1] = { { .cpu = 3, .ticks = { true, 100, 0, 1000 } } };
	struct load l = { .share = 50, .enough = 90, .targets = targets, .count = 1 };
	const struct cpu_ticks there = { true, 150, 10, 1100 }, gone = { 0 }, back = { true, 200, 10, 1200 };
	struct evidence evidence;
	char *argv[] = { "/bin/sh", "-c", "while :; do :; done", NULL };
	struct error err = { "" };

	(void)state;
	l.start_ns = now_ns();
	targets[0].warden =
		warden_start(&(struct warden_plan){ .argv = argv, .cpu = -1, .share = 100 }, &err);
	assert_non_null(targets[0].warden);
	targets[0].cpu_s = 1e6; /* so that the shell adds nothing */
	target_look(&l, &targets[0], &there, 1);
	targets[0].sums.taken_s = 0.48;
	target_look(&l, &targets[0], &gone, 2);
	target_look(&l, &targets[0], &back, 1); /* nobody knows when it came back */
	warden_end(targets[0].warden);
	assert_int_equal(warden_free(targets[0].warden, now_ns() + WAIT_NS, &err), 0);
	load_evidence(&l, &evidence);
	assert_string_equal(evidence.text, "took 48.0 % of CPU 3 (asked 50 %), busy with all else 50.0 %, "
					   "steal 10.0 %; CPU 3 was offline for 3.0 s");
	assert_true(evidence.observed);
	targets[0].sums.taken_s = 0.44;
	load_evidence(&l, &evidence);
	assert_false(evidence.observed);
	l.enough = 50;
	load_evidence(&l, &evidence);
	assert_true(evidence.observed);
	targets[0].sums = (struct sums){ 0 };
	load_evidence(&l, &evidence);
	assert_false(evidence.observed);
	assert_nothing_left();
}

/* However many CPUs: the evidence names the extremes and is never longer than its place. */
static void test_many_cpus(void **state)
{
	static struct target targets[300];
	struct load l = { .share = 90, .enough = 90, .targets = targets, .count = 300 };
	struct evidence evidence;

	(void)state;
	for (int i = 0; i < 300; i++)
		targets[i] = (struct target){ .cpu = i, .sums = { .s = 10, .taken_s = 9 - 0.001 * i } };
	load_evidence(&l, &evidence);
	assert_string_equal(
		evidence.text, "took 87.0 % (CPU 299) to 90.0 % (CPU 0) of each of 300 CPUs (asked 90 %)");
	assert_true(evidence.observed);
	for (int i = 0; i < 300; i++) {
		targets[i].ended = true;
		memset(targets[i].reason, 'x', sizeof(targets[i].reason) - 1);
	}
	load_evidence(&l, &evidence);
	assert_false(evidence.observed);
	assert_true(memchr(evidence.text, '\0', sizeof(evidence.text)) != NULL);
}

#define fake_test(f) cmocka_unit_test_setup_teardown(f, fakes_begin, fakes_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_real_paused),
		fake_test(test_missing),
		fake_test(test_unknown_class),
		fake_test(test_bad_answers),
		fake_test(test_no_answer),
		fake_test(test_exits_at_once),
		fake_test(test_dies_in_the_middle),
		fake_test(test_hangs_at_stop),
		fake_test(test_killed_run),
		fake_test(test_takes_nothing),
		fake_test(test_what_it_gets),
	};
	int failed;

	unsetenv("HWLOC_XMLFILE");
	unsetenv("HWLOC_SYNTHETIC");
	real_path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	if (!real_path || prctl(PR_SET_CHILD_SUBREAPER, 1) || !mkdtemp(fakes))
		return 1;
	setenv("FAKE", fakes, 1);
	failed = cmocka_run_group_tests_name("bench/disturb_load", tests, NULL, NULL);
	rmdir(fakes);
	free(real_path);
	return failed;
}
