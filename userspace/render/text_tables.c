// SPDX-License-Identifier: GPL-2.0-only
#include "render/text_tables.h"

#include "base/hashmap.h"
#include "base/num.h"
#include "base/units.h"
#include "base/vec.h"
#include "render/grid.h"
#include "report/columns.h"
#include "report/derived.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOCKS_MAX 8
#define THREADS_MAX 8
#define PROCESSES_MAX 5
#define EDGES_MAX 5
#define BLOCKS_MAX 5
#define LOOPS_MAX 5
#define STALLS_MAX 5
#define ROWS_MAX 8
/* Columns of a lower rank are left out where they are zero in every row shown. */
#define ALWAYS_RANK 4
#define LEGEND_RATIO 0.005
/* Blocking calls are shown from this share of the time with work on. */
#define OFF_CPU_RATIO 0.02

static const struct {
	const char *block; /* a pattern of its own: colour is not the only carrier */
	const char *letter;
	enum page_style style;
} group_looks[GROUP_COUNT] = {
	[GROUP_RUN] = {"█", "#", STYLE_GREEN},	 [GROUP_LOCK] = {"▓", "L", STYLE_RED},
	[GROUP_GIL] = {"▚", "G", STYLE_MAGENTA}, [GROUP_DISK] = {"▒", "D", STYLE_YELLOW},
	[GROUP_NET] = {"▞", "N", STYLE_BLUE},	 [GROUP_PEER] = {"▌", "P", STYLE_CYAN},
	[GROUP_RUNQ] = {"▄", "q", STYLE_YELLOW}, [GROUP_OTHER] = {"?", "?", STYLE_PLAIN},
	[GROUP_IDLE] = {"░", ".", STYLE_DIM},
};

/* Cells of the bar a group: rounded running sums, so that they add up to @columns exactly. */
static void bar(struct page *page, const struct snapshot *snap, unsigned columns)
{
	uint64_t sum = 0;
	unsigned drawn = 0;

	page_gap(page, 2);
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		struct strbuf part = {0};
		unsigned until;

		sum = num_sat_add(sum, time_group_ns(group, snap->class_ns));
		until = (unsigned)(num_ratio((double)sum, (double)snap->wall_thread_ns) * columns +
				   0.5);
		for (; drawn < until && drawn < columns; drawn++)
			strbuf_puts(&part, page->ascii ? group_looks[group].letter
						       : group_looks[group].block);
		page_put(page, group_looks[group].style, strbuf_str(&part));
		page->out->failed |= part.failed;
		strbuf_free(&part);
	}
	page_end(page);
}

/* " (pool_idle 20%, sleep 7%)" for a group of which more than one class matters. */
static void add_parts(struct strbuf *sb, const struct snapshot *snap, enum time_group group)
{
	unsigned shown = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++) {
		double ratio = num_ratio((double)snap->class_ns[cls], (double)snap->wall_thread_ns);

		if (!time_group_has(group, cls) || ratio <= LEGEND_RATIO)
			continue;
		strbuf_printf(sb, "%s%s ", shown++ ? ", " : " (", time_class_name(cls));
		units_percent(sb, ratio);
	}
	if (shown)
		strbuf_putc(sb, ')');
}

static void legend(struct page *page, const struct snapshot *snap)
{
	page_gap(page, 2);
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		uint64_t ns = time_group_ns(group, snap->class_ns);
		double ratio = num_ratio((double)ns, (double)snap->wall_thread_ns);
		struct strbuf text = {0};
		unsigned width;

		if (ratio <= LEGEND_RATIO)
			continue;
		strbuf_printf(&text, " %s ", time_group_title(group));
		units_percent(&text, ratio);
		if (group == GROUP_RUNQ || group == GROUP_IDLE)
			add_parts(&text, snap, group);
		width = page_width(strbuf_str(&text)) + 1;
		if (page->used && page->used + page->gap + width > page->columns) {
			page_end(page);
			page_gap(page, 2);
		}
		page_put(page, group_looks[group].style,
			 page->ascii ? group_looks[group].letter : group_looks[group].block);
		page_put(page, STYLE_PLAIN, strbuf_str(&text));
		page_gap(page, 2);
		page->out->failed |= text.failed;
		strbuf_free(&text);
	}
	page_end(page);
}

void text_time(struct page *page, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;

	if (!snap->wall_thread_ns)
		return;
	page_end(page);
	page_gap(page, 2);
	page_put(page, STYLE_BOLD, "WHERE THREAD TIME WENT");
	page_end(page);
	bar(page, snap, page->columns > 4 ? page->columns - 4 : 0);
	legend(page, snap);
}

/* "LOCKS", or "LOCKS (8 of 20)" where not all are shown. */
static void add_heading(struct strbuf *sb, const char *name, uint32_t shown, uint32_t all)
{
	strbuf_puts(sb, name);
	if (shown < all)
		strbuf_printf(sb, " (%" PRIu32 " of %" PRIu32 ")", shown, all);
}

/* Columns of @table, but not those that would repeat what the header line says. */
static uint32_t pick_columns(const struct report *rep, enum column_table table,
			     const struct column **ret)
{
	uint32_t len;
	uint32_t picked = 0;
	const struct column *all = columns_of(table, &len);

	for (uint32_t i = 0; i < len && picked < GRID_COLUMNS_MAX; i++)
		if (strcmp(all[i].key, "pid") || rep->snap->processes_len > 1)
			ret[picked++] = &all[i];
	return picked;
}

/* Print @rows of @table, with @heading over the first column. */
static void table_print(struct page *page, const struct report *rep, enum column_table table,
			const uint32_t *rows, uint32_t rows_len, const char *heading)
{
	const struct column *picked[GRID_COLUMNS_MAX];
	struct grid grid = {.columns_len = pick_columns(rep, table, picked)};

	for (uint32_t i = 0; i < grid.columns_len; i++) {
		const struct column *col = picked[i];
		bool number = col->unit != UNIT_TEXT;

		grid.column[i] = (struct grid_column){
			.title = i ? col->title : heading,
			.number = number,
			.width = number ? 0 : col->width,
			.rank = col->rank,
			.optional = col->rank > ALWAYS_RANK,
		};
	}
	if (grid_alloc(&grid, rows_len)) {
		page->out->failed = true;
		return;
	}
	for (uint32_t row = 0; row < rows_len; row++)
		for (uint32_t i = 0; i < grid.columns_len; i++) {
			struct strbuf text = {0};

			column_format(&text, picked[i], rep, rows[row]);
			grid_set(&grid, row, i, &text);
		}
	page_end(page);
	grid_print(&grid, page);
	grid_free(&grid);
}

static void print_rows(struct page *page, const struct report *rep, enum column_table table,
		       const uint32_t *rows, uint32_t shown, uint32_t all, const char *name)
{
	struct strbuf heading = {0};

	add_heading(&heading, name, shown, all);
	table_print(page, rep, table, rows, shown, strbuf_str(&heading));
	page->out->failed |= heading.failed;
	strbuf_free(&heading);
}

static bool is_among(const uint32_t *rows, uint32_t len, uint32_t lock)
{
	for (uint32_t i = 0; i < len; i++)
		if (rows[i] == lock)
			return true;
	return false;
}

void text_locks(struct page *page, const struct report *rep)
{
	const struct verdict *verdict = rep->verdict;
	const uint32_t named[] = {verdict->main.lock,
				  verdict->second.fired ? verdict->second.lock : SNAP_NONE};
	uint32_t rows[ROWS_MAX];
	uint32_t shown = 0, first, all;

	/* Those that the verdict is about go first, whatever their sums. */
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (named[i] < rep->snap->locks_len && !is_among(rows, shown, named[i]))
			rows[shown++] = named[i];
	all = first = shown;
	for (uint32_t i = 0; i < rep->snap->locks_len; i++) {
		if (!report_lock_matters(&rep->snap->locks[i]) || is_among(rows, first, i))
			continue;
		if (shown < LOCKS_MAX)
			rows[shown++] = i;
		all++;
	}
	if (shown) {
		print_rows(page, rep, TABLE_LOCKS, rows, shown, all, "LOCKS");
		return;
	}
	page_end(page);
	page_gap(page, 2);
	page_put(page, STYLE_BOLD, "LOCKS");
	page_put(page, STYLE_PLAIN, "  no thread waited for one");
	page_end(page);
}

static void print_first(struct page *page, const struct report *rep, enum column_table table,
			uint32_t most, const char *name)
{
	uint32_t rows[ROWS_MAX];
	uint32_t all = columns_rows(rep, table);
	uint32_t shown = all < most ? all : most;

	for (uint32_t i = 0; i < shown; i++)
		rows[i] = i;
	if (shown)
		print_rows(page, rep, table, rows, shown, all, name);
}

/* A pool's worker that polls between items of work is no loop: nobody else waits for its turns. */
void text_loops(struct page *page, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t rows[ROWS_MAX];
	uint32_t shown = 0, all = 0;

	for (uint32_t i = 0; i < snap->loops_len; i++)
		if (snap->loops[i].is_loop && all++ < LOOPS_MAX)
			rows[shown++] = i;
	if (!shown)
		return;
	print_rows(page, rep, TABLE_LOOPS, rows, shown, all, "LOOPS");
	shown = all = 0;
	for (uint32_t i = 0; i < snap->stalls_len; i++)
		if (snap->stalls[i].loop < snap->loops_len &&
		    snap->loops[snap->stalls[i].loop].is_loop && all++ < STALLS_MAX)
			rows[shown++] = i;
	if (shown)
		print_rows(page, rep, TABLE_STALLS, rows, shown, all, "STALLS");
}

void text_threads(struct page *page, const struct report *rep)
{
	print_first(page, rep, TABLE_THREADS, THREADS_MAX, "THREADS");
}

void text_processes(struct page *page, const struct report *rep)
{
	if (rep->snap->processes_len > 1)
		print_first(page, rep, TABLE_PROCESSES, PROCESSES_MAX, "PROCESSES");
}

static bool between_processes(const struct snapshot *snap, const struct snap_edge *e)
{
	return e->from_thread < snap->threads_len && e->to_thread < snap->threads_len &&
	       snap->threads[e->from_thread].process != snap->threads[e->to_thread].process;
}

void text_edges(struct page *page, const struct report *rep)
{
	uint32_t rows[ROWS_MAX];
	uint32_t shown = 0, all = 0;

	for (uint32_t i = 0; i < rep->snap->edges_len; i++) {
		if (!between_processes(rep->snap, &rep->snap->edges[i]))
			continue;
		if (shown < EDGES_MAX)
			rows[shown++] = i;
		all++;
	}
	if (shown)
		print_rows(page, rep, TABLE_EDGES, rows, shown, all, "WAITS BETWEEN PROCESSES");
}

/* Blocking calls of one class, system call and call site, whatever the callers further out. */
struct site {
	const struct report_block *first;
	char *call_site;
	uint64_t count;
	uint64_t ns;
	uint64_t max_ns;
};

struct sites {
	struct site *at;
	size_t len;
	size_t cap;
};

static bool off_cpu_class(enum time_class cls)
{
	return cls == CLASS_DISK || cls == CLASS_NET || cls == CLASS_PEER || cls == CLASS_OTHER;
}

static int site_compare(const void *left, const void *right)
{
	const struct site *a = left;
	const struct site *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return strcmp(a->call_site, b->call_site);
}

static bool site_add(struct sites *sites, struct hashmap *places, const struct report *rep,
		     const struct report_block *block)
{
	struct {
		uint64_t call_site;
		int32_t syscall;
		uint32_t cls;
	} key = {0, block->syscall, block->cls};
	struct strbuf text = {0};
	bool added = false;
	uint32_t *place;
	struct site *site;

	report_call_site(&text, rep->snap, block->stack);
	key.call_site = hash_bytes(strbuf_str(&text), text.len);
	place = text.failed ? NULL : hashmap_put(places, &key, (uint32_t)sites->len, &added);
	site = place && added ? vec_add(sites) : NULL;
	if (!place || (added && !site)) {
		strbuf_free(&text);
		return false;
	}
	site = &sites->at[*place];
	if (added) {
		site->first = block;
		site->call_site = strbuf_steal(&text);
	}
	strbuf_free(&text);
	site->count = num_sat_add(site->count, block->count);
	site->ns = num_sat_add(site->ns, block->ns);
	site->max_ns = num_max_u64(site->max_ns, block->max_ns);
	return site->call_site;
}

static bool sites_collect(struct sites *sites, const struct report *rep,
			  const struct report_block *blocks, uint32_t blocks_len)
{
	struct hashmap places;
	bool done = true;

	hashmap_init(&places, 2 * sizeof(uint64_t));
	for (uint32_t i = 0; i < blocks_len && done; i++)
		if (off_cpu_class(blocks[i].cls))
			done = site_add(sites, &places, rep, &blocks[i]);
	hashmap_free(&places);
	if (done && sites->len)
		qsort(sites->at, sites->len, sizeof(*sites->at), site_compare);
	return done;
}

static void site_cell(struct strbuf *sb, const struct report *rep, const struct site *site,
		      uint32_t column)
{
	switch (column) {
	case 0:
		strbuf_puts(sb, site->first->syscall_name);
		break;
	case 1:
		strbuf_puts(sb, time_class_name(site->first->cls));
		break;
	case 2:
		units_count(sb, site->count);
		break;
	case 3:
		units_duration(sb, site->ns);
		break;
	case 4:
		units_duration(sb, site->max_ns);
		break;
	case 5:
		units_percent(sb, num_ratio((double)site->ns, (double)rep->snap->non_idle_ns));
		break;
	case 6:
		strbuf_puts(sb, site->call_site);
		break;
	}
}

static void sites_print(struct page *page, const struct report *rep, const struct sites *sites)
{
	struct grid grid = {
		.column =
			{
				{.title = "BLOCKING CALLS", .width = 20, .rank = 1},
				{.title = "class", .width = 8, .rank = 2},
				{.title = "count", .number = true, .rank = 5},
				{.title = "total", .number = true, .rank = 3},
				{.title = "max", .number = true, .rank = 6},
				{.title = "of work", .number = true, .rank = 7},
				{.title = "called in", .rank = 4},
			},
		.columns_len = 7,
	};

	if (grid_alloc(&grid, sites->len < BLOCKS_MAX ? (uint32_t)sites->len : BLOCKS_MAX)) {
		page->out->failed = true;
		return;
	}
	for (uint32_t row = 0; row < grid.rows_len; row++)
		for (uint32_t i = 0; i < grid.columns_len; i++) {
			struct strbuf text = {0};

			site_cell(&text, rep, &sites->at[row], i);
			grid_set(&grid, row, i, &text);
		}
	page_end(page);
	grid_print(&grid, page);
	grid_free(&grid);
}

void text_off_cpu(struct page *page, const struct report *rep)
{
	struct sites sites = {0};
	uint64_t off_ns = 0;
	uint32_t len = 0;
	bool failed = false;
	struct report_block *blocks;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		if (off_cpu_class(cls))
			off_ns = num_sat_add(off_ns, rep->snap->class_ns[cls]);
	if (num_ratio((double)off_ns, (double)rep->snap->non_idle_ns) < OFF_CPU_RATIO)
		return;
	blocks = report_blocks(rep, &len, &failed);
	if (failed || !sites_collect(&sites, rep, blocks, len))
		page->out->failed = true;
	else if (sites.len)
		sites_print(page, rep, &sites);
	for (size_t i = 0; i < sites.len; i++)
		free(sites.at[i].call_site);
	vec_free(&sites);
	free(blocks);
}

void text_futex_calls(struct page *page, const struct report *rep)
{
	const struct record_futex_calls *calls = &rep->snap->futex_calls;
	struct strbuf text = {0};

	if (!rep->snap->have_futex_calls)
		return;
	strbuf_puts(&text, "waits ");
	units_count(&text, calls->waits);
	strbuf_puts(&text, " (");
	units_count(&text, calls->eagain);
	strbuf_puts(&text, " came too late: the word had changed), wakes ");
	units_count(&text, calls->wakes);
	strbuf_puts(&text, " (");
	units_count(&text, calls->empty_wakes);
	strbuf_puts(&text, " woke nobody)");
	page_end(page);
	page_gap(page, 2);
	page_put(page, STYLE_BOLD, "FUTEX CALLS");
	page_gap(page, 2);
	page_wrap(page, STYLE_PLAIN, 15, strbuf_str(&text), NULL);
	page->out->failed |= text.failed;
	strbuf_free(&text);
}
