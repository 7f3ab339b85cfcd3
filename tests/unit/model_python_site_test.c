// SPDX-License-Identifier: GPL-2.0-only
/* What Python's own frames tell.  The traces are those that sys._current_frames() gave of threads
 * that wait so, in 3.8.18 (plain names), 3.12.1 and 3.13.0 (qualified ones). */
#include "model/python_site.h"

#include "base/num.h"
#include "tests/unit/snap_builder.h"
#include "tests/unit/suites.h"

#include <string.h>

static const struct {
	const char *file;
	bool waits;
} files[] = {
	{"/usr/lib/python3.11/threading.py", true},
	{"/usr/lib/python3.11/queue.py", true},
	{"/usr/lib64/python3.6/queue.py", true},
	{"/opt/python-3.8.18/lib/python3.8/concurrent/futures/thread.py", true},
	{"/opt/py/lib/python3.14/multiprocessing/dummy/connection.py", true},
	{"/opt/py/lib/python3.13t/threading.py", true},
	{"/opt/py/lib/python3.13t/asyncio/base_events.py", true},
	/* A library inside another's folder: the innermost counts. */
	{"/usr/lib/python3.11/site-packages/box/lib/python3.9/queue.py", true},
	{"/srv/python3.11/lib/python3.11/selectors.py", true},
	/* of the library, but it does not wait */
	{"/usr/lib/python3.11/json/decoder.py", false},
	{"/usr/lib/python3.11/_threading.py", false},
	{"/usr/lib/python3.11/queue.pyc", false},
	{"/usr/lib/python3.11/concurrent/__init__.py", false},
	{"/usr/lib/python3.11/xml/queue.py", false},
	/* the program's own */
	{"/srv/app/queue.py", false},
	{"queue.py", false},
	{"/usr/lib/python3.11/site-packages/queue.py", false},
	{"/usr/lib/python3.11/site-packages/multiprocessing/queues.py", false},
	{"/usr/lib/python3/dist-packages/threading.py", false},
	{"/usr/local/lib/python3.11/dist-packages/threading.py", false},
	{"/usr/lib/python3.11/lib/python3.11/site-packages/queue.py", false},
	{"/srv/python3.11/queue.py", false},
	{"/srv/lib/python3.11x/queue.py", false},
	{"/srv/lib/python3.11tt/queue.py", false},
	{"/srv/lib/python2.7/threading.py", false},
	{"/srv/lib/python3.11", false},
	{"<frozen importlib._bootstrap>", false},
	{"<string>", false},
	{"", false},
};

START_TEST(which_files_wait)
{
	ck_assert_msg(python_waits_there(files[_i].file) == files[_i].waits, "%s", files[_i].file);
}
END_TEST

START_TEST(which_modules_interpret)
{
	ck_assert(python_interpreter("python3.11"));
	ck_assert(python_interpreter("/usr/bin/python3"));
	ck_assert(python_interpreter("/opt/py/bin/python3.13t"));
	ck_assert(python_interpreter("/opt/py/lib/libpython3.12.so.1.0"));
	ck_assert(!python_interpreter("/usr/lib/python3.11/lib-dynload/"
				      "_bz2.cpython-311-x86_64-linux-gnu.so"));
	ck_assert(!python_interpreter("/usr/bin/cpython-tool"));
	ck_assert(!python_interpreter(""));
}
END_TEST

#define APP " < /srv/app.py!work:5 < threading.py!run:870"
#define APP_Q " < /srv/app.py!run.<locals>.work:5 < threading.py!Thread.run:1010"
#define CONDITION "threading.py!Condition.wait:355 < "
#define EVENT CONDITION "threading.py!Event.wait:655 < "

static const struct {
	const char *trace;
	const char *primitive;
	bool per_waiter;
} waits[] = {
	/* A lock of the program's: its own line waits. */
	{"/srv/app.py!l:23" APP, NULL, false},
	{"/srv/app.py!<lambda>:38" APP_Q, NULL, false},
	{"threading.py!wait:302" APP, "threading.Condition.wait", true},
	{"threading.py!Condition.wait:355" APP_Q, "threading.Condition.wait", true},
	{"threading.py!wait:302 < threading.py!wait_for:337" APP, "threading.Condition.wait_for",
	 true},
	{CONDITION "threading.py!Condition.wait_for:390" APP_Q, "threading.Condition.wait_for",
	 true},
	/* The condition's lock itself is one for all. */
	{"threading.py!__enter__:247" APP, "threading.Condition's lock", false},
	{"threading.py!Condition.__enter__:304" APP_Q, "threading.Condition's lock", false},
	{"threading.py!__enter__:247 < queue.py!put:132" APP, "queue.Queue.put", false},
	{"threading.py!Condition.__enter__:304 < threading.py!Event.wait:651" APP_Q,
	 "threading.Event.wait", false},
	/* taken again after the wait */
	{"threading.py!_acquire_restore:259 < threading.py!wait:315 < queue.py!get:170" APP,
	 "queue.Queue.get", false},
	{"threading.py!wait:302 < threading.py!wait:558" APP, "threading.Event.wait", true},
	{CONDITION "threading.py!Event.wait:655" APP_Q, "threading.Event.wait", true},
	{"threading.py!wait:302 < queue.py!get:170" APP, "queue.Queue.get", true},
	{CONDITION "queue.py!Queue.get:171" APP_Q, "queue.Queue.get", true},
	{"threading.py!wait:302 < queue.py!put:139" APP, "queue.Queue.put", true},
	{CONDITION "queue.py!Queue.put:140" APP_Q, "queue.Queue.put", true},
	{CONDITION "queue.py!Queue.join:90" APP_Q, "queue.Queue.join", true},
	{"threading.py!wait:302 < threading.py!acquire:433" APP, "threading.Semaphore", true},
	{CONDITION "threading.py!Semaphore.acquire:507" APP_Q, "threading.Semaphore", true},
	{"threading.py!wait:302 < threading.py!wait_for:337 < threading.py!_wait:654 < "
	 "threading.py!wait:619" APP,
	 "threading.Barrier.wait", true},
	{CONDITION "threading.py!Condition.wait_for:390 < threading.py!Barrier._wait:758 < "
		   "threading.py!Barrier.wait:723" APP_Q,
	 "threading.Barrier.wait", true},
	/* until the barrier's last round has left it */
	{"threading.py!wait:302 < threading.py!_enter:631 < threading.py!wait:610" APP,
	 "threading.Barrier.wait", true},
	{CONDITION "threading.py!Barrier._enter:735 < threading.py!Barrier.wait:714" APP_Q,
	 "threading.Barrier.wait", true},
	{"threading.py!_wait_for_tstate_lock:1027 < threading.py!join:1011" APP,
	 "threading.Thread.join", true},
	{"threading.py!Thread._wait_for_tstate_lock:1167 < threading.py!Thread.join:1147" APP_Q,
	 "threading.Thread.join", true},
	{"threading.py!Thread.join:1092" APP_Q, "threading.Thread.join", true}, /* 3.13 */
	{"threading.py!_shutdown:1594", "threading.Thread.join", true},
	{"threading.py!wait:302 < concurrent/futures/_base.py!result:439" APP, "Future.result",
	 true},
	{CONDITION "concurrent/futures/_base.py!Future.result:451" APP_Q, "Future.result", true},
	{CONDITION "concurrent/futures/_base.py!Future.exception:487" APP_Q, "Future.result", true},
	{"threading.py!wait:302 < threading.py!wait:558 < concurrent/futures/_base.py!wait:305" APP,
	 "concurrent.futures.wait", true},
	{EVENT "concurrent/futures/_base.py!wait:305" APP_Q, "concurrent.futures.wait", true},
	{EVENT "concurrent/futures/_base.py!as_completed:243" APP_Q,
	 "concurrent.futures.as_completed", true},
	{"threading.py!wait:302 < concurrent/futures/_base.py!result:439 < "
	 "concurrent/futures/_base.py!result_iterator:619" APP,
	 "Executor.map", true},
	{CONDITION "concurrent/futures/_base.py!Future.result:451 < "
		   "concurrent/futures/_base.py!_result_or_cancel:317 < "
		   "concurrent/futures/_base.py!Executor.map.<locals>.result_iterator:619" APP_Q,
	 "Executor.map", true},
	{"threading.py!Thread._wait_for_tstate_lock:1167 < threading.py!Thread.join:1147 < "
	 "concurrent/futures/thread.py!ThreadPoolExecutor.shutdown:238 < "
	 "concurrent/futures/_base.py!Executor.__exit__:647" APP_Q,
	 "Executor.shutdown", true},
	/* A worker that is idle waits in a queue of C. */
	{"concurrent/futures/thread.py!_worker:78 < threading.py!run:870",
	 "ThreadPoolExecutor's queue", false},
	{"concurrent/futures/thread.py!_worker:90 < threading.py!Thread.run:1010",
	 "ThreadPoolExecutor's queue", false},
	/* One that works waits as its job does. */
	{EVENT
	 "/srv/app.py!m.<locals>.<lambda>:17 < concurrent/futures/thread.py!_WorkItem.run:58 < "
	 "concurrent/futures/thread.py!_worker:92",
	 "threading.Event.wait", true},
	{EVENT "multiprocessing/pool.py!ApplyResult.wait:765 < "
	       "multiprocessing/pool.py!ApplyResult.get:768 < "
	       "multiprocessing/pool.py!Pool.apply:360" APP_Q,
	 "AsyncResult.get", true},
	{"multiprocessing/synchronize.py!SemLock.__enter__:95 < "
	 "multiprocessing/queues.py!Queue.get:102" APP_Q,
	 "multiprocessing.Queue.get", false},
	{"multiprocessing/synchronize.py!__enter__:95" APP, "multiprocessing.Lock", false},
	/* Functions of the same names that are the program's. */
	{"/srv/threading.py!wait:302" APP, NULL, false},
	{"/srv/queue.py!get:170" APP, NULL, false},
	{"threading.py!wait:302 < /usr/lib/python3.11/site-packages/queue.py!get:170",
	 "threading.Condition.wait", true},
	{"/srv/app.py!run:1 < queue.py!get:170", NULL, false},
	/* C between the wait and the program's code changes nothing. */
	{"libc!sem_wait < python!PyThread_acquire_lock_timed < threading.py!wait:302 < "
	 "python!_PyObject_Call < queue.py!get:170" APP,
	 "queue.Queue.get", true},
	{"libc!sem_wait < python!PyThread_acquire_lock_timed < _queue!get < "
	 "concurrent/futures/thread.py!_worker:78",
	 "ThreadPoolExecutor's queue", false},
	{"libc!sem_wait < app!main", NULL, false},
};

START_TEST(what_a_trace_waits_for)
{
	struct snap_builder *b = build_new(1, 1);
	uint32_t i = build_trace(b, "/usr/lib/python3.11", waits[_i].trace);
	const struct snap_stack *stack = &build_finish(b)->stacks[i];
	const char *got = python_primitive(stack);

	ck_assert_msg(!got == !waits[_i].primitive && (!got || !strcmp(got, waits[_i].primitive)),
		      "%s: %s", waits[_i].trace, got ? got : "(nothing)");
	ck_assert_msg(python_lock_per_waiter(stack) == waits[_i].per_waiter, "%s", waits[_i].trace);
	build_free(b);
}
END_TEST

START_TEST(no_frames_tell_nothing)
{
	const struct snap_stack stack = {0};

	ck_assert_ptr_null(python_primitive(&stack));
	ck_assert(!python_lock_per_waiter(&stack));
}
END_TEST

Suite *model_python_site_suite(void)
{
	Suite *s = suite_create("model_python_site");
	TCase *tc = tcase_create("site");

	tcase_add_loop_test(tc, which_files_wait, 0, ARRAY_LEN(files));
	tcase_add_test(tc, which_modules_interpret);
	tcase_add_loop_test(tc, what_a_trace_waits_for, 0, ARRAY_LEN(waits));
	tcase_add_test(tc, no_frames_tell_nothing);
	suite_add_tcase(s, tc);
	return s;
}
