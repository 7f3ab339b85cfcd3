// SPDX-License-Identifier: GPL-2.0-only
#include "model/native_site.h"

#include "base/num.h"
#include "tests/unit/suites.h"

#include <string.h>

struct seen {
	const char *module;
	const char *names[8]; /* innermost first */
	const char *what;     /* NULL = nothing beyond the kind */
	bool idle;
};

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define JVM "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so"
#define PROG "/srv/prog"

/* As gdb shows threads of programs that do only that. */
static const struct seen table[] = {
	{PROG, {"__pthread_once_slow", "std::call_once<void (&)()>", "f"}, "call_once", false},
	{PROG, {"pthread_mutex_lock", "f"}, NULL, false},
	{PROG, {"f", "g"}, NULL, false},
	{PROG, {NULL}, NULL, false},
	{PROG,
	 {"runtime.futex.abi0", "runtime.futexsleep", "runtime.notesleep", "runtime.mPark",
	  "runtime.stopm", "runtime.findRunnable"},
	 "idle worker of the Go runtime",
	 true},
	{PROG,
	 {"runtime.futex.abi0", "runtime.futexsleep", "runtime.lock2", "runtime.sysmon"},
	 "lock of the Go runtime",
	 false},
	{PROG,
	 {"runtime.futex.abi0", "runtime.futexsleep", "runtime.notetsleep_internal",
	  "runtime.notetsleep", "runtime.sysmon"},
	 "idle monitor thread of the Go runtime",
	 true},
	{JVM,
	 {"os::PlatformMonitor::wait", "Monitor::wait", "CompileQueue::get"},
	 "idle compiler thread of the JVM",
	 true},
	{JVM,
	 {"os::PlatformEvent::park", "ObjectMonitor::EnterI", "ObjectMonitor::enter"},
	 "Java monitor",
	 false},
	{JVM, {"os::PlatformEvent::park", "ObjectMonitor::wait"}, "Object.wait", false},
	{JVM,
	 {"pthread_mutex_lock", "Mutex::lock_contended", "CompileQueue::get"},
	 NULL,
	 false}, /* a lock, though of a thread that may be idle */
	{PROG, {"os::PlatformMonitor::wait", "CompileQueue::get"}, NULL, false},
	{PROG,
	 {"syscall", "<std::sys::sync::once::futex::Once>::call",
	  "std::sync::once::Once::call_once"},
	 "Once",
	 false},
	{PROG,
	 {"syscall", "std::sys::unix::thread_parker::futex::Parker::park", "std::thread::park",
	  "std::sync::once::wait", "std::sync::once::Once::call_inner"},
	 "Once",
	 false}, /* 1.63 */
	{PROG,
	 {"syscall", "<std::sys::sync::thread_parking::futex::Parker>::park",
	  "<std::thread::thread::Thread>::park", "std::thread::functions::park"},
	 "thread::park",
	 false},
};

START_TEST(names_tell_what_is_waited_for)
{
	const struct seen *seen = &table[_i];
	struct snap_frame frames[10] = {{0}};
	struct snap_stack stack = {.frames = frames};
	const struct native_wait *wait;

	/* The kernel's frames come first, and say nothing. */
	frames[0] =
		(struct snap_frame){.name = "runtime.stopm", .module = "[kernel]", .kernel = true};
	for (stack.frames_len = 1; seen->names[stack.frames_len - 1]; stack.frames_len++)
		frames[stack.frames_len] = (struct snap_frame){
			.name = seen->names[stack.frames_len - 1],
			.module = stack.frames_len == 1 ? LIBC : seen->module,
			.file = "",
		};
	wait = native_wait_of(&stack);
	if (!seen->what) {
		ck_assert_ptr_null(wait);
		return;
	}
	ck_assert_ptr_nonnull(wait);
	ck_assert_str_eq(wait->what, seen->what);
	ck_assert_int_eq(wait->idle, seen->idle);
}
END_TEST

Suite *model_native_site_suite(void)
{
	Suite *s = suite_create("model/native_site");
	TCase *tc = tcase_create("native_site");

	tcase_add_loop_test(tc, names_tell_what_is_waited_for, 0, ARRAY_LEN(table));
	suite_add_tcase(s, tc);
	return s;
}
