/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live source: attaches to running processes through eBPF and turns what the kernel aggregated
 * into records.  The caller owns the clock: it says when a slice ends and when the run ends.
 */
#ifndef SOURCE_LIVE_H
#define SOURCE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/record.h"

struct err;
struct live;

struct live_options {
	const pid_t *pids; /* in concprof's PID namespace; checked by target_check before */
	size_t pids_len;
	const char *cgroup;  /* directory whose processes are followed too, NULL = none */
	const char *command; /* for the report; "" = take the first target's command line */
	const char *tool_version;
	bool launched; /* the target is a child that waits for its start */
	bool follow_children;
	bool futex_calls;
	bool verbose; /* libbpf's own messages to stderr */
	uint32_t sample_hz;
	uint64_t stall_ns;
	uint64_t work_count;
	uint64_t slice_ns;
};

/*
 * Load the programs, attach, seed the state of every thread of the targets; emits RECORD_RUN and
 * what is known at once into @sink (borrowed until live_free).  0.1-0.3 s.  Errors: -EPERM no
 * rights, -ENOTSUP kernel lacks something that the core needs (the sentence names it), -ESRCH a
 * target ended, others from the kernel.
 */
int live_open(const struct live_options *opt, const struct record_sink *sink, struct live **ret,
	      struct err *err);

/* A descriptor that becomes readable when the ring holds records: then call live_drain. Owned by
 * @live. */
int live_fd(const struct live *live);
int live_drain(struct live *live, struct err *err);

/* CLOCK_MONOTONIC at which the window began. */
uint64_t live_start_ns(const struct live *live);

/* End a slice now: reads every counter, emits them, ends with RECORD_SLICE. */
int live_slice(struct live *live, struct err *err);

/* true when every process of the target has ended. */
bool live_target_ended(const struct live *live);

/*
 * Turn the kernel's run-time statistics on (or off) to measure concprof's own cost.  They tax every
 * BPF program of the host, so keep the spell short: about a tenth of the time.
 */
void live_cost_spell(struct live *live, bool on);

/*
 * Close the window: no event after this moment counts.  Emits the last slice and detaches
 * everything.  The names of stacks and locks (live_names) and RECORD_END (by the caller) follow.
 */
int live_close_window(struct live *live, struct err *err);

/* Detach and free; takes NULL. Nothing of concprof stays in the kernel. */
void live_free(struct live *live);

#endif
