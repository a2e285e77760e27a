/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Scripts for gnuplot that its users can run again, and a gnuplot that cannot hang the report. */
#include "analysis/report_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analysis/format.h"

#define PLOT_DEADLINE_S 60

/* The legend above the panels, px. */
#define LEGEND_MARK   27.0 /* coloured square and the space about it */
#define LEGEND_LETTER 6.8
#define LEGEND_FROM   0.35 /* share of the width that is left to the title */

extern char **environ;

/* M. Okabe, K. Ito, "Color Universal Design", 2008, without the yellow and with grey for black. */
static const struct {
	const char *line, *shade;
} palette[] = {
	{ "#0072b2", "#d00072b2" },
	{ "#d55e00", "#d0d55e00" },
	{ "#009e73", "#d0009e73" },
	{ "#cc79a7", "#d0cc79a7" },
	{ "#e69f00", "#d0e69f00" },
	{ "#56b4e9", "#d056b4e9" },
	{ "#555555", "#d0555555" },
};

_Static_assert(sizeof(palette) / sizeof(palette[0]) == COLOURS, "COLOURS of report_parts.h");

const char *plot_colour(size_t index)
{
	return palette[index % COLOURS].line;
}

const char *plot_shade(size_t index)
{
	return palette[index % COLOURS].shade;
}

static void quoted(FILE *script, const char *text, const char *doubled)
{
	putc('\'', script);
	for (const char *c = text; *c; c++) {
		if (strchr(doubled, *c))
			putc(*c, script);
		putc((unsigned char)*c < ' ' ? ' ' : *c, script);
	}
	putc('\'', script);
}

/* In single quotes only the quote itself is special, and "noenhanced" leaves _ ^ { } @ & alone. */
void plot_string(FILE *script, const char *text)
{
	quoted(script, text, "'");
}

void plot_tic_string(FILE *script, const char *text)
{
	quoted(script, text, "'%");
}

void plot_begin(struct plot *plot, const char *name, int width, int height)
{
	plot->width = width;
	plot->height = height;
	fprintf(plot->script,
		"# Draws %s.svg and %s.png from %s.dat:  gnuplot %s.gp\n"
		"do for [format in 'svg png'] {\n"
		"set encoding utf8\n"
		"if (format eq 'svg') {\n"
		"	set terminal svg size %d,%d font 'sans-serif,12' noenhanced standalone background "
		"'#ffffff'\n"
		"} else {\n"
		"	set terminal pngcairo size %d,%d font 'sans-serif,12' fontscale 1.5 linewidth 2 "
		"pointscale 2 "
		"noenhanced background '#ffffff'\n"
		"}\n"
		"set output sprintf('%s.%%s', format)\n",
		name, name, name, name, width, height, 2 * width, 2 * height, name);
	fputs("set border 3 linecolor rgb '#9a9a9a' linewidth 1\n"
	      "set tics nomirror out scale 0.5 textcolor rgb '#444444'\n"
	      "set grid linetype 1 linecolor rgb '#e8e8e8' linewidth 0.7\n"
	      "set style fill solid noborder\n"
	      "set multiplot\n"
	      "set minussign\n"
	      "unset key\n",
		plot->script);
}

void plot_headline(struct plot *plot, const char *text)
{
	fputs("set label ", plot->script);
	plot_string(plot->script, text);
	fprintf(plot->script, " at screen %.5f,%.5f left font 'sans-serif Bold,13' textcolor rgb '#222222'\n",
		12.0 / plot->width, 1 - 16.0 / plot->height);
}

size_t plot_letters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static double legend_width(const struct legend_entry *entries, size_t count)
{
	double width = 0;

	for (size_t i = 0; i < count; i++)
		width += LEGEND_MARK + LEGEND_LETTER * (double)plot_letters(entries[i].text);
	return width;
}

bool plot_legend(struct plot *plot, const struct legend_entry *entries, size_t count)
{
	double x = plot->width - 10 - legend_width(entries, count), y = 1 - 16.0 / plot->height;

	if (x < plot->width * LEGEND_FROM)
		return false;
	for (size_t i = 0; i < count; i++) {
		fprintf(plot->script, "set label '■' at screen %.5f,%.5f left textcolor rgb '%s'\nset label ",
			x / plot->width, y, entries[i].colour);
		plot_string(plot->script, entries[i].text);
		fprintf(plot->script, " at screen %.5f,%.5f left textcolor rgb '#444444'\n",
			(x + 13) / plot->width, y);
		x += legend_width(&entries[i], 1);
	}
	return true;
}

void plot_key_beside(struct plot *plot, double left, double top)
{
	fprintf(plot->script,
		"set key at screen %.5f,%.5f left top vertical Left reverse samplen 1.5 spacing 1.2 "
		"textcolor "
		"rgb '#444444'\n",
		left / plot->width, 1 - top / plot->height);
}

void plot_panel(struct plot *plot, double left, double right, double top, double bottom)
{
	fprintf(plot->script,
		"set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
		"set tmargin at screen %.5f\nset bmargin at screen %.5f\n",
		left / plot->width, right / plot->width, 1 - top / plot->height, 1 - bottom / plot->height);
}

/*
 * gnuplot takes any run of blank lines as one separator, so a block without rows
 * would move the numbers of all that follow: it gets a row without values.
 */
static void close_block(struct plot *plot)
{
	if (plot->blocks && ftell(plot->data) == plot->block_start)
		fputs("NaN\n", plot->data);
}

unsigned plot_block(struct plot *plot, const char *format, ...)
{
	char text[256];
	va_list args;

	close_block(plot);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	fprintf(plot->data, "%s# index %u: %s\n", plot->blocks ? "\n\n" : "", plot->blocks, text);
	plot->block_start = ftell(plot->data);
	return plot->blocks++;
}

void plot_end(struct plot *plot)
{
	close_block(plot);
	fputs("unset multiplot\nunset output\n}\n", plot->script);
}

static void superscript(FILE *script, int number)
{
	static const char *const digits[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };

	if (number < 0)
		fputs("⁻", script);
	number = number < 0 ? -number : number;
	if (number >= 10)
		fputs(digits[number / 10 % 10], script);
	fputs(digits[number % 10], script);
}

void plot_log_tics(FILE *script, double low, double high)
{
	int from = (int)floor(log10(low)), to = (int)ceil(log10(high));
	int stride = 1 + (to - from) / 10;

	fputs("set logscale y\nset mytics 10\nset ytics (", script);
	for (int e = from; e <= to; e++) {
		fprintf(script, "%s'", e == from ? "" : ", ");
		if ((e - from) % stride == 0) {
			fputs("10", script);
			superscript(script, e);
		}
		fprintf(script, "' 1e%d", e);
	}
	fprintf(script, ")\nset yrange [%.6g:%.6g]\n", low, high);
}

/* With few decades 2 and 5 are named too, so that there are always some words on the axis. */
void plot_time_tics(FILE *script, double low_ns, double high_ns)
{
	static const int between[] = { 1, 2, 5 };
	int from = (int)floor(log10(low_ns)), to = (int)ceil(log10(high_ns));
	unsigned per_decade = to - from <= 2 ? 3 : 1;

	fputs("set logscale x\nset mxtics 10\nset xtics (", script);
	for (int e = from; e <= to; e++)
		for (unsigned i = 0; i < per_decade; i++)
			fprintf(script, "%s'%s' %de%d", e == from && i == 0 ? "" : ", ",
				format_ns(between[i] * pow(10, e)).text, between[i], e);
	fprintf(script, ")\nset xrange [%.6g:%.6g]\n", low_ns, high_ns);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The last line with something on it: before it gnuplot may repeat the command and point at it. */
static void keep_last_line(char *line, size_t size, const char *text, size_t length, bool *ended)
{
	size_t used = strlen(line);

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n') {
			*ended = true;
			continue;
		}
		if (*ended)
			used = 0;
		*ended = false;
		if (used + 1 < size)
			line[used++] = text[i];
		line[used] = '\0';
	}
}

/* Reads what the child says until it ends: 0, or -ETIMEDOUT at the deadline. */
static int drain(int fd, char *line, size_t size, int64_t deadline_ms)
{
	char buffer[512];
	bool ended = false;

	line[0] = '\0';
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - now_ms();
		ssize_t got;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		got = read(fd, buffer, sizeof(buffer));
		if (got > 0)
			keep_last_line(line, size, buffer, (size_t)got, &ended);
		else if (got == 0 || errno != EINTR)
			return 0;
	}
}

/* With no signal blocked: what the caller holds back, as Ctrl-C, shall still end gnuplot. */
/* Our environment, but a locale that knows µ and ± and writes a decimal point; to be freed.  NULL: out of memory. */
static char **plain_locale(void)
{
	static char locale[] = "LC_ALL=C.UTF-8";
	size_t count = 0, kept = 0;
	char **copy;

	while (environ && environ[count])
		count++;
	copy = calloc(count + 2, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++)
		if (strncmp(environ[i], "LC_ALL=", strlen("LC_ALL=")) != 0)
			copy[kept++] = environ[i];
	if (copy)
		copy[kept] = locale;
	return copy;
}

static int spawn_with(const posix_spawn_file_actions_t *actions, char *const argv[], pid_t *pid)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	char **environment = plain_locale();
	int rc = environment ? posix_spawnattr_init(&attributes) : ENOMEM;

	if (rc) {
		free(environment);
		return rc;
	}
	sigemptyset(&none);
	rc = posix_spawnattr_setsigmask(&attributes, &none);
	if (!rc)
		rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (!rc)
		rc = posix_spawnp(pid, argv[0], actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	free(environment);
	return rc;
}

static int spawn_gnuplot(const char *dir, const char *script, int complaints, pid_t *pid)
{
	char *argv[] = { (char *)"gnuplot", (char *)"--default-settings", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, complaints, STDOUT_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_addchdir_np(&actions, dir);
	if (!rc)
		rc = spawn_with(&actions, argv, pid);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int reap(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int run_script(const char *dir, const char *script, int deadline_s, struct error *err)
{
	int64_t deadline_ms = now_ms() + (int64_t)deadline_s * 1000;
	int pipe_fd[2], status = 0, rc;
	char complaint[256];
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return error_set(err, -errno, "gnuplot: cannot make a pipe: %s", strerror(errno));
	rc = spawn_gnuplot(dir, script, pipe_fd[1], &pid);
	close(pipe_fd[1]);
	if (rc) {
		close(pipe_fd[0]);
		return error_set(err, -rc, "gnuplot: cannot run: %s; install gnuplot-nox", strerror(rc));
	}
	rc = drain(pipe_fd[0], complaint, sizeof(complaint), deadline_ms);
	if (rc)
		kill(pid, SIGKILL);
	close(pipe_fd[0]);
	if (reap(pid, &status))
		return error_set(err, -ECHILD, "gnuplot: lost track of it");
	if (rc)
		return error_set(err, rc, "%s/%s: gnuplot was not done after %d s", dir, script, deadline_s);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return error_set(err, -EIO, "%s/%s: gnuplot failed: %s", dir, script,
			complaint[0] ? complaint : "it said nothing");
	return 0;
}

int plot_run(const char *dir, const char *name, struct error *err)
{
	char script[64];

	snprintf(script, sizeof(script), "%s.gp", name);
	return run_script(dir, script, PLOT_DEADLINE_S, err);
}
