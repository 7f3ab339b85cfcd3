// SPDX-License-Identifier: GPL-2.0-only
/* Tarjan's algorithm (SIAM J. Comput. 1(2), 1972), without recursion: chains of threads may be
 * long. */
#include "analysis/knots.h"

#include "base/cleanup.h"

#include <errno.h>

struct node {
	uint32_t first;	 /* of its edges in `to`, up to the next node's */
	uint32_t next;	 /* the one to look at */
	uint32_t order;	 /* in which it was found, from 1; 0 = not yet */
	uint32_t low;	 /* the first found that it leads back to */
	uint32_t parent; /* from which it was found */
	uint32_t group;	 /* SNAP_NONE = still on the stack, or not found */
};

struct search {
	struct node *nodes; /* one more than there are threads */
	uint32_t *to;
	uint32_t *stack;
	uint32_t stack_len;
	uint32_t found;
	uint32_t groups_len;
};

static void search_free(struct search *s)
{
	free(s->nodes);
	free(s->to);
	free(s->stack);
}

static int search_init(struct search *s, uint32_t threads_len, const struct cascade_edge *edges,
		       uint32_t edges_len)
{
	uint32_t sum = 0;

	s->nodes = calloc(threads_len + 1UL, sizeof(*s->nodes));
	s->to = calloc(edges_len + 1UL, sizeof(*s->to));
	s->stack = calloc(threads_len + 1UL, sizeof(*s->stack));
	if (!s->nodes || !s->to || !s->stack)
		return -ENOMEM;
	for (uint32_t i = 0; i < edges_len; i++)
		s->nodes[edges[i].from].next++;
	for (uint32_t i = 0; i <= threads_len; i++) {
		uint32_t count = s->nodes[i].next;

		s->nodes[i] = (struct node){.first = sum, .next = sum, .group = SNAP_NONE};
		sum += count;
	}
	for (uint32_t i = 0; i < edges_len; i++)
		s->to[s->nodes[edges[i].from].next++] = edges[i].to;
	for (uint32_t i = 0; i <= threads_len; i++)
		s->nodes[i].next = s->nodes[i].first;
	return 0;
}

static void enter(struct search *s, uint32_t at, uint32_t parent)
{
	struct node *node = &s->nodes[at];

	node->order = node->low = ++s->found;
	node->parent = parent;
	s->stack[s->stack_len++] = at;
}

/* All edges of @at are seen: it is the head of a group, or belongs to one whose head is further up.
 */
static void leave(struct search *s, uint32_t at)
{
	struct node *node = &s->nodes[at];

	if (node->low == node->order) {
		uint32_t member;

		do {
			member = s->stack[--s->stack_len];
			s->nodes[member].group = s->groups_len;
		} while (member != at);
		s->groups_len++;
	}
	if (node->parent != SNAP_NONE && node->low < s->nodes[node->parent].low)
		s->nodes[node->parent].low = node->low;
}

static void search_from(struct search *s, uint32_t start)
{
	uint32_t at = start;

	enter(s, start, SNAP_NONE);
	while (at != SNAP_NONE) {
		struct node *node = &s->nodes[at];
		uint32_t to;

		if (node->next == s->nodes[at + 1].first) {
			uint32_t parent = node->parent;

			leave(s, at);
			at = parent;
			continue;
		}
		to = s->to[node->next++];
		if (!s->nodes[to].order) {
			enter(s, to, at);
			at = to;
		} else if (s->nodes[to].group == SNAP_NONE && s->nodes[to].order < node->low) {
			node->low = s->nodes[to].order;
		}
	}
}

enum { GROUP_REACHED = 1, GROUP_LEFT = 2 };

int knots_find(struct cascade_thread *threads, uint32_t threads_len,
	       const struct cascade_edge *edges, uint32_t edges_len, uint32_t *ret_len)
{
	_cleanup_(search_free) struct search s = {0};
	_cleanup_free_ uint32_t *number = NULL;
	_cleanup_free_ unsigned char *seen = NULL;
	uint32_t len = 0;

	number = calloc(threads_len + 1UL, sizeof(*number));
	seen = calloc(threads_len + 1UL, sizeof(*seen));
	if (!number || !seen || search_init(&s, threads_len, edges, edges_len))
		return -ENOMEM;
	for (uint32_t i = 0; i < threads_len; i++) {
		if (!s.nodes[i].order)
			search_from(&s, i);
	}
	for (uint32_t i = 0; i < edges_len; i++) {
		uint32_t from = s.nodes[edges[i].from].group, to = s.nodes[edges[i].to].group;

		seen[to] |= GROUP_REACHED;
		if (from != to)
			seen[from] |= GROUP_LEFT;
	}
	for (uint32_t i = 0; i < s.groups_len; i++)
		number[i] = seen[i] == GROUP_REACHED ? len++ : SNAP_NONE;
	for (uint32_t i = 0; i < threads_len; i++)
		threads[i].knot = number[s.nodes[i].group];
	*ret_len = len;
	return 0;
}
