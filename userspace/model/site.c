// SPDX-License-Identifier: GPL-2.0-only
#include "model/site.h"

#include "base/num.h"
#include "base/strbuf.h"

#include <inttypes.h>
#include <string.h>

/*
 * Starts of module names in which every program waits: a frame there says how, not why.  Both the
 * names since glibc 2.34 and the older ones with a version inside ("libc-2.31.so"), and musl's.
 */
static const char *const runtime_modules[] = {
	"libc.so",   "libc-2.",	   "libpthread.so", "libpthread-2.", "ld-linux",
	"ld-2.",     "ld-musl",	   "libc.musl",	    "libc-musl",     "libstdc++.so",
	"libc++.so", "libc++abi.", "[vdso]",	    "linux-vdso.so",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool is_runtime(const struct snap_frame *frame)
{
	const char *module = base_name(frame->module);

	if (frame->kernel)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(runtime_modules); i++) {
		if (!strncmp(module, runtime_modules[i], strlen(runtime_modules[i])))
			return true;
	}
	return false;
}

void snap_frame_text(struct strbuf *sb, const struct snap_frame *frame)
{
	if (*frame->name)
		strbuf_puts(sb, frame->name);
	else if (*frame->module)
		strbuf_printf(sb, "%s+0x%" PRIx64, base_name(frame->module), frame->offset);
	else
		strbuf_printf(sb, "0x%" PRIx64, frame->ip);
}

/* The first frame from @from on that is the program's own; @stack->frames_len when none is. */
static uint32_t find_own(const struct snap_stack *stack, uint32_t from)
{
	while (from < stack->frames_len && is_runtime(&stack->frames[from]))
		from++;
	return from;
}

const struct snap_frame *snap_site_frame(const struct snapshot *snap, uint32_t stack)
{
	const struct snap_stack *found;
	uint32_t own;

	if (stack >= snap->stacks_len || snap->stacks[stack].frames_len == 0)
		return NULL;
	found = &snap->stacks[stack];
	own = find_own(found, 0);
	return &found->frames[own < found->frames_len ? own : 0];
}

void snap_call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	const struct snap_frame *site = snap_site_frame(snap, stack);
	const struct snap_stack *found;
	uint32_t caller;

	if (!site) {
		strbuf_puts(sb, "(stack unknown)");
		return;
	}
	found = &snap->stacks[stack];
	snap_frame_text(sb, site);
	caller = find_own(found, (uint32_t)(site - found->frames) + 1);
	if (caller < found->frames_len) {
		strbuf_puts(sb, " < ");
		snap_frame_text(sb, &found->frames[caller]);
	}
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
