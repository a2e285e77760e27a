/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The kernel's clock discipline, for tests that need a known frequency error:
 *
 *   adjtimex get                       prints "FREQ TICK STATUS", raw, for `put`
 *   adjtimex put FREQ TICK STATUS      sets all three
 *   adjtimex freq PPM                  CLOCK_MONOTONIC fast by that many ppm
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#define FREQ_PER_PPM 65536.0 /* adjtimex(2): scaled by 2^16 */
#define FREQ_MAX_PPM 500

static int number(const char *text, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return errno || end == text || *end;
}

static int frequency(const char *text, long *value)
{
	char *end;
	double ppm = strtod(text, &end);

	*value = lround(ppm * FREQ_PER_PPM);
	return end == text || *end || !(fabs(ppm) <= FREQ_MAX_PPM);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	struct timex tx = { 0 };
	long status = 0;
	int bad = 0;

	if (strcmp(command, "put") == 0 && argc == 5) {
		bad = number(argv[2], &tx.freq) || number(argv[3], &tx.tick) || number(argv[4], &status);
		tx.status = (int)status;
		tx.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS;
	} else if (strcmp(command, "freq") == 0 && argc == 3) {
		bad = frequency(argv[2], &tx.freq);
		tx.modes = ADJ_FREQUENCY;
	} else {
		bad = strcmp(command, "get") != 0 || argc != 2;
	}
	if (bad) {
		fputs("usage: adjtimex get | put FREQ TICK STATUS | freq PPM\n", stderr);
		return 2;
	}
	if (adjtimex(&tx) < 0) {
		fprintf(stderr, "adjtimex: %s\n", strerror(errno));
		return 1;
	}
	if (!tx.modes)
		printf("%ld %ld %d\n", tx.freq, tx.tick, tx.status);
	return 0;
}
