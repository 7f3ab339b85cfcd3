// SPDX-License-Identifier: GPL-2.0-only
/*
 * One page that stands alone: no network, no files beside it, the main facts without scripts.
 * Style and script come from html/, as text made by the build.
 */
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "base/units.h"
#include "html/report.css.h"
#include "html/report.js.h"
#include "render/formats.h"
#include "render/html_parts.h"
#include "render/say.h"
#include "report/derived.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void html_head(struct strbuf *sb, const char *title)
{
	strbuf_puts(sb,
		    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<link rel=\"icon\" href=\"data:,\">\n<title>");
	html_text(sb, title);
	strbuf_printf(sb, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", report_css);
}

static void add_header(struct strbuf *sb, const struct report *rep)
{
	struct strbuf text = {0};

	strbuf_puts(&text, "concprof: ");
	say_target(&text, rep->snap);
	html_head(sb, strbuf_str(&text));
	strbuf_puts(sb, "<header>\n");
	strbuf_reset(&text);
	say_target(&text, rep->snap);
	html_element(sb, "p class=\"target\"", strbuf_str(&text));
	strbuf_reset(&text);
	say_platform(&text, rep->snap);
	html_element(sb, "p class=\"note\"", strbuf_str(&text));
	strbuf_reset(&text);
	say_ending(&text, rep->snap);
	html_element(sb, "p class=\"warn\"", strbuf_str(&text));
	strbuf_reset(&text);
	say_supervisor(&text, rep->snap);
	html_element(sb, "p", strbuf_str(&text));
	strbuf_puts(sb, "</header>\n<main>\n");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

static void add_fact(struct strbuf *sb, const char *label, const char *raw)
{
	if (!*raw)
		return;
	strbuf_printf(sb, "<dt>%s</dt><dd>", label);
	html_text(sb, raw);
	strbuf_puts(sb, "</dd>\n");
}

static void add_verdict(struct strbuf *sb, const struct report *rep)
{
	const struct verdict *verdict = rep->verdict;
	const struct finding *main = &verdict->main;
	struct strbuf text = {0};

	say_headline(&text, main);
	strbuf_printf(sb, "<section class=\"verdict %s\" aria-label=\"Verdict\">\n",
		      say_healthy(main) ? "good" : "bad");
	html_element(sb, "h1", strbuf_str(&text));
	strbuf_puts(sb, "<p class=\"word\"><code>");
	html_text(sb, main->bottleneck);
	strbuf_printf(sb, "</code> confidence %s</p>\n<dl>\n",
		      confidence_name(verdict->confidence));
	add_fact(sb, "Next", strbuf_str(&main->next_step));
	add_fact(sb, "Cause", strbuf_str(&main->cause));
	strbuf_reset(&text);
	say_gain(&text, main);
	add_fact(sb, "Gain", strbuf_str(&text));
	for (uint32_t i = 0; i < main->evidence_len; i++)
		add_fact(sb, "Seen", strbuf_str(&main->evidence[i]));
	strbuf_reset(&text);
	if (verdict->second.fired)
		say_runner_up(&text, &verdict->second);
	add_fact(sb, "Also", strbuf_str(&text));
	add_fact(sb, "Confidence", strbuf_str(&verdict->confidence_why));
	strbuf_puts(sb, "</dl>\n</section>\n");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

/* Losses, or what is incomplete: with what each means. */
static void add_causes(struct strbuf *sb, const struct snapshot *snap, bool losses)
{
	bool any = false;

	for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
		if (loss_is_loss(cause) != losses || !snap->loss[cause])
			continue;
		strbuf_puts(sb, any ? "<li>" : "<ul><li>");
		any = true;
		strbuf_printf(sb, "<code>%s</code> ", loss_name(cause));
		units_count(sb, snap->loss[cause]);
		strbuf_puts(sb, ": ");
		html_text(sb, loss_meaning(cause));
		strbuf_puts(sb, "</li>\n");
	}
	strbuf_puts(sb, any ? "</ul>\n" : losses ? "<p>Nothing.</p>\n" : "<p>None.</p>\n");
}

static void add_machine(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	const struct record_run *run = &snap->run;
	struct strbuf text = {0};

	strbuf_puts(sb, "<dl>\n");
	strbuf_add(&text, run->command, strnlen(run->command, sizeof(run->command)));
	add_fact(sb, "Command", strbuf_str(&text));
	strbuf_reset(&text);
	strbuf_add(&text, run->kernel, strnlen(run->kernel, sizeof(run->kernel)));
	add_fact(sb, "Kernel", strbuf_str(&text));
	strbuf_reset(&text);
	report_start(&text, rep);
	strbuf_puts(&text, ", ");
	units_duration(&text, snap->duration_ns);
	add_fact(sb, "Window", strbuf_str(&text));
	strbuf_reset(&text);
	strbuf_printf(&text, "%" PRIu32 " samples a second for each CPU, ", run->sample_hz);
	strbuf_puts(&text, "stalls from ");
	units_duration(&text, run->stall_ns);
	if (run->work_count) {
		strbuf_puts(&text, ", ");
		units_count(&text, run->work_count);
		strbuf_puts(&text, " units of work");
	}
	add_fact(sb, "Settings", strbuf_str(&text));
	strbuf_reset(&text);
	if (say_has_figures(snap))
		say_own_cost(&text, rep, ", ");
	else
		strbuf_puts(&text, "own cost unknown");
	add_fact(sb, "Cost", strbuf_str(&text));
	strbuf_reset(&text);
	strbuf_add(&text, run->tool_version, strnlen(run->tool_version, sizeof(run->tool_version)));
	add_fact(sb, "concprof", strbuf_str(&text));
	strbuf_puts(sb, "</dl>\n");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

static void add_method(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;

	html_section(sb, "method", "How this was measured");
	strbuf_puts(sb,
		    "<p>From the scheduler's switches and wake-ups, all of them: at each moment a "
		    "thread is in one class, so that classes sum to the threads' time. Waits are "
		    "counted one by one; functions on the CPU come from timer samples. Gains are "
		    "bounds: what removing all of a cost could give.</p>\n");
	add_machine(sb, rep);
	strbuf_puts(sb, "<h3>Lost</h3>\n");
	add_causes(sb, snap, true);
	strbuf_puts(sb, "<h3>Known not to be known</h3>\n");
	add_causes(sb, snap, false);
	for (uint32_t i = 0; i < snap->notes_len; i++) {
		strbuf_puts(sb, "<p class=\"note\">");
		html_text(sb, snap->notes[i].module);
		strbuf_putc(sb, ' ');
		html_text(sb, note_meaning(snap->notes[i].note));
		strbuf_puts(sb, "</p>\n");
	}
}

int render_html(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err)
{
	(void)opt;
	add_header(sb, rep);
	add_verdict(sb, rep);
	if (say_has_figures(rep->snap)) {
		html_bars(sb, rep);
		html_timeline(sb, rep);
		html_locks(sb, rep);
		html_graph(sb, rep);
		html_flames(sb, rep);
		html_loops(sb, rep);
		html_threads(sb, rep);
		html_processes(sb, rep);
	}
	add_method(sb, rep);
	strbuf_printf(sb, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", report_js);
	if (sb->failed)
		return err_set(err, -ENOMEM, "HTML report: out of memory");
	return 0;
}
