// SPDX-License-Identifier: GPL-2.0-only
/* The tree of processes and who waited for whom, from records alone. */
#include "base/num.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define CHILD 200

/* The one thread of process @pid, from @start_ns on: it ran for 40 ns, moved 3 times, faulted 5. */
static void feed_process(struct model *m, uint32_t pid, uint32_t ppid, uint64_t start_ns,
			 uint64_t end_ns)
{
	FEED(m, RECORD_PROCESS,
	     .process = {.pid = pid,
			 .ppid = ppid,
			 .comm = "prog",
			 .start_ns = start_ns,
			 .end_ns = end_ns,
			 .forks = 1});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = pid,
			  .tid = pid,
			  .name = "prog",
			  .start_ns = start_ns,
			  .until_ns = start_ns + 40,
			  .ended = end_ns,
			  .class_ns = {[CLASS_RUN] = 40},
			  .voluntary_switches = 2,
			  .migrations = 3,
			  .faults = 5,
			  .major_faults = 1,
			  .copy_faults = 4,
			  .cpus_allowed = pid == CHILD ? 1 : 2,
			  .runq_count = 1,
			  .runq_max_ns = 9,
			  .runq_hist = {[3] = 1}});
}

static const struct snap_process *process_of(const struct snapshot *snap, uint32_t pid)
{
	for (uint32_t i = 0; i < snap->processes_len; i++)
		if (snap->processes[i].pid == pid)
			return &snap->processes[i];
	ck_abort_msg("no process %u", pid);
	return NULL;
}

START_TEST(depths_exits_and_sums)
{
	struct model *m = feed_begin();
	const struct snap_process *p;
	struct snapshot *snap;

	/* Children before their parents. */
	feed_process(m, 300, CHILD, FEED_START + 20, 0);
	feed_process(m, CHILD, FEED_PID, FEED_START + 10, FEED_START + 90);
	feed_process(m, 201, FEED_PID, FEED_START + 10, FEED_START + 90);
	feed_thread(m, 101, "main", 100, 10, 0);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->processes_len, 4);
	p = process_of(snap, 300);
	ck_assert_uint_eq(p->depth, 2);
	ck_assert_uint_eq(snap->processes[p->parent].pid, CHILD);
	p = process_of(snap, FEED_PID);
	ck_assert_uint_eq(p->depth, 0);
	ck_assert_uint_eq(p->parent, SNAP_NONE);
	ck_assert_uint_eq(p->exits, 2);
	p = process_of(snap, CHILD);
	ck_assert(p->ended);
	ck_assert_uint_eq(p->exits, 0);
	ck_assert_uint_eq(p->cpus_allowed, 1);
	ck_assert_uint_eq(snap->tree.depth, 2);
	ck_assert_uint_eq(snap->tree.ended, 2);
	ck_assert_uint_eq(snap->tree.forks, 3);
	ck_assert_uint_eq(snap->tree.voluntary_switches, 6);
	ck_assert_uint_eq(snap->tree.migrations, 9);
	ck_assert_uint_eq(snap->tree.faults, 15);
	ck_assert_uint_eq(snap->tree.major_faults, 3);
	ck_assert_uint_eq(snap->tree.copy_faults, 12);
	ck_assert_uint_eq(snap->tree.cpus_allowed, 2);
	ck_assert_uint_eq(snap->tree.runq.count, 3);
	ck_assert_uint_eq(snap->tree.runq.bucket[3], 3);
	snapshot_free(snap);
}
END_TEST

/* Of 8 samples 2 in fork and 1 in an exit; the process ran for 40 ns. */
START_TEST(costs_are_shares_of_the_computing)
{
	struct model *m = feed_begin();
	const struct snap_process *p;
	struct snapshot *snap;

	feed_process(m, CHILD, FEED_PID, FEED_START + 10, 0);
	FEED(m, RECORD_SAMPLE, .sample = {.tid = CHILD, .kind = SAMPLE_USER, .count = 5});
	FEED(m, RECORD_SAMPLE, .sample = {.tid = CHILD, .kind = SAMPLE_FORK, .count = 2});
	FEED(m, RECORD_SAMPLE, .sample = {.tid = CHILD, .kind = SAMPLE_EXIT, .count = 1});
	snap = feed_end_at(m, 1000);
	p = process_of(snap, CHILD);
	ck_assert_uint_eq(p->cost.fork_ns, 10);
	ck_assert_uint_eq(p->cost.exit_ns, 5);
	ck_assert_uint_eq(p->cost.exec_ns, 0);
	ck_assert_uint_eq(p->cost.copy_ns, 0);
	ck_assert_uint_eq(snap->tree.cost.fork_ns, 10);
	snapshot_free(snap);
}
END_TEST

/* A pid is used three times: each process has its own thread and times. */
START_TEST(reused_pids_are_processes_of_their_own)
{
	struct model *m = feed_begin();
	struct snapshot *snap;
	unsigned seen = 0;

	for (unsigned i = 0; i < 3; i++)
		feed_process(m, CHILD, FEED_PID, FEED_START + 100 * i, FEED_START + 100 * i + 50);
	snap = feed_end_at(m, 1000);
	for (uint32_t i = 0; i < snap->processes_len; i++) {
		if (snap->processes[i].pid != CHILD)
			continue;
		seen++;
		ck_assert_uint_eq(snap->processes[i].threads, 1);
		ck_assert_uint_eq(snap->processes[i].class_ns[CLASS_RUN], 40);
	}
	ck_assert_uint_eq(seen, 3);
	ck_assert_uint_eq(process_of(snap, FEED_PID)->exits, 3);
	for (uint32_t i = 0; i < snap->threads_len; i++)
		ck_assert_uint_eq(snap->processes[snap->threads[i].process].pid,
				  snap->threads[i].pid);
	snapshot_free(snap);
}
END_TEST

/* A capture may say anything: the way up ends. */
START_TEST(parents_in_a_ring)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_process(m, 200, 201, FEED_START, 0);
	feed_process(m, 201, 202, FEED_START, 0);
	feed_process(m, 202, 200, FEED_START, 0);
	feed_process(m, 203, 203, FEED_START, 0);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_le(snap->tree.depth, 3);
	ck_assert_uint_eq(process_of(snap, 203)->depth, 0);
	snapshot_free(snap);
}
END_TEST

static void feed_edge(struct model *m, uint32_t to, enum edge_kind kind, uint64_t wait_stack,
		      uint64_t wake_stack, uint64_t wait_ns)
{
	FEED(m, RECORD_EDGE,
	     .edge = {.from_tid = 101,
		      .to_tid = to,
		      .kind = kind,
		      .waits = 1,
		      .wait_ns = wait_ns,
		      .wait_stack = wait_stack,
		      .wake_stack = wake_stack});
}

START_TEST(edges_have_sites)
{
	struct model *m = feed_begin();
	const struct snap_edge *e;
	struct snapshot *snap;

	feed_thread(m, 101, "main", 100, 10, 0);
	feed_process(m, CHILD, FEED_PID, FEED_START + 10, 0);
	for (uint64_t i = 0; i < 3; i++)
		FEED(m, RECORD_STACK,
		     .stack = {.stack = 50 + i, .pid = FEED_PID, .len = 1, .ips = {1 + i}});
	feed_edge(m, CHILD, EDGE_PIPE, 50, 51, 7);
	feed_edge(m, CHILD, EDGE_PIPE, 50, 52, 30);
	feed_edge(m, CHILD, EDGE_PIPE, 0, 0, 3);
	feed_edge(m, CHILD, EDGE_SIGNAL, 50, 0, 20);
	feed_edge(m, 0, EDGE_CHILD, 0, 0, 10);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->edges_len, 3);
	e = &snap->edges[0];
	ck_assert_int_eq(e->kind, EDGE_PIPE);
	ck_assert_uint_eq(e->waits, 3);
	ck_assert_uint_eq(e->wait_ns, 40);
	ck_assert_uint_eq(e->sites_len, 2);
	ck_assert_uint_eq(e->sites[0].wait_ns, 30);
	ck_assert_uint_eq(e->sites[0].wait_stack, 0);
	ck_assert_uint_eq(e->sites[0].wake_stack, 2);
	ck_assert_uint_eq(e->sites[1].wake_stack, 1);
	e = &snap->edges[1];
	ck_assert_int_eq(e->kind, EDGE_SIGNAL);
	ck_assert_uint_eq(e->sites_len, 1);
	ck_assert_uint_eq(e->sites[0].wait_stack, 0);
	ck_assert_uint_eq(e->sites[0].wake_stack, SNAP_NONE);
	e = &snap->edges[2];
	ck_assert_uint_eq(e->to_thread, SNAP_NONE);
	ck_assert_uint_eq(e->sites_len, 0);
	snapshot_free(snap);
}
END_TEST

START_TEST(every_kind_of_edge_has_a_word)
{
	for (unsigned i = 0; i < EDGE_KIND_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(edge_kind_name((enum edge_kind)i),
					 edge_kind_name((enum edge_kind)k));
	ck_assert_str_eq(edge_kind_name(EDGE_CHILD), "child");
	ck_assert_str_eq(edge_kind_name(EDGE_FILE_LOCK), "file_lock");
}
END_TEST

Suite *model_freeze_tree_suite(void)
{
	Suite *suite = suite_create("model_freeze_tree");
	TCase *tc = tcase_create("tree");

	tcase_add_test(tc, depths_exits_and_sums);
	tcase_add_test(tc, costs_are_shares_of_the_computing);
	tcase_add_test(tc, reused_pids_are_processes_of_their_own);
	tcase_add_test(tc, parents_in_a_ring);
	tcase_add_test(tc, edges_have_sites);
	tcase_add_test(tc, every_kind_of_edge_has_a_word);
	suite_add_tcase(suite, tc);
	return suite;
}
