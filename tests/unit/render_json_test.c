// SPDX-License-Identifier: GPL-2.0-only
#include "base/err.h"
#include "base/num.h"
#include "render/render.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct report_fixture fix;
static struct strbuf out;
static json_t *root;

/* Render and read back with a strict reader. */
static void render(void)
{
	struct render_options opt = {0};
	struct err err = {0};
	json_error_t where;

	json_decref(root);
	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name("json")->render(&fix.rep, &opt, &out, &err), 0);
	root = json_loads(strbuf_str(&out), JSON_REJECT_DUPLICATES, &where);
	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
}

static void setup_server(void)
{
	report_fixture_server(&fix);
	render();
}

static void setup_hostile(void)
{
	report_fixture_hostile(&fix);
	render();
}

static void setup_idle(void)
{
	report_fixture_idle(&fix);
	render();
}

static void teardown(void)
{
	json_decref(root);
	root = NULL;
	strbuf_free(&out);
	report_fixture_free(&fix);
}

/* The value at "a.b.0.c" below @from; a number is an index. */
static json_t *at_from(json_t *from, const char *path)
{
	json_t *val = from;

	while (*path && val) {
		size_t len = strcspn(path, ".");
		char key[64];
		uint64_t index;

		ck_assert_uint_lt(len, sizeof(key));
		memcpy(key, path, len);
		key[len] = '\0';
		val = json_is_array(val) && !num_parse_u64(key, 0, 1000, &index)
			      ? json_array_get(val, index)
			      : json_object_get(val, key);
		path += len + (path[len] == '.');
	}
	return val;
}

static json_t *at(const char *path)
{
	json_t *val = at_from(root, path);

	ck_assert_msg(val != NULL, "%s is missing", path);
	return val;
}

static json_int_t int_at(const char *path)
{
	ck_assert_msg(json_is_integer(at(path)), "%s is no integer", path);
	return json_integer_value(at(path));
}

static const char *str_at(const char *path)
{
	ck_assert_msg(json_is_string(at(path)), "%s is no string", path);
	return json_string_value(at(path));
}

/* The contract, key by key: s string, i integer, r real, b boolean, a array, o object, n null. */
static const struct {
	const char *path;
	char type;
} contract[] = {
	{"schema", 's'},
	{"tool.version", 's'},
	{"target.pids.0", 'i'},
	{"target.command", 's'},
	{"target.exit", 'n'},
	{"target.runtimes", 'a'},
	{"target.processes", 'i'},
	{"target.threads", 'i'},
	{"window.start", 's'},
	{"window.duration_ns", 'i'},
	{"window.kernel", 's'},
	{"window.cpus_online", 'i'},
	{"window.cpus_allowed", 'i'},
	{"verdict.bottleneck", 's'},
	{"verdict.model", 's'},
	{"verdict.models_in_use.0", 's'},
	{"verdict.confidence", 's'},
	{"verdict.confidence_why", 's'},
	{"verdict.summary", 's'},
	{"verdict.evidence.1", 's'},
	{"verdict.next_step", 's'},
	{"verdict.gain.ratio", 'r'},
	{"verdict.gain.bound", 's'},
	{"verdict.gain.limited_by", 's'},
	{"verdict.runner_up.bottleneck", 's'},
	{"verdict.runner_up.gain.ratio", 'r'},
	{"time.wall_thread_ns", 'i'},
	{"time.classes", 'o'},
	{"processes.0.pid", 'i'},
	{"processes.0.ppid", 'i'},
	{"processes.0.comm", 's'},
	{"processes.0.threads", 'i'},
	{"processes.0.classes", 'o'},
	{"processes.0.voluntary_switches", 'i'},
	{"processes.0.involuntary_switches", 'i'},
	{"processes.0.forks", 'i'},
	{"processes.0.execs", 'i'},
	{"processes.0.runq.count", 'i'},
	{"processes.0.runq.p50_ns", 'i'},
	{"processes.0.runq.p99_ns", 'i'},
	{"processes.0.runq.max_ns", 'i'},
	{"threads.3.pid", 'i'},
	{"threads.3.tid", 'i'},
	{"threads.3.name", 's'},
	{"threads.3.lifetime_ns", 'i'},
	{"threads.3.classes", 'o'},
	{"threads.3.cmetric_ns", 'i'},
	{"threads.3.voluntary_switches", 'i'},
	{"threads.3.involuntary_switches", 'i'},
	{"threads.3.wakeups", 'i'},
	{"locks.0.id", 'i'},
	{"locks.0.kind", 's'},
	{"locks.0.name", 's'},
	{"locks.0.address", 's'},
	{"locks.0.pids.0", 'i'},
	{"locks.0.waits", 'i'},
	{"locks.0.wait_ns", 'i'},
	{"locks.0.max_wait_ns", 'i'},
	{"locks.0.p50_wait_ns", 'i'},
	{"locks.0.p99_wait_ns", 'i'},
	{"locks.0.timeouts", 'i'},
	{"locks.0.open_waits", 'i'},
	{"locks.0.blame_ns", 'i'},
	{"locks.0.blocked_ns", 'i'},
	{"locks.0.runq_ns", 'i'},
	{"locks.0.contended_ns", 'i'},
	{"locks.0.known_blame_ns", 'i'},
	{"locks.0.sleep_again", 'i'},
	{"locks.0.waiters.0.tid", 'i'},
	{"locks.0.waiters.0.stack", 'i'},
	{"locks.0.waiters.0.waits", 'i'},
	{"locks.0.waiters.0.wait_ns", 'i'},
	{"locks.0.holders.0.tid", 'i'},
	{"locks.0.holders.0.thread", 's'},
	{"locks.0.holders.0.stack", 'i'},
	{"locks.0.holders.0.waits", 'i'},
	{"locks.0.holders.0.blame_ns", 'i'},
	{"locks.0.holders.0.while", 's'},
	{"locks.0.gain.ratio", 'r'},
	{"locks.0.gain.bound", 's'},
	{"locks.0.gain.limited_by", 's'},
	{"locks.2.gain", 'n'},
	{"loops", 'a'},
	{"edges.0.from.pid", 'i'},
	{"edges.0.from.tid", 'i'},
	{"edges.0.to.pid", 'i'},
	{"edges.0.to.tid", 'i'},
	{"edges.0.kind", 's'},
	{"edges.0.waits", 'i'},
	{"edges.0.wait_ns", 'i'},
	{"blocks.0.class", 's'},
	{"blocks.0.syscall", 's'},
	{"blocks.0.stack", 'i'},
	{"samples.0.stack", 'i'},
	{"samples.0.count", 'i'},
	{"samples.0.kind", 's'},
	{"stacks.0.id", 'i'},
	{"stacks.0.truncated", 'b'},
	{"stacks.0.frames.0.kind", 's'},
	{"stacks.0.frames.0.name", 's'},
	{"stacks.0.frames.0.file", 's'},
	{"stacks.0.frames.0.line", 'i'},
	{"stacks.0.frames.0.module", 's'},
	{"stacks.0.frames.0.offset", 'i'},
	{"stacks.0.frames.0.inlined", 'b'},
	{"slices.1.at_ns", 'i'},
	{"slices.1.duration_ns", 'i'},
	{"slices.1.classes", 'o'},
	{"slices.1.bottleneck", 's'},
	{"losses", 'o'},
	{"incomplete.stack_truncated", 'i'},
	{"self.cpu_ratio", 'r'},
	{"self.bpf_ns_per_event", 'r'},
	{"self.events", 'i'},
	{"self.rss_bytes", 'i'},
	{"self.map_bytes", 'i'},
	{"self.polls_hooked_ns", 'i'},
	{"host.idle_ns", 'i'},
	{"host.busy_ns", 'i'},
	{"host.throttled_ns", 'i'},
	{"host.quota_cpus", 'n'},
	{"futex_calls", 'n'},
};

static char type_of(const json_t *val)
{
	switch (json_typeof(val)) {
	case JSON_OBJECT:
		return 'o';
	case JSON_ARRAY:
		return 'a';
	case JSON_STRING:
		return 's';
	case JSON_INTEGER:
		return 'i';
	case JSON_REAL:
		return 'r';
	case JSON_TRUE:
	case JSON_FALSE:
		return 'b';
	case JSON_NULL:
		return 'n';
	}
	return '?';
}

START_TEST(contract_keys_have_their_types)
{
	for (size_t i = 0; i < ARRAY_LEN(contract); i++)
		ck_assert_msg(type_of(at(contract[i].path)) == contract[i].type, "%s is of type %c",
			      contract[i].path, type_of(at(contract[i].path)));
}
END_TEST

static void expect_class_keys(json_t *classes)
{
	static const char *const words[] = {"run",	   "runq_preempt", "runq_wake", "lock",
					    "gil",	   "peer",	   "disk",	"net",
					    "client_idle", "loop_idle",	   "sleep",	"pool_idle",
					    "child",	   "stopped",	   "other"};

	ck_assert_uint_eq(json_object_size(classes), ARRAY_LEN(words));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		ck_assert_msg(json_is_integer(json_object_get(classes, words[i])), "%s", words[i]);
}

START_TEST(all_class_keys_are_present)
{
	size_t i;
	json_t *one;

	expect_class_keys(at("time.classes"));
	expect_class_keys(at("processes.0.classes"));
	json_array_foreach(at("threads"), i, one) expect_class_keys(at_from(one, "classes"));
	json_array_foreach(at("slices"), i, one) expect_class_keys(at_from(one, "classes"));
}
END_TEST

START_TEST(values_are_those_of_the_snapshot)
{
	ck_assert_str_eq(str_at("schema"), "concprof.report/1");
	ck_assert_str_eq(str_at("window.start"), "2024-05-01T12:34:56.124456789Z");
	ck_assert_int_eq(int_at("time.classes.disk"), 5400000000);
	ck_assert_str_eq(str_at("locks.0.address"), "0x55d0c0ffee40");
	ck_assert_int_eq(int_at("locks.0.max_wait_ns"), 41000000);
	ck_assert_str_eq(str_at("locks.0.holders.0.while"), "disk");
	ck_assert_str_eq(str_at("locks.0.holders.1.while"), "running");
	ck_assert_int_eq(int_at("locks.0.holders.2.tid"), 0);
	ck_assert_int_eq(int_at("locks.0.holders.2.stack"), 0);
	ck_assert_double_eq_tol(json_real_value(at("locks.0.gain.ratio")), 1.6, 1e-9);
	ck_assert_str_eq(str_at("locks.0.gain.limited_by"), "cpus");
	ck_assert_int_eq(json_typeof(at("locks.1.gain.limited_by")), JSON_NULL);
	ck_assert_int_eq(int_at("verdict.lock"), 1);
	ck_assert_str_eq(str_at("verdict.runner_up.bottleneck"), "storage");
	ck_assert_int_eq(int_at("edges.0.from.tid"), 4712);
	ck_assert_str_eq(str_at("slices.0.bottleneck"), "threads.lock");
	ck_assert_double_eq_tol(json_real_value(at("self.cpu_ratio")), 0.006, 1e-9);
	ck_assert_int_eq(int_at("incomplete.holder_unknown"), 3100);
	ck_assert_uint_eq(json_object_size(at("losses")), 0);
}
END_TEST

START_TEST(holders_sum_to_the_blame)
{
	size_t i, k;
	json_t *lock, *holder;

	json_array_foreach(at("locks"), i, lock)
	{
		json_int_t sum = 0;

		json_array_foreach(at_from(lock, "holders"), k, holder) sum +=
			json_integer_value(at_from(holder, "blame_ns"));
		ck_assert_int_eq(sum, json_integer_value(at_from(lock, "blame_ns")));
	}
}
END_TEST

START_TEST(losses_come_with_their_cause)
{
	fix.snap.loss[LOSS_RING_FULL] = 3;
	render();
	ck_assert_int_eq(int_at("losses.ring_full"), 3);
	ck_assert_ptr_null(at_from(root, "incomplete.ring_full"));
}
END_TEST

/* The snapshot has true locks first; the report goes by blame alone, and leaves out locks that
 * nobody waited for. */
START_TEST(locks_go_by_blame)
{
	ck_assert_str_eq(str_at("locks.2.name"), "pool.cond");
	fix.locks[2].blame_ns = 99 * NS_PER_S;
	fix.locks[1].waits = fix.locks[1].wait_ns = 0;
	render();
	ck_assert_uint_eq(json_array_size(at("locks")), 2);
	ck_assert_str_eq(str_at("locks.0.name"), "pool.cond");
	ck_assert_int_eq(int_at("locks.0.id"), 1);
	ck_assert_int_eq(int_at("locks.1.id"), 2);
	ck_assert_int_eq(int_at("verdict.lock"), 2);
}
END_TEST

START_TEST(stacks_are_numbered_by_first_use)
{
	size_t i;
	json_t *stack;

	ck_assert_int_eq(int_at("locks.0.waiters.0.stack"), 1);
	ck_assert_str_eq(str_at("stacks.0.frames.0.name"), "__lll_lock_wait");
	ck_assert_int_eq(int_at("locks.0.holders.0.stack"), 2);
	ck_assert_str_eq(str_at("stacks.1.frames.0.name"), "fsync");
	json_array_foreach(at("stacks"), i, stack)
		ck_assert_int_eq(json_integer_value(at_from(stack, "id")), (json_int_t)i + 1);
	ck_assert_uint_eq(json_array_size(at("stacks")), 4);
	ck_assert_int_eq(int_at("stacks.3.frames.0.offset"), 0x7f00dead);
	ck_assert_str_eq(str_at("stacks.3.frames.1.kind"), "kernel");
	fix.snap.samples_len = 1; /* stack 0 was only used by the second */
	render();
	ck_assert_uint_eq(json_array_size(at("stacks")), 3);
}
END_TEST

/* 20,000 are listed; references to the two beyond read 0 and are counted. */
START_TEST(stacks_left_out_are_counted)
{
	enum { MOST = 20000, USED = MOST + 2 };
	struct snap_stack *stacks = calloc(USED, sizeof(*stacks));
	struct snap_sample *samples = calloc(USED, sizeof(*samples));

	for (uint32_t i = 0; i < USED; i++)
		samples[i] = (struct snap_sample){.stack = i, .count = 1};
	fix.snap.stacks = stacks;
	fix.snap.stacks_len = USED;
	fix.snap.samples = samples;
	fix.snap.samples_len = USED;
	fix.snap.locks_len = fix.snap.blocks_len = 0;
	render();
	free(stacks);
	free(samples);
	ck_assert_uint_eq(json_array_size(at("stacks")), MOST);
	ck_assert_int_eq(int_at("incomplete.report_stacks"), 2);
	ck_assert_int_eq(
		json_integer_value(at_from(json_array_get(at("samples"), MOST - 1), "stack")),
		MOST);
	ck_assert_int_eq(json_integer_value(at_from(json_array_get(at("samples"), MOST), "stack")),
			 0);
}
END_TEST

START_TEST(how_the_command_ended)
{
	fix.snap.end.exited = true;
	fix.snap.end.exit_code = 7;
	render();
	ck_assert_int_eq(int_at("target.exit.code"), 7);
	ck_assert_int_eq(int_at("target.exit.signal"), 0);
	fix.snap.complete = false;
	render();
	ck_assert(json_is_null(at("target.exit")));
}
END_TEST

START_TEST(numbers_stay_within_what_readers_take)
{
	fix.threads[0].cmetric_ns = UINT64_MAX;
	fix.verdict.lock_gain[1] = INFINITY;
	fix.verdict.lock_gain[2] = NAN;
	fix.snap.host.quota_milli_cpus = 1500;
	render();
	ck_assert_int_eq(int_at("threads.0.cmetric_ns"), INT64_MAX);
	ck_assert(json_is_null(at("locks.1.gain")));
	ck_assert(json_is_null(at("locks.2.gain")));
	ck_assert_double_eq_tol(json_real_value(at("host.quota_cpus")), 1.5, 1e-9);
}
END_TEST

START_TEST(futex_calls_when_counted)
{
	fix.snap.have_futex_calls = true;
	fix.snap.futex_calls = (struct record_futex_calls){.waits = 5, .empty_wakes = 2};
	render();
	ck_assert_int_eq(int_at("futex_calls.waits"), 5);
	ck_assert_int_eq(int_at("futex_calls.empty_wakes"), 2);
}
END_TEST

START_TEST(output_is_stable_and_ends_with_a_line)
{
	char *first = strbuf_steal(&out);

	render();
	ck_assert_str_eq(first, strbuf_str(&out));
	ck_assert(!strncmp(first, "{\n  \"schema\": \"concprof.report/1\",\n", 33));
	ck_assert(strlen(first) > 3 && !strcmp(first + strlen(first) - 3, "\n}\n"));
	free(first);
}
END_TEST

START_TEST(hostile_names_are_inert)
{
	static const char escaped[] = "x\\x1b[31m\\x0d\\x0a\\xe2\\x80\\xae\\xff\"\\<b>";
	static const char *const paths[] = {
		"target.command",   "target.runtimes.0.name",	"window.kernel",
		"processes.0.comm", "threads.0.name",		"locks.0.name",
		"locks.0.module",   "locks.0.holders.0.thread", "stacks.0.frames.0.name",
		"blocks.0.syscall", "stacks.0.frames.0.module"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		ck_assert_str_eq(str_at(paths[i]), escaped);
	ck_assert_uint_eq(strlen(str_at("tool.version")), 4 * sizeof(fix.snap.run.tool_version));
}
END_TEST

START_TEST(idle_program_has_every_list)
{
	static const char *const lists[] = {"locks",   "loops",	 "edges", "blocks",
					    "samples", "stacks", "slices"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		ck_assert_uint_eq(json_array_size(at(lists[i])), 0);
	ck_assert(json_is_array(at("slices")));
	ck_assert(json_is_null(at("verdict.gain")));
	ck_assert(json_is_null(at("verdict.runner_up")));
	ck_assert_int_eq(int_at("verdict.lock"), 0);
	ck_assert_uint_eq(json_array_size(at("verdict.models_in_use")), 0);
	fix.verdict.main.gain_ratio = 2; /* none of idle, whatever a rule says */
	render();
	ck_assert(json_is_null(at("verdict.gain")));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, SFun setup)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

Suite *render_json_suite(void)
{
	Suite *suite = suite_create("render_json");
	TCase *server = add_case(suite, "server", setup_server);
	TCase *hostile = add_case(suite, "hostile", setup_hostile);
	TCase *idle = add_case(suite, "idle", setup_idle);

	tcase_add_test(server, contract_keys_have_their_types);
	tcase_add_test(server, all_class_keys_are_present);
	tcase_add_test(server, values_are_those_of_the_snapshot);
	tcase_add_test(server, holders_sum_to_the_blame);
	tcase_add_test(server, losses_come_with_their_cause);
	tcase_add_test(server, locks_go_by_blame);
	tcase_add_test(server, stacks_are_numbered_by_first_use);
	tcase_add_test(server, stacks_left_out_are_counted);
	tcase_add_test(server, how_the_command_ended);
	tcase_add_test(server, numbers_stay_within_what_readers_take);
	tcase_add_test(server, futex_calls_when_counted);
	tcase_add_test(server, output_is_stable_and_ends_with_a_line);
	tcase_add_test(hostile, hostile_names_are_inert);
	tcase_add_test(idle, idle_program_has_every_list);
	return suite;
}
