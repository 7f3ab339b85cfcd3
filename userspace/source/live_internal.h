/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the live source share: loading (live_load), reading maps (live_read), the ring
 * (live_ring). */
#ifndef SOURCE_LIVE_INTERNAL_H
#define SOURCE_LIVE_INTERNAL_H

#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/err.h"
#include "base/hashmap.h"
#include "base/vec.h"
#include "bpf/concprof.skel.h"
#include "bpf/concprof_abi.h"
#include "model/loss.h"
#include "source/host.h"
#include "source/live.h"

#define LIVE_CPUS_MAX 4096

enum live_sent {
	LIVE_SENT_WAITS,
	LIVE_SENT_BLAMES,
	LIVE_SENT_LOCKS,
	LIVE_SENT_BLOCKS,
	LIVE_SENT_SAMPLES,
	LIVE_SENT_EDGES,
	LIVE_SENT_FUTEX_CALLS,
	LIVE_SENT_HOLDINGS,
	LIVE_SENT_COUNT
};

struct live_process {
	uint32_t pid;
	uint32_t tgid; /* kernel-wide */
	uint32_t ppid;
	bool tables_due;  /* its mappings are new: unwind tables are wanted */
	uint32_t looks;	  /* at its mappings since then */
	uint64_t look_ns; /* when the next one is due, 0 = with the slices */
	uint32_t threads; /* alive at the latest slice */
	char comm[CP_COMM_LEN + 1];
	char libc[32]; /* "glibc 2.36", "" = not known */
	char runtime[32];
	char runtime_version[32];
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t forks_ended; /* made by threads that have ended */
	uint64_t forks_alive;
	uint64_t execs;
	bool dirty; /* something to tell */
};

struct live {
	struct live_options opt;
	struct record_sink sink;
	struct concprof_bpf *skel;
	struct ring_buffer *ring;
	VEC(struct bpf_link *) timers;
	const unsigned char *slots; /* mapped */
	size_t slots_bytes;
	size_t slot_size;
	uint32_t slots_len;
	struct live_unwind *unwind; /* NULL: frame pointers alone */
	struct live_python *python;
	struct live_loops *loops;
	struct live_polls *polls;
	uint64_t polls_hooked_ns; /* since when turns are seen, 0 = not */
	uint64_t polls_before_ns; /* .. and for how long before that */
	uint64_t start_ns;
	uint64_t end_ns; /* 0 while the window is open */
	uint32_t threads_alive;
	struct host host;
	struct record_host host_end; /* at the window's end */
	char *cgroup_dir;
	VEC(struct live_process) processes;
	uint32_t unwind_turn; /* whose mappings are looked at next */
	struct hashmap process_by_pid;
	struct hashmap lock_ids; /* struct cp_lock_key -> id */
	struct hashmap stacks_sent;
	struct hashmap listeners;	      /* inode of a socket -> 1 = the target's */
	struct hashmap sent[LIVE_SENT_COUNT]; /* hash of key -> hash of the value last sent */
	struct hashmap view_pids;	      /* kernel-wide tgid -> pid as concprof sees it */
	uint64_t loss_sent[LOSS_COUNT];
	uint64_t torn;		       /* slots that could not be read whole */
	uint64_t stacks_before_attach; /* of blocked threads that could not be read */
	uint64_t stalls_not_kept;      /* turns over the threshold that are in the sums alone */
	uint64_t loops_unseen;	       /* 1: threads poll, and no hook could be attached */
	uint64_t python_unnamed;       /* frames whose code object could not be read */
	/* own cost */
	uint64_t cpu_base_ns;
	uint64_t events_ended;
	uint64_t spell_start_ns;
	uint64_t spell_ns; /* time in spells so far */
	uint64_t bpf_ns, bpf_calls;
	int stats_fd;
	uint64_t spell_bpf_ns, spell_bpf_calls;
	uint64_t map_bytes;
	int ring_error;
	struct err ring_err;
	uint64_t long_waits;	     /* sent .. */
	uint64_t long_waits_dropped; /* .. and those beyond what a run is to hold */
	struct record rec;	     /* scratch: records are large */
};

/* live_emit.c */
uint64_t live_clock_of(clockid_t id);
uint64_t live_clock_ns(void); /* CLOCK_MONOTONIC, as the BPF side's */
/* Give live->rec to the sink. */
int live_emit(struct live *live, struct err *err);
/* The pid, as concprof sees it, of the process whose kernel-wide id is @tgid. */
uint32_t live_view_pid(const struct live *live, uint32_t tgid);
void live_note_pid(struct live *live, uint32_t tgid, uint32_t view_pid);

/* live_load.c */
int live_load(struct live *live, struct err *err);
int live_attach(struct live *live, struct err *err);
int live_seed(struct live *live, const pid_t *pids, size_t len, struct err *err);

/* live_backlog.c: ports on which the target's hosts listen go to the BPF side; with @emit the
 * target's own listeners and their backlogs become records. */
int live_read_listeners(struct live *live, bool emit, struct err *err);

/* live_slots.c */
/* A whole copy of slot @index: taken again while it is being written. False when it is never quiet.
 */
bool live_copy_slot(const struct live *live, uint32_t index, struct cp_thread *ret);

/* live_open.c: what is still going on at @now_ns, or at the window's end */
int live_emit_open_wait(struct live *live, const struct cp_thread *t, uint64_t now_ns,
			struct err *err);
/* What threads are blocked in, beside futexes. After the maps: sums are with those that have ended.
 */
int live_emit_open_blocks(struct live *live, struct err *err);

/* live_threads.c: threads, processes */
struct live_process *live_process_get(struct live *live, uint32_t pid, uint64_t start_ns);
int live_emit_thread(struct live *live, const struct cp_thread *t, uint64_t now_ns, bool ended,
		     struct err *err);
int live_read_threads(struct live *live, uint64_t now_ns, struct err *err);
int live_emit_process(struct live *live, struct live_process *p, struct err *err);
int live_emit_processes(struct live *live, struct err *err);

/* live_maps.c: what is aggregated in maps */
int live_read_maps(struct live *live, bool all, struct err *err);
/* An entry of the map of blocks, as a record. */
int live_emit_block(struct live *live, const void *key, const void *value, struct err *err);
uint32_t live_class_of_block(uint32_t cls);
/* The record id of @key, announced first where it is new; 0 when memory is short. */
uint64_t live_lock_id(struct live *live, const struct cp_lock_key *key, struct err *err);
int live_send_stack(struct live *live, uint64_t id, struct err *err);

/* live_unwind.c */
int live_unwind_open(struct live *live, struct err *err);
void live_unwind_free(struct live *live);
/* What the chunks of tables take, which are no maps of the object. */
uint64_t live_unwind_bytes(const struct live *live);
/* Which files have no table, and why. */
int live_unwind_emit_notes(struct live *live, struct err *err);
/* @p is a new child, served by its parent's tables for a while if that has such. */
void live_unwind_forked(const struct live *live, struct live_process *p, uint64_t now_ns);
/* @p has ended: its pid may be used again. */
void live_unwind_drop(struct live *live, const struct live_process *p);
/* Tables for processes that are new or have changed their mappings; @all: look at every one, else
 * at those that are young enough to map their libraries now. */
void live_unwind_refresh(struct live *live, bool all);

/* The row for @ip in the tables of a process, 0 where there is none. */
uint64_t live_unwind_row(const struct live *live, const struct cp_unwind_process *p, uint64_t ip);

/* live_python.c */
struct maps;
struct target_root;
int live_python_open(struct live *live, struct err *err);
void live_python_free(struct live *live);
/* GILs beyond CP_PYTHON_GILS_MAX, the most seen in one process. */
uint64_t live_python_gils_beyond(const struct live *live);
/* Look for CPython in @process, which has new @maps: *ret is what the BPF side needs, all zero
 * where there is none that is known. @root may be NULL. */
void live_python_look(struct live *live, struct live_process *process, const struct maps *maps,
		      const struct target_root *root, struct cp_python *ret);
/* Interpreters of which less is known than there is to know. */
int live_python_emit_notes(struct live *live, struct err *err);
/* Tell the BPF side of interpreters that have come, in all processes or in @pid. */
void live_python_refresh(struct live *live);
void live_python_refresh_process(struct live *live, uint32_t pid);
void live_python_drop(struct live *live, uint32_t pid);
/* @process has been forked, and is a copy of its parent: known before its first stack comes. */
void live_python_inherit(struct live *live, struct live_process *process);
/* The frames of @stack, native ones and Python's, each where it was called: at most @max in @ret;
 * how many. */
uint32_t live_python_merge(const struct live *live, const struct cp_stack *stack, uint64_t *ret,
			   uint32_t max);
/* Behind the native frames of @stack, a standing thread's whose pthread_self() is @thread_id, those
 * of Python. Lists of threads are kept until live_python_threads_changed(). */
void live_python_add(struct live *live, uint64_t thread_id, struct cp_stack *stack);
void live_python_threads_changed(struct live *live);
/* live_python_names.c */
/* A stack is new, or still wanted: read what its words of Python stand for, and send it. */
int live_python_told(struct live *live, const struct cp_ring_stack *told, struct err *err);
/* Name the frames of Python among @ips that have no name yet. */
int live_python_names(struct live *live, uint32_t pid, const uint64_t *ips, uint32_t len,
		      struct err *err);
/* Send names that have become known after the stacks they are in; the others are counted. */
int live_python_late_names(struct live *live, struct err *err);

/* live_stacks.c */
/* Read the stacks of the threads that were blocked when they were seeded, of new ones since the
 * last call. Needs their tables. */
void live_stacks_before_attach(struct live *live);
/* The stack so read of the thread in slot @t, 0 = none. */
uint64_t live_attach_stack(const struct live *live, const struct cp_thread *t);

/* live_polls.c: the hooks on the poll family */
int live_polls_open(struct live *live, struct err *err);
void live_polls_free(struct live *live);
/* For how long they were there, up to now or the window's end. */
uint64_t live_polls_hooked(const struct live *live);
/* A thread that polls was met while no hook was there. */
void live_polls_wanted(struct live *live);
/* Attach the hooks when a thread of the target polls, detach them when none does any more; @idle:
 * no loop has polled, or sleeps in a poll, at the moment. */
void live_polls_update(struct live *live, bool idle);

/* live_loop.c: turns and stalls */
int live_loops_open(struct live *live, struct err *err);
void live_loops_free(struct live *live);
/* What the ring says of loops. */
int live_loop_ended(struct live *live, const struct cp_ring_loop *rec, struct err *err);
int live_loop_sampled(struct live *live, const struct cp_ring_turn_sample *rec, struct err *err);
int live_loop_stalled(struct live *live, const struct cp_ring_stall *rec, struct err *err);
/* The loops at a slice's end, and the worst stalls in it. */
int live_read_loops(struct live *live, uint64_t now_ns, struct err *err);

/* live_ring.c */
int live_ring_open(struct live *live, struct err *err);

/* live_cost.c: losses and own cost */
int live_read_losses(struct live *live, struct err *err);
int live_emit_self(struct live *live, struct err *err);
uint64_t live_map_bytes(const struct live *live);

#endif
