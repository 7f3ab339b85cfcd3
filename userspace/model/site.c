// SPDX-License-Identifier: GPL-2.0-only
#include "model/site.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "model/python_site.h"

#include <inttypes.h>
#include <string.h>

/*
 * Starts of module names in which every program waits: a frame there says how, not why.  Both the
 * names since glibc 2.34 and the older ones with a version inside ("libc-2.31.so"), and musl's.
 */
static const char *const runtime_modules[] = {
	"libc.so",	 "libc-2.",	      "libpthread.so", "libpthread-2.", "ld-linux",
	"_queue.",	 "_multiprocessing.", "_socket.",      "_ssl.",		"select.",
	"_asyncio.",	 "loop.cpython",      "ld-2.",	       "ld-musl",	"libc.musl",
	"libc-musl",	 "libstdc++.so",      "libc++.so",     "libc++abi.",	"[vdso]",
	"linux-vdso.so",
};

/* The same of Java's virtual machine; threads of its own have no other frames. */
static const char *const machine_modules[] = {"libjvm.so", "libjava.so", "libjli.so"};

/*
 * Starts of the names of functions that runtimes put into the program itself: inlined from headers,
 * or linked in whole, as Rust's and Go's are.
 */
static const char *const runtime_functions[] = {
	"std::",
	"__gnu_cxx::",
	"__gthread_",
	"core::",
	"alloc::",
	"<std::",
	"<core::",
	"<alloc::",
	"lock_api::",
	"parking_lot::",
	"parking_lot_core::",
	"sync.",
	"runtime.",
	"runtime/",
	"internal/runtime/",
	"syscall.",
};

static bool starts_with_any(const char *text, const char *const *starts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!strncmp(text, starts[i], strlen(starts[i])))
			return true;
	}
	return false;
}

bool site_in_runtime(const char *module, const char *name)
{
	module = text_base_name(module);
	return python_interpreter(module) ||
	       starts_with_any(name, runtime_functions, ARRAY_LEN(runtime_functions)) ||
	       starts_with_any(module, runtime_modules, ARRAY_LEN(runtime_modules)) ||
	       starts_with_any(module, machine_modules, ARRAY_LEN(machine_modules));
}

static bool is_runtime(const struct snap_frame *frame)
{
	if (frame->python)
		return python_waits_there(frame->file);
	return frame->kernel || site_in_runtime(frame->module, frame->name);
}

void snap_frame_text(struct strbuf *sb, const struct snap_frame *frame)
{
	if (*frame->name)
		strbuf_puts(sb, frame->name);
	else if (frame->python)
		strbuf_puts(sb, "(unread Python code)");
	else if (*frame->module)
		strbuf_printf(sb, "%s+0x%" PRIx64, text_base_name(frame->module), frame->offset);
	else
		strbuf_printf(sb, "0x%" PRIx64, frame->ip);
}

void snap_frame_line_text(struct strbuf *sb, const struct snap_frame *frame)
{
	snap_frame_text(sb, frame);
	if (*frame->file && frame->line)
		strbuf_printf(sb, " (%s:%" PRIu32 ")", text_base_name(frame->file), frame->line);
}

/* The first frame from @from on that is the program's own; @stack->frames_len when none is. */
static uint32_t find_own(const struct snap_stack *stack, uint32_t from)
{
	while (from < stack->frames_len && is_runtime(&stack->frames[from]))
		from++;
	return from;
}

/* Where no frame is the program's own: the innermost of Python, of a virtual machine, of all. */
static uint32_t innermost(const struct snap_stack *stack)
{
	for (uint32_t i = 0; i < stack->frames_len; i++)
		if (stack->frames[i].python)
			return i;
	for (uint32_t i = 0; i < stack->frames_len; i++)
		if (starts_with_any(text_base_name(stack->frames[i].module), machine_modules,
				    ARRAY_LEN(machine_modules)))
			return i;
	return 0;
}

const struct snap_frame *snap_site_frame(const struct snapshot *snap, uint32_t stack)
{
	const struct snap_stack *found;
	uint32_t own;

	if (stack >= snap->stacks_len || snap->stacks[stack].frames_len == 0)
		return NULL;
	found = &snap->stacks[stack];
	own = find_own(found, 0);
	return &found->frames[own < found->frames_len ? own : innermost(found)];
}

const struct snap_frame *snap_site_caller(const struct snap_stack *stack,
					  const struct snap_frame *site)
{
	uint32_t caller = find_own(stack, (uint32_t)(site - stack->frames) + 1);

	return caller < stack->frames_len ? &stack->frames[caller] : NULL;
}

typedef void frame_text(struct strbuf *sb, const struct snap_frame *frame);

static void call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack,
		      frame_text *text)
{
	const struct snap_frame *site = snap_site_frame(snap, stack);
	const struct snap_frame *caller;

	if (!site) {
		strbuf_puts(sb, "(stack unknown)");
		return;
	}
	text(sb, site);
	caller = snap_site_caller(&snap->stacks[stack], site);
	if (caller) {
		strbuf_puts(sb, " < ");
		text(sb, caller);
	}
}

/* A line of Python says what an offset cannot: "count:27". */
static void short_text(struct strbuf *sb, const struct snap_frame *frame)
{
	snap_frame_text(sb, frame);
	if (frame->python && frame->line)
		strbuf_printf(sb, ":%" PRIu32, frame->line);
}

void snap_call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	call_site(sb, snap, stack, short_text);
}

void snap_call_site_lines(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	call_site(sb, snap, stack, snap_frame_line_text);
}

void snap_thread_text(struct strbuf *sb, const struct snapshot *snap, uint32_t thread)
{
	const struct snap_thread *named;
	unsigned same = 0;

	if (thread >= snap->threads_len) {
		strbuf_puts(sb, "unknown");
		return;
	}
	named = &snap->threads[thread];
	for (uint32_t i = 0; i < snap->threads_len && same < 2; i++)
		same += !strcmp(snap->threads[i].name, named->name);
	strbuf_puts(sb, named->name);
	if (same > 1 || !*named->name)
		strbuf_printf(sb, "%s(%" PRIu32 ")", *named->name ? " " : "", named->tid);
}
