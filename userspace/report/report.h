/* SPDX-License-Identifier: GPL-2.0-only */
/* A report: the snapshot and what was found in it.  The one thing that renderers and views take. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "analysis/analysis.h"
#include "model/snapshot.h"

struct report {
	const struct snapshot *snap;   /* borrowed */
	const struct verdict *verdict; /* borrowed */
	/* Own cost as a share of one CPU: the collector's and the BPF side's. */
	double self_cpu_ratio;
	double self_bpf_ratio;
	double bpf_ns_per_event;
};

struct report report_make(const struct snapshot *snap, const struct verdict *verdict);

/* "cache_update", "libc.so.6+0x8f12", "0x7f.." : how a frame is written everywhere.  Appends. */
void report_frame(struct strbuf *sb, const struct snap_frame *frame);
/*
 * The call site of a stack: the first frame outside the runtime libraries (libc, libpthread, ld.so,
 * libstdc++), with its caller ("a < b"); "(stack unknown)" without one.  Appends.
 */
void report_call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack);
/* "worker-1" or, where the name is not unique, "worker-1 (4711)". Appends. */
void report_thread(struct strbuf *sb, const struct snapshot *snap, uint32_t thread);

#endif
