/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records: the one language between a source (live kernel, capture file) and the model.
 *
 * A source turns what it observes into these; the capture file holds the same ones, field by field
 * (record_schema.c is the table that says how).  All after this line runs without root, kernel or
 * clock.
 *
 * Counters are cumulative since attach: a record that is missing costs resolution, never truth.
 * Times are nanoseconds of CLOCK_MONOTONIC on the observed machine.  Thread and process ids are as
 * concprof's own PID namespace shows them.  Strings are as the target supplied them (hostile,
 * unescaped), cut to the field.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

/* The exclusive time classes of a thread: at each moment a thread is in exactly one. */
enum time_class {
	CLASS_RUN,
	CLASS_RUNQ_PREEMPT, /* switched out while runnable */
	CLASS_RUNQ_WAKE,    /* woken, not yet running */
	CLASS_LOCK,
	CLASS_GIL,
	CLASS_PEER, /* waits for a thread of the target that has work in hand */
	CLASS_DISK,
	CLASS_NET, /* waits for a server that the target called */
	CLASS_CLIENT_IDLE,
	CLASS_LOOP_IDLE,
	CLASS_SLEEP,
	CLASS_POOL_IDLE,
	CLASS_CHILD,
	CLASS_STOPPED,
	CLASS_OTHER,
	CLASS_COUNT
};

/* Log2 histograms: bucket i counts values in [2^i, 2^(i+1)) ns; the last one all that is longer. */
#define HIST_BUCKETS 40
#define RECORD_STACK_MAX 127
#define RECORD_NAME_MAX 256
#define RECORD_PATH_MAX 512
#define RECORD_PIDS_MAX 64
#define RECORD_INLINED_MAX 64 /* functions inlined at one address */

enum record_type {
	RECORD_RUN = 1,	    /* first of all */
	RECORD_PROCESS,	    /* first seen, after exec, and at its end */
	RECORD_COUNTERS,    /* a thread's cumulative counters at a slice's end or at its exit */
	RECORD_LOCK,	    /* identity of a futex word, before the first wait on it */
	RECORD_WAIT,	    /* waits of one thread on one lock at one call site */
	RECORD_BLAME,	    /* waits on one lock that one holder caused, by its release site */
	RECORD_CONTENTION,  /* how long a lock had at least one waiter */
	RECORD_OPEN_WAIT,   /* a futex wait that is open at the slice's end */
	RECORD_BLOCK,	    /* off-CPU time of a thread by class, system call and stack */
	RECORD_SAMPLE,	    /* timer samples of a thread on one stack */
	RECORD_EDGE,	    /* who waited for whom */
	RECORD_STACK,	    /* the frames behind a stack id, before its first use in a report */
	RECORD_FRAME,	    /* name of one address of one process */
	RECORD_LOCK_NAME,   /* name of one lock */
	RECORD_LONG_WAIT,   /* one wait over the threshold, in the order of their ends */
	RECORD_FUTEX_CALLS, /* totals of --futex-calls */
	RECORD_HOST,	    /* the machine beside the target */
	RECORD_LOSS,	    /* an incomplete or lost count by cause */
	RECORD_SELF,	    /* concprof's own cost */
	RECORD_SLICE,	    /* all counters of one slice have been sent */
	RECORD_END,	    /* last of all; absent in a capture that was cut */
	RECORD_INLINED,	    /* a function that was inlined at one address, after its RECORD_FRAME */
	RECORD_NOTE,	    /* what a file of the target lacks */
	RECORD_HOLDING,	    /* what a thread did while it held a lock that others waited for */
	RECORD_BACKLOG,	    /* connections that wait at a listener, at the slice's end */
	RECORD_LOOP,	    /* a thread's turns as an event loop */
	RECORD_STALL,	    /* one turn over the threshold */
	RECORD_TYPE_COUNT
};

struct record_run {
	char tool_version[32];
	char kernel[128];
	char command[RECORD_PATH_MAX]; /* as typed behind --, or the first target's command line */
	uint64_t start_realtime_ns;    /* CLOCK_REALTIME at start_ns */
	uint64_t start_ns;
	uint64_t slice_ns; /* planned length of a slice */
	uint32_t cpus_online;
	uint32_t cpus_allowed; /* by the target's affinity; quota is in record_host */
	uint32_t sample_hz;    /* 0 = off */
	uint64_t stall_ns;
	uint64_t work_count; /* --work, 0 = not given */
	bool launched;	     /* by -- COMMAND */
	uint32_t pids_len;
	uint64_t pids[RECORD_PIDS_MAX]; /* as the user named them */
};

struct record_process {
	uint32_t pid;
	uint32_t ppid;
	char comm[RECORD_NAME_MAX];
	char runtime[32]; /* "" or e.g. "cpython" */
	char runtime_version[32];
	char libc[32]; /* e.g. "glibc 2.36", "" = unknown */
	uint64_t start_ns;
	uint64_t end_ns; /* 0 = alive */
	uint64_t forks;
	uint64_t execs;
};

struct record_counters {
	uint32_t pid;
	uint32_t tid;
	char name[RECORD_NAME_MAX];
	uint64_t start_ns; /* observed from here .. */
	uint64_t until_ns; /* .. to here */
	bool ended;
	uint32_t cpus_allowed;
	uint64_t class_ns[CLASS_COUNT]; /* without futex waits; CLASS_LOCK: kernel locks alone */
	uint64_t futex_ns; /* blocked in a futex, to be divided by the model (from RECORD_WAIT) */
	uint64_t voluntary_switches;
	uint64_t involuntary_switches;
	uint64_t wakeups;
	uint64_t cmetric_ns;
	uint64_t runq_count;
	uint64_t runq_max_ns;
	uint64_t runq_hist[HIST_BUCKETS];
	/* By the kernel's own counts. */
	uint64_t migrations; /* from one CPU to another */
	uint64_t faults;     /* page faults */
	uint64_t major_faults;
	uint64_t copy_faults; /* of a process that was forked, up to its exec */
};

/* What sort of futex operation a wait was: facts/futex.md. */
enum futex_op {
	FUTEX_OP_WAIT,	      /* FUTEX_WAIT: glibc mutex, barrier */
	FUTEX_OP_WAIT_BITSET, /* condvar, semaphore, rwlock, join, timed locks, Rust, Go */
	FUTEX_OP_LOCK_PI,
	FUTEX_OP_REQUEUE_PI,
	FUTEX_OP_WAITV,
	FUTEX_OP_KERNEL, /* a lock inside the kernel, e.g. mmap_lock */
	FUTEX_OP_COUNT
};

struct record_lock {
	uint64_t lock; /* the source's id of this lock, never 0 */
	uint64_t address;
	uint32_t pid; /* the process in which `address` holds */
	bool shared;  /* named by file and offset, the same in several processes */
	bool gil;     /* of CPython; the address is its struct's */
	uint64_t dev;
	uint64_t inode;
	uint64_t file_offset;
	char path[RECORD_PATH_MAX]; /* of a shared one's file */
};

struct record_wait {
	uint64_t lock;
	uint64_t stack; /* 0 = none could be taken */
	uint32_t tid;
	uint32_t op;	     /* enum futex_op */
	uint32_t value;	     /* futex val argument of the last wait, cut to 32 bits */
	bool timed;	     /* with a timeout */
	uint64_t waits;	     /* episodes */
	uint64_t blocked_ns; /* until woken */
	uint64_t runq_ns;    /* from there until running */
	uint64_t peer_ns; /* the part of blocked_ns in which the waker already had work in hand */
	uint64_t max_ns;  /* of one episode, blocked + run queue */
	uint64_t handed_over;	  /* woken by a futex wake on that word */
	uint64_t contender_wakes; /* of these: the waker itself waits for that word at times */
	uint64_t timeouts;
	uint64_t interrupted;
	uint64_t owner_known; /* the owner word named a live thread of the target */
	/* woken, and back asleep for the same thing after less than 50 us on the CPU */
	uint64_t sleep_again;
	uint64_t hist[HIST_BUCKETS]; /* episodes by blocked + run queue time */
	uint64_t again_ns;	     /* on the CPU in these (sleep_again) */
	uint64_t broadcasts;	     /* of handed_over: by a call that wakes many */
};

/* How sure the holder is, strongest first (verdict.md, section 2). */
enum holder_evidence {
	HOLDER_PI_WORD,
	HOLDER_OWNER_WORD,
	HOLDER_WAKER, /* its futex wake on that word ended the wait */
	HOLDER_NONE,
	HOLDER_EVIDENCE_COUNT
};

struct record_blame {
	uint64_t lock;
	uint32_t tid;		/* holder, 0 = unknown */
	uint64_t release_stack; /* 0 = not seen */
	uint32_t evidence;	/* enum holder_evidence */
	uint64_t waits;
	uint64_t blame_ns;		/* blocked time of the waits it caused */
	uint64_t while_ns[CLASS_COUNT]; /* what the holder did meanwhile; futex waits count as
					   CLASS_LOCK */
};

enum holding_kind {
	HOLDING_SAMPLED, /* found running there by the timer */
	HOLDING_BLOCKED, /* off the CPU there */
	HOLDING_SEEN,	 /* found there by a thread that began to wait */
	HOLDING_KIND_COUNT
};

struct record_holding {
	uint64_t lock;
	uint32_t tid;  /* holder */
	uint32_t kind; /* enum holding_kind */
	uint64_t stack;
	uint64_t count;
	uint64_t ns;   /* HOLDING_BLOCKED: while it held the lock; HOLDING_SEEN: of these waits */
	uint64_t kept; /* HOLDING_SEEN: after an interval of waiting it still had it, never given up
			*/
};

struct record_contention {
	uint64_t lock;
	uint64_t contended_ns; /* at least one waiter */
	uint32_t waiters_max;
};

struct record_open_wait {
	uint64_t lock;
	uint64_t stack;
	uint32_t tid;
	uint32_t op;
	uint32_t value;
	bool timed;
	uint32_t holder_tid; /* 0 = unknown */
	uint32_t evidence;
	uint64_t since_ns;   /* start of the episode or of observation */
	uint64_t blocked_ns; /* until the slice's end */
	bool before_attach;
};

struct record_block {
	uint32_t tid;
	uint32_t class;	 /* enum time_class */
	int32_t syscall; /* number of the system call, -1 = none (page fault, ..) */
	uint64_t stack;
	uint64_t count;
	uint64_t ns;
	uint64_t max_ns;
};

/* What a running thread was doing, as far as its way into the kernel tells. */
enum sample_kind {
	SAMPLE_USER,
	SAMPLE_KERNEL, /* none of the following */
	SAMPLE_IPC,    /* pipes, socket pairs, queues, semaphores between processes */
	SAMPLE_FORK,
	SAMPLE_EXEC,
	SAMPLE_EXIT, /* of a process */
	SAMPLE_COPY, /* page fault after a fork */
	SAMPLE_KIND_COUNT
};

struct record_sample {
	uint32_t tid;
	uint32_t kind; /* enum sample_kind */
	uint64_t stack;
	uint64_t count;
};

enum edge_kind {
	EDGE_LOCK, /* within a process */
	EDGE_PEER,
	EDGE_PIPE,
	EDGE_SOCKET, /* of another family than the following */
	EDGE_FIFO,
	EDGE_SOCKETPAIR,
	EDGE_UNIX,
	EDGE_TCP,
	EDGE_EVENTFD, /* and other files without a name */
	EDGE_FUTEX,   /* of another process, in shared memory */
	EDGE_FILE_LOCK,
	EDGE_QUEUE, /* System V and POSIX queues and semaphores */
	EDGE_SIGNAL,
	EDGE_CHILD, /* its exit, or after a vfork its exec */
	EDGE_KIND_COUNT
};

struct record_edge {
	uint32_t from_tid; /* waits .. */
	uint32_t to_tid;   /* .. for this one, 0 = one of many, not told apart */
	uint32_t kind;	   /* enum edge_kind */
	uint64_t waits;
	uint64_t wait_ns;
	/* Between processes: where it waited, and where its waker ended that; 0 = none. */
	uint64_t wait_stack;
	uint64_t wake_stack;
};

struct record_stack {
	uint64_t stack;
	uint32_t pid; /* whose addresses these are */
	bool truncated;
	bool frame_pointers; /* followed in part or whole: it may be cut or wrong */
	uint32_t len;
	uint64_t ips[RECORD_STACK_MAX]; /* innermost first; of Python: model/python_word.h */
};

struct record_frame {
	uint32_t pid;
	uint64_t ip;		    /* as in the stack */
	char name[RECORD_NAME_MAX]; /* "" = unresolved */
	char module[RECORD_NAME_MAX];
	uint64_t offset;	    /* from the symbol, or in the module where there is no name */
	char file[RECORD_PATH_MAX]; /* source file, "" = unknown */
	uint32_t line; /* in the function `name` itself: of the call, where one is inlined; 0 =
			  unknown */
};

/* Innermost first: the depths of one address are 0, 1, .. in this order. */
struct record_inlined {
	uint32_t pid;
	uint64_t ip;
	uint32_t depth;
	char name[RECORD_NAME_MAX];
	char file[RECORD_PATH_MAX];
	uint32_t line;
};

struct record_lock_name {
	uint64_t lock;
	char name[RECORD_NAME_MAX];
	char module[RECORD_NAME_MAX];
	bool symbol; /* a data symbol (else what tells it apart) */
	/* Without a name: it lies on this thread's stack, 0 = not known to. */
	uint32_t on_stack_tid;
	uint64_t offset; /* of the word from the symbol, bytes */
};

struct record_long_wait {
	uint64_t lock;
	uint64_t stack;
	uint64_t release_stack;
	uint32_t tid;
	uint32_t holder_tid;
	uint32_t waker_tid;
	uint64_t start_ns;
	uint64_t woken_ns;
	uint64_t end_ns; /* running again */
};

struct record_futex_calls {
	uint32_t pid;
	uint64_t waits;	      /* FUTEX_WAIT and kin entered */
	uint64_t wakes;	      /* FUTEX_WAKE and kin entered */
	uint64_t eagain;      /* the word had changed */
	uint64_t empty_wakes; /* woke nobody */
};

struct record_host {
	uint64_t idle_ns; /* of all CPUs, cumulative since attach */
	uint64_t busy_ns;
	uint64_t quota_milli_cpus; /* of the target's cgroup, 0 = none */
	uint64_t throttled_ns;	   /* of the target's cgroup, cumulative since attach */
	uint64_t throttled_periods;
};

/* Causes: the table in loss.c names them and says which are losses. */
struct record_loss {
	uint32_t cause; /* enum loss_cause */
	uint64_t count; /* cumulative */
};

struct record_backlog {
	uint64_t inode; /* of the listening socket */
	uint32_t port;	/* 0 = a unix socket */
	uint32_t waiting;
	char path[RECORD_NAME_MAX]; /* of a unix socket */
};

/* What the time of a turn of an event loop went to. */
enum loop_part {
	PART_RUN,
	PART_RUNQ,
	PART_GIL,
	PART_LOCK,     /* futex waits of all sorts, and kernel locks */
	PART_BLOCKING, /* files, network, pipes, children */
	PART_SLEEP,
	PART_COUNT
};

/*
 * One thread's loop: what it did between the return from one poll and the next poll of the same
 * descriptor.  Cumulative.
 */
struct record_loop {
	uint32_t tid;
	int32_t syscall;    /* by which it polls */
	uint64_t poll_id;   /* of the epoll descriptor's file: threads of one process that share it
			       are one loop; 0 = poll or select */
	uint32_t fds_max;   /* descriptors watched, the most seen; 0 = not known */
	uint64_t since_ns;  /* observed from here on */
	uint64_t until_ns;  /* .. to here */
	uint64_t turns;	    /* that have ended */
	uint64_t busy_ns;   /* in these */
	uint64_t idle_ns;   /* asleep in the poll */
	uint64_t square_us; /* sum of the squares of turns in us */
	uint64_t late_ns;   /* sum of what turns took above 100 ms */
	uint64_t max_ns;
	uint64_t stalls;		    /* turns over the threshold */
	uint64_t part_ns[PART_COUNT];	    /* of all turns */
	uint64_t stall_part_ns[PART_COUNT]; /* of the stalls */
	uint64_t hist[HIST_BUCKETS];	    /* turns by duration */
	/* the turn that has not ended, where it is over the threshold already: in none of the sums
	 */
	uint64_t open_ns;
	uint64_t open_part_ns[PART_COUNT];
};

#define RECORD_STALL_STACKS 32
/* One turn over the threshold; the worst of each slice are sent. */
struct record_stall {
	uint32_t tid;
	bool open; /* had not ended at the window's end */
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t part_ns[PART_COUNT];
	/* the longest block in it */
	uint64_t block_stack; /* 0 = none */
	uint64_t block_ns;
	uint32_t block_class; /* enum time_class */
	int32_t block_syscall;
	uint32_t stacks_len; /* timer samples while it ran */
	uint64_t stacks[RECORD_STALL_STACKS];
};

struct record_note {
	uint32_t note; /* enum note */
	char module[RECORD_NAME_MAX];
};

struct record_self {
	uint64_t cpu_ns;       /* the collector's, since the window began */
	uint64_t bpf_ns;       /* extrapolated from short spells of run-time statistics */
	uint64_t bpf_calls;    /* counted in these spells .. */
	uint64_t bpf_calls_ns; /* .. and their run time */
	uint64_t events;       /* switches and wakeups of the target handled */
	uint64_t rss_bytes;
	uint64_t map_bytes;
	uint64_t polls_hooked_ns; /* for so long the hooks on polls were there */
};

struct record_slice {
	uint64_t end_ns;
};

struct record_end {
	uint64_t end_ns;
	bool interrupted;  /* by the user */
	bool target_ended; /* before the window's end */
	bool exited;	   /* exit status known (-- COMMAND) */
	int32_t exit_code;
	int32_t exit_signal;
};

struct record {
	enum record_type type;
	union {
		struct record_run run;
		struct record_process process;
		struct record_counters counters;
		struct record_lock lock;
		struct record_wait wait;
		struct record_blame blame;
		struct record_contention contention;
		struct record_open_wait open_wait;
		struct record_block block;
		struct record_sample sample;
		struct record_edge edge;
		struct record_stack stack;
		struct record_frame frame;
		struct record_lock_name lock_name;
		struct record_long_wait long_wait;
		struct record_futex_calls futex_calls;
		struct record_host host;
		struct record_loss loss;
		struct record_self self;
		struct record_slice slice;
		struct record_end end;
		struct record_inlined inlined;
		struct record_note note;
		struct record_holding holding;
		struct record_backlog backlog;
		struct record_loop loop;
		struct record_stall stall;
	};
};

struct err;

/* Where records go. @ctx is the receiver's; returns 0 or a negative errno with @err filled, which
 * stops the source. */
struct record_sink {
	int (*put)(void *ctx, const struct record *rec, struct err *err);
	void *ctx;
};

#endif
