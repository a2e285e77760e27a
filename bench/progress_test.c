/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/progress.c"

#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <termios.h>

#include <cmocka.h>

#define DEADLINE_S 10

static int terminal, line, saved;

/* Standard error is a terminal for as long as a test runs. */
static int terminal_make(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	if (openpty(&terminal, &line, NULL, NULL, NULL)) {
		print_message("no pseudo-terminal: %s\n", strerror(errno));
		line = -1;
		return 0;
	}
	saved = dup(STDERR_FILENO);
	return saved < 0 || dup2(line, STDERR_FILENO) < 0 ? -1 : 0;
}

static int terminal_remove(void **state)
{
	(void)state;
	if (line < 0)
		return 0;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(line);
	close(terminal);
	return 0;
}

static void test_line_is_shown(void **state)
{
	struct progress p;
	char text[256];
	ssize_t n;

	(void)state;
	if (line < 0)
		skip();
	progress_start(&p, false);
	assert_true(p.shown);
	progress_show(&p, "idle", 5, 1234, 0);
	n = read(terminal, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "idle: 5 s left"));
	strcpy(p.within, "cell 1 of 9");
	progress_say(&p, "booting");
	n = read(terminal, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "cell 1 of 9: booting ..."));
	progress_start(&p, true);
	assert_false(p.shown);
	assert_string_equal(p.within, "");
}

static void test_stopped_terminal_is_not_waited_for(void **state)
{
	struct progress p;

	(void)state;
	if (line < 0)
		skip();
	progress_start(&p, false);
	assert_int_equal(tcflow(line, TCOOFF), 0);
	alarm(DEADLINE_S); /* ends the test that waits */
	for (int i = 0; i < 1000; i++)
		progress_show(&p, "idle", 5, 1234, 0);
	progress_say(&p, "analysing");
	progress_end(&p);
	alarm(0);
	assert_int_equal(tcflow(line, TCOON), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line_is_shown, terminal_make, terminal_remove),
		cmocka_unit_test_setup_teardown(
			test_stopped_terminal_is_not_waited_for, terminal_make, terminal_remove),
	};

	return cmocka_run_group_tests_name("bench/progress", tests, NULL, NULL);
}
