/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the BPF programs and source/: map keys and values, ring records, loss
 * causes. Fixed width, no holes, sizes asserted on both sides.  Times: CLOCK_MONOTONIC in ns.
 */
#ifndef CONCPROF_ABI_H
#define CONCPROF_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#include "abi_python.h"

#define CP_STACK_MAX 127
#define CP_HIST_BUCKETS 40
#define CP_COMM_LEN 16
#define CP_TIDS_PER_CHUNK 65536
#define CP_SLOTS_MAX 65535 /* slot numbers are 16 bits, 0 = not ours */
#define CP_SYSCALLS_MAX 512

/* The same order as enum time_class of the model (asserted in source/), then the raw ones. */
enum cp_class {
	CP_RUN,
	CP_RUNQ_PREEMPT,
	CP_RUNQ_WAKE,
	CP_LOCK, /* kernel locks */
	CP_GIL,	 /* a futex wait for CPython's GIL */
	CP_PEER,
	CP_DISK,
	CP_NET,
	CP_CLIENT_IDLE,
	CP_LOOP_IDLE,
	CP_SLEEP,
	CP_POOL_IDLE,
	CP_CHILD,
	CP_STOPPED,
	CP_OTHER,
	CP_FUTEX, /* divided into lock, peer, pool_idle by the model */
	CP_IPC,	  /* while blocked alone: pipe, socketpair; becomes peer and pool_idle at the wakeup
		   */
	CP_CLASS_COUNT,
	CP_SEED = CP_CLASS_COUNT, /* state not yet known */
	CP_DEAD,
};

/* What blocking in a system call means; user space fills the table for its architecture. */
enum cp_syscall_kind {
	CP_SYS_OTHER,
	CP_SYS_FUTEX,
	CP_SYS_FUTEX_WAIT, /* futex_wait(2), Linux 6.7 */
	CP_SYS_FUTEX_WAKE,
	CP_SYS_FUTEX_WAITV,
	CP_SYS_POLL,   /* (fds, nfds, ..) */
	CP_SYS_SELECT, /* (nfds, ..) */
	CP_SYS_EPOLL,  /* (epfd, ..) */
	CP_SYS_URING,  /* io_uring_enter(fd, to_submit, min_complete, flags, ..) */
	CP_SYS_AIO,    /* io_getevents */
	CP_SYS_SLEEP,
	CP_SYS_CHILD,
	CP_SYS_FORK,
	CP_SYS_CLONE,	 /* (flags or struct clone_args *, ..) */
	CP_SYS_FD,	 /* (fd, ..): by the file's type */
	CP_SYS_FD_WRITE, /* the same; a wakeup from within one is a hand-over */
	CP_SYS_FD2,	 /* (fd_in, .., fd_out): by the first file that is no regular one */
	CP_SYS_ACCEPT,
	CP_SYS_CONNECT,
	CP_SYS_DISK,
	CP_SYS_EXEC,
	CP_SYS_MM,    /* may wait for mmap_lock */
	CP_SYS_IPC,   /* System V and POSIX queues and semaphores */
	CP_SYS_FLOCK, /* file locks */
	CP_SYS_EXIT,
	CP_SYS_RESTART, /* restart_syscall: the earlier reason holds */
	CP_SYS_SIGNAL,	/* waits for a signal */
	CP_SYS_KILL,	/* sends one */
	CP_SYS_COUNT
};

enum cp_futex_op {
	CP_OP_WAIT,
	CP_OP_WAIT_BITSET,
	CP_OP_LOCK_PI,
	CP_OP_REQUEUE_PI,
	CP_OP_WAITV,
	CP_OP_KERNEL,
};

enum cp_evidence { CP_BY_PI_WORD, CP_BY_OWNER_WORD, CP_BY_WAKER, CP_BY_NONE };
/* By what one thread waits for another: enum edge_kind of the model. */
enum cp_edge_kind {
	CP_EDGE_LOCK, /* within a process */
	CP_EDGE_PEER,
	CP_EDGE_PIPE,
	CP_EDGE_SOCKET, /* of another family than the following */
	CP_EDGE_FIFO,
	CP_EDGE_SOCKETPAIR,
	CP_EDGE_UNIX,
	CP_EDGE_TCP,
	CP_EDGE_EVENTFD,
	CP_EDGE_FUTEX, /* of another process, in shared memory */
	CP_EDGE_FILE_LOCK,
	CP_EDGE_QUEUE, /* System V and POSIX queues and semaphores */
	CP_EDGE_SIGNAL,
	CP_EDGE_CHILD, /* its exit, or after a vfork its exec */
	CP_EDGE_KIND_COUNT
};

enum cp_loss {
	CP_LOST_SLOTS,
	CP_LOST_TID_RANGE,
	CP_LOST_WAITS,
	CP_LOST_BLAMES,
	CP_LOST_LOCKS,
	CP_LOST_BLOCKS,
	CP_LOST_SAMPLES,
	CP_LOST_EDGES,
	CP_LOST_RING,
	CP_LOST_STACKS,
	CP_LOST_STACK_FAILED,
	CP_LOST_STACK_TRUNCATED,
	CP_LOST_LONG_WAITS,
	CP_LOST_WORD_UNREAD,
	CP_LOST_SYSCALL,
	CP_LOST_STACK_NO_TABLE,
	CP_LOST_SAMPLES_SKIPPED,
	CP_LOST_FUTEX_CALLS,
	CP_LOST_HOLDINGS,
	CP_LOST_PYTHON_CUT,
	CP_LOST_STALLS,
	CP_LOST_SWITCH_IN,
	CP_LOST_EDGES_MERGED,
	CP_LOST_COUNT
};

/* Where a futex word lies: private ones by process, shared ones by the process that was seen (user
 * space merges by file). */
#define CP_SPACE_SHARED (1ULL << 32)
#define CP_SPACE_KERNEL (1ULL << 33)
#define CP_SPACE_GIL (1ULL << 34) /* the word is the address of CPython's GIL, not of a futex */
struct cp_lock_key {
	__u64 word;
	__u64 space; /* tgid (kernel-wide) and the flags above */
};

/* cp_futex.woken */
#define CP_WOKEN_MANY 1 /* this wait was ended by a call that wakes many */
#define CP_WOKEN_VAIN 2 /* the wakeup before this wait was in vain: it waits for the same again */
#define CP_WOKEN_LOCK 4 /* woken_word looks like a lock's */

/* One wait on a futex (or kernel lock), in the waiter's slot. */
struct cp_futex {
	struct cp_lock_key key;
	__u64 uaddr; /* the futex word itself */
	__u64 sp;    /* user stack pointer: the same episode only at the same place */
	__u64 stack; /* 0 = none */
	/* of a GIL: what its holder did when this wait began */
	__u64 seen_stack;
	__u64 seen_switch; /* the GIL's switch number then */
	__u32 seen_tid;	   /* view, the holder's */
	/*
	 * The last wakeup from a futex of which it is not yet known whether it was in vain: CPU
	 * time then, in 1024 ns, cut to 32 bits; the word waited for, 0 = none.
	 */
	__u32 woken_run;
	__u64 woken_word;
	__u64 episode_start_ns;
	__u64 blocked_ns; /* of this episode, earlier blocks included */
	__u64 runq_ns;
	__u64 peer_ns; /* of this block: its waker had work in hand */
	__u64 release_stack;
	__u32 op;
	__u32 value;
	__u32 holder_slot; /* at block; 0 = unknown */
	__u32 holder_tid;  /* view */
	__u32 evidence;
	__u32 waker_tid; /* view, 0 = not proven */
	__u32 waker_slot;
	__u8 timed;
	__u8 proven;	/* a futex wake on that word ended it */
	__u8 contender; /* the waker waits for that word at times */
	__u8 counted;	/* in the lock's number of waiters */
	__u8 chained;	/* goes on with the episode before */
	__u8 before_attach;
	__u8 owned;    /* the lock's holder is known: blame is booked by lock, not by wait */
	__u8 released; /* since then it has woken a waiter of this very lock: it had it */
	__u8 gil;
	__u8 woken;    /* CP_WOKEN_* */
	__u16 vain_ns; /* CPU time of the last wakeup, if it was in vain (at most HERD_GAP_NS) */
};

/*
 * The last stack taken at one sort of event: the same registers and the same return addresses at
 * the same places are the same stack, with no walk.
 */
#define CP_CACHE_FRAMES 32
enum cp_cache_use { CP_CACHE_BLOCK, CP_CACHE_RELEASE, CP_CACHE_COUNT };
struct cp_stack_cache {
	__u64 ip;
	__u64 sp;
	__u64 bp;
	__u64 id;    /* 0 = empty */
	__u32 len;   /* return addresses to compare */
	__u32 bytes; /* of the stack, from sp on, that hold them */
	__u16 off[CP_CACHE_FRAMES];
};

/* One thread.  Written by the CPU that switches it (under its runqueue's lock) or wakes it (under
 * its pi_lock). */
struct cp_thread {
	__u64 task; /* task_struct: the identity, as tids are reused */
	__u32 seq;  /* odd while being written */
	__u32 cls;  /* enum cp_class now */
	__u32 tid;  /* kernel-wide */
	__u32 tgid;
	__u32 view_tid; /* as concprof's own PID namespace shows it */
	__u32 view_tgid;
	__u32 view_ppid;
	__u32 ns_tid; /* as the thread itself sees it: owner words hold this one */
	__u32 slot;
	__u32 ns_id; /* of that namespace */
	__u64 start_ns;
	__u64 since_ns; /* all before is in class_ns */
	__u64 class_ns[CP_CLASS_COUNT];
	__u64 voluntary;
	__u64 involuntary;
	__u64 wakeups;
	__u64 forks;
	__u64 cmetric_ns;
	__u64 active_from;   /* the clock of parallelism when it became active */
	__u64 busy_since_ns; /* since when it has had work in hand */
	__u64 run_from_ns;   /* last switched in */
	__u64 runq_count;
	__u64 runq_max_ns;
	__u32 runq_hist[CP_HIST_BUCKETS];
	char comm[CP_COMM_LEN];
	/* the block in progress */
	__u64 block_ns; /* when it began */
	__u64 block_stack;
	__s32 block_syscall;
	__u32 block_cls;  /* final class, set at the wakeup for CP_IPC */
	__u32 block_kind; /* enum cp_edge_kind for peers */
	__u32 blocked;	  /* a block waits to be booked at the next switch-in */
	/* what classify_block() says; here and not on its stack, where the verifier would follow
	 * each value */
	__u32 why_cls;
	__u32 why_kind;	   /* enum cp_edge_kind */
	__u32 why_sys;	   /* enum cp_syscall_kind */
	__u32 unwind_tgid; /* until its own tables are there: the process it was forked from */
	__u64 file;	   /* the last file waited for, and what it was */
	__u64 inode;
	__u32 file_cls;
	__u32 file_kind;
	__u32 resume_cls; /* of the last block that was no stop: restart_syscall goes on with it */
	__s32 resume_syscall;
	/* a lock that it holds while others wait, the last one met; word 0 = none, since when */
	struct cp_lock_key held;
	__u64 held_since_ns;
	/* of a thread that was blocked when it was seeded, else 0: where its stack begins */
	__u64 seed_ip;
	__u64 seed_sp;
	__u64 seed_bp;
	__u64 seed_thread; /* pthread_self() */
	/* CPython's thread state; 0 = none found, looked for again after python_retry_ns */
	__u64 python_tstate;
	__u64 python_retry_ns;
	__u64 python_misses;
	struct cp_python_search python_search;
	struct cp_stack_cache cache[CP_CACHE_COUNT];
	struct cp_futex fx;
	__u64 forked_ns; /* when it last forked a process, 0 = not seen */
	__u64 fork_copy; /* of a process that was forked, and has run no other program since */
	/* an event loop, as far as is known: its entry in `loops` is in use */
	__u32 polls;
	__u32 poll_sleeps; /* it sleeps in its own poll, not in one inside a turn */
	/* The timer has found it running in a state in which it does not: of since_ns, when */
	__u64 unseen_since_ns;
	__u64 unseen_at_ns;
	/* The kernel's own counts as they were when it was first seen, and since then. */
	__u64 migrations0;
	__u64 migrations;
	__u64 faults0;
	__u64 faults;
	__u64 copy_faults; /* of these, up to the exec of a process that was forked */
	__u64 major_faults0;
	__u64 major_faults;
	__u32 cpus_allowed;
	__u32 pad_end;
};

#include "abi_loop.h"

/* By slot, from user space: the stack of a thread that was blocked before attach. */
struct cp_attach_stack {
	__u64 start_ns; /* the thread's: slots are used again */
	__u64 stack;
};

struct cp_wait_key {
	struct cp_lock_key lock;
	__u64 stack;
	__u32 tid; /* view */
	__u32 op;
};

struct cp_wait {
	__u64 waits;
	__u64 blocked_ns;
	__u64 runq_ns;
	__u64 peer_ns;
	__u64 max_ns;
	__u64 handed_over;
	__u64 contender_wakes;
	__u64 timeouts;
	__u64 interrupted;
	__u64 owner_known;
	__u64 sleep_again;
	__u64 again_ns;
	__u64 broadcasts;
	__u32 value;
	__u32 timed;
	__u32 hist[CP_HIST_BUCKETS];
};

struct cp_blame_key {
	struct cp_lock_key lock;
	__u64 release_stack;
	__u32 tid; /* view, 0 = unknown */
	__u32 evidence;
};

struct cp_blame {
	__u64 waits;
	__u64 blame_ns;
	__u64 while_ns[CP_CLASS_COUNT];
};

/*
 * One lock.  While somebody waits, its holder is blamed for waiters x time, with what it did in
 * that time; pend_* is what the present holder has not been booked for yet.
 */
struct cp_lock {
	__u64 waiters;
	__u64 since_ns; /* since when there has been one */
	__u64 contended_ns;
	__u64 waiters_max;
	__u64 at_ns; /* blamed until here */
	__u64 pend_ns;
	__u64 pend_waits;
	__u32 holder_slot; /* 0 = unknown */
	__u32 holder_tid;  /* view */
	__u32 evidence;
	__u32 busy; /* one program at a time; who finds it taken leaves its part to the next */
	__u64 while0_ns[CP_CLASS_COUNT]; /* the holder's class times at at_ns */
	__u64 pend_while_ns[CP_CLASS_COUNT];
};

struct cp_block_key {
	__u64 stack;
	__u32 tid; /* view */
	__u16 cls;
	__s16 syscall;
};

struct cp_block {
	__u64 count;
	__u64 ns;
	__u64 max_ns;
};

/* What a running thread was doing, as far as the kernel's entry tells: enum sample_kind of the
 * model. */
enum cp_sample_kind {
	CP_SAMPLE_USER,
	CP_SAMPLE_KERNEL, /* none of the following */
	CP_SAMPLE_IPC,	  /* pipes, socket pairs, queues, semaphores between processes */
	CP_SAMPLE_FORK,
	CP_SAMPLE_EXEC,
	CP_SAMPLE_EXIT, /* of a process */
	CP_SAMPLE_COPY, /* page fault after a fork */
	CP_SAMPLE_KIND_COUNT
};

struct cp_sample_key {
	__u64 stack; /* 0 = none, or not to be had in an exit */
	__u32 tid;   /* view */
	__u32 kind;  /* enum cp_sample_kind */
};

struct cp_edge_key {
	__u64 wait_stack; /* between processes alone; 0 = none */
	__u64 wake_stack;
	__u32 from_tid; /* view */
	__u32 to_tid;	/* 0 = one of many of which no more is kept */
	__u32 kind;
	__u32 pad;
};

struct cp_edge {
	__u64 waits;
	__u64 wait_ns;
};

/*
 * Unwind tables: rows of one u64 (symbol/unwind_table.h says how) in chunks of 4 MiB, the largest
 * value that Linux 5.15 lets user space map; an index of one u32 for each 256 bytes of text, in
 * chunks of 1 MiB; the executable mappings of each process, sorted.  Chunks are made when needed.
 */
#define CP_UNWIND_CHUNK_ROWS (512 * 1024)
#define CP_UNWIND_CHUNKS 8
#define CP_UNWIND_INDEX_LEN (256 * 1024)
#define CP_UNWIND_MAPPINGS_MAX 256
#define CP_UNWIND_TABLES_MAX 1024

enum cp_unwind_kind {
	CP_UNWIND_GAP,
	CP_UNWIND_RSP,
	CP_UNWIND_RBP,
	CP_UNWIND_DEREF_RBP,
	CP_UNWIND_PLT,
	CP_UNWIND_SIGNAL,
	CP_UNWIND_END,
	CP_UNWIND_UNSUPPORTED,
};

struct cp_unwind_table {
	__u32 first_row; /* over all chunks; a table lies in one, as does its index */
	__u32 first_index;
	__u32 text_bytes; /* 0 = not loaded */
	__u32 pad;
};

struct cp_unwind_mapping {
	__u64 start;
	__u32 len; /* bytes, cut to 32 bits */
	__u32 table;
	__u64 delta; /* from address - start to the table's offset */
};

struct cp_unwind_process {
	__u64 edition; /* never 0; of these mappings, which a forked child may share */
	__u32 len;
	__u32 pad;
	struct cp_python python;
	struct cp_unwind_mapping at[CP_UNWIND_MAPPINGS_MAX];
};

#define CP_STACK_TRUNCATED 1
#define CP_STACK_BY_FRAME_POINTER 2 /* in part or whole: no table was there */
#define CP_STACK_PYTHON_CUT 4	    /* the frames of Python end before the outermost */
#define CP_STACK_WANTED 8 /* tell it again when it is met: some of them have no name yet */
/* Frames of Python are words as in model/python_word.h, behind the native ones. */
#define CP_STACK_NATIVE_MAX 63 /* where there are both */
struct cp_stack {
	__u32 view_tgid;
	__u16 len;
	__u8 native; /* of these */
	__u8 flags;
	__u64 ips[CP_STACK_MAX];
	__u64 pad; /* so that an index masked with 127 stays inside */
};

/* What a thread did while it held a lock that others waited for. */
enum cp_holding_kind {
	CP_HOLDING_SAMPLED, /* a timer sample found it running there */
	CP_HOLDING_BLOCKED, /* it was off the CPU there */
	CP_HOLDING_SEEN,    /* a waiter saw it there (the GIL) when its wait began */
};

struct cp_holding_key {
	struct cp_lock_key lock;
	__u64 stack;
	__u32 tid; /* view */
	__u32 kind;
};

struct cp_holding {
	__u64 count;
	__u64 ns; /* CP_HOLDING_BLOCKED: off the CPU; CP_HOLDING_SEEN: of the waits that began so */
	__u64 kept; /* CP_HOLDING_SEEN: after a whole interval of waiting, nobody else had had it */
};

/* A stack is named after its process and its frames: begin with the tgid, step through them. */
static inline __u64 cp_stack_hash_step(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * CP_HASH_MULTIPLIER;
	return hash ^ (hash >> 29);
}

static inline __u64 cp_stack_hash_begin(__u32 tgid)
{
	return cp_stack_hash_step(CP_HASH_MULTIPLIER, tgid);
}

struct cp_futex_calls {
	__u64 waits;
	__u64 wakes;
	__u64 eagain;
	__u64 empty_wakes;
};

#include "abi_ring.h"

#define CP_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has holes")
CP_ASSERT_SIZE(struct cp_lock_key, 16);
CP_ASSERT_SIZE(struct cp_futex, 112 + 7 * 4 + 12);
CP_ASSERT_SIZE(struct cp_stack_cache, 40 + 2 * CP_CACHE_FRAMES);
CP_ASSERT_SIZE(struct cp_wait_key, 32);
CP_ASSERT_SIZE(struct cp_blame_key, 32);
CP_ASSERT_SIZE(struct cp_block_key, 16);
CP_ASSERT_SIZE(struct cp_edge_key, 32);
CP_ASSERT_SIZE(struct cp_holding_key, 32);
CP_ASSERT_SIZE(struct cp_stack, 16 + 8 * CP_STACK_MAX);
CP_ASSERT_SIZE(struct cp_ring_long_wait, 72);
CP_ASSERT_SIZE(struct cp_loop,
	       12 * 8 + 3 * 8 * CP_PART_COUNT + 4 * CP_HIST_BUCKETS + 2 * 8 + 8 * 4);
CP_ASSERT_SIZE(struct cp_ring_stall, 24 + 8 * CP_PART_COUNT + 24);

#endif
