/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPython from the kernel's side: the frames of a thread, and the GIL with its holder and what that
 * one does.  Everything is read from the target's memory, which is hostile and changes meanwhile:
 * each loop is bounded, and what cannot be read ends it.  runtime/python_frames.h walks alike from
 * user space; facts by version: runtime/python_layout.h.
 */
#ifndef CONCPROF_PYTHON_BPF_H
#define CONCPROF_PYTHON_BPF_H

#include "filter.bpf.h"
#include "python_code.bpf.h"

#define PYTHON_THREADS_MAX 4096 /* looked through for one's own, with their interpreters */
#define PYTHON_RETRY_NS                                                           \
	10000000ULL /* after a look in vain; doubled each time, 256 times at most \
		     */
#define PYTHON_RETRY_SHIFT_MAX 8

#define PYTHON_LOOKS 64 /* of these at once: the run queue's lock is held */

struct python_threads {
	const struct cp_python *py;
	u64 thread_id;
	u64 interp;
	u64 tstate;
	u64 found;
	u64 found_in; /* the interpreter, by its number */
	u64 interps;
	u32 several; /* it has one in more than one interpreter: which one runs is not known */
};

static __always_inline u64 user_word(u64 addr)
{
	u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)addr);
	return word;
}

static __always_inline u64 python_head(const struct cp_python *py, u64 tstate)
{
	u64 at = user_word(tstate + py->tstate_frame);

	if (at && py->frame_via != CP_PYTHON_NONE)
		at = user_word(at + py->frame_via);
	return at;
}

/*
 * One thread state of the lists; 1 ends the search.  To 3.11 one that has not been started yet has
 * its creator's id, and comes before it: the last one of an interpreter counts.
 */
static long python_next_thread(u32 i, void *ctx)
{
	struct python_threads *c = ctx;

	(void)i;
	if (!c->tstate) {
		if (!c->interp)
			return 1;
		c->tstate = user_word(c->interp + c->py->interp_threads);
		c->interp = user_word(c->interp + c->py->interp_next);
		c->interps++;
		return 0;
	}
	if (user_word(c->tstate + c->py->tstate_thread_id) == c->thread_id) {
		if (c->found && c->found_in != c->interps)
			c->several = 1;
		c->found = c->tstate;
		c->found_in = c->interps;
	}
	c->tstate = user_word(c->tstate + c->py->tstate_next);
	return 0;
}

/* Go on with the search for the thread state of current; false while it has not come to its end. */
static __noinline bool python_search(struct cp_thread *t, struct cp_python *py, u64 thread_id)
{
	struct python_threads c = {};
	struct cp_python_search *s;

	if (!t || !py)
		return true;
	s = &t->python_search;
	c.py = py;
	c.thread_id = thread_id;
	c.interp = s->steps ? s->interp : user_word(py->runtime + py->interpreters_head);
	c.tstate = s->tstate;
	c.found = s->found;
	c.found_in = s->found_in;
	c.interps = s->interps;
	c.several = s->several;
	bpf_loop(PYTHON_LOOKS, python_next_thread, &c, 0);
	s->interp = c.interp;
	s->tstate = c.tstate;
	s->found = c.found;
	s->found_in = c.found_in;
	s->interps = c.interps;
	s->several = c.several;
	s->steps += PYTHON_LOOKS;
	return (!c.interp && !c.tstate) || s->steps >= PYTHON_THREADS_MAX;
}

/*
 * By its slot of thread-specific data, where CPython keeps the state that the thread has last run
 * with, which may have been made in another thread; to 3.11 the first that it had.  0 = it has
 * none.
 */
static __always_inline u64 python_specific(struct cp_thread *t, const struct cp_python *py,
					   u64 thread_id)
{
	bool follows = py->entry == CP_PYTHON_ENTRY_SHIM;
	u64 tstate;

	if (!py->tss || (py->several && !follows))
		return 0;
	tstate = user_word(thread_id + py->tss);
	if (!follows && tstate && tstate != t->python_tstate &&
	    user_word(tstate + py->tstate_thread_id) != thread_id)
		return 0;
	if (tstate)
		t->python_tstate = tstate;
	return tstate;
}

/* The thread state of current, whose slot is @t; 0 = it has none, or it is not known which. */
__noinline u64 python_tstate(struct cp_thread *t, struct cp_python *py, u64 now)
{
	u64 thread_id, tstate, shift;

	if (!t || !py)
		return 0;
	thread_id = compat_thread_pointer(bpf_get_current_task_btf());
	tstate = python_specific(t, py, thread_id);
	if (tstate)
		return tstate;
	tstate = t->python_tstate;
	if (tstate && !(py->several && now >= t->python_retry_ns) &&
	    user_word(tstate + py->tstate_thread_id) == thread_id)
		return tstate;
	if (now < t->python_retry_ns || !python_search(t, py, thread_id))
		return 0;
	tstate = t->python_search.several ? 0 : t->python_search.found;
	__builtin_memset(&t->python_search, 0, sizeof(t->python_search));
	t->python_tstate = tstate;
	shift = t->python_misses;
	if (tstate) {
		t->python_misses = 0;
	} else if (shift < PYTHON_RETRY_SHIFT_MAX) {
		t->python_misses = shift + 1;
	}
	t->python_retry_ns = now + (PYTHON_RETRY_NS << (shift & 15));
	return tstate;
}

struct python_frames {
	struct cp_python *py;
	struct cp_walk *w;
	struct cp_stack *out;
	u64 frame;
	u32 first; /* where in the stack its words begin */
	u32 found; /* a frame, beside calls without one */
};

static __always_inline u64 frame_word(const struct cp_walk *w, u32 at)
{
	return *(u64 *)&w->frame[at & (CP_PYTHON_FRAME_BYTES - 1)];
}

static __always_inline u32 frame_byte(const struct cp_walk *w, u32 at)
{
	return w->frame[at & (CP_PYTHON_FRAME_BYTES - 1)];
}

/* f_lasti in code units, plus 1. */
static __always_inline u64 python_lasti(const struct cp_python *py, u64 raw, u64 code)
{
	s64 lasti;

	if (!py->frame_lasti_step)
		lasti = ((s64)(raw - code) - py->code_adaptive) >> 1;
	else
		lasti = (s64)(s32)raw >> (py->frame_lasti_step == 1);
	if (lasti < -1 && !py->frame_lasti_step)
		return CP_PYTHON_LASTI_MAX; /* into another copy of the code, or torn */
	if (lasti < 0)
		return 0;
	return lasti + 1 < CP_PYTHON_LASTI_MAX ? lasti + 1 : CP_PYTHON_LASTI_MAX;
}

/* @word, of the code object at @code. */
static __always_inline void add_word(struct python_frames *c, u64 word, u64 code)
{
	struct cp_walk *w = c->w;

	c->out->ips[w->python_len & 127] = word;
	w->told.codes[(w->python_len - c->first) & 127] = code;
	w->python_len++;
}

/* The C-level call of the frames so far ends here. It has none while its last one is cleared, in
 * which a thread may block. */
static __always_inline void end_call(struct python_frames *c)
{
	struct cp_walk *w = c->w;
	u64 *last = &c->out->ips[(w->python_len - 1) & 127];

	if (w->python_len > c->first && !(*last & CP_PYTHON_WORD_ENTRY)) {
		*last |= CP_PYTHON_WORD_ENTRY;
		return;
	}
	add_word(c, CP_PYTHON_WORD_LEFT, 0);
}

/* One frame; 1 ends the walk. */
static long python_frame(u32 i, void *ctx)
{
	struct python_frames *c = ctx;
	struct cp_python *py = c->py;
	struct cp_walk *w = c->w;
	u64 code, back, word;
	u32 bytes = py->frame_bytes, owner, entry;

	(void)i;
	if (!c->frame || w->python_len >= CP_STACK_MAX)
		return 1;
	if (bytes > CP_PYTHON_FRAME_BYTES ||
	    bpf_probe_read_user(w->frame, bytes, (void *)(c->frame + py->frame_from)))
		return 1;
	code = frame_word(w, py->frame_code) & ~(u64)py->frame_tag;
	back = frame_word(w, py->frame_back);
	owner = py->frame_owner == CP_PYTHON_NONE ? 0 : frame_byte(w, py->frame_owner);
	c->frame = back;
	if (py->entry == CP_PYTHON_ENTRY_SHIM && owner >= py->frame_shim) {
		end_call(c);
		w->python_complete = !back;
		return !back;
	}
	entry = py->entry == CP_PYTHON_ENTRY_EVERY ||
		(py->entry == CP_PYTHON_ENTRY_FLAG && frame_byte(w, py->frame_is_entry));
	word = python_lasti(py, frame_word(w, py->frame_lasti), code) << CP_PYTHON_LASTI_SHIFT;
	word |= CP_PYTHON_WORD_MARK;
	if (entry)
		word |= CP_PYTHON_WORD_ENTRY;
	c->found = 1;
	add_word(c, word, code ? code : 1); /* 0 is no frame */
	w->python_complete = !back && entry;
	return !back;
}

/* Which code object the word @i of the walk is of: by itself, as the stack is short for both. */
static long python_which(u32 i, void *ctx)
{
	struct python_frames *c = ctx;
	struct cp_walk *w = c->w;
	u32 at = c->first + i;

	if (at >= w->python_len)
		return 1;
	if (w->told.codes[i & 127])
		c->out->ips[at & 127] |= python_code(c->py, w, w->told.codes[i & 127]);
	return 0;
}

/* Add the frames of the thread of @tstate to the @len words of @s; their new number. */
__noinline u32 python_walk(struct cp_python *py, struct cp_walk *w, struct cp_stack *s, u64 tstate,
			   u32 len)
{
	struct python_frames c = {};
	u64 head;

	if (!py || !w || !s)
		return len;
	head = python_head(py, tstate);
	if (!head)
		return len;
	c.py = py;
	c.w = w;
	c.out = s;
	c.frame = head;
	c.first = len;
	w->python_len = len;
	w->python_complete = 0;
	w->python_checks = 0;
	w->python_now = bpf_ktime_get_ns();
	w->python_process = (bpf_get_current_pid_tgid() >> 32) * CP_HASH_MULTIPLIER;
	bpf_loop(CP_STACK_MAX, python_frame, &c, 0);
	if (!c.found)
		w->python_len = len;
	bpf_loop(CP_STACK_MAX, python_which, &c, 0);
	if (!w->python_complete) {
		s->flags |= CP_STACK_PYTHON_CUT;
		count_loss(CP_LOST_PYTHON_CUT);
	}
	return w->python_len;
}

/* The GIL of which @word is a part, by its address; 0 where it is none's. */
static __always_inline u64 python_gil_of(const struct cp_python *py, u64 word)
{
	u32 i;

	for (i = 0; i < CP_PYTHON_GILS_MAX && i < py->gils_len; i++)
		if (word - py->gil[i] < py->gil_end)
			return py->gil[i];
	return 0;
}

struct python_gil {
	u64 last_holder; /* PyThreadState */
	s32 locked;
	u32 pad;
	u64 switch_number;
};

/* Who holds @gil, as its thread state; 0 = nobody does, or it is not known. */
static __always_inline u64 python_gil_holder(const struct cp_python *py, u64 gil,
					     u64 *switch_number)
{
	struct python_gil g = {};

	if (bpf_probe_read_user(&g, sizeof(g), (void *)(gil + py->gil_last_holder)))
		return 0;
	*switch_number = g.switch_number;
	return g.locked == 1 ? g.last_holder : 0;
}

/* The tid that the thread of @tstate has in its own PID namespace. */
static __always_inline u32 python_tid(const struct cp_python *py, u64 tstate)
{
	u64 id = 0;
	u32 tid = 0;

	if (py->tstate_native_id != CP_PYTHON_NONE)
		return user_word(tstate + py->tstate_native_id);
	id = user_word(tstate + py->tstate_thread_id);
	if (id)
		bpf_probe_read_user(&tid, sizeof(tid), (void *)(id + py->pthread_tid));
	return tid;
}

#endif
