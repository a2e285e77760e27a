/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* QEMU is a fake; the one vCPU thread is a child of the test. */
#define qmp_execute	fake_execute
#define lab_event_await fake_event_await
#define lab_events_drop fake_events_drop
#include "bench/lab_vcpus.c"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct lab_config small = { .name = "small", .vcpus = 1 },
			       roomy = { .name = "roomy", .vcpus = 1, .maxvcpus = 2 };
static struct lab_guest guest;
static const char *slots; /* what query-hotpluggable-cpus says */
static char added[256];	  /* the arguments of device_add */
static pid_t thread;
static bool no_event;

static json_t *reply_to(const char *command)
{
	if (strcmp(command, "query-cpus-fast") == 0)
		return json_pack("[{s:i}, {s:i}]", "thread-id", (int)thread, "thread-id", 0);
	if (strcmp(command, "query-hotpluggable-cpus") == 0)
		return json_loads(slots, 0, NULL);
	return NULL;
}

int fake_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns,
	json_t **reply, struct error *err)
{
	char *text = arguments ? json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	(void)qmp;
	(void)deadline_ns;
	(void)err;
	if (reply)
		*reply = reply_to(command);
	if (strcmp(command, "device_add") == 0)
		snprintf(added, sizeof(added), "%s", text);
	if (strcmp(command, "device_del") == 0)
		assert_string_equal(text, "{\"id\":\"clkdrift-vcpu\"}");
	free(text);
	json_decref(arguments);
	return 0;
}

int fake_event_await(struct lab_guest *g, struct qmp *qmp, const char *name, uint64_t from_us,
	uint64_t deadline_ns, uint64_t *at_ns, struct error *err)
{
	(void)g;
	(void)qmp;
	(void)from_us;
	(void)deadline_ns;
	assert_string_equal(name, "DEVICE_DELETED");
	if (no_event)
		return error_set(err, -ETIMEDOUT, "QEMU does not tell of %s", name);
	*at_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	return 0;
}

uint64_t fake_events_drop(struct qmp *qmp)
{
	(void)qmp;
	return 0;
}

static int begin(void **state)
{
	(void)state;
	guest = (struct lab_guest){ .config = &roomy, .vcpus_off = -1 };
	added[0] = '\0';
	no_event = false;
	thread = fork();
	if (thread == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return thread < 0;
}

static int end(void **state)
{
	(void)state;
	kill(thread, SIGKILL);
	return waitpid(thread, NULL, 0) != thread;
}

static void the_first_free_slot(void **state)
{
	char text[128];
	struct error err = { "" };

	(void)state;
	slots = "[{\"props\":{\"core-id\":2},\"type\":\"t\",\"qom-path\":\"/x\"},"
		"{\"props\":{\"core-id\":1,\"socket-id\":3},\"type\":\"max-cpu\"},"
		"{\"props\":{\"core-id\":0},\"type\":\"t\",\"qom-path\":\"/y\"}]";
	if (lab_vcpu_plug(&guest, text, sizeof(text), &err))
		fail_msg("%s", err.text);
	assert_string_equal(
		added, "{\"core-id\":1,\"driver\":\"max-cpu\",\"id\":\"clkdrift-vcpu\",\"socket-id\":3}");
	assert_memory_equal(text, "max-cpu, core 1 of socket 3, device_add took ", 45);
	assert_int_equal(lab_vcpu_unplug(&guest, text, sizeof(text), &err), 0);
	assert_memory_equal(text, "DEVICE_DELETED ", 15);
	no_event = true;
	assert_int_equal(lab_vcpu_unplug(&guest, text, sizeof(text), &err), -ETIMEDOUT);
}

static void no_slot(void **state)
{
	static const char *const none[] = { "[]", "[{\"props\":{},\"type\":\"t\",\"qom-path\":\"/x\"}]",
		"[{\"type\":\"t\"}, {\"props\":{}}, {\"props\":[],\"type\":\"t\"}, 7]" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		struct error err = { "" };

		slots = none[i];
		assert_int_equal(lab_vcpu_plug(&guest, text, sizeof(text), &err), -EBUSY);
		assert_string_equal(added, "");
	}
	guest.config = &small;
	assert_int_equal(lab_vcpu_plug(&guest, text, sizeof(text), &(struct error){ "" }), -ENOTSUP);
}

static void bound_and_set_free(void **state)
{
	int cpus[LAB_VCPUS_MAX];
	cpu_set_t all, now;
	size_t count;
	struct error err = { "" };

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (lab_vcpus_bind(&guest, cpus, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(count, 1);
	assert_int_equal(sched_getaffinity(thread, sizeof(now), &now), 0);
	assert_int_equal(CPU_COUNT(&now), 1);
	assert_true(CPU_ISSET(cpus[0], &now) && CPU_ISSET(cpus[0], &all));
	assert_int_equal(lab_vcpus_place(&guest, &err), 0);
	if (CPU_COUNT(&all) < 2)
		return;
	/* Where the responder has a CPU, that is none of the vCPUs'. */
	guest.vcpus_off = cpus[0];
	assert_int_equal(lab_vcpus_place(&guest, &err), 0);
	assert_int_equal(sched_getaffinity(thread, sizeof(now), &now), 0);
	assert_false(CPU_ISSET(cpus[0], &now));
	assert_int_equal(CPU_COUNT(&now), CPU_COUNT(&all) - 1);
	assert_int_equal(lab_vcpus_bind(&guest, cpus, &count, &err), 0);
	assert_true(cpus[0] != guest.vcpus_off);
}

static void where_each_goes(void **state)
{
	cpu_set_t allowed, taken;

	(void)state;
	CPU_ZERO(&allowed);
	CPU_ZERO(&taken);
	CPU_SET(2, &allowed);
	CPU_SET(5, &allowed);
	assert_int_equal(choose_cpu(5, &allowed, &taken), 5);
	assert_int_equal(choose_cpu(3, &allowed, &taken), 2);
	assert_int_equal(choose_cpu(-1, &allowed, &taken), 2);
	CPU_SET(5, &taken);
	assert_int_equal(choose_cpu(5, &allowed, &taken), 2);
	CPU_SET(2, &taken);
	assert_int_equal(choose_cpu(5, &allowed, &taken), 5);
	assert_int_equal(choose_cpu(3, &allowed, &taken), 2);
	CPU_ZERO(&allowed);
	assert_int_equal(choose_cpu(5, &allowed, &taken), -1);
	assert_int_equal(last_cpu(0), -1);
	assert_true(last_cpu(getpid()) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_free_slot, begin, end),
		cmocka_unit_test_setup_teardown(no_slot, begin, end),
		cmocka_unit_test_setup_teardown(bound_and_set_free, begin, end),
		cmocka_unit_test(where_each_goes),
	};

	return cmocka_run_group_tests_name("bench/lab_vcpus", tests, NULL, NULL);
}
