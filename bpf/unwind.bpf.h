/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User stacks without frame pointers: each frame's rule is a row of a table that user space made of
 * .eh_frame.  The stack is copied once and walked in the copy; the searches are free of branches,
 * since the verifier follows each side of a branch.  x86_64.
 */
#ifndef CONCPROF_UNWIND_BPF_H
#define CONCPROF_UNWIND_BPF_H

#include "filter.bpf.h"

/* Of the frame that the kernel makes for a signal handler, from the stack pointer at __restore_rt:
 * struct ucontext, x86_64. */
#define SIGNAL_BP 120
#define SIGNAL_SP 160
#define SIGNAL_IP 168

struct walk_ctx {
	struct cp_walk *w;
	struct cp_stack *out;
	struct cp_unwind_process *p;
};

/* 1 where a <= b, else 0, of numbers below 2^63; the compiler must not make a branch of it. */
static __always_inline u32 not_above(u64 a, u64 b)
{
	s64 diff = (s64)(b - a);

	asm volatile("%0 s>>= 63" : "+r"(diff));
	return (u32)(diff + 1);
}

static __always_inline bool read_slot(struct cp_walk *w, u64 addr, u64 *ret)
{
	u64 off = addr - w->window_start;

	if (addr >= w->window_start && off + 8 <= w->window_len) {
		off &= CP_WALK_WINDOW - 1;
		*ret = *(u64 *)&w->window[off];
		return true;
	}
	return bpf_probe_read_user(ret, sizeof(*ret), (void *)addr) == 0;
}

static __always_inline bool in_mapping(const struct cp_unwind_mapping *m, u64 ip)
{
	return ip >= m->start && ip - m->start < m->len;
}

/* The mapping of @ip; most frames lie where the one before did. */
static __always_inline struct cp_unwind_mapping *mapping_of(struct walk_ctx *c, u64 ip)
{
	struct cp_unwind_mapping *m = &c->p->at[c->w->mapping & (CP_UNWIND_MAPPINGS_MAX - 1)];
	u32 lo = 0, step, at, ok;

	if (in_mapping(m, ip))
		return m;
	for (step = CP_UNWIND_MAPPINGS_MAX / 2; step; step /= 2) {
		at = (lo + step) & (CP_UNWIND_MAPPINGS_MAX - 1);
		ok = not_above(at + 1, c->p->len) & not_above(c->p->at[at].start, ip);
		lo += step * ok;
	}
	lo &= CP_UNWIND_MAPPINGS_MAX - 1;
	m = &c->p->at[lo];
	c->w->mapping = lo;
	return lo < c->p->len && in_mapping(m, ip) ? m : NULL;
}

/* The row for @ip, 0 (a gap) where there is none. */
static __always_inline u64 row_of(const struct cp_unwind_mapping *m, u64 ip)
{
	struct cp_unwind_table *t = bpf_map_lookup_elem(&unwind_tables, &m->table);
	u64 off = ip - m->start + m->delta;
	u32 zero = 0, rows_no, index_no, lo, hi, at, step, ok, block;
	struct cp_unwind_index *index;
	struct cp_unwind_chunk *chunk;
	void *rows_map, *index_map;

	if (!t || off >= t->text_bytes)
		return 0;
	rows_no = t->first_row / CP_UNWIND_CHUNK_ROWS;
	index_no = t->first_index / CP_UNWIND_INDEX_LEN;
	rows_map = bpf_map_lookup_elem(&unwind_rows, &rows_no);
	index_map = bpf_map_lookup_elem(&unwind_index, &index_no);
	if (!rows_map || !index_map)
		return 0;
	chunk = bpf_map_lookup_elem(rows_map, &zero);
	index = bpf_map_lookup_elem(index_map, &zero);
	if (!index || !chunk)
		return 0;
	block = t->first_index + (u32)(off / 256);
	lo = t->first_row + index->row[block & (CP_UNWIND_INDEX_LEN - 1)];
	hi = t->first_row + index->row[(block + 1) & (CP_UNWIND_INDEX_LEN - 1)];
	for (step = 128; step; step /= 2) { /* at most a row for each of 256 bytes */
		at = lo + step;
		ok = not_above(at, hi) &
		     not_above((u32)chunk->row[at & (CP_UNWIND_CHUNK_ROWS - 1)], off);
		lo += step * ok;
	}
	return chunk->row[lo & (CP_UNWIND_CHUNK_ROWS - 1)];
}

static __always_inline bool step_to(struct cp_walk *w, u64 cfa, u64 ip, u64 bp)
{
	if (cfa <= w->sp) /* a stack that does not shrink is no stack */
		return false;
	w->sp = cfa;
	w->ip = ip;
	w->bp = bp;
	w->exact = 0;
	return true;
}

/* Code without a table: JIT regions, hand-written assembly. */
static __always_inline bool frame_pointer_step(struct cp_walk *w)
{
	u64 ip = 0, bp = 0, at = w->bp;

	w->by_frame_pointer = 1;
	if (at < w->sp || !read_slot(w, at, &bp) || !read_slot(w, at + 8, &ip))
		return false;
	if (!ip)
		w->complete = 1;
	return step_to(w, at + 16, ip, bp);
}

static __always_inline bool signal_step(struct cp_walk *w)
{
	u64 ip = 0, bp = 0, sp = 0;

	if (!read_slot(w, w->sp + SIGNAL_BP, &bp) || !read_slot(w, w->sp + SIGNAL_SP, &sp) ||
	    !read_slot(w, w->sp + SIGNAL_IP, &ip))
		return false;
	/* A handler on an alternate stack: the interrupted one may lie below. */
	w->sp = sp;
	w->ip = ip;
	w->bp = bp;
	w->exact = 1;
	return true;
}

static __always_inline bool table_step(struct cp_walk *w, u64 row)
{
	s64 cfa_off = ((s64)(row << 16) >> 48) * 8;
	s64 bp_off = ((s64)(row << 8) >> 56) * 8;
	u32 kind = row >> 56;
	u64 cfa, ip = 0, bp = w->bp;

	switch (kind) {
	case CP_UNWIND_RSP:
		cfa = w->sp + cfa_off;
		break;
	case CP_UNWIND_RBP:
		cfa = w->bp + cfa_off;
		break;
	case CP_UNWIND_DEREF_RBP: /* a realigned frame: the caller's rbp is at *rbp */
		if (!read_slot(w, w->bp + cfa_off, &cfa) || !read_slot(w, w->bp, &bp))
			return false;
		break;
	case CP_UNWIND_PLT: /* behind the push of the relocation's number there is one slot more */
		cfa = w->sp + 8 + ((w->ip & 15) >= (u64)(cfa_off / 8) ? 8 : 0);
		break;
	case CP_UNWIND_SIGNAL:
		return signal_step(w);
	case CP_UNWIND_END:
		w->complete = 1;
		return false;
	case CP_UNWIND_UNSUPPORTED:
		return false;
	default:
		return frame_pointer_step(w);
	}
	if (!read_slot(w, cfa - 8, &ip))
		return false;
	if (bp_off && !read_slot(w, cfa + bp_off, &bp))
		return false;
	if (!ip)
		w->complete = 1;
	return step_to(w, cfa, ip, bp);
}

/* Where the return address of frame @i was read, for the cache; a frame from elsewhere makes the
 * walk unfit for it. */
static __always_inline void note_slot(struct cp_walk *w, u32 i)
{
	u64 off = w->sp - 8 - w->window_start;

	if (!i)
		return;
	if (w->exact || i > CP_CACHE_FRAMES || off > CP_WALK_WINDOW - 8) {
		w->cacheable = 0;
		return;
	}
	w->off[(i - 1) & (CP_CACHE_FRAMES - 1)] = off;
	w->bytes = off + 8;
}

/*
 * The row for an address in no mapping of the list.  It is taken for no return address and ends the
 * walk, even where the list is older than the mapping; only where the list is full, and may have
 * left out code, it is a gap, which is stepped by frame pointers.
 */
static __always_inline u64 no_code(const struct cp_unwind_process *p)
{
	return p->len < CP_UNWIND_MAPPINGS_MAX ? (u64)CP_UNWIND_UNSUPPORTED << 56 : 0;
}

/* The row for @ip, 0 (a gap) where no table has one; a kind that ends the walk where no code is. */
static __always_inline u64 cached_row(struct walk_ctx *c, u64 ip)
{
	struct cp_row_cache *e = &c->w->rows[(ip ^ (ip >> 9)) & (CP_ROW_CACHE_LEN - 1)];
	struct cp_unwind_mapping *m;
	u64 row;

	if (e->ip == ip && e->edition == c->p->edition)
		return e->row;
	m = mapping_of(c, ip);
	row = m ? row_of(m, ip) : no_code(c->p);
	e->ip = ip;
	e->edition = c->p->edition;
	e->row = row;
	return row;
}

/* One frame; 1 ends the walk. */
static long walk_frame(u32 i, void *ctx)
{
	struct walk_ctx *c = ctx;
	struct cp_walk *w = c->w;
	u64 ip;

	if (!w->ip)
		return 1;
	note_slot(w, i);
	c->out->ips[i & 127] = w->ip;
	w->len = i + 1;
	ip = w->exact ? w->ip : w->ip - 1;
	return !table_step(w, cached_row(c, ip));
}

static __always_inline void copy_window(struct cp_walk *w)
{
	u64 sp = w->sp;
	u32 len = CP_WALK_WINDOW;

	w->window_start = sp;
	if (bpf_probe_read_user(w->window, CP_WALK_WINDOW, (void *)sp)) {
		/* The stack ends before: up to the page's end. */
		len = CP_WALK_WINDOW - (sp & (CP_WALK_WINDOW - 1));
		if (len >= CP_WALK_WINDOW || bpf_probe_read_user(w->window, len, (void *)sp))
			len = 0;
	}
	w->window_len = len;
}

/* Walk the stack of current, who entered the kernel with @regs, into @out; number of frames. */
static __always_inline u32 walk_stack(struct pt_regs *regs, struct cp_unwind_process *p,
				      struct cp_walk *w, struct cp_stack *out)
{
	struct walk_ctx c = {.w = w, .out = out, .p = p};

	w->ip = regs->ip;
	w->sp = regs->sp;
	w->bp = regs->bp;
	w->len = 0;
	w->mapping = 0;
	w->exact = 1;
	w->complete = 0;
	w->by_frame_pointer = 0;
	w->bytes = 0;
	w->cacheable = 1;
	copy_window(w);
	bpf_loop(CP_STACK_MAX, walk_frame, &c, 0);
	return w->len;
}

#endif
