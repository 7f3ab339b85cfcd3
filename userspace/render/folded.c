// SPDX-License-Identifier: GPL-2.0-only
/*
 * Folded stacks, "class;process;thread;outermost;..;innermost MICROSECONDS", as flamegraph.pl and
 * speedscope read them.  Each line is time of exactly one class, so the sums of roots compare.
 */
#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "render/flames.h"
#include "render/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct folded {
	const struct snapshot *snap;
	struct strbuf *out;
	struct strbuf frame;
};

/* One frame; a semicolon in a name would end it, and readers cut spaces at the ends. */
static void add_frame(struct folded *f, const char *text)
{
	strbuf_reset(&f->frame);
	text_escape(&f->frame, text, strlen(text));
	for (size_t i = 0; i < f->frame.len; i++)
		if (f->frame.str[i] == ';')
			f->frame.str[i] = ':';
	f->out->failed |= f->frame.failed;
	strbuf_puts(f->out, f->frame.len ? strbuf_str(&f->frame) : "(no name)");
}

static void add_threads(struct folded *f, uint32_t thread)
{
	const struct snapshot *snap = f->snap;

	strbuf_putc(f->out, ';');
	if (thread >= snap->threads_len) {
		strbuf_puts(f->out, "(thread unknown)");
		return;
	}
	if (snap->threads[thread].process < snap->processes_len) {
		const struct snap_process *p = &snap->processes[snap->threads[thread].process];

		add_frame(f, p->comm);
		strbuf_printf(f->out, " (%" PRIu32 ");", p->pid);
	}
	add_frame(f, snap->threads[thread].name);
	strbuf_printf(f->out, " (%" PRIu32 ")", snap->threads[thread].tid);
}

static void add_stack(struct folded *f, uint32_t stack)
{
	const struct snap_stack *s;
	struct strbuf text = {0};

	if (stack >= f->snap->stacks_len) {
		strbuf_puts(f->out, ";(stack unknown)");
		return;
	}
	s = &f->snap->stacks[stack];
	if (s->truncated)
		strbuf_puts(f->out, ";(cut)");
	for (uint32_t i = s->frames_len; i > 0; i--) {
		strbuf_reset(&text);
		report_frame(&text, &s->frames[i - 1]);
		strbuf_putc(f->out, ';');
		add_frame(f, strbuf_str(&text));
		f->out->failed |= text.failed;
	}
	strbuf_free(&text);
}

static bool put(void *ctx, const struct flame *flame)
{
	struct folded *f = ctx;
	uint64_t us = num_sat_add(flame->ns, NS_PER_US / 2) / NS_PER_US;

	/* The time of FLAME_WAKE is that of FLAME_LOCK, seen from the other side. */
	if (!us || flame->kind == FLAME_WAKE)
		return true;
	strbuf_puts(f->out, time_class_name(flame->cls));
	add_threads(f, flame->thread);
	add_stack(f, flame->stack);
	if (*flame->detail) {
		strbuf_puts(f->out, ";[");
		add_frame(f, flame->detail);
		strbuf_putc(f->out, ']');
	}
	strbuf_printf(f->out, " %" PRIu64 "\n", us);
	return !f->out->failed;
}

int render_folded(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		  struct err *err)
{
	struct folded f = {.snap = rep->snap, .out = sb};

	(void)opt;
	flames_each(rep, put, &f);
	strbuf_free(&f.frame);
	if (sb->failed)
		return err_set(err, -ENOMEM, "folded stacks: out of memory");
	return 0;
}
