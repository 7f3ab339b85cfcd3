// SPDX-License-Identifier: GPL-2.0-only
#include "report/report.h"

#include "base/num.h"
#include "model/site.h"

struct report report_make(const struct snapshot *snap, const struct verdict *verdict)
{
	const struct record_self *self = &snap->self;
	double window_ns = (double)snap->duration_ns;

	return (struct report){
		.snap = snap,
		.verdict = verdict,
		.self_cpu_ratio = num_ratio((double)self->cpu_ns, window_ns),
		.self_bpf_ratio = num_ratio((double)self->bpf_ns, window_ns),
		.bpf_ns_per_event = num_ratio((double)self->bpf_calls_ns, (double)self->bpf_calls),
	};
}

void report_frame(struct strbuf *sb, const struct snap_frame *frame)
{
	snap_frame_text(sb, frame);
}

void report_call_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	snap_call_site(sb, snap, stack);
}

void report_thread(struct strbuf *sb, const struct snapshot *snap, uint32_t thread)
{
	snap_thread_text(sb, snap, thread);
}
