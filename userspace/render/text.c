// SPDX-License-Identifier: GPL-2.0-only
/* The report for a terminal, a file or a mail: the verdict first, so that its top answers the
 * question. */
#include "base/err.h"
#include "base/num.h"
#include "base/units.h"
#include "render/formats.h"
#include "render/text_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define COLUMNS_DEFAULT 100
#define COLUMNS_MIN 20
#define HANG 9 /* text behind a label such as "Next" */
#define PIDS_SHOWN 3

/* A capture may be cut off before its first figures: then all of them are unknown, not 0. */
static bool has_figures(const struct snapshot *snap)
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

static void add_platform(struct strbuf *sb, const struct snapshot *snap,
			 const struct snap_process *process)
{
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

static void header(struct page *page, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_process *process = main_process(snap);
	struct strbuf left = {0};
	struct strbuf right = {0};

	if (process) {
		strbuf_puts(&left, process->comm);
		add_pids(&left, snap, process);
		strbuf_puts(&left, ", ");
	}
	add_plural(&left, snap->processes_len, "process, ", "processes, ");
	add_plural(&left, snap->threads_len, "thread, ", "threads, ");
	if (has_figures(snap))
		units_duration(&left, snap->duration_ns);
	else
		strbuf_puts(&left, "duration unknown");
	strbuf_puts(&left, ", ");
	add_cpus(&left, snap);
	add_platform(&right, snap, process);

	page_put(page, STYLE_BOLD, "concprof");
	page_gap(page, 2);
	if (10 + page_width(strbuf_str(&left)) + 2 + page_width(strbuf_str(&right)) <=
	    page->columns) {
		page_wrap(page, STYLE_PLAIN, 10, strbuf_str(&left), strbuf_str(&right));
	} else {
		page_wrap(page, STYLE_PLAIN, 10, strbuf_str(&left), NULL);
		page_gap(page, 10);
		page_wrap(page, STYLE_DIM, 10, strbuf_str(&right), NULL);
	}
	page->out->failed |= left.failed || right.failed;
	strbuf_free(&left);
	strbuf_free(&right);
}

/* Why the window is shorter than was asked for, and how the command ended. */
static void ending(struct page *page, const struct snapshot *snap)
{
	const struct record_end *end = &snap->end;
	struct strbuf text = {0};

	if (!snap->complete)
		strbuf_puts(&text, "The capture was cut off: this covers the part of it that is "
				   "there.");
	else if (end->interrupted)
		strbuf_puts(&text, "Interrupted by the user before the end of the window.");
	else if (end->target_ended)
		strbuf_puts(&text, "The target ended before the end of the window.");
	if (snap->complete && end->exited && end->exit_signal)
		strbuf_printf(&text, "%sThe command was ended by signal %" PRId32 ".",
			      text.len ? " " : "", end->exit_signal);
	else if (snap->complete && end->exited && end->exit_code)
		strbuf_printf(&text, "%sThe command ended with status %" PRId32 ".",
			      text.len ? " " : "", end->exit_code);
	if (text.len) {
		page_gap(page, 10);
		page_wrap(page, STYLE_WARN, 10, strbuf_str(&text), NULL);
	}
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

/* Whom the user named may be the one process that does nothing. */
static void supervisor(struct page *page, const struct snapshot *snap)
{
	const struct snap_process *process = main_process(snap);
	struct strbuf text = {0};

	if (!process || !process->workers)
		return;
	strbuf_puts(&text, process->comm);
	strbuf_printf(&text, " (%" PRIu32 ") only supervises: what follows is about its ",
		      process->pid);
	add_plural(&text, process->workers, "worker process.", "worker processes.");
	page_gap(page, 10);
	page_wrap(page, STYLE_PLAIN, 10, strbuf_str(&text), NULL);
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

static void labelled(struct page *page, const char *label, const char *text)
{
	if (!*text)
		return;
	page_gap(page, 2);
	page_cell(page, STYLE_BOLD, label, HANG - 2, TEXT_LEFT);
	page_wrap(page, STYLE_PLAIN, HANG, text, NULL);
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

static void add_gain(struct strbuf *sb, const struct finding *finding)
{
	if (!finding->gain_text.len)
		return;
	strbuf_puts(sb, strbuf_str(&finding->gain_text));
	/* "up to" has already said that it is an upper one. */
	if (finding->bound && strcmp(finding->bound, "upper bound"))
		strbuf_printf(sb, "; %s", finding->bound);
}

/* "threads.imbalance, up to 1.2x: one sentence" */
static void add_runner_up(struct strbuf *sb, const struct finding *finding)
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

static bool is_healthy(const struct finding *finding)
{
	return !strcmp(finding->bottleneck, "none") || !strcmp(finding->bottleneck, "idle");
}

static void verdict(struct page *page, const struct report *rep)
{
	const struct verdict *verdict = rep->verdict;
	const struct finding *main = &verdict->main;
	struct strbuf text = {0};
	struct strbuf right = {0};

	strbuf_printf(&right, "confidence %s", confidence_name(verdict->confidence));
	add_sentence(&text, headline(main));
	page_end(page);
	page_gap(page, 2);
	page_wrap(page, is_healthy(main) ? STYLE_GOOD : STYLE_BAD, 2, strbuf_str(&text),
		  strbuf_str(&right));
	labelled(page, "Cause", strbuf_str(&main->cause));
	strbuf_reset(&text);
	add_gain(&text, main);
	labelled(page, "Gain", strbuf_str(&text));
	labelled(page, "Next", strbuf_str(&main->next_step));
	for (uint32_t i = 0; i < main->evidence_len; i++)
		labelled(page, i ? "" : "Seen", strbuf_str(&main->evidence[i]));
	strbuf_reset(&text);
	if (verdict->second.fired)
		add_runner_up(&text, &verdict->second);
	labelled(page, "Also", strbuf_str(&text));
	strbuf_reset(&text);
	if (verdict->confidence_why.len)
		strbuf_printf(&text, "confidence is %s: %s", confidence_name(verdict->confidence),
			      strbuf_str(&verdict->confidence_why));
	labelled(page, "Note", strbuf_str(&text));
	page->out->failed |= text.failed || right.failed;
	strbuf_free(&text);
	strbuf_free(&right);
}

static bool losses(struct page *page, const struct snapshot *snap)
{
	bool any = false;

	for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
		struct strbuf text = {0};

		if (!loss_is_loss(cause) || !snap->loss[cause])
			continue;
		any = true;
		strbuf_printf(&text, "LOST %s ", loss_name(cause));
		units_count(&text, snap->loss[cause]);
		strbuf_printf(&text, ": %s", loss_meaning(cause));
		page_gap(page, 2);
		page_wrap(page, STYLE_BAD, 4, strbuf_str(&text), NULL);
		page->out->failed |= text.failed;
		strbuf_free(&text);
	}
	return any;
}

static void incomplete(struct page *page, const struct snapshot *snap)
{
	struct strbuf text = {0};

	for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
		if (loss_is_loss(cause) || !snap->loss[cause])
			continue;
		strbuf_printf(&text, "%s%s ", text.len ? ", " : "incomplete: ", loss_name(cause));
		units_count(&text, snap->loss[cause]);
	}
	if (text.len) {
		page_gap(page, 2);
		page_wrap(page, STYLE_DIM, 4, strbuf_str(&text), NULL);
	}
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

/* The first few: the JSON report has all. */
static void notes(struct page *page, const struct snapshot *snap)
{
	const uint32_t shown_max = 4;

	for (uint32_t i = 0; i < snap->notes_len && i < shown_max; i++) {
		const struct snap_note *n = &snap->notes[i];
		struct strbuf text = {0};

		strbuf_printf(&text, "note: %s %s", n->module, note_meaning(n->note));
		if (i == shown_max - 1 && snap->notes_len > shown_max)
			strbuf_printf(&text, " (and %u more)", snap->notes_len - shown_max);
		page_gap(page, 2);
		page_wrap(page, STYLE_DIM, 4, strbuf_str(&text), NULL);
		page->out->failed |= text.failed;
		strbuf_free(&text);
	}
}

static void add_own_cost(struct strbuf *sb, const struct report *rep, const char *dot)
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
	strbuf_printf(sb, ")%s", dot);
	for (uint32_t i = 0; i < rep->snap->locks_len; i++)
		waits = num_sat_add(waits, rep->snap->locks[i].waits);
	add_plural(sb, waits, "wait aggregated", "waits aggregated");
}

static void footer(struct page *page, const struct report *rep)
{
	const char *dot = page_dot(page);
	struct strbuf text = {0};

	page_end(page);
	if (!losses(page, rep->snap))
		strbuf_printf(&text, "nothing lost%s", dot);
	incomplete(page, rep->snap);
	notes(page, rep->snap);
	if (has_figures(rep->snap))
		add_own_cost(&text, rep, dot);
	else
		strbuf_puts(&text, "own cost unknown");
	page_gap(page, 2);
	page_wrap(page, STYLE_DIM, 4, strbuf_str(&text), NULL);
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

int render_text(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err)
{
	struct page page = {
		.out = sb,
		.columns = opt->columns ? opt->columns : COLUMNS_DEFAULT,
		.whole = !opt->columns,
		.ascii = opt->ascii,
		.color = opt->color,
	};

	if (page.columns < COLUMNS_MIN)
		page.columns = COLUMNS_MIN;
	header(&page, rep);
	ending(&page, rep->snap);
	supervisor(&page, rep->snap);
	verdict(&page, rep);
	text_time(&page, rep);
	if (has_figures(rep->snap)) {
		text_locks(&page, rep);
		text_loops(&page, rep);
		text_threads(&page, rep);
		text_processes(&page, rep);
		text_tree(&page, rep);
		text_edges(&page, rep);
		text_off_cpu(&page, rep);
		text_futex_calls(&page, rep);
	}
	footer(&page, rep);
	if (sb->failed)
		return err_set(err, -ENOMEM, "text report: out of memory");
	return 0;
}
