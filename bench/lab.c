/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/data_path.h"
#include "bench/facts.h"
#include "bench/lab_daemon.h"
#include "bench/lab_guest.h"
#include "bench/lab_host.h"
#include "bench/lab_image.h"
#include "bench/lab_kvm_note.h"
#include "bench/lab_outside.h"
#include "bench/lab_tidy.h"
#include "bench/outcome.h"
#include "bench/scenario.h"
#include "bench/untar.h"
#include "probes/now.h"
#include "results/file.h"
#include "results/samples.h"
#include "results/text.h"
#include "results/units.h"

/* Deadlines in s, unless one is given.  A guest is at its init after 2 s under TCG on an idle machine, and after 1 s under KVM. */
#define BOOT_KVM_S 20
#define BOOT_TCG_S 120
#define SETUP_S	   30  /* modules, a time daemon, and opening the clocks of the run */
#define RUN_MIN_S  120 /* beside the scenario's length: CPU exchanges, packing */
#define RUN_SLACK  2   /* times the scenario's length */
#define POWEROFF_S 30
#define DISK_BYTES ((off_t)4 << 30) /* sparse */

struct lab {
	const struct lab_plan *plan;
	struct lab_wait wait;
	struct scenario scenario;
	struct lab_place place;
	struct lab_kernel kernel;
	struct lab_daemon daemon;
	bool served;		/* the server of the time was there to the end */
	char program[PATH_MAX]; /* clkdrift for the guest */
	struct lab_host host;
	struct lab_guest guest;
	struct lab_outside outside;
	struct run run;		/* for its directory */
	char dir[PATH_MAX];	/* private; empty: none */
	char console[PATH_MAX]; /* in the run directory */
	char qemu[128];		/* its version */
	char accel_why[400];	/* that one was taken */
	int disk;		/* fd; -1 */
	double boot_s;
	struct error *err;
};

static int cache_path(const char *wish, char path[PATH_MAX], struct error *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (wish)
		snprintf(path, PATH_MAX, "%s", wish);
	else if (xdg && xdg[0] == '/')
		return path_join(path, PATH_MAX, xdg, "clkdrift/lab", err);
	else if (home && home[0] == '/')
		return path_join(path, PATH_MAX, home, ".cache/clkdrift/lab", err);
	else
		return error_set(err, -ENOENT, "neither XDG_CACHE_HOME nor HOME is set; give --cache DIR");
	return 0;
}

static int make_cache(const char *wish, char full[PATH_MAX], struct error *err)
{
	char cache[PATH_MAX];
	int rc = cache_path(wish, cache, err);

	if (!rc)
		rc = lab_make_directory(cache, err);
	/* Tools run elsewhere. */
	if (!rc && !realpath(cache, full))
		rc = error_set(err, -errno, "%s: %s", cache, strerror(errno));
	return lab_cache_made(rc, err);
}

static int find_place(const char *wish, const char *arch, struct lab_place *place, struct error *err)
{
	char cache[PATH_MAX];
	int rc = make_cache(wish, cache, err);

	return rc ? rc : lab_place_of(cache, arch, place, err);
}

static int find_kernel(struct lab *lab)
{
	const struct lab_plan *plan = lab->plan;
	const char *arch = plan->config->arch;
	bool foreign = lab_arch_is_foreign(arch);
	int rc = 0;

	if (plan->modules && !plan->kernel)
		return error_set(lab->err, -EINVAL, "--modules goes with --kernel");
	if (foreign || !plan->kernel)
		rc = find_place(plan->cache, arch, &lab->place, lab->err);
	if (!rc && foreign)
		rc = lab_root_check(&lab->place, arch, lab->err);
	if (rc)
		return rc;
	if (plan->kernel)
		return lab_kernel_use(&lab->kernel, plan->kernel, plan->modules, lab->err);
	progress_say(plan->progress, "looking for the guest's kernel");
	return lab_kernel_fetch(&lab->wait, &lab->place, arch, &lab->kernel, lab->err);
}

static int find_daemon(struct lab *lab)
{
	char cache[PATH_MAX];
	int rc;

	if (!lab->plan->config->daemon[0])
		return 0;
	rc = make_cache(lab->plan->cache, cache, lab->err);
	return rc ? rc : lab_daemon_find(&lab->wait, cache, &lab->daemon, lab->err);
}

static int start_daemon(struct lab *lab)
{
	int rc = find_daemon(lab);

	if (rc || !lab->plan->config->daemon[0])
		return rc;
	return lab_daemon_serve(&lab->wait, lab->dir, &lab->daemon, lab->err);
}

/* The guest's clkdrift. */
static int find_program(const char *wish, const char *arch, char path[PATH_MAX], struct error *err)
{
	char name[64];
	ssize_t length;

	if (wish) {
		snprintf(path, PATH_MAX, "%s", wish);
		return access(path, R_OK) ? error_set(err, -errno, "--program %s: cannot read: %s", wish,
						    strerror(errno))
					  : 0;
	}
	if (!lab_arch_is_foreign(arch)) {
		length = readlink("/proc/self/exe", path, PATH_MAX - 1);
		if (length > 0)
			path[length] = '\0';
		return length > 0 ? 0 : error_set(err, -errno, "/proc/self/exe: %s", strerror(errno));
	}
	/* Of a source tree, or installed. */
	snprintf(name, sizeof(name), "build-%.16s/clkdrift", arch);
	if (data_path(name, path, NULL) == 0)
		return 0;
	snprintf(name, sizeof(name), "%.16s/clkdrift", arch);
	if (data_path(name, path, NULL) == 0)
		return 0;
	return error_set(err, -ENOENT,
		"there is no clkdrift for %s guests: run 'make lab-%s' in the source tree, or give --program "
		"FILE",
		arch, arch);
}

static int make_private(struct lab *lab)
{
	char path[PATH_MAX];
	int rc = lab_make_private(NULL, LAB_PRIVATE, lab->dir, lab->err);

	if (!rc)
		rc = path_join(path, sizeof(path), lab->dir, LAB_DISK, lab->err);
	if (rc)
		return rc;
	lab->disk = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (lab->disk < 0 || ftruncate(lab->disk, DISK_BYTES))
		return error_set(lab->err, -errno, "%s: cannot make it: %s", path, strerror(errno));
	return 0;
}

static int make_image(struct lab *lab)
{
	char scenario[PATH_MAX], path[PATH_MAX];
	const struct lab_image image = { lab->plan->config, &lab->kernel, &lab->place, lab->program,
		&lab->daemon, scenario, lab->scenario.name, lab->plan->arguments };
	int rc = scenario_find(lab->plan->scenario, scenario, lab->err);

	if (!rc)
		rc = path_join(path, sizeof(path), lab->dir, LAB_INITRD, lab->err);
	progress_say(lab->plan->progress, "making the guest's file system");
	return rc ? rc : lab_image_write(&lab->wait, &image, path, lab->err);
}

static int make_run_directory(struct lab *lab)
{
	const struct lab_plan *plan = lab->plan;
	char name[256], stamp[32], guest[PATH_MAX];
	time_t now = time(NULL);
	struct tm utc;
	int rc;

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	snprintf(name, sizeof(name), "%s-lab-%s-%s", stamp, plan->config->name, lab->scenario.name);
	rc = plan->output ? run_create_at(&lab->run, plan->output, lab->err)
			  : run_create(&lab->run, plan->parent, name, lab->err);
	rc = outcome_no_place(rc, lab->err);
	if (!rc)
		rc = path_join(guest, sizeof(guest), lab->run.dir, "guest", lab->err);
	if (!rc && mkdir(guest, 0777))
		rc = error_set(lab->err, -errno, "%s: cannot make the directory: %s", guest, strerror(errno));
	return rc ? rc : path_join(lab->console, sizeof(lab->console), guest, "console.log", lab->err);
}

/* ---- boot ---- */

/* QEMU has all files open, and they lose their names: from here on a kill leaves none. */
static void hide_files(struct lab *lab)
{
	if (lab->dir[0])
		lab_remove_private(lab->dir);
	lab->dir[0] = '\0';
	lab_host_hide(&lab->host);
}

static double deadline(const struct lab *lab, double usual_s)
{
	return lab->plan->deadline_s > 0 ? lab->plan->deadline_s : usual_s;
}

/* One attempt; before the last one the files stay for the next. */
static int boot_with(struct lab *lab, const char *accel, double usual_s, bool last, struct error *err)
{
	int rc;

	lab->guest = (struct lab_guest){ .wait = &lab->wait,
		.config = lab->plan->config,
		.kernel = &lab->kernel,
		.append = lab->plan->append,
		.dir = lab->dir,
		.shared = lab->host.path,
		.console = lab->console,
		.accel = accel,
		.start_s = deadline(lab, LAB_START_S),
		.vcpus_off = lab->host.cpu,
		.disk = lab->disk,
		.shared_fd = lab->host.file.fd,
		.status = -1,
		.initrd = -1 };
	progress_say(lab->plan->progress, "booting the guest");
	rc = lab_guest_start(&lab->guest, err);
	if (!rc && last)
		hide_files(lab);
	if (!rc)
		rc = lab_guest_await(&lab->guest, LAB_INIT, deadline(lab, usual_s), err);
	if (rc) {
		lab_guest_end(&lab->guest, err);
		return rc;
	}
	lab->boot_s = (double)(now_ns() - lab->guest.started_ns) / (double)NS_PER_SEC;
	snprintf(lab->qemu, sizeof(lab->qemu), "%s", qmp_version(lab->guest.qmp));
	hide_files(lab);
	return 0;
}

/* Where it hung before it would hang again: then -EALREADY. */
static int boot_kvm(struct lab *lab, bool only, struct error *why)
{
	const char *boot_id = facts_text(lab->host.facts, "boot_id");
	char cache[PATH_MAX], note[sizeof(why->text)];
	int rc;

	if (access("/dev/kvm", R_OK | W_OK))
		return error_set(why, -errno, "/dev/kvm: %s", strerror(errno));
	if (!only && cache_path(lab->plan->cache, cache, NULL) == 0 &&
		kvm_note_read(cache, boot_id, note, sizeof(note)))
		return error_set(why, -EALREADY, "%s", note);
	rc = boot_with(lab, "kvm", BOOT_KVM_S, only, why);
	text_clean(why->text);
	return rc;
}

static int boot_tcg(struct lab *lab)
{
	return boot_with(lab, "tcg", BOOT_TCG_S, true, lab->err);
}

/* The same guest booted without it, in no more time: neither its kernel nor a short --deadline made it hang. */
static void blame_kvm(const struct lab *lab, const char *why)
{
	char cache[PATH_MAX];

	if (cache_path(lab->plan->cache, cache, NULL) == 0)
		kvm_note_write(cache, facts_text(lab->host.facts, "boot_id"), why);
}

static int boot(struct lab *lab)
{
	const char *wish = lab->plan->config->accel;
	bool only = strcmp(wish, "kvm") == 0;
	struct error why = { "" };
	int rc, kvm;

	if (strcmp(wish, "tcg") == 0)
		return boot_tcg(lab);
	kvm = boot_kvm(lab, only, &why);
	if (kvm == 0 || kvm == -EINTR || only)
		return kvm ? error_set(lab->err, kvm, "%s", why.text) : 0;
	snprintf(lab->accel_why, sizeof(lab->accel_why), "kvm: %.390s", why.text);
	text_clean(lab->accel_why);
	rc = boot_tcg(lab);
	if (!rc && kvm == -ETIMEDOUT)
		blame_kvm(lab, why.text);
	return rc;
}

/* ---- the result ---- */

static int read_guest_file(const struct lab *lab, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	text[0] = '\0';
	if (path_join(path, sizeof(path), lab->run.dir, name, NULL))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	text_clean(text);
	return n < 0 ? -ENOENT : 0;
}

static int take_result(struct lab *lab)
{
	char exit_code[16], said[400];
	int rc = untar(lab->disk, lab->run.dir, (uint64_t)DISK_BYTES, lab->err);

	if (rc)
		return rc;
	read_guest_file(lab, "guest/exit", exit_code, sizeof(exit_code));
	if (exit_code[0] == '0' || exit_code[0] == '1' || exit_code[0] == '3')
		if (!exit_code[1])
			return 0;
	read_guest_file(lab, "guest/stderr", said, sizeof(said));
	return error_set(lab->err, -EIO, "in the guest: %s (exit status %s)", said[0] ? said : "no message",
		exit_code[0] ? exit_code : "not known");
}

static json_t *describe(const struct lab *lab, const struct run *run)
{
	const struct lab_config *c = lab->plan->config;
	struct responder *r = lab->host.responder;
	const char *release = facts_text(run->environment_before, "kernel.release");

	json_t *all = json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:b, s:b, s:b, s:s, s:{s:s, s:s, s:s?}, s:s, "
		"s:{s:s, s:s, s:s?}, s:f, s:{s:i, s:I, s:I, s:I, s:I}}",
		"configuration", c->name, "summary", c->summary, "arch", c->arch, "vcpus", (int)c->vcpus,
		"maxvcpus", (int)(c->maxvcpus ? c->maxvcpus : c->vcpus), "memory_mb", (int)c->memory_mb,
		"cpu", c->cpu, "machine", c->machine, "hpet", c->hpet, "cstates", c->cstates, "pstates",
		c->pstates, "append", lab->plan->append, "kernel", "package", lab->kernel.package, "image",
		lab->kernel.image, "release", release, "qemu", lab->qemu, "accelerator", "wanted", c->accel,
		"used", lab->guest.accel, "reason", lab->accel_why[0] ? lab->accel_why : NULL, "boot_s",
		lab->boot_s, "responder", "cpu", lab->host.cpu, "exchanges",
		(json_int_t)atomic_load(&r->exchanges), "bursts", (json_int_t)atomic_load(&r->bursts), "late",
		(json_int_t)atomic_load(&r->late), "errors", (json_int_t)atomic_load(&r->errors));

	if (all && c->daemon[0])
		json_object_set_new(all, "daemon",
			json_pack("{s:s, s:s, s:s, s:b}", "name", c->daemon, "makestep", c->makestep,
				"package", lab->daemon.package, "served", lab->served));
	return all;
}

/* What the host alone knows goes into the guest's run.json. */
static int complete_run(struct lab *lab)
{
	struct run run;
	int rc = run_load(lab->run.dir, &run, lab->err);

	if (rc)
		return rc;
	run.lab = describe(lab, &run);
	run.peer_environment = json_incref(lab->host.facts);
	rc = run.lab ? run_store(&run, lab->err) : error_set(lab->err, -ENOMEM, "out of memory");
	run_free(&run);
	return rc;
}

/* ---- in order ---- */

/* What must be there. */
static int look(struct lab *lab)
{
	const char *append = lab->plan->append;
	char qemu[PATH_MAX];
	int rc = scenario_load(lab->plan->scenario, &lab->scenario, lab->err);

	/* Before a kernel is fetched for nothing. */
	if (!rc)
		rc = lab_guest_program(lab->plan->config, qemu, lab->err);
	/* It goes into run.json. */
	if (!rc && !text_is_plain(append, strlen(append)))
		rc = error_set(lab->err, -EINVAL, "--append holds a control character, or is not UTF-8");
	if (!rc && lab->plan->duration_s > 0)
		scenario_scale(&lab->scenario, lab->plan->duration_s);
	if (!rc)
		rc = find_kernel(lab);
	return rc ? rc : find_program(lab->plan->program, lab->plan->config->arch, lab->program, lab->err);
}

static int prepare(struct lab *lab)
{
	int rc = look(lab);

	if (!rc)
		rc = make_private(lab);
	if (!rc)
		rc = start_daemon(lab);
	if (!rc)
		rc = make_image(lab);
	if (!rc)
		rc = lab_host_start(&lab->host, lab->err);
	return rc ? rc : make_run_directory(lab);
}

static int let_run(struct lab *lab)
{
	double length = scenario_duration(&lab->scenario);
	struct error tell = { "" };
	bool clean;
	int rc = lab_guest_await(&lab->guest, LAB_SAMPLING, deadline(lab, SETUP_S), lab->err);

	/* Now it is there, and has set its TSC. */
	if (!rc && facts_kvm_refresh(&facts_live, lab->host.facts) < 0)
		rc = error_set(lab->err, -ENOMEM, "out of memory");
	lab_outside_open(&lab->outside, &lab->guest, lab->host.placement, lab->host.file.page);
	progress_say(lab->plan->progress, "sampling in the guest");
	if (!rc)
		rc = lab_guest_await(
			&lab->guest, LAB_PACKED, deadline(lab, RUN_MIN_S) + RUN_SLACK * length, lab->err);
	/* The result is out; how the guest ends matters no more. */
	if (!rc && lab_guest_await_end(&lab->guest, deadline(lab, POWEROFF_S), &clean, &tell) == -EINTR)
		rc = error_set(lab->err, -EINTR, "%s", tell.text);
	return rc;
}

static int work(struct lab *lab)
{
	int rc = prepare(lab), closed, ended;

	if (rc)
		return rc;
	if (lab->plan->began)
		*lab->plan->began = true;
	rc = boot(lab);
	if (rc)
		return rc;
	rc = let_run(lab);
	lab->served = lab->daemon.warden && warden_poll(lab->daemon.warden);
	ended = lab_guest_end(&lab->guest, lab->err);
	closed = lab_outside_close(&lab->outside, lab->err);
	rc = rc ? rc : ended ? ended : closed;
	lab_host_stop(&lab->host);
	if (!rc)
		rc = take_result(lab);
	return rc ? rc : complete_run(lab);
}

/* Whether there is anything to look into; if not, there is no directory. */
static bool keep_run(struct lab *lab, int rc)
{
	static const char *const parts[] = { "guest", SAMPLES_DIR };
	char path[PATH_MAX];
	struct stat st;

	if (!rc)
		return true;
	if (rc == -EINTR) {
		lab_remove_tree(lab->run.dir);
		return false;
	}
	if (stat(lab->console, &st) == 0 && st.st_size == 0)
		unlink(lab->console);
	/* What holds something refuses. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (path_join(path, sizeof(path), lab->run.dir, parts[i], NULL) || rmdir(path))
			return true;
	return rmdir(lab->run.dir) != 0;
}

int lab_run(const struct lab_plan *plan, char **dir, struct error *err)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	int rc, ended;

	*dir = NULL;
	if (!lab)
		return error_set(err, -ENOMEM, "out of memory");
	lab->plan = plan;
	lab->err = err;
	lab->disk = -1;
	lab_host_init(&lab->host);
	/* Before the first file: no signal finds one that nobody removes. */
	lab_wait_block(&lab->wait);
	rc = lab_tidy_start(err);
	if (!rc)
		rc = work(lab);
	ended = lab_daemon_end(&lab->daemon, err);
	rc = rc ? rc : ended;
	lab_host_close(&lab->host);
	if (lab->disk >= 0)
		close(lab->disk);
	if (lab->dir[0])
		lab_remove_private(lab->dir);
	if (lab->run.dir && keep_run(lab, rc))
		*dir = strdup(lab->run.dir);
	if (rc == -EINTR && lab->wait.signal) {
		*err = (struct error){ "" };
		error_set(err, rc, "ended by a signal (%s); nothing is kept", strsignal(lab->wait.signal));
	}
	lab_tidy_end();
	lab_wait_unblock(&lab->wait);
	run_free(&lab->run);
	scenario_free(&lab->scenario);
	free(lab);
	return rc;
}

int lab_ready(const struct lab_plan *plan, struct error *err)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	int rc;

	if (!lab)
		return error_set(err, -ENOMEM, "out of memory");
	lab->plan = plan;
	lab->err = err;
	lab_wait_block(&lab->wait);
	rc = lab_tidy_start(err);
	if (!rc)
		rc = look(lab);
	if (!rc)
		rc = find_daemon(lab);
	lab_tidy_end();
	lab_wait_unblock(&lab->wait);
	scenario_free(&lab->scenario);
	free(lab);
	return rc;
}

int lab_has_arch(const char *arch, const char *cache, const char *program, struct error *err)
{
	char path[PATH_MAX];
	struct lab_place place;
	int rc;

	if (!lab_arch_is_foreign(arch))
		return 0;
	rc = find_place(cache, arch, &place, err);
	if (!rc)
		rc = lab_root_check(&place, arch, err);
	return rc ? rc : find_program(program, arch, path, err);
}

int lab_setup(const char *arch, const char *cache, struct progress *progress, struct lab_setup *setup,
	struct error *err)
{
	struct lab_wait wait;
	int rc;

	*setup = (struct lab_setup){ 0 };
	if (!lab_arch_is_foreign(arch))
		return error_set(err, -EINVAL, "--arch %s: nothing to set up; there is i386", arch);
	rc = find_place(cache, arch, &setup->place, err);
	if (rc)
		return rc;
	lab_wait_block(&wait);
	progress_say(progress, "fetching the packages of the guests");
	rc = lab_root_setup(&wait, &setup->place, arch, &setup->fetched, err);
	if (!rc) {
		progress_say(progress, "fetching the guests' kernel");
		rc = lab_kernel_fetch(&wait, &setup->place, arch, &setup->kernel, err);
	}
	lab_wait_unblock(&wait);
	return rc;
}
