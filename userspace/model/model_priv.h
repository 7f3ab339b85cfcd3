/* SPDX-License-Identifier: GPL-2.0-only */
/* What the model keeps; shared by the files that take records in and those that freeze. */
#ifndef MODEL_MODEL_PRIV_H
#define MODEL_MODEL_PRIV_H

#include "base/vec.h"
#include "model/model.h"
#include "model/strpool.h"
#include "model/table.h"

#define NO_THREAD UINT32_MAX

/*
 * What one run may hold; a capture beyond it is hostile: -EPROTO.  Far above what the live source
 * keeps in its maps.  Per-slice series (see model_slices.c) grow with the number of records alone.
 */
#define LIMIT_PROCESSES 65536
#define LIMIT_THREADS 65536
#define LIMIT_LOCKS 262144
#define LIMIT_WAITS (1U << 20) /* also of blames, blocks, samples, edges, long waits each */
#define LIMIT_STACKS 262144
#define LIMIT_FRAMES (4U << 20) /* of all stacks together; also of distinct ones */
#define LIMIT_SLICES 100000
#define LIMIT_NOTES 65536
#define LIMIT_LISTENERS 65536

struct model_thread {
	bool counted; /* RECORD_COUNTERS was seen */
	bool needed;  /* a record says that it waited, blocked or ran, counted or not */
	struct record_counters rec;
	uint64_t slice_run_ns; /* since the last slice */
	/* What it did the most between its last two counters. */
	bool last_known;
	bool last_futex;
	enum time_class last_class;
	bool slice_touched;
};

/* A lock as the source numbers it; several of them may be one (freeze_locks.c). */
struct model_lock {
	uint64_t id;
	bool identified; /* RECORD_LOCK was seen */
	bool shared;
	bool gil;
	uint32_t pid;
	uint64_t address;
	uint64_t dev;
	uint64_t inode;
	uint64_t file_offset;
	uint32_t path; /* string, as are name and module */
	bool name_seen;
	bool symbol;
	uint32_t on_stack_tid;
	uint64_t offset; /* from the symbol */
	uint32_t name;
	uint32_t module;
	struct record_contention contention;
	/* Since the last slice; what was open at its end; what is open at the next one's. */
	uint64_t slice_blocked_ns;
	uint64_t slice_peer_ns;
	uint64_t open_ns;
	uint64_t open_next_ns;
	bool slice_touched;
};

struct model_wait_key {
	uint32_t lock;
	uint32_t thread;
	uint64_t stack;
};

struct model_wait {
	uint32_t lock;
	uint32_t thread;
	struct record_wait rec;
};

struct model_open {
	uint32_t lock;
	uint32_t thread;
	uint32_t holder; /* thread or NO_THREAD */
	struct record_open_wait rec;
};

struct model_blame {
	uint32_t lock;
	uint32_t holder; /* thread or NO_THREAD */
	struct record_blame rec;
};

struct model_holding {
	uint32_t lock;
	uint32_t holder; /* thread */
	struct record_holding rec;
};

struct model_block {
	uint32_t thread;
	struct record_block rec;
};

struct model_sample {
	uint32_t thread;
	struct record_sample rec;
};

struct model_edge {
	uint32_t from;
	uint32_t to; /* or NO_THREAD */
	struct record_edge rec;
};

struct model_stack {
	uint64_t id;
	bool truncated;
	bool frame_pointers;
	uint32_t len;
	size_t first; /* in stack_frames */
};

/* One code address of one process. */
struct model_frame {
	uint32_t pid;
	bool seen;	     /* RECORD_FRAME was seen, even if it names nothing */
	bool return_address; /* of a call; else the very instruction */
	uint64_t ip;
	uint32_t name;
	uint32_t module;
	uint64_t offset;
	uint32_t file;
	uint32_t line;
	uint32_t inlined_len;
	uint32_t inlined_first; /* in model.inlined, innermost first */
};

struct model_inlined {
	uint32_t name;
	uint32_t file;
	uint32_t line;
};

struct model_note {
	uint32_t module; /* string */
	uint32_t note;
};

struct model_listener {
	uint32_t port;
	uint32_t path; /* string */
	uint32_t looks;
	uint32_t looks_waiting; /* somebody waited */
	uint64_t waiting_sum;
	uint32_t waiting_max;
};

struct model_loop {
	uint32_t thread;
	uint64_t square_us; /* so far, with the open turn */
	struct record_loop rec;
};

struct model_stall {
	uint32_t thread;
	struct record_stall rec;
};

struct model_slice {
	uint64_t end_ns;
	uint64_t class_ns[CLASS_COUNT]; /* of all threads, without futex waits */
	uint64_t futex_ns;
	uint64_t lifetime_ns;
	uint64_t host_idle_ns;
	uint64_t throttled_ns;
	uint64_t waiting;	 /* connections, at its end */
	uint64_t loop_square_us; /* of all loops' turns that ended in it, or went on */
	uint64_t loop_stalls;
	/* In series: per lock its index, blocked_ns, peer_ns; per thread its index, run_ns. */
	size_t series;
	uint32_t locks_len;
	uint32_t threads_len;
};

struct model {
	bool have_run;
	bool have_end;
	struct record_run run;
	struct record_end end;
	struct record_host host;
	struct record_host host_last; /* at the last slice's end */
	struct record_self self;
	uint64_t loss[LOSS_COUNT];
	uint64_t threads_beyond; /* counters of threads beyond LIMIT_THREADS */
	uint64_t processes_beyond;
	struct strpool strings;

	struct table processes;	    /* struct record_process by pid and start */
	struct hashmap pids;	    /* pid -> the newest process that has it */
	struct table threads;	    /* struct model_thread by struct thread_key */
	struct hashmap tids;	    /* tid -> the newest thread that has it */
	struct table locks;	    /* struct model_lock by the source's id */
	struct table waits;	    /* struct model_wait */
	struct table blames;	    /* struct model_blame */
	struct table blocks;	    /* struct model_block */
	struct table samples;	    /* struct model_sample */
	struct table edges;	    /* struct model_edge */
	struct table futex_calls;   /* struct record_futex_calls by pid */
	struct table stacks;	    /* struct model_stack by the source's id */
	struct table frames;	    /* struct model_frame by struct frame_key */
	VEC(uint32_t) stack_frames; /* indexes of frames, innermost first */
	VEC(struct model_inlined) inlined;
	struct table notes;	/* struct model_note by itself */
	struct table listeners; /* struct model_listener by inode */
	struct table holdings;	/* struct model_holding by lock, holder, stack, kind */
	VEC(struct record_long_wait) long_waits;
	struct table loops; /* struct model_loop by tid and since_ns */
	VEC(struct model_stall) stalls;

	VEC(struct model_open) open; /* at the last slice's end */
	VEC(struct model_open) open_next;

	struct model_slice slice; /* the one that is being filled */
	bool slice_touched;
	VEC(uint32_t) slice_locks; /* touched in it */
	VEC(uint32_t) slice_threads;
	VEC(struct model_slice) slices;
	VEC(uint8_t) series;
};

static inline struct model_thread *model_thread(const struct model *m, uint32_t i)
{
	return (struct model_thread *)m->threads.at + i;
}

static inline struct record_process *model_process(const struct model *m, uint32_t i)
{
	return (struct record_process *)m->processes.at + i;
}

/* The newest process that has @pid, NULL without a record of one. */
static inline const struct record_process *model_process_of(const struct model *m, uint32_t pid)
{
	const uint32_t *i = hashmap_get(&m->pids, &pid);

	return i ? model_process(m, *i) : NULL;
}

static inline struct model_lock *model_lock(const struct model *m, uint32_t i)
{
	return (struct model_lock *)m->locks.at + i;
}

static inline struct model_wait *model_wait(const struct model *m, uint32_t i)
{
	return (struct model_wait *)m->waits.at + i;
}

static inline struct model_frame *model_frame(const struct model *m, uint32_t i)
{
	return (struct model_frame *)m->frames.at + i;
}

static inline struct model_stack *model_stack(const struct model *m, uint32_t i)
{
	return (struct model_stack *)m->stacks.at + i;
}

/* Where the last closed slice ends, or the window begins. */
static inline uint64_t model_last_end(const struct model *m)
{
	return m->slices.len ? m->slices.at[m->slices.len - 1].end_ns : m->run.start_ns;
}

/* The newest thread with @tid, a new one that still lacks its counters, or NO_THREAD for tid 0. */
int model_thread_of(struct model *m, uint32_t tid, uint32_t *ret, struct err *err);
/* The lock with the source's @id; a new one without identity if there is none. */
int model_lock_of(struct model *m, uint64_t id, uint32_t *ret, struct err *err);
/* The same of a record that says that it waited, blocked or ran. */
int model_needed_thread(struct model *m, uint32_t tid, uint32_t *ret, struct err *err);
/* The running slice took something in that belongs to this thread, or lock. */
int model_touch_thread(struct model *m, uint32_t thread, struct err *err);
int model_touch_lock(struct model *m, uint32_t lock, struct err *err);
/* End the running slice at @end_ns: keep its deltas, replace the open waits. */
int model_close_slice(struct model *m, uint64_t end_ns, struct err *err);

typedef int model_apply_fn(struct model *m, const struct record *rec, struct err *err);
model_apply_fn model_apply_process;
model_apply_fn model_apply_counters;
model_apply_fn model_apply_lock;
model_apply_fn model_apply_wait;
model_apply_fn model_apply_blame;
model_apply_fn model_apply_contention;
model_apply_fn model_apply_open_wait;
model_apply_fn model_apply_block;
model_apply_fn model_apply_sample;
model_apply_fn model_apply_edge;
model_apply_fn model_apply_stack;
model_apply_fn model_apply_frame;
model_apply_fn model_apply_inlined;
model_apply_fn model_apply_note;
model_apply_fn model_apply_holding;
model_apply_fn model_apply_backlog;
model_apply_fn model_apply_loop;
model_apply_fn model_apply_stall;
model_apply_fn model_apply_lock_name;
model_apply_fn model_apply_long_wait;
model_apply_fn model_apply_futex_calls;
model_apply_fn model_apply_slice;
model_apply_fn model_apply_end;

#endif
