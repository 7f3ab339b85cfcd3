// SPDX-License-Identifier: GPL-2.0-only
#include "render/say.h"

#include "base/num.h"
#include "base/units.h"

#include <inttypes.h>
#include <string.h>

#define PIDS_SHOWN 3

bool say_has_figures(const struct snapshot *snap)
{
	return snap->complete || snap->duration_ns > 0;
}

static void add_plural(struct strbuf *sb, uint64_t count, const char *one, const char *many)
{
	units_count(sb, count);
	strbuf_printf(sb, " %s", count == 1 ? one : many);
}

/* The process that the user named, else the one with the most to do. */
static const struct snap_process *main_process(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->processes_len && snap->run.pids_len; i++)
		if (snap->processes[i].pid == snap->run.pids[0])
			return &snap->processes[i];
	return snap->processes_len ? &snap->processes[0] : NULL;
}

static void add_pids(struct strbuf *sb, const struct snapshot *snap,
		     const struct snap_process *process)
{
	uint32_t len = snap->run.pids_len < RECORD_PIDS_MAX ? snap->run.pids_len : RECORD_PIDS_MAX;

	if (!len) {
		strbuf_printf(sb, " (%" PRIu32 ")", process->pid);
		return;
	}
	for (uint32_t i = 0; i < len && i < PIDS_SHOWN; i++)
		strbuf_printf(sb, "%s%" PRIu64, i ? ", " : " (", snap->run.pids[i]);
	if (len > PIDS_SHOWN)
		strbuf_printf(sb, " and %" PRIu32 " more", len - PIDS_SHOWN);
	strbuf_putc(sb, ')');
}

static void add_cpus(struct strbuf *sb, const struct snapshot *snap)
{
	uint64_t quota = snap->host.quota_milli_cpus;

	if (snap->run.cpus_allowed && snap->run.cpus_allowed < snap->run.cpus_online) {
		units_count(sb, snap->run.cpus_allowed);
		strbuf_puts(sb, " of ");
	}
	add_plural(sb, snap->run.cpus_online, "CPU", "CPUs");
	if (quota)
		strbuf_printf(sb, " (quota %" PRIu64 ".%02" PRIu64 ")", quota / 1000,
			      quota % 1000 / 10);
}

void say_target(struct strbuf *sb, const struct snapshot *snap)
{
	const struct snap_process *process = main_process(snap);

	if (process) {
		strbuf_puts(sb, process->comm);
		add_pids(sb, snap, process);
		strbuf_puts(sb, ", ");
	}
	add_plural(sb, snap->processes_len, "process, ", "processes, ");
	add_plural(sb, snap->threads_len, "thread, ", "threads, ");
	if (say_has_figures(snap))
		units_duration(sb, snap->duration_ns);
	else
		strbuf_puts(sb, "duration unknown");
	strbuf_puts(sb, ", ");
	add_cpus(sb, snap);
}

void say_platform(struct strbuf *sb, const struct snapshot *snap)
{
	const struct snap_process *process = main_process(snap);
	const char *kernel = snap->run.kernel;
	/* "6.1.0" of "6.1.0-18-amd64 x86_64": the JSON report has all of it. */
	size_t len = strcspn(kernel, "- ");

	if (len && kernel[0] >= '0' && kernel[0] <= '9')
		strbuf_puts(sb, "Linux ");
	strbuf_add(sb, kernel, len);
	if (process && *process->libc)
		strbuf_printf(sb, "%s%s", len ? ", " : "", process->libc);
	if (process && !strcmp(process->runtime, "cpython"))
		strbuf_printf(sb, ", Python %s", process->runtime_version);
}

void say_ending(struct strbuf *sb, const struct snapshot *snap)
{
	const struct record_end *end = &snap->end;

	if (!snap->complete)
		strbuf_puts(sb, "The capture was cut off: this covers the part of it that is "
				"there.");
	else if (end->interrupted)
		strbuf_puts(sb, "Interrupted by the user before the end of the window.");
	else if (end->target_ended)
		strbuf_puts(sb, "The target ended before the end of the window.");
	if (snap->complete && end->exited && end->exit_signal)
		strbuf_printf(sb, "%sThe command was ended by signal %" PRId32 ".",
			      sb->len ? " " : "", end->exit_signal);
	else if (snap->complete && end->exited && end->exit_code)
		strbuf_printf(sb, "%sThe command ended with status %" PRId32 ".",
			      sb->len ? " " : "", end->exit_code);
}

void say_supervisor(struct strbuf *sb, const struct snapshot *snap)
{
	const struct snap_process *process = main_process(snap);

	if (!process || !process->workers)
		return;
	strbuf_puts(sb, process->comm);
	strbuf_printf(sb, " (%" PRIu32 ") only supervises: what follows is about its ",
		      process->pid);
	add_plural(sb, process->workers, "worker process.", "worker processes.");
}

/* The parts of a summary come without a full stop. */
static void add_sentence(struct strbuf *sb, const struct strbuf *part)
{
	if (part->len)
		strbuf_printf(sb, "%s.", strbuf_str(part));
}

static const struct strbuf *headline(const struct finding *finding)
{
	return finding->headline.len ? &finding->headline : &finding->summary;
}

void say_headline(struct strbuf *sb, const struct finding *finding)
{
	add_sentence(sb, headline(finding));
}

void say_gain(struct strbuf *sb, const struct finding *finding)
{
	if (!finding->gain_text.len)
		return;
	strbuf_puts(sb, strbuf_str(&finding->gain_text));
	/* "up to" has already said that it is an upper one. */
	if (finding->bound && strcmp(finding->bound, "upper bound"))
		strbuf_printf(sb, "; %s", finding->bound);
}

void say_runner_up(struct strbuf *sb, const struct finding *finding)
{
	strbuf_puts(sb, finding->bottleneck);
	if (finding->gain_ratio > 1) {
		strbuf_puts(sb, ", up to ");
		units_factor(sb, finding->gain_ratio);
	}
	if (headline(finding)->len) {
		strbuf_puts(sb, ": ");
		add_sentence(sb, headline(finding));
	}
}

bool say_healthy(const struct finding *finding)
{
	return !strcmp(finding->bottleneck, "none") || !strcmp(finding->bottleneck, "idle");
}

void say_own_cost(struct strbuf *sb, const struct report *rep, const char *dot)
{
	uint64_t waits = 0;

	strbuf_puts(sb, "own cost ");
	units_percent(sb, rep->self_cpu_ratio + rep->self_bpf_ratio);
	strbuf_puts(sb, " of one CPU (collector ");
	units_percent(sb, rep->self_cpu_ratio);
	strbuf_puts(sb, ", BPF ");
	if (rep->self_bpf_ratio > 0 || !rep->snap->self.events)
		units_percent(sb, rep->self_bpf_ratio);
	else
		strbuf_puts(sb, "not measured");
	strbuf_puts(sb, ")");
	if (rep->snap->self.polls_hooked_ns) {
		strbuf_puts(sb, ", polls hooked for ");
		units_duration(sb, rep->snap->self.polls_hooked_ns);
	}
	strbuf_puts(sb, dot);
	for (uint32_t i = 0; i < rep->snap->locks_len; i++)
		waits = num_sat_add(waits, rep->snap->locks[i].waits);
	add_plural(sb, waits, "wait aggregated", "waits aggregated");
}
