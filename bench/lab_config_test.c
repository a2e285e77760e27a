/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_config.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int load(const char *text, struct lab_configs *configs, struct error *err)
{
	int fd, rc;

	strcpy(path, "/tmp/clkdrift-lab-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	*err = (struct error){ "" };
	rc = lab_configs_load(configs, path, err);
	unlink(path);
	return rc;
}

static void test_all_keys(void **state)
{
	struct lab_configs configs;
	const struct lab_config *c;
	struct error err;
	json_t *json;

	(void)state;
	assert_int_equal(
		load("; comment\n[plain]\nsummary = a b\n[full-1.2]\nsummary = s\narch = i386\nvcpus = "
		     "64\nmaxvcpus = 64\n"
		     "memory = 128\ncpu = EPYC,+x\nmachine = q35\nhpet = no\ncstates = yes\npstates = yes\n"
		     "accel = tcg\ndaemon = chrony\nmakestep = 0.1 -1\nmodules = a b\nappend = tsc=reliable "
		     "x=1\nextra = -device foo\n",
			&configs, &err),
		0);
	assert_int_equal(configs.count, 2);
	c = lab_configs_find(&configs, "plain");
	assert_non_null(c);
	assert_string_equal(c->arch, "x86_64");
	assert_string_equal(c->accel, "auto");
	assert_int_equal(c->vcpus, 1);
	assert_int_equal(c->maxvcpus, 0);
	assert_int_equal(c->memory_mb, 512);
	assert_true(c->hpet && !c->cstates && !c->pstates);
	assert_string_equal(c->daemon, "");
	c = lab_configs_find(&configs, "full-1.2");
	assert_non_null(c);
	assert_string_equal(c->arch, "i386");
	assert_int_equal(c->vcpus, 64);
	assert_int_equal(c->maxvcpus, 64);
	assert_int_equal(c->memory_mb, 128);
	assert_string_equal(c->cpu, "EPYC,+x");
	assert_string_equal(c->machine, "q35");
	assert_true(!c->hpet && c->cstates && c->pstates);
	assert_string_equal(c->accel, "tcg");
	assert_string_equal(c->daemon, "chrony");
	assert_string_equal(c->makestep, "0.1 -1");
	assert_string_equal(c->modules, "a b");
	assert_string_equal(c->append, "tsc=reliable x=1");
	assert_string_equal(c->extra, "-device foo");
	json = lab_config_to_json(c);
	assert_int_equal(json_object_size(json), 1 + KEY_COUNT);
	assert_string_equal(json_string_value(json_object_get(json, "name")), "full-1.2");
	assert_string_equal(json_string_value(json_object_get(json, "cpu")), "EPYC,+x");
	assert_int_equal(json_integer_value(json_object_get(json, "memory")), 128);
	assert_true(json_is_false(json_object_get(json, "hpet")) &&
		    json_is_true(json_object_get(json, "cstates")));
	json_decref(json);
	assert_null(lab_configs_find(&configs, "other"));
	lab_configs_free(&configs);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *why;
	} bad[] = {
		{ "[a]\nvcpus = 0\n", 2, "1 to 64" },
		{ "[a]\nvcpus = 65\n", 2, "1 to 64" },
		{ "[a]\nvcpus = 1x\n", 2, "1 to 64" },
		{ "[a]\nvcpus = -1\n", 2, "1 to 64" },
		{ "[a]\nvcpus =\n", 2, "1 to 64" },
		{ "[a]\nmaxvcpus = 0\n", 2, "1 to 64" },
		{ "[a]\nmemory = 127\n", 2, "128 to 65536" },
		{ "[a]\nhpet = maybe\n", 2, "neither yes nor no" },
		{ "[a]\nsummary = x\naccel = hvf\n", 3, "none of the words" },
		{ "[a]\ndaemon = ntpd\n", 2, "none of the words" },
		{ "[a]\narch = arm\n", 2, "none of the words" },
		{ "[a]\narch =\n", 2, "none of the words" },
		{ "[a]\nspeed = 9\n", 2, "unknown key" },
		{ "[a]\nvcpus = 1\nvcpus = 2\n", 3, "twice" },
		{ "[a]\nvcpus = 1\n[b]\nvcpus = 1\n[a]\nhpet = no\n", 6, "already" },
		{ "[a/b]\nvcpus = 1\n", 2, "letters" },
		{ "[.x]\nvcpus = 1\n", 2, "letters" },
		{ "[-x]\nvcpus = 1\n", 2, "letters" },
		{ "[a-name-that-is-much-longer-than-allowed]\nvcpus = 1\n", 2, "letters" },
		{ "[a]\nappend = \x1b[1m\n", 2, "control" },
		{ "[a]\nnonsense\n", 2, "key = value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lab_configs configs;
		struct error err;
		char where[80];

		assert_int_equal(load(bad[i].text, &configs, &err), -EINVAL);
		snprintf(where, sizeof(where), "%s:%d: ", path, bad[i].line);
		if (!strstr(err.text, where) || !strstr(err.text, bad[i].why))
			fail_msg("%s gave: %s", bad[i].text, err.text);
		lab_configs_free(&configs);
	}
}

static void test_room_for_fewer(void **state)
{
	struct lab_configs configs;
	struct error err;

	(void)state;
	assert_int_equal(load("[a]\nmaxvcpus = 2\n[b]\nvcpus = 3\nmaxvcpus = 2\n", &configs, &err), -EINVAL);
	assert_non_null(strstr(err.text, "[b]: maxvcpus = 2 is below vcpus = 3"));
	lab_configs_free(&configs);
}

static void test_no_file(void **state)
{
	struct lab_configs configs;
	struct error err = { "" };

	(void)state;
	assert_int_equal(lab_configs_load(&configs, "/nonexistent/x.ini", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/x.ini: cannot read"));
	lab_configs_free(&configs);
}

static void test_shipped(void **state)
{
	static const char *const names[] = { "one-vcpu", "two-vcpus", "no-hpet", "cstates", "pstates",
		"i386-one-vcpu", "i386-two-vcpus" };
	struct lab_configs configs;
	struct error err = { "" };

	(void)state;
	assert_int_equal(lab_configs_load(&configs, "bench/lab/configurations.ini", &err), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(lab_configs_find(&configs, names[i]));
	for (size_t i = 0; i < configs.count; i++)
		assert_true(configs.rows[i].summary[0]);
	lab_configs_free(&configs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_room_for_fewer),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests_name("lab_config", tests, NULL, NULL);
}
