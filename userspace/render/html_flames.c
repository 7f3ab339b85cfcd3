// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data of the flame graphs: a tree of time for each, as JSON for the page's script.  What is
 * too narrow to be seen is summed into its parent, which bounds the size.
 */
#include "base/hashmap.h"
#include "base/num.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/strpool.h"
#include "render/flames.h"
#include "render/html_parts.h"

#include <inttypes.h>
#include <string.h>

#define NARROW 1000 /* a node is left out below this part of its graph */
#define NONE UINT32_MAX
#define DEPTH_MAX 400

static const struct {
	const char *id;
	const char *title;
	const char *about;
} graphs[FLAME_COUNT] = {
	[FLAME_ON_CPU] = {"on-cpu", "On the CPU", "timer samples, by function"},
	[FLAME_OFF_CPU] = {"off-cpu", "Off the CPU", "blocked, by class and function"},
	[FLAME_LOCK] = {"lock-waits", "Waiting for locks", "by class, lock and waiting function"},
	[FLAME_WAKE] = {"wakes", "Who kept them waiting",
			"the same time, by lock, holder and the function that released it"},
};

struct node {
	uint32_t name; /* index of text */
	uint32_t child;
	uint32_t sibling;
	uint64_t ns;
};

struct child_key {
	uint32_t graph; /* roots of graphs have no parent */
	uint32_t parent;
	uint32_t name;
	uint32_t zero;
};

struct forest {
	const struct snapshot *snap;
	VEC(struct node) nodes;
	struct strpool texts;
	struct hashmap child_of; /* struct child_key -> index of node */
	uint32_t root[FLAME_COUNT];
	bool failed;
};

static uint32_t text_id(struct forest *f, const char *raw)
{
	struct strbuf clean = {0};
	uint32_t id = 0;

	text_escape(&clean, raw, strlen(raw));
	f->failed |= clean.failed || strpool_put(&f->texts, strbuf_str(&clean), &id, NULL) < 0;
	strbuf_free(&clean);
	return id;
}

/* The child @raw of @parent (NONE: the root of @graph), with @ns more time. */
static uint32_t grow(struct forest *f, enum flame_kind graph, uint32_t parent, const char *raw,
		     uint64_t ns)
{
	struct child_key key = {graph, parent, text_id(f, raw), 0};
	bool added = false;
	uint32_t *at = hashmap_put(&f->child_of, &key, (uint32_t)f->nodes.len, &added);
	struct node *node = at && added ? vec_add(&f->nodes) : NULL;

	if (!at || (added && !node)) {
		f->failed = true;
		return NONE;
	}
	if (added) {
		node->name = key.name;
		node->child = node->sibling = NONE;
		if (parent != NONE) {
			node->sibling = f->nodes.at[parent].child;
			f->nodes.at[parent].child = *at;
		}
	}
	f->nodes.at[*at].ns = num_sat_add(f->nodes.at[*at].ns, ns);
	return *at;
}

static bool put(void *ctx, const struct flame *flame)
{
	struct forest *f = ctx;
	const struct snapshot *snap = f->snap;
	const struct snap_stack *stack = NULL;
	struct strbuf text = {0};
	uint32_t at;

	if (!flame->ns)
		return true;
	at = grow(f, flame->kind, NONE, graphs[flame->kind].title, flame->ns);
	f->root[flame->kind] = at;
	if (flame->kind != FLAME_ON_CPU && at != NONE)
		at = grow(f, flame->kind, at, time_class_name(flame->cls), flame->ns);
	if ((flame->kind == FLAME_LOCK || flame->kind == FLAME_WAKE) && at != NONE)
		at = grow(f, flame->kind, at, flame->detail, flame->ns);
	if (flame->kind == FLAME_WAKE && at != NONE) {
		report_thread(&text, snap, flame->thread);
		at = grow(f, flame->kind, at, strbuf_str(&text), flame->ns);
	}
	if (flame->stack < snap->stacks_len)
		stack = &snap->stacks[flame->stack];
	for (uint32_t i = stack ? stack->frames_len : 0; i > 0 && at != NONE; i--) {
		strbuf_reset(&text);
		report_frame(&text, &stack->frames[i - 1]);
		f->failed |= text.failed;
		at = grow(f, flame->kind, at, strbuf_str(&text), flame->ns);
	}
	if (flame->kind == FLAME_OFF_CPU && *flame->detail && at != NONE)
		grow(f, flame->kind, at, flame->detail, flame->ns);
	strbuf_free(&text);
	return !f->failed;
}

/* A string of JSON that is inert inside <script>: no "<", ">" or "&" at all. */
static void add_string(struct strbuf *sb, const char *clean)
{
	strbuf_putc(sb, '"');
	for (; *clean; clean++) {
		if (*clean == '"' || *clean == '\\')
			strbuf_putc(sb, '\\');
		if (strchr("<>&", *clean))
			strbuf_printf(sb, "\\u%04x", (unsigned)*clean);
		else
			strbuf_putc(sb, *clean);
	}
	strbuf_putc(sb, '"');
}

/* [name, microseconds, [children]], the children only where there are any. */
static void add_node(struct strbuf *sb, const struct forest *f, uint32_t index, uint64_t least_ns,
		     unsigned depth)
{
	const struct node *node = &f->nodes.at[index];
	bool any = false;

	strbuf_printf(sb, "[%" PRIu32 ",%" PRIu64, node->name, (uint64_t)(node->ns / NS_PER_US));
	for (uint32_t i = node->child; i != NONE && depth < DEPTH_MAX; i = f->nodes.at[i].sibling) {
		if (f->nodes.at[i].ns < least_ns)
			continue;
		strbuf_puts(sb, any ? "," : ",[");
		any = true;
		add_node(sb, f, i, least_ns, depth + 1);
	}
	strbuf_puts(sb, any ? "]]" : "]");
}

static void add_data(struct strbuf *sb, const struct forest *f)
{
	bool any = false;

	strbuf_puts(sb, "<script type=\"application/json\" id=\"flame-data\">{\"names\":[");
	for (uint32_t i = 0; i < f->texts.offsets.len; i++) {
		if (i > 0)
			strbuf_putc(sb, ',');
		add_string(sb, strpool_get(&f->texts, i));
	}
	strbuf_puts(sb, "],\"graphs\":{");
	for (unsigned kind = 0; kind < FLAME_COUNT; kind++) {
		if (f->root[kind] == NONE)
			continue;
		strbuf_printf(sb, "%s\"%s\":", any ? "," : "", graphs[kind].id);
		any = true;
		add_node(sb, f, f->root[kind], f->nodes.at[f->root[kind]].ns / NARROW, 0);
	}
	strbuf_puts(sb, "}}</script>\n");
}

static void add_places(struct strbuf *sb, const struct forest *f)
{
	html_section(sb, "flames", "Flame graphs");
	strbuf_puts(sb, "<noscript><p class=\"note\">Flame graphs take a script; "
			"<code>-f folded</code> gives the same stacks as text.</p></noscript>\n"
			"<div class=\"tools\" hidden><label>Search <input type=\"search\" "
			"id=\"flame-search\" autocomplete=\"off\"></label> <button type=\"button\" "
			"id=\"flame-reset\">Reset zoom</button> <span id=\"flame-found\" "
			"role=\"status\"></span></div>\n");
	for (unsigned kind = 0; kind < FLAME_COUNT; kind++)
		if (f->root[kind] != NONE)
			strbuf_printf(sb,
				      "<h3>%s <small>%s</small></h3>\n<div class=\"flame\" "
				      "data-graph=\"%s\" role=\"group\" aria-label=\"%s\"></div>\n",
				      graphs[kind].title, graphs[kind].about, graphs[kind].id,
				      graphs[kind].title);
}

void html_flames(struct strbuf *sb, const struct report *rep)
{
	struct forest f = {.snap = rep->snap};

	for (unsigned kind = 0; kind < FLAME_COUNT; kind++)
		f.root[kind] = NONE;
	f.failed = strpool_init(&f.texts, NULL) < 0;
	hashmap_init(&f.child_of, sizeof(struct child_key));
	flames_each(rep, put, &f);
	if (f.nodes.len && !f.failed) {
		add_places(sb, &f);
		add_data(sb, &f);
	}
	sb->failed |= f.failed;
	strpool_free(&f.texts);
	vec_free(&f.nodes);
	hashmap_free(&f.child_of);
}
