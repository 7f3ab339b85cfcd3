// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event loops as records: the sums that the BPF side keeps by slot, and of the turns over the
 * threshold the worst of each slice, with what the timer saw in them.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "source/live_internal.h"

#define STALLS_KEPT 16	/* of each slice */
#define TURNS_MAX 1024	/* threads whose present turn is sampled */
#define STALLS_MAX 8192 /* that one slice can hold before it is cut to the worst */
#define READ_TRIES 1000
#define LONG_TURN_S 60 /* a turn of this length is no turn any more */

_Static_assert((int)CP_PART_COUNT == (int)PART_COUNT && (int)CP_PART_SLEEP == (int)PART_SLEEP,
	       "the same parts of a turn");

/* The timer samples of a thread's present turn: of many every second, fourth, .. one. */
struct turn {
	uint64_t start_ns;
	uint32_t tid;
	uint32_t len;
	uint32_t seen;
	uint32_t stride;
	uint64_t stacks[RECORD_STALL_STACKS];
};

struct live_loops {
	const unsigned char *at; /* mapped */
	size_t bytes;
	size_t size;			 /* of an entry */
	struct turn turns[TURNS_MAX];	 /* by tid; a thread that comes later takes the place */
	VEC(struct record_stall) stalls; /* of this slice */
	uint64_t not_kept;
};

int live_loops_open(struct live *live, struct err *err)
{
	struct live_loops *loops = calloc(1, sizeof(*loops));
	long page = sysconf(_SC_PAGESIZE);
	void *at;

	live->loops = loops;
	if (!loops)
		return err_set(err, -ENOMEM, "out of memory");
	loops->size = (sizeof(struct cp_loop) + 7) & ~7UL;
	loops->bytes = (loops->size * live->slots_len + page - 1) & ~(page - 1UL);
	at = mmap(NULL, loops->bytes, PROT_READ, MAP_SHARED, bpf_map__fd(live->skel->maps.loops),
		  0);
	if (at == MAP_FAILED)
		return err_set(err, -errno, "cannot map the table of loops: %s", strerror(errno));
	loops->at = at;
	return 0;
}

void live_loops_free(struct live *live)
{
	struct live_loops *loops = live->loops;

	if (!loops)
		return;
	if (loops->at)
		munmap((void *)loops->at, loops->bytes);
	vec_free(&loops->stalls);
	free(loops);
	live->loops = NULL;
}

/* Thread and loop of slot @index as they were at one moment. */
static bool copy_loop(const struct live *live, uint32_t index, struct cp_thread *ret_thread,
		      struct cp_loop *ret_loop)
{
	const volatile struct cp_thread *slot =
		(const volatile struct cp_thread *)(live->slots + index * live->slot_size);

	for (int i = 0; i < READ_TRIES; i++) {
		if (!live_copy_slot(live, index, ret_thread))
			return false;
		memcpy(ret_loop, live->loops->at + index * live->loops->size, sizeof(*ret_loop));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (slot->seq == ret_thread->seq)
			return true;
	}
	return false;
}

/* Kernel addresses stay inside: what tells loops apart is mixed with the moment of the run. */
static uint64_t poll_id(const struct live *live, const struct cp_loop *loop)
{
	const uint64_t key[] = {loop->file, live->start_ns};

	return loop->file ? hash_bytes(key, sizeof(key)) : 0;
}

static void fill_loop(const struct live *live, const struct cp_loop *loop, uint32_t tid,
		      uint64_t until_ns)
{
	struct record_loop *r = &((struct live *)live)->rec.loop;

	memset(r, 0, sizeof(*r));
	r->tid = tid;
	r->syscall = loop->syscall;
	r->poll_id = poll_id(live, loop);
	r->fds_max = loop->fds;
	r->since_ns = loop->since_ns;
	r->until_ns = until_ns;
	r->turns = loop->turns;
	r->busy_ns = loop->busy_ns;
	r->idle_ns = loop->idle_ns;
	r->square_us = loop->square_us;
	r->late_ns = loop->late_ns;
	r->max_ns = loop->max_ns;
	r->stalls = loop->stalls;
	memcpy(r->part_ns, loop->part_ns, sizeof(r->part_ns));
	memcpy(r->stall_part_ns, loop->stall_part_ns, sizeof(r->stall_part_ns));
	for (int i = 0; i < HIST_BUCKETS; i++)
		r->hist[i] = loop->hist[i];
}

int live_loop_ended(struct live *live, const struct cp_ring_loop *rec, struct err *err)
{
	live->rec.type = RECORD_LOOP;
	fill_loop(live, &rec->loop, rec->tid, rec->until_ns);
	return rec->loop.turns || rec->loop.idle_ns ? live_emit(live, err) : 0;
}

int live_loop_sampled(struct live *live, const struct cp_ring_turn_sample *rec, struct err *err)
{
	struct turn *turn = &live->loops->turns[rec->tid % TURNS_MAX];

	(void)err;
	if (turn->tid != rec->tid || turn->start_ns != rec->turn_ns) {
		turn->tid = rec->tid;
		turn->start_ns = rec->turn_ns;
		turn->len = 0;
		turn->seen = 0;
		turn->stride = 1;
	}
	if (turn->seen++ % turn->stride)
		return 0;
	if (turn->len == RECORD_STALL_STACKS) {
		for (uint32_t i = 0; i < RECORD_STALL_STACKS / 2; i++)
			turn->stacks[i] = turn->stacks[2 * i];
		turn->len = RECORD_STALL_STACKS / 2;
		turn->stride *= 2;
	}
	turn->stacks[turn->len++] = rec->stack;
	return 0;
}

static int compare_stall(const void *pa, const void *pb)
{
	const struct record_stall *a = pa, *b = pb;
	uint64_t a_ns = a->end_ns - a->start_ns, b_ns = b->end_ns - b->start_ns;

	return (a_ns < b_ns) - (a_ns > b_ns);
}

static void keep_worst(struct live_loops *loops, size_t most)
{
	if (loops->stalls.len <= most)
		return;
	qsort(loops->stalls.at, loops->stalls.len, sizeof(*loops->stalls.at), compare_stall);
	loops->not_kept += loops->stalls.len - most;
	loops->stalls.len = most;
}

static int keep_stall(struct live *live, const struct record_stall *stall, struct err *err)
{
	struct live_loops *loops = live->loops;
	const struct turn *turn = &loops->turns[stall->tid % TURNS_MAX];
	struct record_stall *kept;

	if (loops->stalls.len >= STALLS_MAX)
		keep_worst(loops, STALLS_KEPT);
	kept = vec_add(&loops->stalls);
	if (!kept)
		return err_set(err, -ENOMEM, "out of memory");
	*kept = *stall;
	if (turn->tid == stall->tid && turn->start_ns == stall->start_ns) {
		kept->stacks_len = turn->len;
		memcpy(kept->stacks, turn->stacks, turn->len * sizeof(*kept->stacks));
	}
	return 0;
}

int live_loop_stalled(struct live *live, const struct cp_ring_stall *rec, struct err *err)
{
	struct record_stall stall = {
		.tid = rec->tid,
		.start_ns = rec->start_ns,
		.end_ns = rec->end_ns,
		.block_stack = rec->block_stack,
		.block_ns = rec->block_ns,
		.block_class = live_class_of_block(rec->block_cls),
		.block_syscall = rec->block_syscall,
	};

	memcpy(stall.part_ns, rec->part_ns, sizeof(stall.part_ns));
	return keep_stall(live, &stall, err);
}

/* Where the time of the turn that @t is in has gone until @now_ns. */
static void parts_of_turn(const struct cp_thread *t, const struct cp_loop *loop, uint64_t now_ns,
			  uint64_t *part_ns)
{
	memset(part_ns, 0, PART_COUNT * sizeof(*part_ns));
	if (!loop->based) { /* it has never left the CPU */
		part_ns[PART_RUN] = num_sat_sub(now_ns, loop->turn_ns);
		return;
	}
	for (uint32_t cls = 0; cls < CP_CLASS_COUNT; cls++)
		part_ns[cp_part_of(cls)] += t->class_ns[cls];
	if (t->cls < CP_CLASS_COUNT)
		part_ns[cp_part_of(t->cls)] += num_sat_sub(now_ns, t->since_ns);
	for (int i = 0; i < PART_COUNT; i++)
		part_ns[i] = num_sat_sub(part_ns[i], loop->base_ns[i]);
}

/* The turn that has not ended: told as a stall when the window does. */
static int open_turn(struct live *live, const struct cp_thread *t, const struct cp_loop *loop,
		     uint64_t now_ns, struct err *err)
{
	struct record_loop *r = &live->rec.loop;
	struct record_stall stall = {
		.tid = t->view_tid,
		.open = true,
		.start_ns = loop->turn_ns,
		.end_ns = now_ns,
		.block_stack = loop->block_ns ? loop->block_stack : 0,
		.block_ns = loop->block_ns,
		.block_class = live_class_of_block(loop->block_cls),
		.block_syscall = loop->block_syscall,
	};
	uint64_t blocked_ns = t->blocked ? num_sat_sub(now_ns, t->block_ns) : 0;

	r->open_ns = now_ns - loop->turn_ns;
	parts_of_turn(t, loop, now_ns, r->open_part_ns);
	if (!live->end_ns)
		return 0;
	memcpy(stall.part_ns, r->open_part_ns, sizeof(stall.part_ns));
	if (blocked_ns > stall.block_ns) {
		stall.block_ns = blocked_ns;
		stall.block_stack = t->block_stack;
		stall.block_class = live_class_of_block(t->block_cls);
		stall.block_syscall = t->block_syscall;
	}
	return keep_stall(live, &stall, err);
}

static bool turn_is_open(const struct live *live, const struct cp_loop *loop, uint64_t now_ns)
{
	uint64_t hooked_ns = live->polls_hooked_ns;

	return hooked_ns && loop->turn_ns >= hooked_ns && now_ns > loop->turn_ns &&
	       now_ns - loop->turn_ns >= live->opt.stall_ns;
}

static int emit_stall(struct live *live, const struct record_stall *stall, struct err *err)
{
	int rc = live_send_stack(live, stall->block_stack, err);

	for (uint32_t i = 0; i < stall->stacks_len && !rc; i++)
		rc = live_send_stack(live, stall->stacks[i], err);
	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_STALL;
	live->rec.stall = *stall;
	return live_emit(live, err);
}

static int emit_stalls(struct live *live, struct err *err)
{
	struct live_loops *loops = live->loops;
	int rc = 0;

	keep_worst(loops, STALLS_KEPT);
	for (size_t i = 0; i < loops->stalls.len && !rc; i++)
		rc = emit_stall(live, &loops->stalls.at[i], err);
	loops->stalls.len = 0;
	live->stalls_not_kept = loops->not_kept;
	return rc;
}

/*
 * Does it poll?  It may have polled after @now_ns, when this slice was begun.  A turn that goes on
 * is over only at its next poll, so that one is waited for: for a while, since a thread that has
 * polled once may never do so again.
 */
static bool still_polls(const struct cp_thread *t, const struct cp_loop *loop, uint64_t now_ns)
{
	uint64_t quiet_ns = num_sat_sub(now_ns, loop->polled_ns);

	return t->poll_sleeps || quiet_ns < NS_PER_S ||
	       (loop->turn_ns && quiet_ns < LONG_TURN_S * NS_PER_S);
}

static int emit_loop(struct live *live, uint32_t index, uint64_t now_ns, bool *ret_polls,
		     struct err *err)
{
	struct cp_thread t;
	struct cp_loop loop;
	int rc;

	if (!copy_loop(live, index, &t, &loop)) {
		live->torn++;
		return 0;
	}
	if (!t.view_tid || !t.polls || t.cls == CP_DEAD)
		return 0;
	*ret_polls |= still_polls(&t, &loop, now_ns);
	fill_loop(live, &loop, t.view_tid, now_ns);
	if (t.poll_sleeps && t.blocked)
		live->rec.loop.idle_ns +=
			num_sat_sub(now_ns, num_max_u64(t.block_ns, loop.since_ns));
	if (turn_is_open(live, &loop, now_ns)) {
		rc = open_turn(live, &t, &loop, now_ns, err);
		if (rc)
			return rc;
	}
	live->rec.type = RECORD_LOOP;
	return live_emit(live, err);
}

int live_read_loops(struct live *live, uint64_t now_ns, struct err *err)
{
	bool polls = false;
	int rc = 0;

	for (uint32_t i = 1; i < live->slots_len && !rc; i++) {
		const struct cp_thread *slot =
			(const struct cp_thread *)(live->slots + i * live->slot_size);

		if (__atomic_load_n(&slot->view_tid, __ATOMIC_RELAXED) &&
		    __atomic_load_n(&slot->polls, __ATOMIC_RELAXED))
			rc = emit_loop(live, i, now_ns, &polls, err);
	}
	if (!rc)
		rc = emit_stalls(live, err);
	if (!live->end_ns)
		live_polls_update(live, !polls);
	return rc;
}
