/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/sim.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "results/units.h"

/* The sim clock shows this at sim time 0: any value far from 0, so that nothing is special there. */
#define SIM_EPOCH_NS 1000000000000.0

#define SHAPE_DEFAULT 1.5 /* of the Lomax delays: finite mean, no variance */
/* Values stay within 63 bits. */
#define CHANGE_MAX   1e15 /* ns, of a step or halt */
#define RATE_MAX     1e6  /* ppm */
#define DELAY_MAX_NS 1e10 /* a heavy tail ends here */

const char sim_options_help[] =
	"drift=PPM noise=NS granularity=CYCLES resolution=NS delay=NS (fixed, both ways) forward=NS "
	"backward=NS "
	"forward_exp=NS backward_exp=NS forward_pareto=NS backward_pareto=NS shape=ALPHA spike_share=P "
	"spike=NS ramp=FACTOR ramp_period=S early_share=P early=NS step=NS@S rate=PPM@S halt=NS@S";

/* Counter-based random numbers (SplitMix64: Steele, Lea, Flood 2014), so that no state is shared. */
struct dice {
	uint64_t state;
};

static uint64_t dice_u64(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* In (0, 1]. */
static double dice_uniform(struct dice *d)
{
	return ((double)(dice_u64(d) >> 11) + 1.0) * 0x1p-53;
}

static double dice_normal(struct dice *d)
{
	double r = sqrt(-2 * log(dice_uniform(d)));

	return r * cos(2 * M_PI * dice_uniform(d));
}

static double ramp_at(const struct sim_model *m, double t_s)
{
	double x;

	if (!(m->ramp_period_s > 0))
		return 1;
	/* The seed also sets where in its period the ramp begins. */
	x = t_s / m->ramp_period_s + (double)(m->seed % 1009) / 1009;
	return 1 + (m->ramp_factor - 1) * (x - floor(x));
}

static double path_delay(const struct sim_path *p, double ramp, struct dice *d)
{
	double delay = 0;

	if (p->exp_ns > 0)
		delay += -p->exp_ns * log(dice_uniform(d));
	if (p->pareto_ns > 0)
		delay += p->pareto_ns * (pow(dice_uniform(d), -1 / p->pareto_shape) - 1);
	delay *= ramp;
	if (p->spike_share > 0 && dice_uniform(d) <= p->spike_share)
		delay += p->spike_ns;
	return p->fixed_ns + fmin(delay, DELAY_MAX_NS);
}

double sim_offset_ns(const struct sim_model *m, double t_s)
{
	double ppm_s = m->drift_ppm * t_s, ns = 0;

	for (unsigned i = 0; i < m->rate_count; i++)
		if (t_s > m->rates[i].at_s)
			ppm_s += m->rates[i].amount * (t_s - m->rates[i].at_s);
	for (unsigned i = 0; i < m->step_count; i++)
		if (t_s >= m->steps[i].at_s)
			ns += m->steps[i].amount;
	return ns + ppm_s * PPM * (double)NS_PER_SEC;
}

/* The TSC at sim time t, less what it stood still. */
static uint64_t sim_tsc(const struct sim_model *m, double t_ns)
{
	double running = t_ns, cycles;

	for (unsigned i = 0; i < m->halt_count; i++) {
		double since = t_ns - m->halts[i].at_s * (double)NS_PER_SEC;

		running -= since <= 0 ? 0 : fmin(since, m->halts[i].amount);
	}
	cycles = ns_to_cycles(running, m->tsc_hz);
	if (m->granularity > 1)
		cycles = floor(cycles / m->granularity) * m->granularity;
	return m->tsc_start + (uint64_t)(int64_t)floor(cycles);
}

struct reading sim_reading(const struct sim_model *m, int cpu, double t_s)
{
	double t_ns = t_s * (double)NS_PER_SEC, ramp = ramp_at(m, t_s);
	double forward, backward, value, early_value = 0, early_hi = 0;
	struct dice d = { m->seed ^ (uint64_t)(unsigned)cpu << 48 };
	struct reading r;

	d.state ^= (uint64_t)llround(t_ns * 16);
	forward = path_delay(&m->forward, ramp, &d);
	backward = path_delay(&m->backward, ramp, &d);
	if (m->early_share > 0 && dice_uniform(&d) <= m->early_share) {
		if (dice_u64(&d) & 1)
			early_value = m->early_ns;
		else
			early_hi = m->early_ns;
	}
	value = SIM_EPOCH_NS + t_ns + forward + sim_offset_ns(m, (t_ns + forward) / (double)NS_PER_SEC);
	value -= early_value;
	if (m->noise_ns > 0)
		value += m->noise_ns * dice_normal(&d);
	if (m->resolution_ns > 1)
		value = floor(value / m->resolution_ns) * m->resolution_ns;
	r.value = (uint64_t)(int64_t)floor(value);
	r.tsc_lo = sim_tsc(m, t_ns + (m->noise_ns > 0 ? m->noise_ns * dice_normal(&d) : 0));
	r.tsc_hi = sim_tsc(m,
		t_ns + forward + backward - early_hi + (m->noise_ns > 0 ? m->noise_ns * dice_normal(&d) : 0));
	return r;
}

static const struct {
	const char *key;
	size_t offset;
	double low, high;
} keys[] = {
	{ "drift", offsetof(struct sim_model, drift_ppm), -1e5, 1e5 },
	{ "noise", offsetof(struct sim_model, noise_ns), 0, 1e9 },
	{ "granularity", offsetof(struct sim_model, granularity), 0, 1e9 },
	{ "resolution", offsetof(struct sim_model, resolution_ns), 0, 1e10 },
	{ "forward", offsetof(struct sim_model, forward.fixed_ns), 0, 1e9 },
	{ "backward", offsetof(struct sim_model, backward.fixed_ns), 0, 1e9 },
	{ "forward_exp", offsetof(struct sim_model, forward.exp_ns), 0, 1e9 },
	{ "backward_exp", offsetof(struct sim_model, backward.exp_ns), 0, 1e9 },
	{ "forward_pareto", offsetof(struct sim_model, forward.pareto_ns), 0, 1e9 },
	{ "backward_pareto", offsetof(struct sim_model, backward.pareto_ns), 0, 1e9 },
	{ "shape", offsetof(struct sim_model, forward.pareto_shape), 0.1, 100 },
	{ "spike_share", offsetof(struct sim_model, forward.spike_share), 0, 1 },
	{ "spike", offsetof(struct sim_model, forward.spike_ns), 0, 1e9 },
	{ "ramp", offsetof(struct sim_model, ramp_factor), 0, 1000 },
	{ "ramp_period", offsetof(struct sim_model, ramp_period_s), 0, 1e6 },
	{ "early_share", offsetof(struct sim_model, early_share), 0, 1 },
	{ "early", offsetof(struct sim_model, early_ns), 0, 1e9 },
};

static int parse_change(struct sim_change *changes, unsigned *count, double amount, double limit,
	const char *rest, struct error *err)
{
	char *end;

	if (*rest != '@' || *count == SIM_CHANGES_MAX)
		return error_set(err, -EINVAL,
			"sim: step, rate and halt are AMOUNT@SECONDS, at most %d of each", SIM_CHANGES_MAX);
	if (fabs(amount) > limit)
		return error_set(err, -EINVAL, "sim: %g: beyond %g", amount, limit);
	changes[*count].amount = amount;
	changes[*count].at_s = strtod(rest + 1, &end);
	if (end == rest + 1 || *end || !(changes[*count].at_s >= 0))
		return error_set(err, -EINVAL, "sim: \"%s\": not a number of seconds", rest + 1);
	(*count)++;
	return 0;
}

static int parse_pair(struct sim_model *m, const char *key, const char *text, struct error *err)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value))
		return error_set(err, -EINVAL, "sim: %s=%s: not a number", key, text);
	if (strcmp(key, "step") == 0)
		return parse_change(m->steps, &m->step_count, value, CHANGE_MAX, end, err);
	if (strcmp(key, "rate") == 0)
		return parse_change(m->rates, &m->rate_count, value, RATE_MAX, end, err);
	if (strcmp(key, "halt") == 0)
		return parse_change(m->halts, &m->halt_count, value, CHANGE_MAX, end, err);
	if (*end)
		return error_set(err, -EINVAL, "sim: %s=%s: not a number", key, text);
	if (strcmp(key, "delay") == 0) {
		int rc = parse_pair(m, "forward", text, err);

		return rc ? rc : parse_pair(m, "backward", text, err);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (value < keys[i].low || value > keys[i].high)
			return error_set(err, -EINVAL, "sim: %s=%s: not in %g to %g", key, text, keys[i].low,
				keys[i].high);
		*(double *)((char *)m + keys[i].offset) = value;
		return 0;
	}
	return error_set(err, -EINVAL, "sim: unknown option \"%s\"; known: %s", key, sim_options_help);
}

int sim_model_parse(struct sim_model *m, const char *options, struct error *err)
{
	char *copy, *save = NULL, *item;
	int rc = 0;

	if (!(m->forward.pareto_shape > 0))
		m->forward.pareto_shape = SHAPE_DEFAULT;
	copy = strdup(options ? options : "");
	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	for (item = strtok_r(copy, ":", &save); item && !rc; item = strtok_r(NULL, ":", &save)) {
		char *equals = strchr(item, '=');

		if (!equals) {
			rc = error_set(err, -EINVAL, "sim: \"%s\": must be key=value", item);
			break;
		}
		*equals = '\0';
		rc = parse_pair(m, item, equals + 1, err);
	}
	free(copy);
	/* One shape and one kind of spike serve both paths. */
	m->backward.pareto_shape = m->forward.pareto_shape;
	m->backward.spike_share = m->forward.spike_share;
	m->backward.spike_ns = m->forward.spike_ns;
	return rc;
}
