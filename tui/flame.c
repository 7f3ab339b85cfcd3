// SPDX-License-Identifier: GPL-2.0-only
#include "tui/flame.h"

#include "base/hashmap.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 190 /* of a stack, and two levels above it */

struct key {
	uint64_t hash;
	uint64_t parent;
};

struct maker {
	struct flame *flame;
	struct hashmap index;
	bool failed;
};

static uint32_t add_node(struct maker *m, const struct flame_node *node)
{
	struct flame *flame = m->flame;

	if (flame->len == flame->cap) {
		uint32_t cap = flame->cap ? flame->cap * 2 : 256;
		struct flame_node *grown = realloc(flame->nodes, cap * sizeof(*grown));

		if (!grown) {
			m->failed = true;
			return FLAME_NONE;
		}
		flame->nodes = grown;
		flame->cap = cap;
	}
	flame->nodes[flame->len] = *node;
	if (node->depth > flame->depth_max)
		flame->depth_max = node->depth;
	return flame->len++;
}

/* The child of @parent with @hash, a new one made of @like; its weight grows by @ns. */
static uint32_t child_of(struct maker *m, uint32_t parent, uint64_t hash,
			 const struct flame_node *like, uint64_t ns)
{
	const struct key key = {hash, parent};
	bool added = false;
	const uint32_t *place = hashmap_put(&m->index, &key, m->flame->len, &added);
	struct flame_node node = *like;
	uint32_t at;

	if (!place) {
		m->failed = true;
		return FLAME_NONE;
	}
	at = *place;
	if (added) {
		node.hash = hash;
		node.parent = parent;
		node.child = node.next = FLAME_NONE;
		node.depth = (uint16_t)(m->flame->nodes[parent].depth + 1);
		node.ns = 0;
		if (add_node(m, &node) == FLAME_NONE)
			return FLAME_NONE;
	}
	m->flame->nodes[at].ns = num_sat_add(m->flame->nodes[at].ns, ns);
	return at;
}

static uint64_t frame_hash(const struct snap_frame *frame)
{
	uint64_t hash;

	if (*frame->name)
		hash = hash_bytes(frame->name, strlen(frame->name));
	else
		hash = hash_bytes(&frame->ip, sizeof(frame->ip));
	return hash ^ hash_bytes(frame->module, strlen(frame->module)) << 1 ^ frame->kernel;
}

static enum role frame_role(const struct snap_frame *frame)
{
	if (frame->kernel)
		return ROLE_FRAME_KERNEL;
	return frame->python ? ROLE_FRAME_PYTHON : ROLE_FRAME_NATIVE;
}

static void add_stack(struct maker *m, uint32_t at, uint32_t stack, uint64_t ns)
{
	const struct snapshot *snap = m->flame->snap;
	const struct snap_stack *s = stack < snap->stacks_len ? &snap->stacks[stack] : NULL;

	for (uint32_t i = s ? s->frames_len : 0; i > 0 && at != FLAME_NONE; i--) {
		const struct snap_frame *frame = &s->frames[i - 1];
		const struct flame_node like = {.name = *frame->name ? frame->name : frame->module,
						.frame = frame,
						.role = frame_role(frame)};

		if (m->flame->nodes[at].depth >= DEPTH_MAX)
			return;
		at = child_of(m, at, frame_hash(frame), &like, ns);
	}
}

/* A root of its own for the CPU and for each class off it. */
static void add_weight(struct maker *m, const char *title, enum role role, uint32_t stack,
		       uint64_t ns)
{
	const struct flame_node like = {.name = title, .role = role};
	uint32_t root;

	if (!ns)
		return;
	m->flame->nodes[0].ns = num_sat_add(m->flame->nodes[0].ns, ns);
	root = child_of(m, 0, hash_bytes(title, strlen(title)), &like, ns);
	if (root != FLAME_NONE)
		add_stack(m, root, stack, ns);
}

static void add_samples(struct maker *m)
{
	const struct snapshot *snap = m->flame->snap;
	const uint64_t each_ns = snap->run.sample_hz ? NS_PER_S / snap->run.sample_hz : 0;

	for (uint32_t i = 0; i < snap->samples_len && !m->failed; i++)
		add_weight(m, "on the CPU", ROLE_FRAME_ROOT, snap->samples[i].stack,
			   num_sat_mul(snap->samples[i].count, each_ns));
}

static const char *off_title(enum time_class cls)
{
	static const char *const titles[GROUP_COUNT] = {
		[GROUP_LOCK] = "off: lock",   [GROUP_GIL] = "off: GIL",
		[GROUP_DISK] = "off: disk",   [GROUP_NET] = "off: net",
		[GROUP_PEER] = "off: peer",   [GROUP_RUNQ] = "off: run queue",
		[GROUP_OTHER] = "off: other",
	};

	return titles[group_of_class(cls)];
}

static void add_blocks(struct maker *m)
{
	const struct snapshot *snap = m->flame->snap;

	for (uint32_t i = 0; i < snap->blocks_len && !m->failed; i++) {
		const struct snap_block *block = &snap->blocks[i];
		const char *title = off_title(block->cls);

		if (title && !time_class_idle(block->cls))
			add_weight(m, title, ROLE_FRAME_ROOT, block->stack, block->ns);
	}
}

static void add_locks(struct maker *m)
{
	const struct snapshot *snap = m->flame->snap;

	for (uint32_t i = 0; i < snap->locks_len && !m->failed; i++) {
		const struct snap_lock *lock = &snap->locks[i];
		const enum time_class cls = !lock->is_lock	     ? CLASS_PEER
					    : lock->kind == LOCK_GIL ? CLASS_GIL
								     : CLASS_LOCK;
		/* Of what is no lock only the part in which somebody had work in hand. */
		const double part =
			lock->is_lock ? 1
				      : num_ratio((double)lock->peer_ns, (double)lock->blocked_ns);

		for (uint32_t k = 0; k < lock->waiters_len && !m->failed; k++)
			add_weight(m, off_title(cls), ROLE_FRAME_ROOT, lock->waiters[k].stack,
				   num_to_u64((double)lock->waiters[k].blocked_ns * part));
	}
}

static int heavier(const void *pa, const void *pb, void *ctx)
{
	const struct flame_node *nodes = ctx;
	const struct flame_node *a = &nodes[*(const uint32_t *)pa];
	const struct flame_node *b = &nodes[*(const uint32_t *)pb];

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return (a->hash > b->hash) - (a->hash < b->hash);
}

/* Chain the children of each node, the heaviest first. */
static void link_nodes(struct maker *m)
{
	struct flame *flame = m->flame;
	uint32_t *order = calloc(flame->len, sizeof(*order));

	if (!order) {
		m->failed = true;
		return;
	}
	for (uint32_t i = 0; i < flame->len; i++)
		order[i] = i;
	qsort_r(order + 1, flame->len - 1, sizeof(*order), heavier, flame->nodes);
	for (uint32_t i = 1; i < flame->len; i++) {
		struct flame_node *node = &flame->nodes[order[i]];

		if (i > 1 && flame->nodes[order[i - 1]].parent == node->parent)
			flame->nodes[order[i - 1]].next = order[i];
		else
			flame->nodes[node->parent].child = order[i];
	}
	free(order);
}

struct flame *flame_new(const struct snapshot *snap, enum flame_what what)
{
	const struct flame_node all = {.name = "all",
				       .role = ROLE_FRAME_ROOT,
				       .parent = FLAME_NONE,
				       .child = FLAME_NONE,
				       .next = FLAME_NONE};
	struct maker m = {.flame = calloc(1, sizeof(struct flame))};

	if (!m.flame)
		return NULL;
	m.flame->snap = snap;
	m.flame->what = what;
	hashmap_init(&m.index, sizeof(struct key));
	add_node(&m, &all);
	if (!m.failed && what != FLAME_OFF_CPU)
		add_samples(&m);
	if (!m.failed && what != FLAME_ON_CPU) {
		add_blocks(&m);
		add_locks(&m);
	}
	if (!m.failed)
		link_nodes(&m);
	hashmap_free(&m.index);
	if (m.failed) {
		flame_free(m.flame);
		return NULL;
	}
	return m.flame;
}

void flame_free(struct flame *flame)
{
	if (!flame)
		return;
	free(flame->nodes);
	free(flame);
}

uint32_t flame_find(const struct flame *flame, const uint64_t *path, int len)
{
	uint32_t at = 0;

	for (int i = 0; i < len; i++) {
		uint32_t child = flame->nodes[at].child;

		while (child != FLAME_NONE && flame->nodes[child].hash != path[i])
			child = flame->nodes[child].next;
		if (child == FLAME_NONE)
			break;
		at = child;
	}
	return at;
}

int flame_path(const struct flame *flame, uint32_t node, uint64_t *path, int most)
{
	int len = flame->nodes[node].depth;

	for (int i = len; i > 0; i--) {
		if (i <= most)
			path[i - 1] = flame->nodes[node].hash;
		node = flame->nodes[node].parent;
	}
	return len < most ? len : most;
}
