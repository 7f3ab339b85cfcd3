/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks merged into one tree from their outermost frames on, weighted by time: what a flame graph
 * draws.  On the CPU by timer samples, off it by class. */
#ifndef TUI_FLAME_H
#define TUI_FLAME_H

#include "report/report.h"
#include "tui/theme.h"

#define FLAME_NONE UINT32_MAX

enum flame_what { FLAME_BOTH, FLAME_ON_CPU, FLAME_OFF_CPU, FLAME_WHAT_COUNT };

struct flame_node {
	uint64_t hash; /* of the frame among its siblings; the same in every picture */
	const char *name;
	const struct snap_frame *frame; /* NULL for the roots */
	enum role role;
	uint64_t ns;
	uint32_t parent;
	uint32_t child; /* the heaviest; FLAME_NONE */
	uint32_t next;	/* sibling, by falling weight */
	uint16_t depth;
};

struct flame {
	const struct snapshot *snap; /* it was made of: names are borrowed */
	enum flame_what what;
	struct flame_node *nodes; /* [0] is all of it */
	uint32_t len;
	uint32_t cap;
	uint16_t depth_max;
};

/* NULL when memory is short. */
struct flame *flame_new(const struct snapshot *snap, enum flame_what what);
void flame_free(struct flame *flame);
/* The node at the end of @path, or as far as it leads. */
uint32_t flame_find(const struct flame *flame, const uint64_t *path, int len);
/* The path to @node; returns its length, at most @most. */
int flame_path(const struct flame *flame, uint32_t node, uint64_t *path, int most);

#endif
