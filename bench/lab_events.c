/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_events.h"

#include <errno.h>
#include <string.h>

#include "probes/now.h"
#include "probes/posix_clock.h"

#define POLL_NS (2 * NS_PER_MS)

/* The instant that QEMU wrote into it, in us of realtime. */
static uint64_t sent_us(const json_t *event)
{
	json_t *stamp = json_object_get(event, "timestamp");

	return (uint64_t)json_integer_value(json_object_get(stamp, "seconds")) * 1000000 +
	       (uint64_t)json_integer_value(json_object_get(stamp, "microseconds"));
}

uint64_t lab_events_drop(struct qmp *qmp)
{
	json_t *event;

	while ((event = qmp_event(qmp)))
		json_decref(event);
	return posix_clock_ns(CLOCK_REALTIME) / NS_PER_US;
}

/* Realtime of just now as monotonic_raw: the two differ in rate by ppm. */
static uint64_t raw_of(uint64_t realtime_us)
{
	uint64_t raw = posix_clock_ns(CLOCK_MONOTONIC_RAW), now = posix_clock_ns(CLOCK_REALTIME);

	return raw - (now - realtime_us * NS_PER_US);
}

int lab_event_await(struct lab_guest *g, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err)
{
	int rc = 0;

	while (!rc) {
		json_t *event = qmp_event(qmp);
		const char *is = json_string_value(json_object_get(event, "event"));

		if (is && strcmp(is, name) == 0 && sent_us(event) >= from_us) {
			*at_ns = raw_of(sent_us(event));
			json_decref(event);
			return 0;
		}
		if (is && strcmp(is, "SHUTDOWN") == 0)
			rc = error_set(err, -ECHILD, "QEMU shuts down");
		json_decref(event);
		if (!rc && !event && now_ns() > deadline_ns)
			rc = error_set(err, -ETIMEDOUT, "QEMU does not tell of %s", name);
		if (!rc && !event)
			rc = lab_wait_for(g->wait, POLL_NS, err);
	}
	return rc;
}
