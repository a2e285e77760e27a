/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests of a disturbance: a stage that writes down what it was told.  Include
 * it in the test; it takes the place of bench/stage.c.
 */
#ifndef BENCH_STAGE_FAKE_H
#define BENCH_STAGE_FAKE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "bench/disturbance.h"

#define FAKE_MAX 100000

struct stage {
	pthread_mutex_t lock;
	struct event events[1000];
	size_t event_count;
	struct fake_point {
		char series[64], unit[16];
		uint64_t tsc;
		double value;
	} points[FAKE_MAX];
	size_t point_count;
	int probe_cpu[64]; /* by home */
	int moves;
};

void stage_event(struct stage *stage, uint64_t tsc, const char *kind, bool injected, const char *format, ...)
{
	struct event *e;
	va_list list;

	pthread_mutex_lock(&stage->lock);
	e = &stage->events[stage->event_count < 999 ? stage->event_count++ : 999];
	*e = (struct event){ .tsc = tsc, .injected = injected };
	snprintf(e->kind, sizeof(e->kind), "%s", kind);
	va_start(list, format);
	vsnprintf(e->text, sizeof(e->text), format, list);
	va_end(list);
	pthread_mutex_unlock(&stage->lock);
}

void stage_point(struct stage *stage, const char *disturbance, const char *series, const char *unit,
	uint64_t tsc, double value)
{
	struct fake_point *p;

	(void)disturbance;
	pthread_mutex_lock(&stage->lock);
	p = &stage->points[stage->point_count < FAKE_MAX - 1 ? stage->point_count++ : FAKE_MAX - 1];
	*p = (struct fake_point){ .tsc = tsc, .value = value };
	snprintf(p->series, sizeof(p->series), "%s", series);
	snprintf(p->unit, sizeof(p->unit), "%s", unit);
	pthread_mutex_unlock(&stage->lock);
}

int stage_move_probe(struct stage *stage, int home, int target)
{
	stage->moves++;
	stage->probe_cpu[home] = target;
	return 0;
}

int stage_probe_cpu(struct stage *stage, int home)
{
	return stage->probe_cpu[home];
}

bool stage_probe_is_home(struct stage *stage, int home)
{
	return stage->probe_cpu[home] == home;
}

#endif
