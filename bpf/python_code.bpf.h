/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which code object a frame of Python runs, by what it holds: its name, its file, its lines.  Never
 * by its address, which the next one may have that is compiled, run and thrown away.
 * source/python_code.c reads alike from user space.
 */
#ifndef CONCPROF_PYTHON_CODE_BPF_H
#define CONCPROF_PYTHON_CODE_BPF_H

#include "filter.bpf.h"

/*
 * A code object whose own bytes (line, pointers, from 3.12 on a number of its own) are those of
 * before is taken for the same without another look at its texts for a sixteenth of the time for
 * which it has been so: what comes and goes is always read, what stays hardly ever.
 */
#define PYTHON_TRUST_SHIFT 4
#define PYTHON_TRUST_NS 20000000ULL
/* Beyond so many of one walk for longer: it holds up the switch. */
#define PYTHON_CHECKS 8
#define PYTHON_TRUST_MORE_NS 1000000000ULL

/* Add the @len bytes at @at to @hash, as far as they are compared; 0 = they cannot be read. */
static __always_inline u64 python_bytes(struct cp_walk *w, u64 at, u64 len, u64 hash)
{
	u64 n = len;
	u32 i;

	if (!w)
		return 0;
	if (n > CP_PYTHON_TEXT_BYTES - 1)
		n = CP_PYTHON_TEXT_BYTES - 1;
	hash = cp_stack_hash_step(hash, len);
	w->text[(n >> 3) & (CP_PYTHON_TEXT_BYTES / 8 - 1)] = 0;
	/* The compiler knows the bound; the verifier wants to see it on the value itself. */
	asm volatile("%0 &= %1" : "+r"(n) : "i"(CP_PYTHON_TEXT_BYTES - 1));
	if (n && bpf_probe_read_user(w->text, n, (void *)at))
		return 0;
	for (i = 0; i < CP_PYTHON_TEXT_BYTES / 8 && i * 8 < n; i++)
		hash = cp_stack_hash_step(hash, w->text[i]);
	return hash ? hash : 1;
}

/* Add the str object at @at to @hash: its beginning, or with @tail its end; 0 = it cannot be read.
 */
__noinline u64 python_text(struct cp_python *py, struct cp_walk *w, u64 at, u32 tail, u64 hash)
{
	u64 len, data = 0, bytes = 0;
	u32 state, kind;

	if (!py || !w || bpf_probe_read_user(w->head, sizeof(w->head), (void *)(at + py->text_len)))
		return 0;
	len = w->head[0];
	state = w->head[(py->text_state >> 3) & 3];
	state >>= py->text_kind_bit & 31;
	kind = state & 7;
	if ((state & 8) && (kind == 1 || kind == 2 || kind == 4)) {
		bytes = len * kind;
		data = at + ((state & 16) ? py->text_ascii : py->text_compact);
	}
	if (tail && bytes > CP_PYTHON_TEXT_BYTES - 1)
		data += bytes - (CP_PYTHON_TEXT_BYTES - 1);
	return python_bytes(w, data, bytes, hash);
}

/* A word in the part of a code object that has been read. */
static __always_inline u64 code_pointer(const struct cp_walk *w, u32 at)
{
	return w->code[(at >> 3) & (CP_PYTHON_CODE_BYTES / 8 - 1)];
}

/* By what it holds; 0 = that cannot be read without a page fault. */
static __always_inline u64 python_content(struct cp_python *py, struct cp_walk *w)
{
	u64 hash, lines;
	u32 first;

	if (!py || !w)
		return 0;
	first = code_pointer(w, py->code_firstlineno) >> (py->code_firstlineno & 4 ? 32 : 0);
	hash = cp_stack_hash_begin(first);
	hash = python_text(py, w, code_pointer(w, py->code_name), 0, hash);
	if (hash)
		hash = python_text(py, w, code_pointer(w, py->code_filename), 1, hash);
	lines = code_pointer(w, py->code_linetable);
	if (!hash || bpf_probe_read_user(w->head, 16, (void *)(lines + py->bytes_len)))
		return 0;
	/* Of one compiled here its own hash, of all its bytes. */
	hash = cp_stack_hash_step(hash, w->head[1]);
	return python_bytes(w, lines + py->bytes_data, w->head[0], hash);
}

/* As in a word. */
static __always_inline u64 code_word(u64 hash)
{
	hash &= CP_PYTHON_CODE_MASK;
	return hash > CP_PYTHON_CODE_UNKNOWN ? hash : hash + CP_PYTHON_CODE_UNKNOWN + 1;
}

/* What stands in a word for the code object at @code. */
__noinline u64 python_code(struct cp_python *py, struct cp_walk *w, u64 code)
{
	struct cp_python_known *k;
	u64 own, mark, id, trust, most = PYTHON_TRUST_MORE_NS;
	u32 bytes;

	if (!py || !w)
		return CP_PYTHON_CODE_UNKNOWN;
	bytes = py->code_bytes;
	if (bytes > CP_PYTHON_CODE_BYTES ||
	    bpf_probe_read_user(w->code, bytes, (void *)(code + py->code_from)))
		return CP_PYTHON_CODE_UNKNOWN;
	own = cp_python_own(code, code_pointer(w, py->code_firstlineno),
			    code_pointer(w, py->code_name), code_pointer(w, py->code_filename),
			    code_pointer(w, py->code_linetable), code_pointer(w, py->code_number));
	mark = own ^ w->python_process;
	k = &w->known[(code * CP_HASH_MULTIPLIER >> 56) & (CP_PYTHON_KNOWN_LEN - 1)];
	if (w->python_checks < PYTHON_CHECKS)
		most = PYTHON_TRUST_NS;
	trust = (k->checked_ns - k->since_ns) >> PYTHON_TRUST_SHIFT;
	if (trust > most)
		trust = most;
	if (k->mark == mark && w->python_now - k->checked_ns < trust)
		return k->id;
	w->python_checks++;
	id = python_content(py, w);
	id = code_word(id ? id : cp_stack_hash_step(CP_HASH_MULTIPLIER, own));
	if (k->mark != mark || k->id != id)
		k->since_ns = w->python_now;
	k->mark = mark;
	k->id = id;
	k->checked_ns = w->python_now;
	return id;
}

#endif
