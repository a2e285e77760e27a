/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A live file of any bytes through a writer: the second look must agree with the first, and what was made is
 * not made again.  First byte: which writer; second: which parameters.  A NUL line of its own parts the file
 * beside it from the live one.
 */
#include <errno.h>

#include "bench/candidate.h"
#include "bench/compare.h"
#include "ci/fuzz/fuzz.h"

static const char *const parameters[] = { "notsc lpj=2596120", "clocksource=acpi_pm lpj=1", "clock=pmtmr",
	"tsc=reliable", "tsc=unstable notsc", "no-kvmclock", "processor.max_cstate=1 intel_idle.max_cstate=0",
	"clocksource=hpet hpet=force nohz=off", "/usepmtimer",
	"clocksource=kvm-clock clocksource=kvm-clock" };
#define KHZ 2600000

struct result {
	struct candidate_output out;
	struct bytes text, notes, replaced;
};

static int transform(const struct candidate *c, const struct candidate_input *in, struct result *r)
{
	struct error err = { "" };
	int rc;

	*r = (struct result){ 0 };
	r->out.text = open_memstream(&r->text.at, &r->text.length);
	r->out.notes = open_memstream(&r->notes.at, &r->notes.length);
	r->out.replaced = open_memstream(&r->replaced.at, &r->replaced.length);
	rc = c->transform(in, &r->out, &err);
	fclose(r->out.text);
	fclose(r->out.notes);
	fclose(r->out.replaced);
	fuzz_check(rc, &err);
	if (rc && rc != -ENODATA)
		abort();
	return rc;
}

static void result_free(struct result *r)
{
	free(r->text.at);
	free(r->notes.at);
	free(r->replaced.at);
}

static void second_look(const struct candidate *c, const struct candidate_input *in, const struct result *r)
{
	char *added = candidate_expected(c->words, in->request, KHZ), *shown = NULL;
	struct compare_rule rule = { .added = added,
		.replaced = r->replaced.at,
		.heads = c->heads,
		.block = c->block,
		.section = c->section,
		.line = c->line,
		.caseless = c->words == WORDS_WINDOWS,
		.left_out = r->out.left_out };
	struct error err = { "" };
	size_t size;
	FILE *out = open_memstream(&shown, &size);

	if (compare_check(&in->text, &r->text, &rule, &err)) {
		fprintf(stderr, "%s: %s\n", c->name, err.text);
		fwrite(in->text.at, 1, in->text.length, stderr);
		fputs("\n====\n", stderr);
		fwrite(r->text.at, 1, r->text.length, stderr);
		abort();
	}
	if (compare_print(&in->text, "a", &r->text, "b", out))
		abort();
	fclose(out);
	free(shown);
	free(added);
}

static void fuzz_writer(const struct candidate *c, const struct candidate_request *request,
	const struct bytes *live, const struct candidate_beside *beside)
{
	struct candidate_input in = { .request = request,
		.max_khz = KHZ,
		.live = "live",
		.text = *live,
		.beside = beside,
		.beside_count = 1 };
	struct result first, second;

	if (c->words == WORDS_LINUX && !candidate_for_linux(request))
		return;
	if (c->words == WORDS_WINDOWS && !candidate_for_windows(request))
		return;
	if (transform(c, &in, &first) == 0 && c->words != WORDS_NONE) {
		second_look(c, &in, &first);
		in.text = first.text;
		if (transform(c, &in, &second) == 0)
			abort();
		result_free(&second);
	}
	result_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct candidate_request request = { .profile = "",
		.role = "guest",
		.guest_os = "",
		.guest_versions = "",
		.host_settings = "",
		.hypervisor_settings = "",
		.note = "",
		.root = "",
		.out_dir = "out" };
	struct candidate_beside beside = { .path = "beside" };
	struct bytes live;
	size_t writers = 0;
	const uint8_t *part;

	while (candidates[writers])
		writers++;
	if (size < 2)
		return 0;
	request.parameters = parameters[data[1] % (sizeof(parameters) / sizeof(parameters[0]))];
	part = memmem(data + 2, size - 2, "\n\0\n", 3);
	live.length = part ? (size_t)(part - data) - 2 : size - 2;
	live.at = calloc(live.length + 1, 1);
	memcpy(live.at, data + 2, live.length);
	beside.text.length = part ? size - live.length - 5 : 0;
	beside.text.at = calloc(beside.text.length + 1, 1);
	if (part)
		memcpy(beside.text.at, part + 3, beside.text.length);
	fuzz_writer(candidates[data[0] % writers], &request, &live, &beside);
	free(live.at);
	free(beside.text.at);
	return 0;
}
