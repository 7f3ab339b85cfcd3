/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frozen picture of one run, made by model_freeze(): what analysis, renderers and views read.
 *
 * Nothing here changes after it was made.  Strings are already escaped (valid UTF-8, no control
 * bytes).  Indexes refer to the arrays of the same snapshot; SNAP_NONE = no such thing.
 */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

#include "model/loss.h"
#include "model/note.h"
#include "model/record.h"

#define SNAP_NONE UINT32_MAX

enum lock_kind {
	LOCK_MUTEX,
	LOCK_PI_MUTEX,
	LOCK_RWLOCK,
	LOCK_CONDVAR,
	LOCK_SEMAPHORE,
	LOCK_BARRIER,
	LOCK_JOIN,
	LOCK_GIL,
	LOCK_PYTHON,
	LOCK_SHARED_SEMAPHORE,
	LOCK_FUTEX, /* cannot be told apart */
	LOCK_KERNEL,
	LOCK_KIND_COUNT
};

/* The contract's word: "mutex", "pi_mutex", .. */
const char *lock_kind_name(enum lock_kind kind);
/* The contract's word: "run", "runq_preempt", .. */
const char *time_class_name(enum time_class cls);
/* Idle when nobody waits for that very thread: loop_idle, client_idle, pool_idle, sleep, child,
 * stopped. */
bool time_class_idle(enum time_class cls);
/* The contract's word for `while`: running runq lock gil disk net sleep other. */
const char *while_name(enum time_class cls);

/* The contract's word: "user", "kernel", .. */
const char *sample_kind_name(enum sample_kind kind);

struct snap_hist {
	uint64_t count;
	uint64_t max_ns;
	uint64_t bucket[HIST_BUCKETS];
};
/* Value below which a share @q of the counted lie, interpolated inside the bucket, never above
 * max_ns; 0 when empty. */
uint64_t snap_hist_quantile(const struct snap_hist *hist, double q);

/* CPU time that goes to making and ending processes, by timer samples. */
struct snap_cost {
	uint64_t fork_ns;
	uint64_t exec_ns;
	uint64_t exit_ns;
	uint64_t copy_ns; /* page faults after a fork */
};

struct snap_process {
	uint32_t pid;
	uint32_t ppid;
	const char *comm;
	const char *runtime; /* "" = none known */
	const char *runtime_version;
	const char *libc;
	uint32_t threads; /* seen in the window */
	uint64_t class_ns[CLASS_COUNT];
	uint64_t voluntary_switches;
	uint64_t involuntary_switches;
	uint64_t forks;
	uint64_t execs;
	/* Its children, when it only waits while they work: gunicorn's or celery's master; else 0.
	 */
	uint32_t workers;
	bool ended;
	uint32_t exits;	 /* of its children in the window */
	uint32_t parent; /* index or SNAP_NONE */
	uint32_t depth;	 /* processes above it that are in this list */
	uint64_t migrations;
	uint64_t faults; /* page faults, major ones included */
	uint64_t major_faults;
	uint64_t copy_faults; /* from its fork to its exec */
	uint32_t cpus_allowed;
	struct snap_cost cost;
	struct snap_hist runq;
};

/* All processes together. */
struct snap_tree {
	uint32_t depth; /* of the deepest process */
	uint32_t ended;
	uint64_t voluntary_switches;
	uint64_t involuntary_switches;
	uint64_t forks;
	uint64_t execs;
	uint64_t migrations;
	uint64_t faults;
	uint64_t major_faults;
	uint64_t copy_faults;
	uint32_t cpus_allowed; /* the most that one of them may use */
	struct snap_cost cost;
	struct snap_hist runq;
};

struct snap_thread {
	uint32_t pid;
	uint32_t tid;
	uint32_t process; /* index */
	const char *name;
	uint64_t start_ns;    /* absolute, clipped to the window */
	uint64_t lifetime_ns; /* observed in the window = sum of class_ns */
	bool ended;
	uint64_t class_ns[CLASS_COUNT];
	uint64_t cmetric_ns;
	uint64_t voluntary_switches;
	uint64_t involuntary_switches;
	uint64_t wakeups;
	struct snap_hist runq; /* waits for a CPU */
	/* What it did the most in the last slice: a class, or waiting for futexes. */
	bool last_known;
	bool last_futex;
	enum time_class last_class;
};

struct snap_waiter {
	uint32_t thread; /* index */
	uint32_t stack;	 /* index or SNAP_NONE */
	uint64_t waits;
	uint64_t wait_ns; /* blocked + run queue */
	uint64_t blocked_ns;
	uint64_t longest_ns; /* one wait; an open one so far */
	bool open;	     /* includes a wait that is open at the end .. */
	uint64_t open_ns;    /* .. so long so far */
};

struct snap_holder {
	uint32_t thread; /* index, SNAP_NONE = unknown */
	uint32_t stack;	 /* release site: index or SNAP_NONE */
	enum holder_evidence evidence;
	uint64_t waits;
	uint64_t blame_ns;
	uint64_t while_ns[CLASS_COUNT]; /* what it did meanwhile */
	enum time_class main_class;	/* the largest of while_ns */
};

/* What a holder did while others waited. */
struct snap_holding {
	uint32_t thread; /* index */
	uint32_t stack;	 /* index */
	enum holding_kind kind;
	uint64_t count;
	uint64_t ns;   /* HOLDING_BLOCKED, HOLDING_SEEN */
	uint64_t kept; /* HOLDING_SEEN */
};

struct snap_lock {
	enum lock_kind kind;
	bool is_lock;	  /* its blocked time is class lock, else peer/pool_idle */
	const char *name; /* symbol, or what tells it apart; never empty */
	const char *module;
	bool named; /* by a data symbol */
	uint64_t address;
	bool shared;
	uint32_t pids_len;
	const uint32_t *pids;
	uint64_t waits;
	uint64_t wait_ns;    /* blocked + run queue */
	uint64_t blocked_ns; /* until woken */
	uint64_t runq_ns;
	uint64_t peer_ns;	 /* part of blocked_ns with work in hand (not is_lock) */
	uint64_t blame_ns;	 /* = sum over holders = blocked_ns */
	uint64_t known_blame_ns; /* of holders that are known */
	uint64_t contended_ns;	 /* at least one waiter */
	uint32_t waiters_max;
	uint64_t timeouts;
	uint64_t interrupted;
	uint64_t handed_over;
	uint64_t sleep_again; /* woken in vain: asleep for the same again within 50 us of CPU */
	uint64_t again_ns;    /* on the CPU in these */
	uint64_t broadcasts;  /* of handed_over: by a call that wakes many */
	uint32_t open_waits;
	struct snap_hist hist;
	uint32_t waiters_len; /* by wait_ns, largest first */
	const struct snap_waiter *waiters;
	uint32_t holders_len; /* by blame_ns, largest first */
	const struct snap_holder *holders;
	uint64_t while_ns[CLASS_COUNT]; /* over all holders */
	uint32_t holdings_len;		/* by kind; then by ns, count, largest first */
	const struct snap_holding *holdings;
};

struct snap_frame {
	const char *name; /* "" = unresolved: show module+offset or the bare address */
	const char *module;
	uint64_t offset; /* in the symbol, or in the module where name is empty */
	uint64_t ip;
	const char *file; /* source file, "" = unknown */
	uint32_t line;	  /* 0 = unknown; of a call, but for the innermost frame */
	bool inlined;	  /* into the next frame, with which it shares ip, module and offset */
	bool kernel;
	bool python; /* a function of Python; `ip` is a word of its own kind */
};

struct snap_stack {
	bool truncated;
	bool frame_pointers; /* followed in part or whole, without a table: may be cut or wrong */
	uint32_t frames_len;
	const struct snap_frame *frames; /* innermost first */
};

/* Off-CPU time by thread, class, system call and stack. */
struct snap_block {
	uint32_t thread;
	enum time_class cls;
	int32_t syscall;
	const char *syscall_name; /* "fsync", "page fault", "syscall 999" */
	uint32_t stack;
	uint64_t count;
	uint64_t ns;
	uint64_t max_ns;
};

struct snap_sample {
	uint32_t thread;
	uint32_t stack; /* index or SNAP_NONE */
	enum sample_kind kind;
	uint64_t count;
};

/* The word of the report: "lock", "pipe", "child", .. */
const char *edge_kind_name(enum edge_kind kind);

/* Where it waited, and where its waker was. */
struct snap_edge_site {
	uint32_t wait_stack; /* index or SNAP_NONE */
	uint32_t wake_stack; /* index or SNAP_NONE */
	uint64_t waits;
	uint64_t wait_ns;
};

struct snap_edge {
	uint32_t from_thread;
	uint32_t to_thread; /* SNAP_NONE = one of many, not told apart */
	enum edge_kind kind;
	uint64_t waits;
	uint64_t wait_ns;
	uint32_t sites_len; /* between processes alone; by wait_ns, largest first */
	const struct snap_edge_site *sites;
};

/* The contract's word: "run", "runq", "gil", "lock", "blocking", "sleep". */
const char *loop_part_name(enum loop_part part);

/* A thread that polls, or several of one process that share the polled descriptor. */
struct snap_loop {
	uint32_t thread;  /* index: the one with the most turns */
	uint32_t threads; /* that poll the same descriptor */
	const char *kind; /* "asyncio", "node", .., else "epoll", "poll", "select", "io_uring" */
	/*
	 * It serves many at once, so that a long turn keeps others waiting.  Else it polls between
	 * items of work (a worker of a pool), or others poll the same descriptor meanwhile.
	 */
	bool is_loop;
	uint32_t fds_max;     /* descriptors watched, the most seen; 0 = not known */
	uint64_t observed_ns; /* of all its threads */
	uint64_t turns;
	uint64_t busy_ns; /* in turns */
	uint64_t idle_ns; /* asleep in the poll */
	uint64_t part_ns[PART_COUNT];
	struct snap_hist hist;	/* of turns */
	uint64_t added_mean_ns; /* to the delay of a random arrival: sum of d^2 / 2T */
	uint64_t late_ns;	/* P(delay > 100 ms) = late_ns / observed_ns */
	uint64_t stalls;	/* turns over run.stall_ns, also those of which no more is kept */
	uint64_t stall_part_ns[PART_COUNT];
};

/* One turn over the threshold; the worst ones are kept. */
struct snap_stall {
	uint32_t loop;	 /* index */
	uint32_t thread; /* index */
	uint64_t at_ns;	 /* from the window's start */
	uint64_t duration_ns;
	uint64_t part_ns[PART_COUNT];
	enum loop_part cause; /* the largest part */
	uint32_t stack;	      /* to blame: index or SNAP_NONE */
	/* The system call that it blocked in, where that is the cause; "" else. */
	const char *syscall_name;
	const char *task; /* the coroutine or callback that ran, "" = not known */
	bool open;	  /* had not ended at the window's end */
};

/* What a file of the target lacks. */
struct snap_note {
	enum note note;
	const char *module;
};

/* A socket on which the target listens, as it was at the ends of slices. */
struct snap_listener {
	const char *name; /* "port 8000", or the path of a unix socket */
	uint32_t looks;
	uint32_t looks_waiting; /* of these: connections waited to be accepted */
	uint64_t waiting_sum;
	uint32_t waiting_max;
};

struct snap_slice {
	uint64_t at_ns; /* from the window's start */
	uint64_t duration_ns;
	uint64_t class_ns[CLASS_COUNT]; /* all threads */
	uint64_t host_idle_ns;
	uint64_t throttled_ns;
	uint64_t top_lock_blocked_ns; /* of the lock with the most in the whole run (lock 0) */
	uint64_t top_thread_run_ns;   /* of the thread that ran the most in the whole run */
	uint64_t waiting;	      /* connections, at its end */
	uint64_t loop_square_us;      /* of all loops' turns, squared */
	uint64_t loop_stalls;
};

struct snapshot {
	struct record_run run;
	uint64_t start_ns;
	uint64_t duration_ns; /* of the window */
	bool complete;	      /* an end record was seen */
	struct record_end end;
	struct record_host host; /* at the end */
	struct record_self self;
	struct record_futex_calls futex_calls;
	bool have_futex_calls;
	uint64_t loss[LOSS_COUNT];

	uint64_t wall_thread_ns; /* sum of lifetimes */
	uint64_t class_ns[CLASS_COUNT];
	uint64_t non_idle_ns; /* A of verdict.md: without the idle classes (but see snapshot.c for
				 idle holders) */

	uint32_t processes_len; /* by non-idle time */
	const struct snap_process *processes;
	struct snap_tree tree;
	uint32_t threads_len; /* by non-idle time, largest first, ties by tid */
	const struct snap_thread *threads;
	uint32_t locks_len; /* is_lock first, then by blame_ns, then wait_ns */
	const struct snap_lock *locks;
	uint32_t stacks_len;
	const struct snap_stack *stacks;
	uint32_t blocks_len; /* by ns */
	const struct snap_block *blocks;
	uint32_t samples_len; /* by count */
	const struct snap_sample *samples;
	uint32_t edges_len; /* by wait_ns */
	const struct snap_edge *edges;
	uint32_t slices_len; /* in time */
	const struct snap_slice *slices;
	uint32_t listeners_len; /* by waiting_sum */
	const struct snap_listener *listeners;
	uint32_t loops_len; /* is_loop first; by added_mean_ns, busy_ns */
	const struct snap_loop *loops;
	uint32_t stalls_len; /* by duration_ns */
	const struct snap_stall *stalls;
	uint32_t notes_len; /* by note, then module */
	const struct snap_note *notes;
	uint32_t long_waits_len; /* in the order of their ends; tids as recorded */
	const struct record_long_wait *long_waits;
};

#endif
