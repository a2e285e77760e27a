/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/stress_ng.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/warden.h"
#include "probes/now.h"
#include "results/units.h"

/* It answers in 20 ms on an idle machine. */
#define ASK_NS (5 * NS_PER_SEC)

static bool executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int stress_ng_find(char path[STRESS_NG_PATH_MAX], struct error *why)
{
	const char *search = getenv("PATH");

	while (search && *search) {
		int length = (int)strcspn(search, ":");
		int n = snprintf(path, STRESS_NG_PATH_MAX, "%.*s/stress-ng", length ? length : 1,
			length ? search : ".");

		if (n < STRESS_NG_PATH_MAX && executable(path))
			return 0;
		search += length + (search[length] == ':');
	}
	return error_set(
		why, -ENOENT, "stress-ng is not installed; install it (Debian: apt install stress-ng)");
}

static bool word_in(const char *text, const char *word)
{
	size_t length = strlen(word), n;

	for (; *text; text += n) {
		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (n == length && strncmp(text, word, n) == 0)
			return true;
	}
	return false;
}

int stress_ng_knows(const char *path, const char *stressor, struct error *why)
{
	const struct timespec nap = { 0, 2 * NS_PER_MS };
	char program[STRESS_NG_PATH_MAX], message[200];
	char *argv[] = { program, "--stressors", NULL };
	uint64_t limit = now_ns() + ASK_NS;
	struct warden *w;
	int rc = 0;

	snprintf(program, sizeof(program), "%s", path);
	w = warden_start(&(struct warden_plan){ .argv = argv, .cpu = -1, .share = 100 }, why);
	if (!w)
		return -EIO;
	while (warden_poll(w) && now_ns() < limit)
		nanosleep(&nap, NULL);
	stress_ng_message(warden_output(w), message, sizeof(message));
	if (warden_pid(w))
		rc = error_set(why, -ETIMEDOUT, "%s --stressors gave no answer within %lld s", path,
			ASK_NS / NS_PER_SEC);
	else if (warden_exit_status(w) != 0)
		rc = error_set(why, -EIO, "%s --stressors failed: exit status %d: %s", path,
			warden_exit_status(w), message);
	else if (!word_in(warden_output(w), stressor))
		rc = error_set(why, -ENOENT,
			"this stress-ng has no stressor '%s'; stress-ng --stressors lists them", stressor);
	warden_end(w);
	warden_free(w, now_ns() + WARDEN_GRACE_NS + WARDEN_KILL_NS + NS_PER_SEC, NULL);
	return rc;
}

static bool formality(const char *line)
{
	static const char *const texts[] = { "setting to a ", "dispatching hogs", "run completed in ",
		"No stress workers invoked", "aborted early", "finished prematurely",
		"Try 'stress-ng --help'" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strstr(line, texts[i]))
			return true;
	return false;
}

/* Behind "stress-ng: error: [123] ". */
static const char *line_text(const char *line)
{
	const char *bracket;

	if (strncmp(line, "stress-ng: ", 11) != 0)
		return line;
	line += 11;
	bracket = strchr(line, ']');
	if (bracket && strchr(line, '[') && strchr(line, '[') < bracket && bracket[1] == ' ')
		return bracket + 2;
	return line;
}

void stress_ng_message(const char *output, char *text, size_t size)
{
	char line[400];
	size_t n;

	*text = '\0';
	for (; *output; output += n + (output[n] == '\n')) {
		n = strcspn(output, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, output);
		if (*line && !formality(line))
			snprintf(text, size, "%s", line_text(line));
	}
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}
