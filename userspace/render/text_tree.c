// SPDX-License-Identifier: GPL-2.0-only
/* What the text report says of the tree of processes as a whole. */
#include "base/num.h"
#include "base/units.h"
#include "render/text_tables.h"

#include <inttypes.h>

static void add_rate(struct strbuf *sb, const struct snapshot *snap, uint64_t count,
		     const char *what)
{
	uint64_t rate = num_to_u64(
		num_ratio((double)count * (double)NS_PER_S, (double)snap->duration_ns) + 0.5);

	strbuf_puts(sb, sb->len ? ", " : "");
	units_count(sb, rate);
	strbuf_puts(sb, what);
}

static void add_cost(struct strbuf *sb, const struct snapshot *snap)
{
	const struct snap_cost *c = &snap->tree.cost;
	const struct {
		uint64_t ns;
		const char *what;
	} parts[] = {
		{c->fork_ns, "fork "},
		{c->copy_ns, "page faults after it "},
		{c->exec_ns, "exec "},
		{c->exit_ns, "exit "},
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		double share = num_ratio((double)parts[i].ns, (double)snap->class_ns[CLASS_RUN]);

		if (share < 0.01)
			continue;
		strbuf_puts(sb, any ? ", " : "; of the computing ");
		strbuf_puts(sb, parts[i].what);
		units_percent(sb, share);
		any = true;
	}
}

/* One line; what does not happen is not said. */
void text_tree(struct page *page, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_tree *t = &snap->tree;
	struct strbuf text = {0};

	if (snap->processes_len < 2)
		return;
	add_rate(&text, snap, t->voluntary_switches, " switches/s by choice");
	add_rate(&text, snap, t->involuntary_switches, "/s forced");
	add_rate(&text, snap, t->migrations, " migrations/s");
	if (t->forks)
		add_rate(&text, snap, t->forks, " forks/s");
	if (t->execs)
		add_rate(&text, snap, t->execs, " execs/s");
	if (t->ended)
		add_rate(&text, snap, t->ended, " exits/s");
	if (t->copy_faults)
		add_rate(&text, snap, t->copy_faults, " page faults/s after forks");
	add_cost(&text, snap);
	page_end(page);
	page_gap(page, 2);
	page_put(page, STYLE_BOLD, "PROCESS TREE");
	page_gap(page, 2);
	page_wrap(page, STYLE_PLAIN, 16, strbuf_str(&text), NULL);
	page->out->failed |= text.failed;
	strbuf_free(&text);
}
