/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_daemon.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[64];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-lab-daemon-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	lab_remove_tree(dir);
	return 0;
}

/* A chronyd of ours. */
static void program(struct lab_daemon *d, const char *script)
{
	FILE *out;

	*d = (struct lab_daemon){ 0 };
	snprintf(d->program, sizeof(d->program), "%s/chronyd", dir);
	out = fopen(d->program, "we");
	assert_non_null(out);
	fputs(script, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(d->program, 0755), 0);
}

static int serve(struct lab_daemon *d, struct error *err)
{
	struct lab_wait wait;
	int rc;

	*err = (struct error){ "" };
	lab_wait_block(&wait);
	rc = lab_daemon_serve(&wait, dir, d, err);
	lab_wait_unblock(&wait);
	return rc;
}

static void read_config(char *text, size_t size)
{
	char path[128];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/" CONFIG, dir);
	in = fopen(path, "re");
	assert_non_null(in);
	n = fread(text, 1, size - 1, in);
	text[n] = '\0';
	fclose(in);
}

/* It says why, and nothing of it is left. */
static void test_ends_at_once(void **state)
{
	struct lab_daemon d;
	struct error err;
	char text[512], port[32];

	(void)state;
	program(&d, "#!/bin/sh\necho one\necho \"Fatal error : $1\"\nexit 1\n");
	assert_int_equal(serve(&d, &err), -ECHILD);
	assert_non_null(strstr(err.text, "exit status 1: Fatal error : -x"));
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(lab_daemon_end(&d, &err), 0);
	/* Its own files, its own port, no command socket. */
	read_config(text, sizeof(text));
	snprintf(port, sizeof(port), "port %u\n", d.port);
	assert_true(d.port >= 1024);
	assert_non_null(strstr(text, port));
	assert_non_null(strstr(text, "cmdport 0\n"));
	assert_non_null(strstr(text, "bindaddress 127.0.0.1\n"));
	assert_non_null(strstr(text, dir));
	assert_null(strstr(text, "server "));
}

static void test_is_silent(void **state)
{
	struct lab_daemon d;
	struct error err;
	pid_t pid;

	(void)state;
	program(&d, "#!/bin/sh\nexec sleep 60\n");
	assert_int_equal(serve(&d, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "does not answer"));
	pid = warden_pid(d.warden);
	assert_true(pid > 0);
	assert_int_equal(lab_daemon_end(&d, &err), 0);
	assert_int_equal(kill(pid, 0), -1);
	/* Of one that was never started. */
	assert_int_equal(lab_daemon_end(&d, &err), 0);
}

static void test_guest_config(void **state)
{
	const struct lab_daemon d = { .port = 4711 };
	char *text = lab_daemon_config(&d, "0.1 -1");

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, "server 10.0.2.2 port 4711 iburst"));
	assert_non_null(strstr(text, "\nmakestep 0.1 -1\n"));
	free(text);
}

static void test_unpacked(void **state)
{
	struct lab_daemon d = { 0 };
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/usr/sbin", dir);
	assert_int_equal(program_at(dir, &d), -ENOENT);
	assert_string_equal(d.program, "");
	assert_int_equal(lab_make_directory(path, NULL), 0);
	snprintf(path, sizeof(path), "%s/usr/sbin/chronyd", dir);
	assert_int_equal(symlink("/bin/true", path), 0);
	assert_int_equal(program_at(dir, &d), 0);
	assert_string_equal(d.program, path);
	assert_string_equal(d.package, "chrony");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ends_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_is_silent, begin, end),
		cmocka_unit_test_setup_teardown(test_guest_config, begin, end),
		cmocka_unit_test_setup_teardown(test_unpacked, begin, end),
	};

	return cmocka_run_group_tests_name("lab_daemon", tests, NULL, NULL);
}
