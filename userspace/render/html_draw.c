// SPDX-License-Identifier: GPL-2.0-only
/* Drawings of the HTML report: bars, timeline, graph of waits.  They need no script. */
#include "base/num.h"
#include "base/text.h"
#include "base/units.h"
#include "render/html_parts.h"
#include "report/derived.h"

#include <inttypes.h>
#include <string.h>

#define TIMELINE_WIDTH 1000
#define TIMELINE_HEIGHT 120
#define TIMELINE_STRIP 14 /* the row of verdicts below it */
#define SLICES_DRAWN 400
#define GRAPH_EDGES 24
#define GRAPH_NODES 16
#define GRAPH_WIDTH 720
#define GRAPH_ROW 30

void html_text(struct strbuf *sb, const char *raw)
{
	struct strbuf clean = {0};

	text_escape(&clean, raw, strlen(raw));
	for (const char *c = strbuf_str(&clean); *c; c++) {
		switch (*c) {
		case '&':
			strbuf_puts(sb, "&amp;");
			break;
		case '<':
			strbuf_puts(sb, "&lt;");
			break;
		case '>':
			strbuf_puts(sb, "&gt;");
			break;
		case '"':
			strbuf_puts(sb, "&quot;");
			break;
		case '\'':
			strbuf_puts(sb, "&#39;");
			break;
		default:
			strbuf_putc(sb, *c);
		}
	}
	sb->failed |= clean.failed;
	strbuf_free(&clean);
}

void html_element(struct strbuf *sb, const char *tag, const char *raw)
{
	if (!*raw)
		return;
	strbuf_printf(sb, "<%s>", tag);
	html_text(sb, raw);
	/* A tag may come with attributes. */
	strbuf_printf(sb, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void html_section(struct strbuf *sb, const char *id, const char *title)
{
	strbuf_printf(sb, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

/* A number with three decimals, of integers alone: no locale interferes. */
static void add_fixed(struct strbuf *sb, double value)
{
	uint64_t thousandths = num_to_u64(value * 1000 + 0.5);

	strbuf_printf(sb, "%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);
}

static void group_bar(struct strbuf *sb, const uint64_t *class_ns, uint64_t all_ns)
{
	strbuf_puts(sb, "<div class=\"bar\" aria-hidden=\"true\">");
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		double ratio = num_ratio((double)time_group_ns((enum time_group)group, class_ns),
					 (double)all_ns);

		if (ratio < 0.0005)
			continue;
		strbuf_printf(sb, "<span class=\"g%u\" style=\"width:", group);
		add_fixed(sb, ratio * 100);
		strbuf_puts(sb, "%\"></span>");
	}
	strbuf_puts(sb, "</div>\n");
}

static void group_legend(struct strbuf *sb, const uint64_t *class_ns, uint64_t all_ns)
{
	strbuf_puts(sb, "<ul class=\"legend\">");
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		uint64_t ns = time_group_ns((enum time_group)group, class_ns);

		if (!ns)
			continue;
		strbuf_printf(sb, "<li><i class=\"g%u\"></i>%s ", group,
			      time_group_title((enum time_group)group));
		units_percent(sb, num_ratio((double)ns, (double)all_ns));
		strbuf_puts(sb, " <small>");
		units_duration(sb, ns);
		strbuf_puts(sb, "</small></li>");
	}
	strbuf_puts(sb, "</ul>\n");
}

/* What each model costs, as a share of the time with work on. */
static void model_bars(struct strbuf *sb, const struct snapshot *snap)
{
	static const struct {
		const char *title;
		enum time_group group;
	} models[] = {
		{"Threads: waiting for locks", GROUP_LOCK},
		{"GIL: waiting for the interpreter", GROUP_GIL},
		{"Processes and queues: waiting for a peer", GROUP_PEER},
		{"CPU: waiting to run", GROUP_RUNQ},
		{"Storage", GROUP_DISK},
		{"Servers called", GROUP_NET},
	};

	strbuf_puts(sb, "<table class=\"models\"><caption>What each model costs, of the time with "
			"work on</caption><tbody>\n");
	for (size_t i = 0; i < ARRAY_LEN(models); i++) {
		uint64_t ns = time_group_ns(models[i].group, snap->class_ns);
		double ratio = num_ratio((double)ns, (double)snap->non_idle_ns);

		strbuf_printf(sb, "<tr><th scope=\"row\">%s</th><td class=\"n\">", models[i].title);
		units_percent(sb, ratio);
		strbuf_printf(sb, "</td><td class=\"meter\"><span class=\"g%u\" style=\"width:",
			      models[i].group);
		add_fixed(sb, (ratio < 1 ? ratio : 1) * 100);
		strbuf_puts(sb, "%\"></span></td></tr>\n");
	}
	strbuf_puts(sb, "</tbody></table>\n");
}

void html_bars(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;

	if (!snap->wall_thread_ns)
		return;
	html_section(sb, "time", "Where thread time went");
	group_bar(sb, snap->class_ns, snap->wall_thread_ns);
	group_legend(sb, snap->class_ns, snap->wall_thread_ns);
	model_bars(sb, snap);
}

/* Where a moment of the window lies on the drawing. */
static double x_of(const struct snapshot *snap, uint64_t at_ns)
{
	double x = num_ratio((double)at_ns, (double)snap->duration_ns) * TIMELINE_WIDTH;

	return x < TIMELINE_WIDTH ? x : TIMELINE_WIDTH;
}

static void add_rect(struct strbuf *sb, const char *class, double x, double y, double width,
		     double height)
{
	strbuf_printf(sb, "<rect class=\"%s\" x=\"", class);
	add_fixed(sb, x);
	strbuf_puts(sb, "\" y=\"");
	add_fixed(sb, y);
	strbuf_puts(sb, "\" width=\"");
	add_fixed(sb, width);
	strbuf_puts(sb, "\" height=\"");
	add_fixed(sb, height);
	strbuf_puts(sb, "\">");
}

static void timeline_slice(struct strbuf *sb, const struct report *rep, uint32_t i)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_slice *s = &snap->slices[i];
	const char *word = i < rep->verdict->slices_len ? rep->verdict->slice_bottleneck[i] : "";
	double x = x_of(snap, s->at_ns);
	double width = x_of(snap, num_sat_add(s->at_ns, s->duration_ns)) - x;
	uint64_t all = 0, sum = 0;

	for (unsigned group = 0; group < GROUP_COUNT; group++)
		all = num_sat_add(all, time_group_ns((enum time_group)group, s->class_ns));
	for (unsigned group = 0; group < GROUP_COUNT && all; group++) {
		uint64_t ns = time_group_ns((enum time_group)group, s->class_ns);
		double top = (double)sum / (double)all * TIMELINE_HEIGHT;
		char class[8] = {'g', (char)('0' + group)};

		sum = num_sat_add(sum, ns);
		if (!ns)
			continue;
		add_rect(sb, class, x, top, width, (double)ns / (double)all * TIMELINE_HEIGHT);
		strbuf_printf(sb, "<title>%s ", time_group_title((enum time_group)group));
		units_percent(sb, (double)ns / (double)all);
		strbuf_puts(sb, " at ");
		units_duration(sb, s->at_ns);
		strbuf_puts(sb, "</title></rect>");
	}
	add_rect(sb, !strcmp(word, "none") || !strcmp(word, "idle") ? "good" : "bad", x,
		 TIMELINE_HEIGHT + 4, width > 1 ? width - 1 : width, TIMELINE_STRIP);
	strbuf_puts(sb, "<title>verdict: ");
	html_text(sb, word);
	strbuf_puts(sb, "</title></rect>\n");
}

/* Of the lock with the most waiting: how many threads waited for it, on the average. */
static void timeline_lock(struct strbuf *sb, const struct snapshot *snap)
{
	double most = 0;

	for (uint32_t i = 0; i < snap->slices_len; i++) {
		const struct snap_slice *s = &snap->slices[i];
		double waiting = num_ratio((double)s->top_lock_blocked_ns, (double)s->duration_ns);

		most = waiting > most ? waiting : most;
	}
	if (!(most > 0) || !snap->locks_len)
		return;
	strbuf_puts(sb, "<polyline class=\"lockline\" points=\"");
	for (uint32_t i = 0; i < snap->slices_len && i < SLICES_DRAWN; i++) {
		const struct snap_slice *s = &snap->slices[i];
		double waiting = num_ratio((double)s->top_lock_blocked_ns, (double)s->duration_ns);

		add_fixed(sb, x_of(snap, s->at_ns + s->duration_ns / 2));
		strbuf_putc(sb, ',');
		add_fixed(sb, TIMELINE_HEIGHT * (1 - waiting / most * 0.95));
		strbuf_putc(sb, ' ');
	}
	strbuf_puts(sb, "\"><title>waiting for ");
	html_text(sb, snap->locks[0].name);
	strbuf_puts(sb, ", at most ");
	add_fixed(sb, most);
	strbuf_puts(sb, " threads at a time</title></polyline>\n");
}

static void timeline_stalls(struct strbuf *sb, const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->stalls_len && i < SLICES_DRAWN; i++) {
		const struct snap_stall *s = &snap->stalls[i];
		double x = x_of(snap, s->at_ns);
		double width = x_of(snap, num_sat_add(s->at_ns, s->duration_ns)) - x;

		add_rect(sb, "stall", x, TIMELINE_HEIGHT + TIMELINE_STRIP + 8,
			 width > 2 ? width : 2, 8);
		strbuf_puts(sb, "<title>stall of ");
		units_duration(sb, s->duration_ns);
		strbuf_printf(sb, ", mostly %s</title></rect>\n", loop_part_name(s->cause));
	}
}

void html_timeline(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint32_t len = snap->slices_len < SLICES_DRAWN ? snap->slices_len : SLICES_DRAWN;

	if (!len)
		return;
	html_section(sb, "timeline", "Over the run");
	strbuf_printf(sb,
		      "<svg class=\"timeline\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		      "role=\"img\" aria-labelledby=\"timeline\">\n",
		      TIMELINE_WIDTH, TIMELINE_HEIGHT + TIMELINE_STRIP + 18);
	for (uint32_t i = 0; i < len; i++)
		timeline_slice(sb, rep, i);
	timeline_lock(sb, snap);
	timeline_stalls(sb, snap);
	strbuf_puts(sb, "</svg>\n<p class=\"axis\"><span>0</span><span>");
	units_duration(sb, snap->duration_ns);
	strbuf_puts(sb,
		    "</span></p>\n<p class=\"note\">Each column is a part of the window: all "
		    "threads' time by class (colours as above), below it whether that part alone "
		    "would get a verdict");
	if (snap->locks_len) {
		strbuf_puts(sb, "; the line is how many threads wait for ");
		html_element(sb, "code", snap->locks[0].name);
	}
	strbuf_puts(sb, snap->stalls_len
				? "; the marks at the bottom are stalls of event loops.</p>\n"
				: ".</p>\n");
}

/* The nodes of one side of the graph, by first use. */
struct side {
	uint32_t thread[GRAPH_NODES];
	unsigned len;
};

/* The node of @thread; GRAPH_NODES when there is no room. */
static unsigned node_of(struct side *side, uint32_t thread)
{
	for (unsigned i = 0; i < side->len; i++)
		if (side->thread[i] == thread)
			return i;
	if (side->len == GRAPH_NODES)
		return GRAPH_NODES;
	side->thread[side->len] = thread;
	return side->len++;
}

static void graph_nodes(struct strbuf *sb, const struct report *rep, const struct side *side,
			bool right)
{
	for (unsigned i = 0; i < side->len; i++) {
		struct strbuf name = {0};

		report_thread(&name, rep->snap, side->thread[i]);
		strbuf_printf(sb, "<text x=\"%d\" y=\"%u\" text-anchor=\"%s\">",
			      right ? GRAPH_WIDTH - 225 : 225, i * GRAPH_ROW + 45,
			      right ? "start" : "end");
		html_text(sb, strbuf_str(&name));
		strbuf_puts(sb, "</text>\n");
		sb->failed |= name.failed;
		strbuf_free(&name);
	}
}

static void graph_edge(struct strbuf *sb, const struct snap_edge *edge, unsigned from, unsigned to,
		       uint64_t most_ns)
{
	unsigned y1 = from * GRAPH_ROW + 40, y2 = to * GRAPH_ROW + 40;

	strbuf_printf(
		sb,
		"<path class=\"e%u\" d=\"M235 %u C%d %u %d %u %d %u\" marker-end=\"url(#tip)\" "
		"style=\"stroke-width:",
		edge->kind, y1, GRAPH_WIDTH / 2, y1, GRAPH_WIDTH / 2, y2, GRAPH_WIDTH - 240, y2);
	add_fixed(sb, 1 + 5 * num_ratio((double)edge->wait_ns, (double)most_ns));
	strbuf_printf(sb, "\"><title>%s: ", edge_kind_name(edge->kind));
	units_duration(sb, edge->wait_ns);
	strbuf_puts(sb, " in ");
	units_count(sb, edge->waits);
	strbuf_puts(sb, " waits</title></path>\n");
}

void html_graph(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	struct side left = {.len = 0};
	struct side right = {.len = 0};
	uint32_t len = snap->edges_len < GRAPH_EDGES ? snap->edges_len : GRAPH_EDGES;
	unsigned rows;

	if (!len)
		return;
	for (uint32_t i = 0; i < len; i++) {
		node_of(&left, snap->edges[i].from_thread);
		node_of(&right, snap->edges[i].to_thread);
	}
	rows = left.len > right.len ? left.len : right.len;
	html_section(sb, "graph", "Who waits for whom");
	strbuf_printf(sb,
		      "<svg class=\"graph\" viewBox=\"0 0 %d %u\" role=\"img\" "
		      "aria-labelledby=\"graph\"><defs><marker id=\"tip\" viewBox=\"0 0 8 8\" "
		      "refX=\"6\" refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" "
		      "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" "
		      "d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
		      "<text class=\"head\" x=\"225\" y=\"16\" text-anchor=\"end\">waits</text>"
		      "<text class=\"head\" x=\"%d\" y=\"16\">for</text>\n",
		      GRAPH_WIDTH, rows * GRAPH_ROW + 50, GRAPH_WIDTH - 225);
	for (uint32_t i = 0; i < len; i++) {
		unsigned from = node_of(&left, snap->edges[i].from_thread);
		unsigned to = node_of(&right, snap->edges[i].to_thread);

		if (from < GRAPH_NODES && to < GRAPH_NODES)
			graph_edge(sb, &snap->edges[i], from, to, snap->edges[0].wait_ns);
	}
	graph_nodes(sb, rep, &left, false);
	graph_nodes(sb, rep, &right, true);
	strbuf_puts(sb, "</svg>\n");
}
