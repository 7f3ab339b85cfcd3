// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel side aggregated in maps, as records.  The counters are cumulative: an entry that
 * has not changed since the last slice is not sent again.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/live_internal.h"

#define BATCH 1024
#define BATCH_MAX (256 * 1024)

/* One map and how an entry becomes a record: a new map is one row. */
struct map_reader {
	struct bpf_map *map;
	struct hashmap *sent;
	int (*emit)(struct live *live, const void *key, const void *value, struct err *err);
};

uint64_t live_lock_id(struct live *live, const struct cp_lock_key *key, struct err *err)
{
	struct record_lock *lock = &live->rec.lock;
	uint32_t pid = (uint32_t)key->space;
	bool added;
	uint32_t *id = hashmap_put(&live->lock_ids, key, live->lock_ids.len + 1, &added);

	if (!id) {
		err_set(err, -ENOMEM, "out of memory");
		return 0;
	}
	if (!added)
		return *id;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_LOCK;
	lock->lock = *id;
	lock->address = key->word;
	lock->pid = live_view_pid(live, pid);
	lock->shared = key->space & CP_SPACE_SHARED;
	lock->gil = key->space & CP_SPACE_GIL;
	return live_emit(live, err) ? 0 : *id;
}

int live_send_stack(struct live *live, uint64_t id, struct err *err)
{
	struct record_stack *out = &live->rec.stack;
	struct cp_stack stack;
	bool added;
	int rc;

	if (!id)
		return 0;
	if (!hashmap_put(&live->stacks_sent, &id, 0, &added))
		return err_set(err, -ENOMEM, "out of memory");
	if (!added || bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.stacks), &id, &stack))
		return 0;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_STACK;
	out->stack = id;
	out->pid = stack.view_tgid;
	out->truncated = stack.flags & (CP_STACK_TRUNCATED | CP_STACK_PYTHON_CUT);
	out->frame_pointers = stack.flags & CP_STACK_BY_FRAME_POINTER;
	stack.len = (uint16_t)num_min_u64(stack.len, RECORD_STACK_MAX);
	out->len = live_python_merge(live, &stack, out->ips, RECORD_STACK_MAX);
	rc = live_emit(live, err);
	if (rc || stack.len == stack.native)
		return rc;
	return live_python_names(live, stack.view_tgid, (const uint64_t *)stack.ips, stack.len,
				 err);
}

/* Announce what a record refers to; 0 or an error. */
static int refer(struct live *live, const struct cp_lock_key *key, uint64_t stack,
		 uint64_t *ret_lock, struct err *err)
{
	int rc = live_send_stack(live, stack, err);

	if (rc || !key)
		return rc;
	*ret_lock = live_lock_id(live, key, err);
	return *ret_lock ? 0 : -ENOMEM;
}

static int emit_wait(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_wait_key *k = key;
	const struct cp_wait *v = value;
	struct record_wait *w = &live->rec.wait;
	uint64_t lock = 0;
	int rc = refer(live, &k->lock, k->stack, &lock, err);

	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_WAIT;
	w->lock = lock;
	w->stack = k->stack;
	w->tid = k->tid;
	w->op = k->op;
	w->value = v->value;
	w->timed = v->timed;
	w->waits = v->waits;
	w->blocked_ns = v->blocked_ns;
	w->runq_ns = v->runq_ns;
	w->peer_ns = v->peer_ns;
	w->max_ns = v->max_ns;
	w->handed_over = v->handed_over;
	w->contender_wakes = v->contender_wakes;
	w->timeouts = v->timeouts;
	w->interrupted = v->interrupted;
	w->owner_known = v->owner_known;
	w->sleep_again = v->sleep_again;
	w->again_ns = v->again_ns;
	w->broadcasts = v->broadcasts;
	for (int i = 0; i < HIST_BUCKETS; i++)
		w->hist[i] = v->hist[i];
	return live_emit(live, err);
}

/* What a holder did, in the model's classes: its own futex waits are lock, its pipe waits peer. */
static void fold_classes(const __u64 *from, uint64_t *to)
{
	memcpy(to, from, CLASS_COUNT * sizeof(*to));
	to[CLASS_LOCK] += from[CP_FUTEX];
	to[CLASS_PEER] += from[CP_IPC];
}

static int emit_blame(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_blame_key *k = key;
	const struct cp_blame *v = value;
	struct record_blame *b = &live->rec.blame;
	uint64_t lock = 0;
	int rc = refer(live, &k->lock, k->release_stack, &lock, err);

	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_BLAME;
	b->lock = lock;
	b->tid = k->tid;
	b->release_stack = k->release_stack;
	b->evidence = k->evidence;
	b->waits = v->waits;
	b->blame_ns = v->blame_ns;
	fold_classes(v->while_ns, b->while_ns);
	return live_emit(live, err);
}

static int emit_contention(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_lock *v = value;
	struct record_contention *c = &live->rec.contention;
	uint64_t now_ns = live->end_ns ? live->end_ns : live_clock_ns();
	uint64_t lock = live_lock_id(live, key, err);

	if (!lock)
		return -ENOMEM;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_CONTENTION;
	c->lock = lock;
	c->contended_ns = v->contended_ns;
	if (v->waiters && v->waiters < UINT32_MAX) /* somebody waits now */
		c->contended_ns += num_sat_sub(now_ns, v->since_ns);
	c->waiters_max = num_min_u64(v->waiters_max, UINT32_MAX);
	return live_emit(live, err);
}

uint32_t live_class_of_block(uint32_t cls)
{
	/* A pipe or queue wait that is open: nobody has handed anything over yet. */
	if (cls == CP_IPC)
		return CLASS_POOL_IDLE;
	return cls < CLASS_COUNT ? cls : CLASS_OTHER;
}

int live_emit_block(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_block_key *k = key;
	const struct cp_block *v = value;
	struct record_block *b = &live->rec.block;
	int rc = refer(live, NULL, k->stack, NULL, err);

	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_BLOCK;
	b->tid = k->tid;
	b->class = live_class_of_block(k->cls);
	b->syscall = k->syscall;
	b->stack = k->stack;
	b->count = v->count;
	b->ns = v->ns;
	b->max_ns = v->max_ns;
	return live_emit(live, err);
}

_Static_assert((int)CP_SAMPLE_COPY == (int)SAMPLE_COPY &&
		       (int)CP_SAMPLE_KIND_COUNT == (int)SAMPLE_KIND_COUNT,
	       "the same kinds of samples");

static int emit_sample(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_sample_key *k = key;
	struct record_sample *s = &live->rec.sample;
	int rc = refer(live, NULL, k->stack, NULL, err);

	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_SAMPLE;
	s->tid = k->tid;
	s->kind = k->kind;
	s->stack = k->stack;
	memcpy(&s->count, value, sizeof(s->count));
	return live_emit(live, err);
}

static int emit_holding(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_holding_key *k = key;
	const struct cp_holding *v = value;
	struct record_holding *h = &live->rec.holding;
	uint64_t lock = 0;
	int rc = refer(live, &k->lock, k->stack, &lock, err);

	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_HOLDING;
	h->lock = lock;
	h->tid = k->tid;
	h->kind = k->kind;
	h->stack = k->stack;
	h->count = v->count;
	h->ns = v->ns;
	h->kept = v->kept;
	return live_emit(live, err);
}

_Static_assert((int)CP_EDGE_CHILD == (int)EDGE_CHILD &&
		       (int)CP_EDGE_KIND_COUNT == (int)EDGE_KIND_COUNT,
	       "the same kinds of edges");

static int emit_edge(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_edge_key *k = key;
	const struct cp_edge *v = value;
	struct record_edge *e = &live->rec.edge;
	int rc = refer(live, NULL, k->wait_stack, NULL, err);

	if (!rc)
		rc = refer(live, NULL, k->wake_stack, NULL, err);
	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_EDGE;
	e->from_tid = k->from_tid;
	e->to_tid = k->to_tid;
	e->kind = k->kind;
	e->waits = v->waits;
	e->wait_ns = v->wait_ns;
	e->wait_stack = k->wait_stack;
	e->wake_stack = k->wake_stack;
	return live_emit(live, err);
}

static int emit_futex_calls(struct live *live, const void *key, const void *value, struct err *err)
{
	const struct cp_futex_calls *v = value;
	struct record_futex_calls *c = &live->rec.futex_calls;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_FUTEX_CALLS;
	memcpy(&c->pid, key, sizeof(c->pid));
	c->waits = v->waits;
	c->wakes = v->wakes;
	c->eagain = v->eagain;
	c->empty_wakes = v->empty_wakes;
	return live_emit(live, err);
}

/* Has this entry changed since it was sent? Remembers the new state. */
static int changed(struct hashmap *sent, const void *key, size_t key_size, const void *value,
		   size_t value_size, bool *ret)
{
	uint64_t id = hash_bytes(key, key_size);
	uint32_t state = (uint32_t)hash_bytes(value, value_size);
	bool added;
	uint32_t *last = hashmap_put(sent, &id, state, &added);

	if (!last)
		return -ENOMEM;
	*ret = added || *last != state;
	*last = state;
	return 0;
}

struct batch {
	unsigned char *keys, *values;
	uint32_t cap;
};

static void batch_free(struct batch *b)
{
	free(b->keys);
	free(b->values);
}

static int batch_grow(struct batch *b, uint32_t cap, size_t key_size, size_t value_size)
{
	batch_free(b);
	b->keys = malloc(cap * key_size);
	b->values = malloc(cap * value_size);
	b->cap = cap;
	return b->keys && b->values ? 0 : -ENOMEM;
}

static int emit_batch(struct live *live, const struct map_reader *reader, const struct batch *b,
		      uint32_t len, bool all, struct err *err)
{
	size_t key_size = bpf_map__key_size(reader->map);
	size_t value_size = bpf_map__value_size(reader->map);
	bool send;
	int rc = 0;

	for (uint32_t i = 0; i < len && !rc; i++) {
		const void *key = b->keys + i * key_size, *value = b->values + i * value_size;

		rc = changed(reader->sent, key, key_size, value, value_size, &send);
		if (rc)
			return err_set(err, rc, "out of memory");
		if (send || all)
			rc = reader->emit(live, key, value, err);
	}
	return rc;
}

/* The whole map in batches: two system calls for a thousand entries (since 5.6). */
static int read_map(struct live *live, const struct map_reader *reader, bool all, struct err *err)
{
	size_t key_size = bpf_map__key_size(reader->map);
	size_t value_size = bpf_map__value_size(reader->map);
	int fd = bpf_map__fd(reader->map);
	_cleanup_(batch_free) struct batch b = {0};
	unsigned char token[256];
	uint32_t len, seen = 0, most = 2 * bpf_map__max_entries(reader->map);
	bool first = true;
	int rc = batch_grow(&b, BATCH, key_size, value_size), end;

	while (!rc && seen <= most) {
		len = b.cap;
		end = bpf_map_lookup_batch(fd, first ? NULL : token, token, b.keys, b.values, &len,
					   NULL);
		if (end == -ENOSPC && b.cap < BATCH_MAX) { /* one bucket holds more than a batch */
			rc = batch_grow(&b, b.cap * 4, key_size, value_size);
			continue;
		}
		if (end && end != -ENOENT)
			return err_set(err, end, "cannot read map %s: %s",
				       bpf_map__name(reader->map), strerror(-end));
		first = false;
		seen += len;
		rc = emit_batch(live, reader, &b, len, all, err);
		if (end)
			return rc;
	}
	return rc;
}

int live_read_maps(struct live *live, bool all, struct err *err)
{
	struct concprof_bpf *skel = live->skel;
	const struct map_reader readers[] = {
		{skel->maps.waits, &live->sent[LIVE_SENT_WAITS], emit_wait},
		{skel->maps.blames, &live->sent[LIVE_SENT_BLAMES], emit_blame},
		{skel->maps.locks, &live->sent[LIVE_SENT_LOCKS], emit_contention},
		{skel->maps.blocks, &live->sent[LIVE_SENT_BLOCKS], live_emit_block},
		{skel->maps.samples, &live->sent[LIVE_SENT_SAMPLES], emit_sample},
		{skel->maps.edges, &live->sent[LIVE_SENT_EDGES], emit_edge},
		{skel->maps.futex_calls, &live->sent[LIVE_SENT_FUTEX_CALLS], emit_futex_calls},
		{skel->maps.holdings, &live->sent[LIVE_SENT_HOLDINGS], emit_holding},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(readers) && !rc; i++)
		rc = read_map(live, &readers[i], all, err);
	return rc;
}
