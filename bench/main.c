/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/options.h"

const struct command *const commands[] = {
	&command_inspect,
	&command_advise,
	&command_list,
	&command_run,
	&command_analyze,
	&command_report,
	&command_stability,
	&command_restore,
	&command_serve,
	&command_lab,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_usage(FILE *out)
{
	fputs("clkdrift measures how the clocks of this machine drift apart, and how sure that is.\n\n"
	      "usage: clkdrift COMMAND [ARGUMENT]... [OPTION]...\n\n",
		out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nStart with 'clkdrift run': 30 s, no privileges, changes nothing.\n"
	      "'clkdrift COMMAND --help' teaches one command; 'man clkdrift' has it all.\n"
	      "Exit codes: 0 stable, 1 unstable, 2 trouble, 3 inconclusive.\n",
		out);
}

static int trouble(const struct error *err)
{
	fprintf(stderr, "clkdrift: %s\n", err->text);
	return EXIT_TROUBLE;
}

/*
 * A closed standard stream must not give its number to a file of the run.  Opened the
 * wrong way round, so that what should go there still fails and is told.
 */
static void occupy_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

/*
 * The analysis takes and gives back arrays of tens of MB for each pair of clocks: kept in the
 * heap, they need not be asked of the kernel, and cleared by it, each time.
 */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	struct error err = { "" };
	int rc;

	occupy_standard_streams();
	keep_memory();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_TROUBLE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("clkdrift " CLKDRIFT_VERSION);
		return 0;
	}
	command = command_find(argv[1]);
	if (!command) {
		error_set(&err, -EINVAL, "unknown command \"%s\"; see 'clkdrift --help'", argv[1]);
		return trouble(&err);
	}
	rc = options_parse(command, argc - 1, argv + 1, &options, &err);
	if (rc > 0)
		return 0;
	if (rc == 0)
		rc = command->run(&options, &err);
	if (rc < 0)
		return trouble(&err);
	/* A result that did not reach its reader is no result. */
	if (fflush(stdout) || ferror(stdout)) {
		error_set(&err, -EIO, "cannot write to standard output: %s", strerror(errno));
		return trouble(&err);
	}
	return rc;
}
