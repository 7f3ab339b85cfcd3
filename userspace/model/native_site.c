// SPDX-License-Identifier: GPL-2.0-only
#include "model/native_site.h"

#include <string.h>

#include "base/num.h"
#include "base/text.h"

/* User frames from the innermost one on that are looked at. */
#define FRAMES_MAX 10

struct wait_row {
	const char *module; /* start of its file's name, NULL = any */
	const char *start;  /* of the function's name; NULL: .. */
	const char *part;   /* .. part of it */
	struct native_wait wait;
};

#define GO_IDLE "idle worker of the Go runtime"
#define JVM_IDLE "idle thread of the JVM"

/*
 * The first row that the innermost frame matches; then the next frame.  Names of JDK 11 to 21, Go
 * 1.18 to 1.25, Rust 1.63 to 1.95, glibc, libstdc++.  The JVM's are looked for in its library
 * alone: other programs have classes with such names.
 */
static const struct wait_row rows[] = {
	{NULL, "__pthread_once", NULL, {"call_once", false}},
	{NULL, "pthread_once", NULL, {"call_once", false}},
	{NULL, "__cxa_guard_acquire", NULL, {"initialisation of a static variable", false}},
	{NULL, NULL, "::once::futex::Once", {"Once", false}},
	{NULL, NULL, "::once::queue::", {"Once", false}},
	{NULL, NULL, "parking_lot::once::Once::", {"Once", false}},
	{NULL, NULL, "sync::once::Once::call_inner", {"Once", false}},
	{NULL, NULL, "std::sync::mpmc::", {"channel", false}},
	{NULL, "runtime.lock2", NULL, {"lock of the Go runtime", false}},
	{NULL, "runtime.stopm", NULL, {GO_IDLE, true}},
	{NULL, "runtime.gcstopm", NULL, {GO_IDLE, true}},
	{NULL, "runtime.templateThread", NULL, {GO_IDLE, true}},
	{NULL, "runtime.sysmon", NULL, {"idle monitor thread of the Go runtime", true}},
	{NULL, "runtime.stoplockedm", NULL, {"thread of a locked goroutine in Go", false}},
	{NULL, "runtime.notetsleepg", NULL, {"wait for signals or timers in Go", false}},
	{NULL, "runtime.stopTheWorld", NULL, {"stop of all goroutines in Go", false}},
	{"libjvm.so", "CompileQueue::get", NULL, {"idle compiler thread of the JVM", true}},
	{"libjvm.so", "GangWorker::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "AbstractGangWorker::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "WorkerThread::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "G1ConcurrentRefineThread::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "G1ConcurrentMarkThread::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "G1ServiceThread::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "G1YoungRemSetSamplingThread::", NULL, {"idle GC thread of the JVM", true}},
	{"libjvm.so", "VMThread::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "NMethodSweeper::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "ServiceThread::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "NotificationThread::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "MonitorDeflationThread::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "WatcherThread::", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "JVM_WaitForReferencePendingList", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "os::signal_wait", NULL, {JVM_IDLE, true}},
	{"libjvm.so", "ObjectMonitor::wait", NULL, {"Object.wait", false}},
	{"libjvm.so", "ObjectMonitor::", NULL, {"Java monitor", false}},
	{"libjvm.so", "Parker::park", NULL, {"LockSupport.park", false}},
	{"libjvm.so", "JavaThread::sleep", NULL, {"Thread.sleep", false}},
};

/* Where none matches: what others are built of. */
static const struct wait_row park_rows[] = {
	{NULL, NULL, "std::thread::park", {"thread::park", false}},
	{NULL, NULL, "std::thread::functions::park", {"thread::park", false}},
};

static bool matches(const struct wait_row *row, const struct snap_frame *frame)
{
	if (row->module &&
	    strncmp(text_base_name(frame->module), row->module, strlen(row->module)) != 0)
		return false;
	return row->start ? strncmp(frame->name, row->start, strlen(row->start)) == 0
			  : strstr(frame->name, row->part) != NULL;
}

/* Not idle, whatever it is that the thread does otherwise: it waits for a lock of the VM. */
static bool takes_mutex(const struct snap_frame *frame)
{
	return !strncmp(text_base_name(frame->module), "libjvm.so", 9) &&
	       strstr(frame->name, "Mutex::lock") != NULL;
}

static const struct native_wait *find(const struct wait_row *table, size_t len,
				      const struct snap_stack *stack)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < stack->frames_len && seen < FRAMES_MAX; i++) {
		const struct snap_frame *frame = &stack->frames[i];

		if (frame->kernel || frame->python)
			continue;
		if (takes_mutex(frame))
			return NULL;
		for (size_t k = 0; k < len; k++)
			if (matches(&table[k], frame))
				return &table[k].wait;
		seen += !frame->inlined;
	}
	return NULL;
}

const struct native_wait *native_wait_of(const struct snap_stack *stack)
{
	const struct native_wait *wait = find(rows, ARRAY_LEN(rows), stack);

	return wait ? wait : find(park_rows, ARRAY_LEN(park_rows), stack);
}
