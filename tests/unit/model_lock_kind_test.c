// SPDX-License-Identifier: GPL-2.0-only
#include "model/lock_kind.h"

#include "base/num.h"
#include "tests/unit/suites.h"

struct judged {
	const char *what;
	struct lock_evidence evidence;
	enum lock_kind kind;
	bool is_lock;
};

#define OP(op) .op_waits = {[op] = 100}

/* Signatures as strace shows them (glibc 2.36), 100 waits each. */
static const struct judged table[] = {
	{"nothing known", {.waits = 100, OP(FUTEX_OP_WAIT)}, LOCK_FUTEX, false},
	{"mutex with its owner",
	 {.waits = 100, OP(FUTEX_OP_WAIT), .owner_known = 50, .value_waits = {[2] = 100}},
	 LOCK_MUTEX,
	 true},
	{"owner seldom there",
	 {.waits = 100, OP(FUTEX_OP_WAIT), .owner_known = 49, .value_waits = {[2] = 100}},
	 LOCK_FUTEX,
	 false},
	{"InnoDB's mutex: no owner, woken by contenders",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT),
	  .value_waits = {[2] = 100},
	  .handed_over = 80,
	  .contender_wakes = 40},
	 LOCK_MUTEX,
	 true},
	{"the same, woken by others",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT),
	  .value_waits = {[2] = 100},
	  .handed_over = 80,
	  .contender_wakes = 39},
	 LOCK_FUTEX,
	 false},
	{"the same, never handed over",
	 {.waits = 100, OP(FUTEX_OP_WAIT), .value_waits = {[2] = 100}},
	 LOCK_FUTEX,
	 false},
	{"barrier by op and value alone",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT),
	  .value_waits = {[1] = 100},
	  .handed_over = 100,
	  .contender_wakes = 100},
	 LOCK_FUTEX,
	 false},
	{"PI mutex", {.waits = 100, OP(FUTEX_OP_LOCK_PI)}, LOCK_PI_MUTEX, true},
	{"kernel", {.waits = 100, OP(FUTEX_OP_KERNEL)}, LOCK_KERNEL, true},
	{"rwlock",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .value_waits = {[2] = 40, [3] = 60},
	  .handed_over = 100,
	  .contender_wakes = 90},
	 LOCK_RWLOCK,
	 true},
	{"Rust's mutex or a rwlock's writers",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .value_waits = {[2] = 100},
	  .handed_over = 100,
	  .contender_wakes = 90},
	 LOCK_FUTEX,
	 true},
	{"condvar or semaphore",
	 {.waits = 100, OP(FUTEX_OP_WAIT_BITSET), .value_waits = {[0] = 100}, .handed_over = 100},
	 LOCK_FUTEX,
	 false},
	{"shared semaphore",
	 {.shared = true, .waits = 100, OP(FUTEX_OP_WAIT_BITSET), .value_waits = {[0] = 100}},
	 LOCK_SHARED_SEMAPHORE,
	 false},
	{"join",
	 {.waits = 1, .op_waits = {[FUTEX_OP_WAIT_BITSET] = 1}, .join_waits = 1},
	 LOCK_JOIN,
	 false},
	{"join, the exit's wake seen as a hand-over",
	 {.waits = 1, .op_waits = {[FUTEX_OP_WAIT_BITSET] = 1}, .join_waits = 1, .handed_over = 1},
	 LOCK_JOIN,
	 false},
	{"not all wait for a tid",
	 {.waits = 2, .op_waits = {[FUTEX_OP_WAIT_BITSET] = 2}, .join_waits = 1},
	 LOCK_FUTEX,
	 false},
	{"rwlock whose writer was read as an owner",
	 {.waits = 100, OP(FUTEX_OP_WAIT_BITSET), .owner_known = 60, .value_waits = {[3] = 100}},
	 LOCK_RWLOCK,
	 true},
	{"function names before the owner word",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .owner_known = 100,
	  .site_waits = {[LOCK_CONDVAR] = 3}},
	 LOCK_CONDVAR,
	 false},
	{"most call sites decide",
	 {.waits = 100, OP(FUTEX_OP_WAIT), .site_waits = {[LOCK_CONDVAR] = 3, [LOCK_MUTEX] = 97}},
	 LOCK_MUTEX,
	 true},
	{"semaphore in a file",
	 {.shared = true,
	  .waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .site_waits = {[LOCK_SEMAPHORE] = 9}},
	 LOCK_SHARED_SEMAPHORE,
	 false},
	{"barrier by name",
	 {.waits = 100, OP(FUTEX_OP_WAIT), .site_waits = {[LOCK_BARRIER] = 9}},
	 LOCK_BARRIER,
	 false},
	{"requeue to a PI mutex", {.waits = 9, OP(FUTEX_OP_REQUEUE_PI)}, LOCK_CONDVAR, false},
	{"a GIL", {.in_python = true, .waits = 100, OP(FUTEX_OP_WAIT_BITSET)}, LOCK_GIL, true},
	{"what the kernel waits for in the runtime",
	 {.in_python = true, .waits = 100, OP(FUTEX_OP_KERNEL)},
	 LOCK_KERNEL,
	 true},
	{"a mutex in the runtime",
	 {.in_python = true, .waits = 100, OP(FUTEX_OP_WAIT), .owner_known = 100},
	 LOCK_MUTEX,
	 true},
	{"a lock of Python, let go of by its waiters",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .handed_over = 100,
	  .contender_wakes = 50,
	  .site_waits = {[LOCK_PYTHON] = 100}},
	 LOCK_PYTHON,
	 true},
	{"a queue's, by others",
	 {.waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .handed_over = 100,
	  .contender_wakes = 49,
	  .site_waits = {[LOCK_PYTHON] = 100}},
	 LOCK_PYTHON,
	 false},
	{"made for one waiter: never a lock",
	 {.per_waiter = true,
	  .waits = 100,
	  OP(FUTEX_OP_WAIT_BITSET),
	  .handed_over = 100,
	  .contender_wakes = 100,
	  .site_waits = {[LOCK_PYTHON] = 100}},
	 LOCK_PYTHON,
	 false},
	{"no waits at all", {.waits = 0}, LOCK_FUTEX, false},
};

START_TEST(evidence_decides)
{
	const struct judged *row = &table[_i];
	struct lock_judgement got = lock_judge(&row->evidence);

	ck_assert_msg(got.kind == row->kind && got.is_lock == row->is_lock, "%s: %s%s", row->what,
		      lock_kind_name(got.kind), got.is_lock ? ", lock" : "");
}
END_TEST

struct site {
	const char *names[9];
	enum lock_kind kind;
};

/* Innermost first, as gdb prints the backtraces of glibc 2.36, CPython 3.11, JDK 17, Rust 1.75 and
 * 1.95, Go 1.19. */
static const struct site sites[] = {
	{{"__lll_lock_wait", "___pthread_mutex_lock", "main"}, LOCK_MUTEX},
	{{"__lll_lock_wait_private", "arena_get2", "malloc"}, LOCK_MUTEX},
	{{"__futex_abstimed_wait_common", "___pthread_cond_wait", "worker"}, LOCK_CONDVAR},
	{{"__lll_lock_wait", "__pthread_mutex_cond_lock", "___pthread_cond_wait"}, LOCK_MUTEX},
	{{"pthread_cond_timedwait@@GLIBC_2.3.2", "worker"}, LOCK_CONDVAR},
	{{"__futex_abstimed_wait_common", "__new_sem_wait_slow64.constprop.0", "worker"},
	 LOCK_SEMAPHORE},
	{{"__futex_abstimed_wait_common", "___pthread_rwlock_wrlock", "set"}, LOCK_RWLOCK},
	{{"__pthread_barrier_wait", "stage"}, LOCK_BARRIER},
	{{"__futex_abstimed_wait_common", "__pthread_clockjoin_ex", "main"}, LOCK_JOIN},
	{{"__GI___pthread_mutex_lock", "f"}, LOCK_MUTEX},
	{{"sem_waiter", "sem_wait_all_done", "pthread_conduct"}, LOCK_KIND_COUNT},
	{{"f", "g", "h", "pthread_mutex_lock"}, LOCK_KIND_COUNT}, /* too far out */
	{{"", "", ""}, LOCK_KIND_COUNT},
	{{NULL}, LOCK_KIND_COUNT},
	{{"__futex_abstimed_wait_common", "___pthread_cond_timedwait", "take_gil",
	  "PyEval_RestoreThread"},
	 LOCK_GIL},
	{{"__futex_abstimed_wait_common", "__new_sem_wait_slow64", "PyThread_acquire_lock_timed"},
	 LOCK_PYTHON},
	{{"__futex_abstimed_wait_common", "___pthread_cond_wait", "os::PlatformEvent::park",
	  "ObjectMonitor::EnterI", "ObjectMonitor::enter"},
	 LOCK_MUTEX},
	{{"syscall", "std::sys::unix::locks::futex_mutex::Mutex::lock_contended", "f"}, LOCK_MUTEX},
	{{"syscall", "parking_lot::raw_mutex::RawMutex::lock_slow", "f"}, LOCK_MUTEX},
	{{"__futex_abstimed_wait_common", "___pthread_cond_wait", "os::PlatformEvent::park",
	  "ObjectMonitor::ReenterI", "ObjectMonitor::wait"},
	 LOCK_MUTEX},
	{{"__futex_abstimed_wait_common", "___pthread_cond_wait", "Parker::park", "Unsafe_Park"},
	 LOCK_CONDVAR},
	{{"__pthread_once_slow", "std::call_once<void (&)()>", "f"}, LOCK_MUTEX},
	{{"pthread_once", "f"}, LOCK_MUTEX},
	{{"pthread_onceover", "f"}, LOCK_KIND_COUNT},
	{{"syscall", "__cxa_guard_acquire", "f"}, LOCK_MUTEX},
	{{"syscall", "std::sys::pal::unix::futex::futex_wait",
	  "<std::sys::sync::once::futex::Once>::call", "f"},
	 LOCK_MUTEX},
	{{"syscall", "std::sys::pal::unix::futex::futex_wait",
	  "<std::sys::sync::thread_parking::futex::Parker>::park", "f"},
	 LOCK_FUTEX},
	{{"syscall", "std::sys::pal::unix::futex::futex_wait",
	  "<std::sys::sync::condvar::futex::Condvar>::wait", "std::sync::poison::condvar::wait",
	  "<std::sync::barrier::Barrier>::wait"},
	 LOCK_BARRIER},
	{{"runtime.futex.abi0", "runtime.futexsleep", "runtime.notesleep", "runtime.mPark",
	  "runtime.stopm"},
	 LOCK_FUTEX},
	{{"runtime.futex.abi0", "runtime.futexsleep", "runtime.lock2", "runtime.lock"}, LOCK_MUTEX},
	{{"syscall", "example.com/runtime.lock2"}, LOCK_KIND_COUNT},
};

START_TEST(function_names_decide)
{
	const struct site *site = &sites[_i];
	size_t len = 0;

	while (site->names[len])
		len++;
	ck_assert_msg(lock_kind_of_site(site->names, len) == site->kind, "%s",
		      len ? site->names[0] : "no frame");
}
END_TEST

START_TEST(time_class_follows)
{
	ck_assert_int_eq(lock_time_class((struct lock_judgement){LOCK_MUTEX, true}), CLASS_LOCK);
	ck_assert_int_eq(lock_time_class((struct lock_judgement){LOCK_FUTEX, true}), CLASS_LOCK);
	ck_assert_int_eq(lock_time_class((struct lock_judgement){LOCK_GIL, true}), CLASS_GIL);
	ck_assert_int_eq(lock_time_class((struct lock_judgement){LOCK_CONDVAR, false}),
			 CLASS_COUNT);
}
END_TEST

Suite *model_lock_kind_suite(void)
{
	Suite *s = suite_create("model_lock_kind");
	TCase *tc = tcase_create("lock_kind");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, evidence_decides, 0, ARRAY_LEN(table));
	tcase_add_loop_test(tc, function_names_decide, 0, ARRAY_LEN(sites));
	tcase_add_test(tc, time_class_follows);
	suite_add_tcase(s, tc);
	return s;
}
