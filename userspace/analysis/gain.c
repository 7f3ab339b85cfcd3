// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/gain.h"

static double clamp(double value, double min, double max)
{
	if (!(value > min))
		return min;
	return value < max ? value : max;
}

static double lesser(double a, double b)
{
	return a < b ? a : b;
}

double gain_share(double ratio)
{
	return ratio > 1 ? 1 - 1 / ratio : 0;
}

double gain_usable_cpus(double busy, double idle, double allowed, double quota)
{
	double usable = lesser(busy + clamp(idle, 0, allowed), allowed);

	if (quota > 0)
		usable = lesser(usable, quota);
	return usable > busy ? usable : busy;
}

/* a / b where b may be (nearly) nothing: such a bound does not bind. */
static double bound(double a, double b)
{
	return b > 0 ? clamp(a / b, 1, GAIN_RATIO_MAX) : GAIN_RATIO_MAX;
}

static void tighten(struct gain *gain, double ratio, enum gain_limit limit)
{
	if (ratio < gain->ratio)
		*gain = (struct gain){.ratio = ratio, .limited_by = limit};
}

struct gain gain_remove_wait(const struct gain_wait *in)
{
	double removed_ns = clamp(in->removed, 0, 1) * (in->wait_ns > 0 ? in->wait_ns : 0);
	double own_ns = in->non_idle_ns - in->wait_ns;
	struct gain gain;

	if (!(removed_ns > 0))
		return (struct gain){.ratio = 1, .limited_by = LIMIT_NONE};
	if (!(own_ns > in->least_own_ns))
		own_ns = in->least_own_ns;
	gain = (struct gain){
		.ratio = bound(own_ns + in->wait_ns, own_ns + in->wait_ns - removed_ns),
		.limited_by = in->io_ns * 2 >= own_ns && in->io_ns > 0 ? LIMIT_IO : LIMIT_THREADS,
	};
	tighten(&gain, bound(in->usable_cpus, in->busy_cpus), LIMIT_CPUS);
	tighten(&gain, bound(1, 1 - clamp(in->removed, 0, 1) * clamp(in->rho, 0, 1)), LIMIT_LOCK);
	return gain;
}

struct gain gain_spread(double busy_cpus, double usable_cpus, double threads_max)
{
	if (threads_max < usable_cpus)
		return (struct gain){bound(threads_max, busy_cpus), LIMIT_THREADS};
	return (struct gain){bound(usable_cpus, busy_cpus), LIMIT_CPUS};
}

struct gain gain_cpu_time(double busy_cpus, double limit, double withheld, double wanted)
{
	double reachable = lesser(limit, busy_cpus + clamp(withheld, 0, limit));

	wanted = wanted > 0 ? wanted : 0;
	if (busy_cpus + wanted < reachable)
		return (struct gain){bound(busy_cpus + wanted, busy_cpus), LIMIT_THREADS};
	return (struct gain){bound(reachable, busy_cpus), LIMIT_CPUS};
}

struct gain gain_remove_work(double busy_cpus, double usable_cpus, double removed, double share)
{
	struct gain gain = {bound(usable_cpus, busy_cpus - clamp(removed, 0, busy_cpus)),
			    LIMIT_CPUS};

	tighten(&gain, bound(1, 1 - clamp(share, 0, 1)), LIMIT_THREADS);
	return gain;
}

double gain_serial_share(double active, double cpus)
{
	if (!(cpus > 1) || !(active > 0))
		return 0;
	return clamp((1 / active - 1 / cpus) / (1 - 1 / cpus), 0, 1);
}

double gain_lost_parallelism(double with_work, double running, double cpus)
{
	double able = lesser(with_work, cpus);

	return able > 0 ? clamp((able - lesser(running, able)) / able, 0, 1) : 0;
}
