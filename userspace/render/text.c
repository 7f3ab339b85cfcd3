// SPDX-License-Identifier: GPL-2.0-only
/* The report for a terminal, a file or a mail: the verdict first, so that its top answers the
 * question. */
#include "base/err.h"
#include "base/num.h"
#include "base/units.h"
#include "render/formats.h"
#include "render/say.h"
#include "render/text_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define COLUMNS_DEFAULT 100
#define COLUMNS_MIN 20
#define HANG 9 /* text behind a label such as "Next" */

static void header(struct page *page, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	struct strbuf left = {0};
	struct strbuf right = {0};

	say_target(&left, snap);
	say_platform(&right, snap);

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

static void ending(struct page *page, const struct snapshot *snap)
{
	struct strbuf text = {0};

	say_ending(&text, snap);
	if (text.len) {
		page_gap(page, 10);
		page_wrap(page, STYLE_WARN, 10, strbuf_str(&text), NULL);
	}
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

static void supervisor(struct page *page, const struct snapshot *snap)
{
	struct strbuf text = {0};

	say_supervisor(&text, snap);
	if (text.len) {
		page_gap(page, 10);
		page_wrap(page, STYLE_PLAIN, 10, strbuf_str(&text), NULL);
	}
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

static void verdict(struct page *page, const struct report *rep)
{
	const struct verdict *verdict = rep->verdict;
	const struct finding *main = &verdict->main;
	struct strbuf text = {0};
	struct strbuf right = {0};

	strbuf_printf(&right, "confidence %s", confidence_name(verdict->confidence));
	say_headline(&text, main);
	page_end(page);
	page_gap(page, 2);
	page_wrap(page, say_healthy(main) ? STYLE_GOOD : STYLE_BAD, 2, strbuf_str(&text),
		  strbuf_str(&right));
	labelled(page, "Cause", strbuf_str(&main->cause));
	strbuf_reset(&text);
	say_gain(&text, main);
	labelled(page, "Gain", strbuf_str(&text));
	labelled(page, "Next", strbuf_str(&main->next_step));
	for (uint32_t i = 0; i < main->evidence_len; i++)
		labelled(page, i ? "" : "Seen", strbuf_str(&main->evidence[i]));
	strbuf_reset(&text);
	if (verdict->second.fired)
		say_runner_up(&text, &verdict->second);
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

static void footer(struct page *page, const struct report *rep)
{
	const char *dot = page_dot(page);
	struct strbuf text = {0};

	page_end(page);
	if (!losses(page, rep->snap))
		strbuf_printf(&text, "nothing lost%s", dot);
	incomplete(page, rep->snap);
	notes(page, rep->snap);
	if (say_has_figures(rep->snap))
		say_own_cost(&text, rep, dot);
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
	if (say_has_figures(rep->snap)) {
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
