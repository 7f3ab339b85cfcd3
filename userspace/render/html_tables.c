// SPDX-License-Identifier: GPL-2.0-only
/* Tables of the HTML report, with histograms and stacks that unfold. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "render/html_parts.h"
#include "report/derived.h"

#include <inttypes.h>
#include <string.h>

#define LOCKS_SHOWN 50
#define THREADS_SHOWN 200
#define STALLS_SHOWN 50
#define PROCESSES_SHOWN 500
#define EDGES_SHOWN 100
#define SITES_SHOWN 5 /* waiters and holders of one lock */
/* From this size of the page on what unfolds is left out: a page is to stay below 1 MB. */
#define DETAILS_BYTES 500000
#define TREE_DEPTH 20

static void cell(struct strbuf *sb, const struct column *col, const struct report *rep,
		 uint32_t row, bool first)
{
	struct strbuf text = {0};

	column_format(&text, col, rep, row);
	strbuf_puts(sb, first			 ? "<th scope=\"row\">"
			: col->unit == UNIT_TEXT ? "<td>"
						 : "<td class=\"n\">");
	html_text(sb, strbuf_str(&text));
	strbuf_puts(sb, first ? "</th>" : "</td>");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

static void head(struct strbuf *sb, enum column_table table, const char *caption)
{
	uint32_t len;
	const struct column *cols = columns_of(table, &len);

	strbuf_printf(sb, "<div class=\"scroll\"><table><caption>%s</caption><thead><tr>", caption);
	for (uint32_t i = 0; i < len; i++)
		strbuf_printf(sb, "<th scope=\"col\"%s>%s</th>",
			      cols[i].unit == UNIT_TEXT ? "" : " class=\"n\"", cols[i].title);
	strbuf_puts(sb, "</tr></thead>\n<tbody>\n");
}

static void foot(struct strbuf *sb, uint32_t shown, uint32_t all)
{
	strbuf_puts(sb, "</tbody></table></div>\n");
	if (shown < all)
		strbuf_printf(sb,
			      "<p class=\"note\">%" PRIu32 " of %" PRIu32
			      ": the JSON report has all.</p>\n",
			      shown, all);
}

static uint32_t cells(struct strbuf *sb, const struct report *rep, enum column_table table,
		      uint32_t row)
{
	uint32_t len;
	const struct column *cols = columns_of(table, &len);

	strbuf_puts(sb, "<tr>");
	for (uint32_t i = 0; i < len; i++)
		cell(sb, &cols[i], rep, row, i == 0);
	strbuf_puts(sb, "</tr>\n");
	return len;
}

void html_stack(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	const struct snap_stack *s;

	if (stack >= snap->stacks_len) {
		strbuf_puts(sb, "<p class=\"note\">no stack is known</p>\n");
		return;
	}
	s = &snap->stacks[stack];
	strbuf_puts(sb, "<ol class=\"stack\">");
	for (uint32_t i = 0; i < s->frames_len; i++) {
		struct strbuf text = {0};

		snap_frame_line_text(&text, &s->frames[i]);
		strbuf_puts(sb, "<li>");
		html_text(sb, strbuf_str(&text));
		strbuf_puts(sb, "</li>");
		sb->failed |= text.failed;
		strbuf_free(&text);
	}
	strbuf_puts(sb, s->truncated ? "<li>(cut)</li></ol>\n" : "</ol>\n");
}

void html_hist(struct strbuf *sb, const struct snap_hist *hist, const char *caption)
{
	unsigned first = 0, last = HIST_BUCKETS;
	uint64_t most = 0;

	while (first < HIST_BUCKETS && !hist->bucket[first])
		first++;
	while (last > first && !hist->bucket[last - 1])
		last--;
	for (unsigned i = first; i < last; i++)
		most = num_max_u64(most, hist->bucket[i]);
	if (first == last)
		return;
	strbuf_printf(sb, "<table class=\"hist\"><caption>%s</caption><tbody>\n", caption);
	for (unsigned i = first; i < last; i++) {
		strbuf_puts(sb, "<tr><th scope=\"row\">from ");
		units_duration(sb, 1ULL << i);
		strbuf_puts(sb, "</th><td class=\"n\">");
		units_count(sb, hist->bucket[i]);
		strbuf_printf(sb,
			      "</td><td class=\"meter\"><span class=\"g0\" style=\"width:%u%%\">"
			      "</span></td></tr>\n",
			      (unsigned)((double)hist->bucket[i] / (double)most * 100));
	}
	strbuf_puts(sb, "</tbody></table>\n");
}

static void lock_waiters(struct strbuf *sb, const struct report *rep, const struct snap_lock *lock)
{
	for (uint32_t i = 0; i < lock->waiters_len && i < SITES_SHOWN; i++) {
		const struct snap_waiter *w = &lock->waiters[i];
		struct strbuf name = {0};

		report_thread(&name, rep->snap, w->thread);
		strbuf_puts(sb, "<h4>");
		html_text(sb, strbuf_str(&name));
		strbuf_puts(sb, " waited ");
		units_duration(sb, w->wait_ns);
		strbuf_puts(sb, " in ");
		units_count(sb, w->waits);
		strbuf_puts(sb, w->waits == 1 ? " wait</h4>\n" : " waits</h4>\n");
		html_stack(sb, rep->snap, w->stack);
		sb->failed |= name.failed;
		strbuf_free(&name);
	}
}

static void lock_holders(struct strbuf *sb, const struct report *rep, const struct snap_lock *lock)
{
	for (uint32_t i = 0; i < lock->holders_len && i < SITES_SHOWN; i++) {
		const struct snap_holder *h = &lock->holders[i];
		struct strbuf name = {0};

		report_thread(&name, rep->snap, h->thread);
		strbuf_puts(sb, "<h4>");
		html_text(sb, strbuf_str(&name));
		strbuf_puts(sb, " kept others waiting for ");
		units_duration(sb, h->blame_ns);
		if (h->thread < rep->snap->threads_len)
			strbuf_printf(sb, ", mostly %s", while_name(h->main_class));
		strbuf_puts(sb, "; released in</h4>\n");
		html_stack(sb, rep->snap, h->stack);
		sb->failed |= name.failed;
		strbuf_free(&name);
	}
}

static void lock_row(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_lock *lock = &rep->snap->locks[row];
	uint32_t columns = cells(sb, rep, TABLE_LOCKS, row);

	if (sb->len > DETAILS_BYTES)
		return;
	strbuf_printf(sb,
		      "<tr class=\"detail\"><td colspan=\"%" PRIu32
		      "\"><details><summary>Histogram and stacks of ",
		      columns);
	html_text(sb, lock->name);
	strbuf_puts(sb, "</summary>\n<div class=\"cols\"><div>");
	html_hist(sb, &lock->hist, "Waits by length");
	strbuf_puts(sb, "</div><div><h3>Waiting in</h3>\n");
	lock_waiters(sb, rep, lock);
	strbuf_puts(sb, "</div><div><h3>Held by</h3>\n");
	lock_holders(sb, rep, lock);
	strbuf_puts(sb, "</div></div></details></td></tr>\n");
}

void html_locks(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t shown = 0, all = 0;

	for (uint32_t i = 0; i < snap->locks_len; i++)
		all += i == rep->verdict->main.lock || report_lock_matters(&snap->locks[i]);
	html_section(sb, "locks", "Locks");
	if (!all) {
		strbuf_puts(sb, "<p>No thread waited for one.</p>\n");
		return;
	}
	head(sb, TABLE_LOCKS, "What threads waited for, worst first");
	for (uint32_t i = 0; i < snap->locks_len && shown < LOCKS_SHOWN; i++) {
		if (i != rep->verdict->main.lock && !report_lock_matters(&snap->locks[i]))
			continue;
		lock_row(sb, rep, i);
		shown++;
	}
	foot(sb, shown, all);
}

static bool in_loop(const struct snapshot *snap, const struct snap_stall *stall)
{
	return stall->loop < snap->loops_len && snap->loops[stall->loop].is_loop;
}

static void stall_list(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t shown = 0, all = 0;

	for (uint32_t i = 0; i < snap->stalls_len; i++)
		all += in_loop(snap, &snap->stalls[i]);
	if (!all)
		return;
	head(sb, TABLE_STALLS, "Stalls, longest first");
	for (uint32_t i = 0; i < snap->stalls_len && shown < STALLS_SHOWN; i++) {
		if (!in_loop(snap, &snap->stalls[i]))
			continue;
		if (sb->len > DETAILS_BYTES)
			break;
		strbuf_printf(sb,
			      "<tr class=\"detail\"><td colspan=\"%" PRIu32
			      "\"><details><summary>Stack of the stall above",
			      cells(sb, rep, TABLE_STALLS, i));
		strbuf_puts(sb, "</summary>");
		html_stack(sb, snap, snap->stalls[i].stack);
		strbuf_puts(sb, "</details></td></tr>\n");
		shown++;
	}
	foot(sb, shown, all);
}

void html_loops(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t all = 0;

	for (uint32_t i = 0; i < snap->loops_len; i++)
		all += snap->loops[i].is_loop;
	if (!all)
		return;
	html_section(sb, "loops", "Event loops");
	head(sb, TABLE_LOOPS, "Turns of event loops; mean added: to the delay of an arrival");
	for (uint32_t i = 0; i < snap->loops_len; i++) {
		if (!snap->loops[i].is_loop)
			continue;
		strbuf_printf(sb,
			      "<tr class=\"detail\"><td colspan=\"%" PRIu32
			      "\"><details><summary>Histogram of turns</summary>",
			      cells(sb, rep, TABLE_LOOPS, i));
		html_hist(sb, &snap->loops[i].hist, "Turns by length");
		strbuf_puts(sb, "</details></td></tr>\n");
	}
	foot(sb, all, all);
	stall_list(sb, rep);
}

void html_threads(struct strbuf *sb, const struct report *rep)
{
	uint32_t all = rep->snap->threads_len;
	uint32_t shown = all < THREADS_SHOWN ? all : THREADS_SHOWN;

	if (!all)
		return;
	html_section(sb, "threads", "Threads");
	head(sb, TABLE_THREADS, "Shares of each thread's time");
	for (uint32_t i = 0; i < shown; i++)
		cells(sb, rep, TABLE_THREADS, i);
	foot(sb, shown, all);
}

static void process_line(struct strbuf *sb, const struct snap_process *p)
{
	uint64_t all = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		all = num_sat_add(all, p->class_ns[cls]);
	strbuf_puts(sb, "<b>");
	html_text(sb, p->comm);
	strbuf_printf(sb, "</b> %" PRIu32 ": %" PRIu32 " thread%s, run ", p->pid, p->threads,
		      p->threads == 1 ? "" : "s");
	units_percent(sb, num_ratio((double)p->class_ns[CLASS_RUN], (double)all));
	strbuf_puts(sb, ", idle ");
	units_percent(sb, num_ratio((double)time_group_ns(GROUP_IDLE, p->class_ns), (double)all));
	if (*p->runtime) {
		strbuf_puts(sb, ", ");
		html_text(sb, p->runtime);
		strbuf_putc(sb, ' ');
		html_text(sb, p->runtime_version);
	}
}

static bool has_parent(const struct snapshot *snap, uint32_t i)
{
	for (uint32_t k = 0; k < snap->processes_len; k++)
		if (k != i && snap->processes[k].pid == snap->processes[i].ppid)
			return true;
	return false;
}

/* The children of @pid; @left bounds the sum, @depth what a damaged capture could loop over. */
static void children(struct strbuf *sb, const struct snapshot *snap, uint32_t pid, unsigned depth,
		     uint32_t *left)
{
	bool any = false;

	for (uint32_t i = 0; i < snap->processes_len && depth && *left; i++) {
		const struct snap_process *p = &snap->processes[i];

		if (p->ppid != pid || p->pid == pid)
			continue;
		strbuf_puts(sb, any ? "<li>" : "<ul><li>");
		any = true;
		(*left)--;
		process_line(sb, p);
		children(sb, snap, p->pid, depth - 1, left);
		strbuf_puts(sb, "</li>\n");
	}
	if (any)
		strbuf_puts(sb, "</ul>\n");
}

void html_processes(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t left = PROCESSES_SHOWN;
	uint32_t edges = snap->edges_len < EDGES_SHOWN ? snap->edges_len : EDGES_SHOWN;

	html_section(sb, "processes", "Processes");
	strbuf_puts(sb, "<ul class=\"tree\">\n");
	for (uint32_t i = 0; i < snap->processes_len && left; i++) {
		if (has_parent(snap, i))
			continue;
		left--;
		strbuf_puts(sb, "<li>");
		process_line(sb, &snap->processes[i]);
		children(sb, snap, snap->processes[i].pid, TREE_DEPTH, &left);
		strbuf_puts(sb, "</li>\n");
	}
	strbuf_puts(sb, "</ul>\n");
	if (!edges)
		return;
	head(sb, TABLE_EDGES, "Who waited for whom");
	for (uint32_t i = 0; i < edges; i++)
		cells(sb, rep, TABLE_EDGES, i);
	foot(sb, edges, snap->edges_len);
}
