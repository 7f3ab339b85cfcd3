/* SPDX-License-Identifier: GPL-2.0-only */
/* How frames, call sites and threads of a snapshot are written, everywhere the same.  All append.
 */
#ifndef MODEL_SITE_H
#define MODEL_SITE_H

#include <stdbool.h>

#include "model/snapshot.h"

struct strbuf;

/* "cache_update"; unresolved "libc.so.6+0x8f12"; without a module "0x7f..". */
void snap_frame_text(struct strbuf *sb, const struct snap_frame *frame);

/* snap_frame_text() and, where it is known, the line: "cache_update (cache.c:42)". */
void snap_frame_line_text(struct strbuf *sb, const struct snap_frame *frame);

/* Whether code of this name in @module, as of a frame's, only says how a thread waits. */
bool site_in_runtime(const char *module, const char *name);

/*
 * The frame of @stack (an index or SNAP_NONE) that says whose code waits: the innermost one outside
 * the kernel and the runtimes (libc, libpthread, ld.so, libstdc++; of C++, Rust and Go also what is
 * compiled into the program), or the innermost of
 * all when there is no such; NULL without a frame.  Points into @snap.
 */
const struct snap_frame *snap_site_frame(const struct snapshot *snap, uint32_t stack);

/* Of @site, a frame of @stack: its caller outside these libraries; NULL = none. */
const struct snap_frame *snap_site_caller(const struct snap_stack *stack,
					  const struct snap_frame *site);

/* snap_site_frame() with its caller outside these libraries, "a < b"; "(stack unknown)" without
 * one. */
void snap_call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack);

/* The same with lines, where they are known: "a (x.c:12) < b (y.c:34)". */
void snap_call_site_lines(struct strbuf *sb, const struct snapshot *snap, uint32_t stack);

/* "worker-1"; "worker-1 (4711)" where another thread has that name too; "(4711)" without a name;
 * "unknown" for SNAP_NONE. */
void snap_thread_text(struct strbuf *sb, const struct snapshot *snap, uint32_t thread);

#endif
