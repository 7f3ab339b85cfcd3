/* SPDX-License-Identifier: GPL-2.0-only */
/* What a view is, and what all of them share.  Adding one is a file view_NAME.c and a row of the
 * table in views.c. */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/app.h"
#include "tui/keys.h"
#include "tui/table.h"

enum view_id {
	VIEW_OVERVIEW,
	VIEW_THREADS,
	VIEW_LOCKS,
	VIEW_LOOPS,
	VIEW_PROCESSES,
	VIEW_STACKS,
	VIEW_GRAPH,
	VIEW_COUNT
};

#define FILTER_MAX 64

/* What a view keeps from frame to frame. */
struct view_state {
	struct table_state table;
	char filter[FILTER_MAX];
	bool tree;
	bool open;	 /* a row is opened .. */
	uint64_t opened; /* .. the one of this identity */
	int scroll;	 /* of what is opened, or of a page */
	int content;	 /* rows that it has */
	int page;
};

/* Of the flame graph: what is zoomed into and selected, as paths of hashes from the root. */
#define FLAME_DEPTH 192
struct flame_state {
	uint64_t zoom[FLAME_DEPTH];
	int zoom_len;
	uint64_t cursor[FLAME_DEPTH];
	int cursor_len;
	int what; /* enum flame_what */
	int top;  /* rows scrolled */
	/* As drawn last. */
	int first_y;
	int page;
	struct flame *drawn;
	uint64_t snap_serial; /* app.serial that it was made of */
};

struct app {
	bool ascii;
	const struct report *rep; /* NULL before the first picture */
	uint64_t serial;	  /* counts pictures */
	const struct series *series;
	struct app_status status;
	enum view_id view;
	bool help;
	int help_scroll;
	bool typing; /* into the filter of the view */
	char typed_before[FILTER_MAX];
	struct view_state views[VIEW_COUNT];
	struct flame_state flame;
	struct strbuf said;
	int tab_x[VIEW_COUNT + 1]; /* where each tab begins, and where they end */
	int columns;		   /* as drawn last */
	int rows;
};

struct view {
	const char *title;
	const char *short_title; /* where room is short */
	void (*draw)(struct app *app, const struct pane *pane);
	/* NULL, or the table of the view, made anew: keys and clicks for it are handled by app.c.
	 */
	void (*table)(const struct app *app, struct table *ret);
	/* NULL, or what is drawn instead while a row is opened; returns the rows it has.  false in
	 * *ret_there where the row is gone. */
	int (*detail)(struct app *app, const struct pane *pane, uint64_t identity, bool *ret_there);
	/* NULL, or keys that the view handles itself: true if it did. */
	bool (*act)(struct app *app, enum action action);
	bool (*click)(struct app *app, int x, int y, bool twice);
	bool tree; /* begins as a tree */
};

const struct view *view_of(enum view_id id);

/* Rows and columns that several views have. */
uint64_t view_lock_identity(const struct report *rep, uint32_t lock);
uint64_t view_thread_identity(const struct report *rep, uint32_t thread);
/* What @thread does now: "waits for cache_lock", "runs", "fsync". Appends. */
void view_thread_now(struct strbuf *sb, const struct report *rep, uint32_t thread);
/* The lock that @thread waits for at the end, or SNAP_NONE. */
uint32_t view_waits_for(const struct report *rep, uint32_t thread);

/* "812 ms blocking (fsync) in handle_request". Appends. */
void view_stall_text(struct strbuf *sb, const struct report *rep, uint32_t stall);

/* The frames of @stack from row @y on, outermost last; returns the rows drawn. */
int view_stack(const struct pane *pane, int y, const struct report *rep, uint32_t stack, int most);

/* Each view's functions. */
void overview_draw(struct app *app, const struct pane *pane);
bool overview_act(struct app *app, enum action action);
void threads_table(const struct app *app, struct table *ret);
int threads_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there);
void locks_table(const struct app *app, struct table *ret);
int locks_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there);
void loops_draw(struct app *app, const struct pane *pane);
void stalls_table(const struct app *app, struct table *ret);
void loops_table(const struct app *app, struct table *ret);
int loops_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there);
void processes_draw(struct app *app, const struct pane *pane);
void processes_table(const struct app *app, struct table *ret);
void stacks_draw(struct app *app, const struct pane *pane);
bool stacks_act(struct app *app, enum action action);
bool stacks_click(struct app *app, int x, int y, bool twice);
void stacks_free(struct app *app);
void graph_draw(struct app *app, const struct pane *pane);
int help_draw(const struct app *app, const struct pane *pane);

#endif
