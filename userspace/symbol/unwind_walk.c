// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/unwind_walk.h"

#include "symbol/unwind_table.h"

/* Of the frame that the kernel makes for a signal handler, from the stack pointer at __restore_rt:
 * struct ucontext, x86_64. */
#define SIGNAL_BP 120
#define SIGNAL_SP 160
#define SIGNAL_IP 168

struct walk {
	const struct unwind_view *view;
	struct unwind_regs at;
	bool exact; /* `at.ip` is the very instruction, else where a call returns to */
	struct unwind_outcome outcome;
};

static bool read(const struct walk *w, uint64_t addr, uint64_t *ret)
{
	return w->view->read(w->view->ctx, addr, ret);
}

static bool step_to(struct walk *w, uint64_t cfa, uint64_t ip, uint64_t bp)
{
	if (cfa <= w->at.sp) /* a stack that does not shrink is no stack */
		return false;
	w->at = (struct unwind_regs){.ip = ip, .sp = cfa, .bp = bp};
	w->exact = false;
	w->outcome.complete = !ip;
	return ip != 0;
}

static bool frame_pointer_step(struct walk *w)
{
	uint64_t ip, bp;

	w->outcome.frame_pointers = true;
	if (w->at.bp < w->at.sp || !read(w, w->at.bp, &bp) || !read(w, w->at.bp + 8, &ip))
		return false;
	return step_to(w, w->at.bp + 16, ip, bp);
}

static bool signal_step(struct walk *w)
{
	struct unwind_regs to;

	if (!read(w, w->at.sp + SIGNAL_BP, &to.bp) || !read(w, w->at.sp + SIGNAL_SP, &to.sp) ||
	    !read(w, w->at.sp + SIGNAL_IP, &to.ip) || !to.ip)
		return false;
	/* A handler on an alternate stack: the interrupted one may lie below. */
	w->at = to;
	w->exact = true;
	return true;
}

static bool row_step(struct walk *w, uint64_t row)
{
	const int64_t cfa_field = unwind_row_cfa_field(row), bp_field = unwind_row_rbp_field(row);
	uint64_t cfa = 0, ip, bp = w->at.bp;

	switch (unwind_row_kind(row)) {
	case UNWIND_RSP:
		cfa = w->at.sp + (uint64_t)(cfa_field * 8);
		break;
	case UNWIND_RBP:
		cfa = w->at.bp + (uint64_t)(cfa_field * 8);
		break;
	case UNWIND_DEREF_RBP:
		if (!read(w, w->at.bp + (uint64_t)(cfa_field * 8), &cfa) || !read(w, w->at.bp, &bp))
			return false;
		break;
	case UNWIND_PLT:
		cfa = w->at.sp + 8 + ((int64_t)(w->at.ip & 15) >= cfa_field ? 8 : 0);
		break;
	case UNWIND_SIGNAL:
		return signal_step(w);
	case UNWIND_END:
		w->outcome.complete = true;
		return false;
	case UNWIND_UNSUPPORTED:
		return false;
	case UNWIND_GAP:
	default:
		return frame_pointer_step(w);
	}
	if (!read(w, cfa - 8, &ip) || (bp_field && !read(w, cfa + (uint64_t)(bp_field * 8), &bp)))
		return false;
	return step_to(w, cfa, ip, bp);
}

size_t unwind_walk(const struct unwind_view *view, const struct unwind_regs *regs, uint64_t *ips,
		   size_t max, struct unwind_outcome *ret)
{
	struct walk w = {.view = view, .at = *regs, .exact = true};
	bool more = true;
	size_t len = 0;

	while (more && len < max) {
		ips[len++] = w.at.ip;
		more = row_step(&w, view->row(view->ctx, w.exact ? w.at.ip : w.at.ip - 1));
	}
	*ret = w.outcome;
	return len;
}
