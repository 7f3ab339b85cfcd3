// SPDX-License-Identifier: GPL-2.0-only
/* capture_seed: write a capture with one record of each type, which refer to each other, to
 * standard output. */
#include "base/num.h"
#include "source/capture.h"

#include <unistd.h>

#define PID 100
#define LOCK 7
#define SITE 11
#define RELEASE 12
#define START_NS 1000000
#define MS 1000000

static const struct record story[] = {
	{.type = RECORD_RUN,
	 .run = {.tool_version = "0",
		 .kernel = "Linux",
		 .command = "prog",
		 .start_ns = START_NS,
		 .slice_ns = 100 * MS,
		 .cpus_online = 2,
		 .cpus_allowed = 2,
		 .pids_len = 1,
		 .pids = {PID}}},
	{.type = RECORD_PROCESS, .process = {.pid = PID, .comm = "prog", .start_ns = START_NS}},
	{.type = RECORD_STACK,
	 .stack = {.stack = SITE, .pid = PID, .len = 3, .ips = {0x401000, 0x400f00, 0x400100}}},
	{.type = RECORD_STACK,
	 .stack = {.stack = RELEASE, .pid = PID, .len = 2, .ips = {0x402000, 0x400100}}},
	{.type = RECORD_LOCK, .lock = {.lock = LOCK, .address = 0x500000, .pid = PID}},
	{.type = RECORD_LOCK,
	 .lock = {.lock = LOCK + 1, .pid = PID, .shared = true, .inode = 5, .path = "/dev/shm/a"}},
	{.type = RECORD_WAIT,
	 .wait = {.lock = LOCK,
		  .stack = SITE,
		  .tid = PID + 1,
		  .value = 2,
		  .waits = 400,
		  .blocked_ns = 60 * MS,
		  .runq_ns = MS,
		  .peer_ns = 50 * MS,
		  .max_ns = 2 * MS,
		  .handed_over = 300,
		  .contender_wakes = 200,
		  .owner_known = 350,
		  .hist = {[17] = 400}}},
	{.type = RECORD_WAIT,
	 .wait = {.lock = LOCK + 1,
		  .tid = PID,
		  .op = FUTEX_OP_WAIT_BITSET,
		  .timed = true,
		  .waits = 3,
		  .blocked_ns = 9 * MS,
		  .max_ns = 4 * MS,
		  .timeouts = 2,
		  .hist = {[21] = 3}}},
	{.type = RECORD_BLAME,
	 .blame = {.lock = LOCK,
		   .tid = PID,
		   .release_stack = RELEASE,
		   .evidence = HOLDER_OWNER_WORD,
		   .waits = 350,
		   .blame_ns = 55 * MS,
		   .while_ns = {[CLASS_RUN] = 50 * MS, [CLASS_DISK] = 5 * MS}}},
	{.type = RECORD_CONTENTION,
	 .contention = {.lock = LOCK, .contended_ns = 60 * MS, .waiters_max = 1}},
	{.type = RECORD_OPEN_WAIT,
	 .open_wait = {.lock = LOCK,
		       .stack = SITE,
		       .tid = PID + 1,
		       .holder_tid = PID,
		       .since_ns = 90 * MS,
		       .blocked_ns = 11 * MS}},
	{.type = RECORD_BLOCK,
	 .block = {.tid = PID,
		   .class = CLASS_DISK,
		   .syscall = 74,
		   .stack = SITE,
		   .count = 9,
		   .ns = 6 * MS}},
	{.type = RECORD_SAMPLE, .sample = {.tid = PID, .stack = RELEASE, .count = 40}},
	{.type = RECORD_EDGE,
	 .edge = {.from_tid = PID + 1, .to_tid = PID, .waits = 5, .wait_ns = MS}},
	{.type = RECORD_COUNTERS,
	 .counters = {.pid = PID,
		      .tid = PID,
		      .name = "main",
		      .start_ns = START_NS,
		      .until_ns = START_NS + 100 * MS,
		      .class_ns = {[CLASS_RUN] = 85 * MS, [CLASS_DISK] = 6 * MS},
		      .futex_ns = 9 * MS,
		      .voluntary_switches = 12,
		      .cmetric_ns = 40 * MS,
		      .runq_count = 12,
		      .runq_hist = {[10] = 12}}},
	{.type = RECORD_COUNTERS,
	 .counters = {.pid = PID,
		      .tid = PID + 1,
		      .name = "wor\xffker",
		      .start_ns = START_NS,
		      .until_ns = START_NS + 100 * MS,
		      .ended = true,
		      .class_ns = {[CLASS_RUN] = 29 * MS},
		      .futex_ns = 71 * MS}},
	{.type = RECORD_HOST,
	 .host = {.idle_ns = 80 * MS, .busy_ns = 120 * MS, .quota_milli_cpus = 1500}},
	{.type = RECORD_SLICE, .slice = {.end_ns = START_NS + 100 * MS}},
	{.type = RECORD_FRAME,
	 .frame = {.pid = PID,
		   .ip = 0x401000,
		   .name = "take",
		   .module = "/bin/prog",
		   .file = "a.c",
		   .line = 9}},
	{.type = RECORD_INLINED,
	 .inlined = {.pid = PID, .ip = 0x401000, .name = "inner", .file = "a.h", .line = 3}},
	{.type = RECORD_FRAME,
	 .frame = {.pid = PID,
		   .ip = 0x402000,
		   .name = "pthread_mutex_unlock",
		   .module = "libc.so.6"}},
	{.type = RECORD_LOCK_NAME,
	 .lock_name = {.lock = LOCK, .name = "big_lock", .module = "/bin/prog", .symbol = true}},
	{.type = RECORD_LONG_WAIT,
	 .long_wait = {.lock = LOCK,
		       .stack = SITE,
		       .release_stack = RELEASE,
		       .tid = PID + 1,
		       .holder_tid = PID,
		       .waker_tid = PID,
		       .start_ns = 20 * MS,
		       .woken_ns = 22 * MS,
		       .end_ns = 23 * MS}},
	{.type = RECORD_FUTEX_CALLS, .futex_calls = {.pid = PID, .waits = 500, .wakes = 600}},
	{.type = RECORD_NOTE, .note = {.note = 1, .module = "/bin/prog"}},
	{.type = RECORD_LOSS, .loss = {.cause = 1, .count = 3}},
	{.type = RECORD_SELF, .self = {.cpu_ns = MS, .bpf_ns = MS, .events = 900}},
	{.type = RECORD_END, .end = {.end_ns = START_NS + 100 * MS, .exited = true}},
};

int main(void)
{
	struct capture_writer *w;

	if (capture_writer_new(STDOUT_FILENO, &w, NULL) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(story); i++)
		if (capture_writer_put(w, &story[i], NULL) < 0)
			return 1;
	if (capture_writer_flush(w, NULL) < 0)
		return 1;
	capture_writer_free(w);
	return 0;
}
