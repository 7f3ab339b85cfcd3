// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/record_feed.h"

#include "base/err.h"
#include "model/record_schema.h"

#include <check.h>
#include <string.h>

uint64_t feed_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* Of any magnitude: as many small numbers as huge ones. */
static uint64_t random_u64(uint64_t *state)
{
	uint64_t value = feed_random(state);

	return value >> (feed_random(state) % 64);
}

static void random_string(char *at, size_t size, uint64_t *state)
{
	size_t len = feed_random(state) % size;

	for (size_t i = 0; i < len; i++)
		at[i] = (char)(1 + feed_random(state) % 255);
}

static void random_field(const struct record_field *field, unsigned char *rec, uint64_t *state)
{
	unsigned char *at = rec + field->offset;
	uint64_t u64 = random_u64(state);
	uint32_t u32 = (uint32_t)u64;
	uint64_t *elements = (uint64_t *)(void *)at;

	switch (field->kind) {
	case FIELD_U64:
		u64 += field->nonzero && !u64;
		memcpy(at, &u64, sizeof(u64));
		break;
	case FIELD_U32:
		if (field->limit)
			u32 = (uint32_t)(feed_random(state) % field->limit);
		u32 += field->nonzero && !u32;
		memcpy(at, &u32, sizeof(u32));
		break;
	case FIELD_I32:
		memcpy(at, &u32, sizeof(u32));
		break;
	case FIELD_BOOL:
		*at = u64 & 1;
		break;
	case FIELD_STRING:
		random_string((char *)at, field->len, state);
		break;
	case FIELD_U64_ARRAY:
		for (uint32_t i = 0; i < field->len; i++)
			elements[i] = feed_random(state) % 3 ? 0 : random_u64(state);
		break;
	case FIELD_U64_LIST:
		u32 = (uint32_t)(feed_random(state) % (field->len + 1U));
		memcpy(rec + field->len_offset, &u32, sizeof(u32));
		for (uint32_t i = 0; i < u32; i++)
			elements[i] = random_u64(state);
		break;
	}
}

struct record feed_random_record(enum record_type type, uint64_t *state)
{
	const struct record_schema *schema = record_schema_of(type);
	struct record rec;

	memset(&rec, 0, sizeof(rec));
	rec.type = type;
	for (size_t i = 0; i < schema->fields_len; i++)
		random_field(&schema->fields[i], (unsigned char *)&rec, state);
	return rec;
}

struct record feed_run(uint64_t start_ns)
{
	return (struct record){.type = RECORD_RUN,
			       .run = {.tool_version = "1.0",
				       .kernel = "6.1.0",
				       .command = "./prog",
				       .start_ns = start_ns,
				       .slice_ns = 1000,
				       .cpus_online = 2,
				       .cpus_allowed = 2}};
}

void feed_put(struct model *model, const struct record *rec)
{
	struct err err = {0};
	int r = model_apply(model, rec, &err);

	ck_assert_msg(r == 0, "record type %d refused: %s", rec->type, err.msg);
}

static uint64_t sum(const uint64_t *part, size_t len)
{
	uint64_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += part[i];
	return total;
}

static void check_index(uint32_t index, uint32_t len)
{
	ck_assert(index == SNAP_NONE || index < len);
}

static void check_threads(const struct snapshot *snap)
{
	uint64_t class_ns[CLASS_COUNT] = {0};
	uint64_t wall_ns = 0;
	uint32_t in_processes = 0;

	for (uint32_t i = 0; i < snap->threads_len; i++) {
		const struct snap_thread *t = &snap->threads[i];

		ck_assert_uint_eq(sum(t->class_ns, CLASS_COUNT), t->lifetime_ns);
		ck_assert_uint_le(t->lifetime_ns, snap->duration_ns);
		ck_assert_uint_ge(t->start_ns, snap->start_ns);
		ck_assert_uint_lt(t->process, snap->processes_len);
		ck_assert_uint_eq(snap->processes[t->process].pid, t->pid);
		ck_assert_ptr_nonnull(t->name);
		wall_ns += t->lifetime_ns;
		for (int k = 0; k < CLASS_COUNT; k++)
			class_ns[k] += t->class_ns[k];
	}
	for (uint32_t i = 0; i < snap->processes_len; i++)
		in_processes += snap->processes[i].threads;
	ck_assert_uint_eq(in_processes, snap->threads_len);
	ck_assert_uint_eq(snap->wall_thread_ns, wall_ns);
	ck_assert_mem_eq(snap->class_ns, class_ns, sizeof(class_ns));
	ck_assert_uint_eq(sum(snap->class_ns, CLASS_COUNT), wall_ns);
	ck_assert_uint_le(snap->non_idle_ns, wall_ns);
}

static void check_lock(const struct snapshot *snap, const struct snap_lock *lock)
{
	uint64_t while_ns[CLASS_COUNT] = {0};
	uint64_t known_ns = 0;
	uint64_t blame_ns = 0;

	ck_assert_uint_gt(lock->waits, 0);
	ck_assert_uint_ne(lock->name[0], '\0');
	ck_assert_uint_eq(lock->blame_ns, lock->blocked_ns);
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		const struct snap_holder *h = &lock->holders[i];

		check_index(h->thread, snap->threads_len);
		check_index(h->stack, snap->stacks_len);
		ck_assert(i == 0 || h[-1].blame_ns >= h->blame_ns);
		ck_assert_uint_eq(sum(h->while_ns, CLASS_COUNT), h->blame_ns);
		for (int k = 0; k < CLASS_COUNT; k++) {
			while_ns[k] += h->while_ns[k];
			ck_assert_uint_le(h->while_ns[k], h->while_ns[h->main_class]);
		}
		blame_ns += h->blame_ns;
		known_ns += h->thread == SNAP_NONE ? 0 : h->blame_ns;
	}
	ck_assert_uint_eq(blame_ns, lock->blame_ns);
	ck_assert_uint_eq(known_ns, lock->known_blame_ns);
	ck_assert_mem_eq(while_ns, lock->while_ns, sizeof(while_ns));
	for (uint32_t i = 0; i < lock->waiters_len; i++) {
		const struct snap_waiter *w = &lock->waiters[i];

		ck_assert_uint_lt(w->thread, snap->threads_len);
		check_index(w->stack, snap->stacks_len);
		ck_assert(i == 0 || w[-1].wait_ns >= w->wait_ns);
	}
}

static void check_locks(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		check_lock(snap, lock);
		if (!i)
			continue;
		ck_assert_int_ge(lock[-1].is_lock, lock->is_lock);
		ck_assert(lock[-1].is_lock > lock->is_lock || lock[-1].blame_ns >= lock->blame_ns);
	}
}

static void check_edge_sites(const struct snapshot *snap, const struct snap_edge *edge)
{
	uint64_t waits = 0;

	for (uint32_t i = 0; i < edge->sites_len; i++) {
		const struct snap_edge_site *site = &edge->sites[i];

		check_index(site->wait_stack, snap->stacks_len);
		check_index(site->wake_stack, snap->stacks_len);
		ck_assert(i == 0 || site[-1].wait_ns >= site->wait_ns);
		waits += site->waits;
	}
	ck_assert_uint_le(waits, edge->waits);
}

static void check_lists(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->blocks_len; i++) {
		ck_assert_uint_lt(snap->blocks[i].thread, snap->threads_len);
		check_index(snap->blocks[i].stack, snap->stacks_len);
		ck_assert_ptr_nonnull(snap->blocks[i].syscall_name);
		ck_assert(i == 0 || snap->blocks[i - 1].ns >= snap->blocks[i].ns);
	}
	for (uint32_t i = 0; i < snap->samples_len; i++) {
		ck_assert_uint_lt(snap->samples[i].thread, snap->threads_len);
		check_index(snap->samples[i].stack, snap->stacks_len);
		ck_assert(i == 0 || snap->samples[i - 1].count >= snap->samples[i].count);
	}
	for (uint32_t i = 0; i < snap->edges_len; i++) {
		ck_assert_uint_lt(snap->edges[i].from_thread, snap->threads_len);
		check_index(snap->edges[i].to_thread, snap->threads_len);
		check_edge_sites(snap, &snap->edges[i]);
		ck_assert(i == 0 || snap->edges[i - 1].wait_ns >= snap->edges[i].wait_ns);
	}
	for (uint32_t i = 1; i < snap->long_waits_len; i++)
		ck_assert_uint_le(snap->long_waits[i - 1].end_ns, snap->long_waits[i].end_ns);
	for (uint32_t i = 0; i < snap->stacks_len; i++)
		for (uint32_t k = 0; k < snap->stacks[i].frames_len; k++)
			ck_assert_ptr_nonnull(snap->stacks[i].frames[k].name);
	for (uint32_t i = 1; i < snap->slices_len; i++)
		ck_assert_uint_eq(snap->slices[i].at_ns,
				  snap->slices[i - 1].at_ns + snap->slices[i - 1].duration_ns);
}

static void check_loops(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->loops_len; i++) {
		const struct snap_loop *loop = &snap->loops[i];

		ck_assert_uint_lt(loop->thread, snap->threads_len);
		ck_assert_uint_gt(loop->threads, 0);
		ck_assert_uint_ne(loop->kind[0], '\0');
		if (!i)
			continue;
		ck_assert_int_ge(loop[-1].is_loop, loop->is_loop);
		ck_assert(loop[-1].is_loop > loop->is_loop ||
			  loop[-1].added_mean_ns >= loop->added_mean_ns);
	}
	for (uint32_t i = 0; i < snap->stalls_len; i++) {
		const struct snap_stall *stall = &snap->stalls[i];

		ck_assert_uint_lt(stall->thread, snap->threads_len);
		ck_assert_uint_lt(stall->loop, snap->loops_len);
		check_index(stall->stack, snap->stacks_len);
		ck_assert_ptr_nonnull(stall->task);
		ck_assert_ptr_nonnull(stall->syscall_name);
		ck_assert(i == 0 || stall[-1].duration_ns >= stall->duration_ns);
	}
}

void feed_check_snapshot(const struct snapshot *snap)
{
	check_threads(snap);
	check_locks(snap);
	check_lists(snap);
	check_loops(snap);
}

struct model *feed_begin(void)
{
	struct model *m = model_new();
	struct record run = feed_run(FEED_START);

	ck_assert_ptr_nonnull(m);
	feed_put(m, &run);
	FEED(m, RECORD_PROCESS, .process = {.pid = FEED_PID, .ppid = 1, .comm = "prog"});
	return m;
}

void feed_thread(struct model *model, uint32_t tid, const char *name, uint64_t until_ns,
		 uint64_t run_ns, uint64_t futex_ns)
{
	struct record rec = {.type = RECORD_COUNTERS,
			     .counters = {.pid = FEED_PID,
					  .tid = tid,
					  .start_ns = FEED_START,
					  .until_ns = FEED_START + until_ns,
					  .class_ns = {[CLASS_RUN] = run_ns},
					  .futex_ns = futex_ns}};

	ck_assert_uint_lt(strlen(name), sizeof(rec.counters.name));
	strcpy(rec.counters.name, name);
	feed_put(model, &rec);
}

struct snapshot *feed_end_at(struct model *model, uint64_t end_ns)
{
	struct snapshot *snap;

	FEED(model, RECORD_SLICE, .slice = {.end_ns = FEED_START + end_ns});
	snap = model_freeze(model);
	ck_assert_ptr_nonnull(snap);
	feed_check_snapshot(snap);
	model_free(model);
	return snap;
}

const struct snap_thread *feed_thread_of(const struct snapshot *snap, uint32_t tid)
{
	for (uint32_t i = 0; i < snap->threads_len; i++)
		if (snap->threads[i].tid == tid)
			return &snap->threads[i];
	ck_abort_msg("no thread %u", tid);
	return NULL;
}
