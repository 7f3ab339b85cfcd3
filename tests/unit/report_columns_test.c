// SPDX-License-Identifier: GPL-2.0-only
#include "report/columns.h"

#include "base/num.h"
#include "report/derived.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

static struct report_fixture fix;

static void setup(void)
{
	report_fixture_server(&fix);
}

static void teardown(void)
{
	report_fixture_free(&fix);
}

static const struct column *column(enum column_table table, const char *key)
{
	uint32_t len;
	const struct column *cols = columns_of(table, &len);

	for (uint32_t i = 0; i < len; i++)
		if (!strcmp(cols[i].key, key))
			return &cols[i];
	ck_abort_msg("no column %s", key);
	return NULL;
}

static void expect(enum column_table table, const char *key, uint32_t row, const char *want)
{
	struct strbuf sb = {0};

	column_format(&sb, column(table, key), &fix.rep, row);
	ck_assert_msg(!strcmp(strbuf_str(&sb), want), "%s: \"%s\", expected \"%s\"", key,
		      strbuf_str(&sb), want);
	strbuf_free(&sb);
}

START_TEST(every_table_is_whole)
{
	for (enum column_table table = 0; table < TABLE_COUNT; table++) {
		uint32_t len;
		const struct column *cols = columns_of(table, &len);

		ck_assert_uint_gt(len, 3);
		for (uint32_t i = 0; i < len; i++) {
			ck_assert_uint_eq(cols[i].table, table);
			ck_assert(cols[i].rank > 0);
			ck_assert_int_ne(cols[i].number != NULL, cols[i].text != NULL);
			ck_assert_int_eq(cols[i].unit == UNIT_TEXT, cols[i].text != NULL);
			for (uint32_t k = 0; k < i; k++) {
				ck_assert_str_ne(cols[i].key, cols[k].key);
				ck_assert_uint_ne(cols[i].rank, cols[k].rank);
			}
		}
	}
}
END_TEST

START_TEST(rows_are_those_of_the_snapshot)
{
	ck_assert_uint_eq(columns_rows(&fix.rep, TABLE_LOCKS), 3);
	ck_assert_uint_eq(columns_rows(&fix.rep, TABLE_THREADS), 4);
	ck_assert_uint_eq(columns_rows(&fix.rep, TABLE_PROCESSES), 1);
	ck_assert_uint_eq(columns_rows(&fix.rep, TABLE_EDGES), 1);
}
END_TEST

START_TEST(lock_cells_read_well)
{
	expect(TABLE_LOCKS, "name", 0, "log_sys.mutex");
	expect(TABLE_LOCKS, "kind", 1, "rwlock");
	expect(TABLE_LOCKS, "waits_per_s", 0, "4,310");
	expect(TABLE_LOCKS, "wait_ns", 0, "13.4 s");
	expect(TABLE_LOCKS, "max_wait_ns", 0, "41 ms");
	expect(TABLE_LOCKS, "gain", 0, "1.6x");
	expect(TABLE_LOCKS, "gain", 2, "-");
	expect(TABLE_LOCKS, "waiting_in", 0, "log_write_up_to < trx_commit");
	expect(TABLE_LOCKS, "waiting_in", 2, "(stack unknown)");
}
END_TEST

/* 8 of 12.9 s is the main holder's, so that the other one is mentioned; what they did is summed
 * over both.  The unknown one is no thread. */
START_TEST(holders_are_summed_up_in_one_cell)
{
	expect(TABLE_LOCKS, "held_by", 0, "con-17 +1 (disk)");
	expect(TABLE_LOCKS, "held_by", 1, "con-17 (running)");
	expect(TABLE_LOCKS, "held_by", 2, "-");
	fix.locks[2].blame_ns = 5;
	expect(TABLE_LOCKS, "held_by", 2, "unknown");
	fix.holders[0].blame_ns = 12600 * NS_PER_MS;
	fix.holders[1].blame_ns = 300 * NS_PER_MS;
	expect(TABLE_LOCKS, "held_by", 0, "con-17 (disk)");
	fix.holders[2].thread = 1; /* two stacks of one thread at one place add up */
	fix.holders[2].stack = fix.holders[1].stack;
	fix.holders[0].blame_ns = NS_PER_S;
	fix.holders[2].blame_ns = NS_PER_S;
	expect(TABLE_LOCKS, "held_by", 0, "con (4712) +1 (disk)");
}
END_TEST

START_TEST(thread_cells_read_well)
{
	expect(TABLE_THREADS, "name", 0, "con-17");
	expect(TABLE_THREADS, "name", 1, "con (4712)");
	expect(TABLE_THREADS, "pid", 0, "4711");
	expect(TABLE_THREADS, "run", 0, "31%");
	expect(TABLE_THREADS, "disk", 0, "52%");
	expect(TABLE_THREADS, "runq", 0, "4%");
	expect(TABLE_THREADS, "idle", 3, "100%");
	expect(TABLE_THREADS, "switches_per_s", 0, "2,113");
	expect(TABLE_EDGES, "from", 0, "con (4712)");
	expect(TABLE_EDGES, "to", 0, "con-17");
	expect(TABLE_EDGES, "kind", 0, "lock");
}
END_TEST

START_TEST(shares_of_a_row_sum_to_one)
{
	static const char *const keys[] = {"run",  "lock", "gil",   "disk", "net",
					   "peer", "runq", "other", "idle"};

	for (uint32_t row = 0; row < 4; row++) {
		double sum = 0;

		for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
			sum += column(TABLE_THREADS, keys[i])->number(&fix.rep, row);
		ck_assert_double_eq_tol(sum, 1, 1e-9);
	}
}
END_TEST

START_TEST(rates_below_ten_have_a_decimal)
{
	fix.locks[0].waits = 34;
	expect(TABLE_LOCKS, "waits_per_s", 0, "3.4");
	fix.locks[0].waits = 99;
	expect(TABLE_LOCKS, "waits_per_s", 0, "9.9");
	fix.locks[0].waits = 100;
	expect(TABLE_LOCKS, "waits_per_s", 0, "10");
	fix.snap.duration_ns = 1000 * NS_PER_S;
	fix.locks[0].waits = 1;
	expect(TABLE_LOCKS, "waits_per_s", 0, "<0.1");
	fix.locks[0].waits = 0;
	expect(TABLE_LOCKS, "waits_per_s", 0, "0");
}
END_TEST

START_TEST(a_window_of_no_time_gives_zeros)
{
	fix.snap.duration_ns = 0;
	memset(fix.threads[0].class_ns, 0, sizeof(fix.threads[0].class_ns));
	expect(TABLE_LOCKS, "waits_per_s", 0, "0");
	expect(TABLE_THREADS, "run", 0, "0%");
}
END_TEST

START_TEST(huge_counters_stay_defined)
{
	fix.locks[0].waits = UINT64_MAX;
	fix.locks[0].wait_ns = UINT64_MAX;
	fix.snap.duration_ns = 1;
	expect(TABLE_LOCKS, "waits_per_s", 0, "9,223,372,036,854,775,807");
	fix.threads[0].voluntary_switches = UINT64_MAX;
	expect(TABLE_THREADS, "switches_per_s", 0, "9,223,372,036,854,775,807");
}
END_TEST

START_TEST(every_class_is_in_one_group_and_idle_ones_in_idle)
{
	for (enum time_class cls = 0; cls < CLASS_COUNT; cls++) {
		unsigned in = 0;

		for (enum time_group group = 0; group < GROUP_COUNT; group++)
			in += time_group_has(group, cls);
		ck_assert_uint_eq(in, 1);
		ck_assert_int_eq(time_group_has(GROUP_IDLE, cls), time_class_idle(cls));
	}
}
END_TEST

START_TEST(blocks_are_summed_over_threads)
{
	uint32_t len = 0;
	bool failed = true;
	struct report_block *blocks = report_blocks(&fix.rep, &len, &failed);

	ck_assert(!failed);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(blocks[0].cls, CLASS_LOOP_IDLE);
	ck_assert_int_eq(blocks[1].cls, CLASS_DISK);
	ck_assert_uint_eq(blocks[1].threads, 2);
	ck_assert_uint_eq(blocks[1].count, 2200);
	ck_assert_uint_eq(blocks[1].ns, 5200 * NS_PER_MS);
	ck_assert_uint_eq(blocks[1].max_ns, 50 * NS_PER_MS);
	free(blocks);
}
END_TEST

START_TEST(models_in_use_are_those_seen)
{
	struct snap_thread *poller = &fix.threads[3];

	/* It polls, but hardly ever has something to do. */
	ck_assert_uint_gt(poller->class_ns[CLASS_LOOP_IDLE], 0);
	ck_assert_uint_eq(report_models_in_use(&fix.rep), 1U << MODEL_THREADS);
	poller->class_ns[CLASS_RUN] = poller->lifetime_ns / 10;
	ck_assert_uint_eq(report_models_in_use(&fix.rep),
			  1U << MODEL_THREADS | 1U << MODEL_EVENT_LOOP);
	poller->class_ns[CLASS_LOOP_IDLE] = 0;
	fix.processes[0].runtime = "cpython";
	ck_assert_uint_eq(report_models_in_use(&fix.rep), 1U << MODEL_THREADS | 1U << MODEL_GIL);
	fix.processes[0].threads = 1;
	ck_assert_uint_eq(report_models_in_use(&fix.rep), 0);
	fix.processes[1] = fix.processes[0];
	fix.snap.processes_len = 2;
	ck_assert_uint_eq(report_models_in_use(&fix.rep), 1U << MODEL_PROCESSES);
}
END_TEST

/* date -u -d @1714566896 says 2024-05-01T12:34:56; the window starts 1 ms after the run. */
START_TEST(start_is_utc)
{
	struct strbuf sb = {0};

	report_start(&sb, &fix.rep);
	ck_assert_str_eq(strbuf_str(&sb), "2024-05-01T12:34:56.124456789Z");
	strbuf_free(&sb);
}
END_TEST

START_TEST(own_cost_is_a_share_of_one_cpu)
{
	ck_assert_double_eq_tol(fix.rep.self_cpu_ratio, 0.002, 1e-12);
	ck_assert_double_eq_tol(fix.rep.self_bpf_ratio, 0.004, 1e-12);
	ck_assert_double_eq_tol(fix.rep.bpf_ns_per_event, 250, 1e-9);
}
END_TEST

Suite *report_columns_suite(void)
{
	Suite *suite = suite_create("report_columns");
	TCase *cells = tcase_create("cells");
	TCase *derived = tcase_create("derived");

	tcase_add_checked_fixture(cells, setup, teardown);
	tcase_add_test(cells, every_table_is_whole);
	tcase_add_test(cells, rows_are_those_of_the_snapshot);
	tcase_add_test(cells, lock_cells_read_well);
	tcase_add_test(cells, holders_are_summed_up_in_one_cell);
	tcase_add_test(cells, thread_cells_read_well);
	tcase_add_test(cells, shares_of_a_row_sum_to_one);
	tcase_add_test(cells, rates_below_ten_have_a_decimal);
	tcase_add_test(cells, a_window_of_no_time_gives_zeros);
	tcase_add_test(cells, huge_counters_stay_defined);
	suite_add_tcase(suite, cells);
	tcase_add_checked_fixture(derived, setup, teardown);
	tcase_add_test(derived, every_class_is_in_one_group_and_idle_ones_in_idle);
	tcase_add_test(derived, blocks_are_summed_over_threads);
	tcase_add_test(derived, models_in_use_are_those_seen);
	tcase_add_test(derived, start_is_utc);
	tcase_add_test(derived, own_cost_is_a_share_of_one_cpu);
	suite_add_tcase(suite, derived);
	return suite;
}
