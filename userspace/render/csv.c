// SPDX-License-Identifier: GPL-2.0-only
/*
 * CSV (RFC 4180) of threads, locks, loops and edges: one file, one heading, and a first column that
 * says which table a row is of.  Figures are raw: nanoseconds, counts, shares of one.
 */
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "render/formats.h"
#include "report/derived.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum csv_key {
	CSV_TABLE,
	CSV_PID,
	CSV_TID,
	CSV_NAME,
	CSV_KIND,
	CSV_TO_PID,
	CSV_TO_TID,
	CSV_TO_NAME,
	CSV_WAITS,
	CSV_WAIT_NS,
	CSV_BLOCKED_NS,
	CSV_BLAME_NS,
	CSV_P50_NS,
	CSV_P99_NS,
	CSV_MAX_NS,
	CSV_TIMEOUTS,
	CSV_OPEN_WAITS,
	CSV_GAIN,
	CSV_ADDRESS,
	CSV_MODULE,
	CSV_WAITING_IN,
	CSV_LIFETIME_NS,
	CSV_CMETRIC_NS,
	CSV_VOLUNTARY,
	CSV_INVOLUNTARY,
	CSV_WAKEUPS,
	CSV_IS_LOOP,
	CSV_TURNS,
	CSV_BUSY_NS,
	CSV_IDLE_NS,
	CSV_OBSERVED_NS,
	CSV_ADDED_MEAN_NS,
	CSV_STALLS,
	CSV_CLASSES, /* one column a class from here on */
	CSV_COUNT = CSV_CLASSES + CLASS_COUNT
};

static const char *const key_names[CSV_CLASSES] = {
	[CSV_TABLE] = "table",
	[CSV_PID] = "pid",
	[CSV_TID] = "tid",
	[CSV_NAME] = "name",
	[CSV_KIND] = "kind",
	[CSV_TO_PID] = "to_pid",
	[CSV_TO_TID] = "to_tid",
	[CSV_TO_NAME] = "to_name",
	[CSV_WAITS] = "waits",
	[CSV_WAIT_NS] = "wait_ns",
	[CSV_BLOCKED_NS] = "blocked_ns",
	[CSV_BLAME_NS] = "blame_ns",
	[CSV_P50_NS] = "p50_ns",
	[CSV_P99_NS] = "p99_ns",
	[CSV_MAX_NS] = "max_ns",
	[CSV_TIMEOUTS] = "timeouts",
	[CSV_OPEN_WAITS] = "open_waits",
	[CSV_GAIN] = "gain",
	[CSV_ADDRESS] = "address",
	[CSV_MODULE] = "module",
	[CSV_WAITING_IN] = "waiting_in",
	[CSV_LIFETIME_NS] = "lifetime_ns",
	[CSV_CMETRIC_NS] = "cmetric_ns",
	[CSV_VOLUNTARY] = "voluntary_switches",
	[CSV_INVOLUNTARY] = "involuntary_switches",
	[CSV_WAKEUPS] = "wakeups",
	[CSV_IS_LOOP] = "is_loop",
	[CSV_TURNS] = "turns",
	[CSV_BUSY_NS] = "busy_ns",
	[CSV_IDLE_NS] = "idle_ns",
	[CSV_OBSERVED_NS] = "observed_ns",
	[CSV_ADDED_MEAN_NS] = "added_mean_ns",
	[CSV_STALLS] = "stalls",
};

/* The cells of one row, as text; an empty one does not apply. */
struct row {
	struct strbuf cell[CSV_COUNT];
};

static void put_num(struct row *row, unsigned key, uint64_t value)
{
	strbuf_printf(&row->cell[key], "%" PRIu64, value);
}

/*
 * A name of the target, as everywhere.  One that begins as a formula gets an apostrophe in front:
 * a spreadsheet would run it.
 */
static void put_text(struct row *row, unsigned key, const char *text)
{
	if (*text && strchr("=+-@", *text))
		strbuf_putc(&row->cell[key], '\'');
	text_escape(&row->cell[key], text, strlen(text));
}

static void put_thread(struct row *row, const struct snapshot *snap, uint32_t thread,
		       unsigned pid_key, unsigned tid_key, unsigned name_key)
{
	if (thread >= snap->threads_len) {
		put_num(row, tid_key, 0);
		return;
	}
	put_num(row, pid_key, snap->threads[thread].pid);
	put_num(row, tid_key, snap->threads[thread].tid);
	put_text(row, name_key, snap->threads[thread].name);
}

static bool put_heading(struct row *row, const struct report *rep, uint32_t i)
{
	(void)rep;
	if (i)
		return false;
	for (unsigned key = 0; key < CSV_CLASSES; key++)
		strbuf_puts(&row->cell[key], key_names[key]);
	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		strbuf_printf(&row->cell[CSV_CLASSES + cls], "%s_ns",
			      time_class_name((enum time_class)cls));
	return true;
}

static bool put_thread_row(struct row *row, const struct report *rep, uint32_t i)
{
	const struct snapshot *snap = rep->snap;

	if (i >= snap->threads_len)
		return false;
	put_thread(row, snap, i, CSV_PID, CSV_TID, CSV_NAME);
	put_num(row, CSV_LIFETIME_NS, snap->threads[i].lifetime_ns);
	put_num(row, CSV_CMETRIC_NS, snap->threads[i].cmetric_ns);
	put_num(row, CSV_VOLUNTARY, snap->threads[i].voluntary_switches);
	put_num(row, CSV_INVOLUNTARY, snap->threads[i].involuntary_switches);
	put_num(row, CSV_WAKEUPS, snap->threads[i].wakeups);
	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		put_num(row, CSV_CLASSES + cls, snap->threads[i].class_ns[cls]);
	return true;
}

static void put_hist(struct row *row, const struct snap_hist *hist)
{
	put_num(row, CSV_P50_NS, snap_hist_quantile(hist, 0.5));
	put_num(row, CSV_P99_NS, snap_hist_quantile(hist, 0.99));
	put_num(row, CSV_MAX_NS, hist->max_ns);
}

static void put_waiting_in(struct row *row, const struct snapshot *snap,
			   const struct snap_lock *lock)
{
	struct strbuf site = {0};

	for (uint32_t i = 0; i < lock->waiters_len && !site.len; i++)
		if (lock->waiters[i].stack < snap->stacks_len)
			report_call_site(&site, snap, lock->waiters[i].stack);
	put_text(row, CSV_WAITING_IN, strbuf_str(&site));
	row->cell[CSV_WAITING_IN].failed |= site.failed;
	strbuf_free(&site);
}

static bool put_lock_row(struct row *row, const struct report *rep, uint32_t i)
{
	const struct snapshot *snap = rep->snap;
	const struct verdict *verdict = rep->verdict;
	const struct snap_lock *lock;

	if (i >= snap->locks_len)
		return false;
	lock = &snap->locks[i];
	if (lock->pids_len)
		put_num(row, CSV_PID, lock->pids[0]);
	put_text(row, CSV_NAME, lock->name);
	put_text(row, CSV_KIND, lock_kind_name(lock->kind));
	put_num(row, CSV_WAITS, lock->waits);
	put_num(row, CSV_WAIT_NS, lock->wait_ns);
	put_num(row, CSV_BLOCKED_NS, lock->blocked_ns);
	put_num(row, CSV_BLAME_NS, lock->blame_ns);
	put_hist(row, &lock->hist);
	put_num(row, CSV_TIMEOUTS, lock->timeouts);
	put_num(row, CSV_OPEN_WAITS, lock->open_waits);
	if (i < verdict->lock_gain_len && verdict->lock_gain[i] > 0)
		strbuf_printf(&row->cell[CSV_GAIN], "%.6g", verdict->lock_gain[i]);
	strbuf_printf(&row->cell[CSV_ADDRESS], "0x%" PRIx64, lock->address);
	put_text(row, CSV_MODULE, lock->module);
	put_waiting_in(row, snap, lock);
	return true;
}

static bool put_loop_row(struct row *row, const struct report *rep, uint32_t i)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_loop *loop;

	if (i >= snap->loops_len)
		return false;
	loop = &snap->loops[i];
	put_thread(row, snap, loop->thread, CSV_PID, CSV_TID, CSV_NAME);
	put_text(row, CSV_KIND, loop->kind);
	put_hist(row, &loop->hist);
	put_num(row, CSV_IS_LOOP, loop->is_loop);
	put_num(row, CSV_TURNS, loop->turns);
	put_num(row, CSV_BUSY_NS, loop->busy_ns);
	put_num(row, CSV_IDLE_NS, loop->idle_ns);
	put_num(row, CSV_OBSERVED_NS, loop->observed_ns);
	put_num(row, CSV_ADDED_MEAN_NS, loop->added_mean_ns);
	put_num(row, CSV_STALLS, loop->stalls);
	return true;
}

static bool put_edge_row(struct row *row, const struct report *rep, uint32_t i)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_edge *edge;

	if (i >= snap->edges_len)
		return false;
	edge = &snap->edges[i];
	put_thread(row, snap, edge->from_thread, CSV_PID, CSV_TID, CSV_NAME);
	put_thread(row, snap, edge->to_thread, CSV_TO_PID, CSV_TO_TID, CSV_TO_NAME);
	put_text(row, CSV_KIND, edge_kind_name(edge->kind));
	put_num(row, CSV_WAITS, edge->waits);
	put_num(row, CSV_WAIT_NS, edge->wait_ns);
	return true;
}

static void add_quoted(struct strbuf *sb, const struct strbuf *cell)
{
	const char *text = strbuf_str(cell);

	if (!text[strcspn(text, "\",\r\n")] && *text != ' ') {
		strbuf_puts(sb, text);
		return;
	}
	strbuf_putc(sb, '"');
	for (; *text; text++) {
		if (*text == '"')
			strbuf_putc(sb, '"');
		strbuf_putc(sb, *text);
	}
	strbuf_putc(sb, '"');
}

/* All rows that @put gives, "" as the name of the heading. */
static void add_rows(struct strbuf *sb, const struct report *rep, const char *table,
		     bool (*put)(struct row *row, const struct report *rep, uint32_t i))
{
	struct row row = {0};

	for (uint32_t i = 0; put(&row, rep, i); i++) {
		strbuf_puts(&row.cell[CSV_TABLE], table);
		for (unsigned key = 0; key < CSV_COUNT; key++) {
			if (key)
				strbuf_putc(sb, ',');
			add_quoted(sb, &row.cell[key]);
			sb->failed |= row.cell[key].failed;
			strbuf_reset(&row.cell[key]);
		}
		strbuf_putc(sb, '\n');
	}
	for (unsigned key = 0; key < CSV_COUNT; key++)
		strbuf_free(&row.cell[key]);
}

int render_csv(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
	       struct err *err)
{
	(void)opt;
	add_rows(sb, rep, "", put_heading);
	add_rows(sb, rep, "thread", put_thread_row);
	add_rows(sb, rep, "lock", put_lock_row);
	add_rows(sb, rep, "loop", put_loop_row);
	add_rows(sb, rep, "edge", put_edge_row);
	if (sb->failed)
		return err_set(err, -ENOMEM, "CSV report: out of memory");
	return 0;
}
