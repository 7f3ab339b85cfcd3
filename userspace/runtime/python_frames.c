// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_frames.h"

#include <errno.h>
#include <limits.h>

#include "base/num.h"
#include "model/python_word.h"
#include "runtime/python_lines.h"
#include "runtime/python_string.h"

/* Bounds of the frames and code objects of all layouts (python_layout.c sees to the told ones). */
#define FRAME_BYTES_MAX 128
#define CODE_BYTES_MAX 1024
/* Frames of the C stack passed by one after the other: between true ones there is one, and one more
 * for a call that has no frame yet. */
#define SHIMS_MAX 8

/* The fields of one frame, in as few bytes as hold them: one read is most of a walk's cost. */
struct span {
	size_t from;
	size_t bytes;
};

static void widen(struct span *s, size_t offset, size_t size)
{
	size_t end = num_max_u64(s->from + s->bytes, offset + size);

	if (offset == PYTHON_NO_FIELD)
		return;
	s->from = num_min_u64(s->from, offset);
	s->bytes = end - s->from;
}

static struct span frame_span(const struct python_layout *l)
{
	struct span s = {.from = l->frame_code, .bytes = 8};

	widen(&s, l->frame_back, 8);
	widen(&s, l->frame_lasti, l->frame_lasti_step ? 4 : 8);
	widen(&s, l->frame_is_entry, 1);
	widen(&s, l->frame_owner, 1);
	widen(&s, l->frame_copy, 4);
	return s;
}

struct frame {
	uint64_t code;
	uint64_t back;
	uint64_t instruction; /* a pointer, or an int32 in units of frame_lasti_step */
	uint32_t copy;
	bool is_entry;
	uint8_t owner;
};

struct walk {
	const struct python_process *p;
	const struct python_memory *memory;
	struct span span;
};

static bool read_frame(const struct walk *w, uint64_t addr, struct frame *ret)
{
	const struct python_layout *l = &w->p->layout;
	uint8_t bytes[FRAME_BYTES_MAX] = {0};

	if (w->span.from + w->span.bytes > sizeof(bytes) ||
	    !python_read(w->memory, addr, w->span.from, bytes + w->span.from, w->span.bytes))
		return false;
	*ret = (struct frame){
		.code = python_field_u64(bytes, l->frame_code) & ~(uint64_t)l->frame_pointer_tag,
		.back = python_field_u64(bytes, l->frame_back),
		.instruction = l->frame_lasti_step
				       ? (uint64_t)(int64_t)python_field_s32(bytes, l->frame_lasti)
				       : python_field_u64(bytes, l->frame_lasti),
	};
	if (l->frame_copy != PYTHON_NO_FIELD)
		ret->copy = (uint32_t)python_field_s32(bytes, l->frame_copy);
	if (l->frame_is_entry != PYTHON_NO_FIELD)
		ret->is_entry = bytes[l->frame_is_entry];
	if (l->frame_owner != PYTHON_NO_FIELD)
		ret->owner = bytes[l->frame_owner];
	return true;
}

/* Whether the frame is no function's, but stands for the C call that the ones before it are in. */
static bool is_shim(const struct python_layout *l, const struct frame *f)
{
	return l->entry == PYTHON_ENTRY_SHIM && f->owner >= l->frame_owner_shim;
}

/* Where the instructions begin that the frame runs: the code object's own, or a thread's copy. */
static uint64_t instructions(const struct walk *w, const struct frame *f)
{
	const struct python_layout *l = &w->p->layout;
	uint64_t copies, len;

	if (l->code_copies == PYTHON_NO_FIELD || f->copy == 0)
		return f->code + l->code_adaptive;
	copies = python_read_u64(w->memory, f->code, l->code_copies);
	len = python_read_u64(w->memory, copies, 0);
	if (f->copy >= len || len > INT_MAX)
		return 0;
	return python_read_u64(w->memory, copies, 8 + (uint64_t)f->copy * 8);
}

/* f_lasti in code units; where it makes no sense, more than a word can hold. */
static int64_t lasti(const struct walk *w, const struct frame *f)
{
	uint8_t step = w->p->layout.frame_lasti_step;
	int64_t bytes;

	if (step) {
		int64_t value = (int64_t)f->instruction;

		return value < 0 ? -1 : value * step / 2;
	}
	bytes = (int64_t)(f->instruction - instructions(w, f));
	return bytes < -2 || bytes % 2 ? INT64_MAX - 1 : bytes / 2;
}

static bool is_code(const struct walk *w, uint64_t addr)
{
	if (!w->p->code_type)
		return addr >= PYTHON_ADDRESS_MIN && addr < PYTHON_ADDRESS_END;
	return python_read_u64(w->memory, addr, w->p->layout.object_type) == w->p->code_type;
}

/* The thread's innermost frame, 0 = it runs none; false where it cannot be read. */
static bool read_head(const struct walk *w, uint64_t tstate, uint64_t *ret)
{
	const struct python_layout *l = &w->p->layout;
	uint64_t at;

	if (!python_read(w->memory, tstate, l->tstate_frame, &at, sizeof(at)))
		return false;
	if (l->frame_via == PYTHON_NO_FIELD) {
		*ret = at;
		return true;
	}
	return python_read(w->memory, at, l->frame_via, ret, sizeof(*ret));
}

/* Whether @last, which nothing is behind, is where chains end; that of a generator which has just
 * yielded ends, too. */
static bool is_outermost(const struct python_layout *l, const struct frame *last)
{
	switch (l->entry) {
	case PYTHON_ENTRY_FLAG:
		return last->is_entry && last->owner == 0;
	case PYTHON_ENTRY_SHIM:
		return is_shim(l, last);
	default:
		return true;
	}
}

/* The C-level call of the frames so far ends here. It has none while its last one is cleared.
 * Returns false where there is no room to say so. */
static bool end_call(uint64_t *ret, size_t *len, size_t max)
{
	if (*len && !python_word_entry(ret[*len - 1])) {
		ret[*len - 1] |= PYTHON_WORD_ENTRY;
		return true;
	}
	if (*len == max)
		return false;
	ret[(*len)++] = PYTHON_WORD_LEFT;
	return true;
}

size_t python_walk(const struct python_process *p, const struct python_memory *memory,
		   uint64_t tstate, uint64_t *ret, size_t max, bool *ret_complete)
{
	const struct python_layout *l = &p->layout;
	const struct walk w = {.p = p, .memory = memory, .span = frame_span(l)};
	struct frame f = {0};
	uint64_t head, at, again;
	size_t len = 0, shims = 0;
	bool found = false; /* a frame, beside calls without one */

	*ret_complete = false;
	if (!p->known || !read_head(&w, tstate, &head))
		return 0;
	for (at = head; at; at = f.back) {
		if (!read_frame(&w, at, &f))
			return found ? len : 0;
		if (is_shim(l, &f)) {
			if (++shims > SHIMS_MAX || !end_call(ret, &len, max))
				return found ? len : 0;
			continue;
		}
		if (len == max || !is_code(&w, f.code))
			return found ? len : 0;
		shims = 0;
		found = true;
		ret[len++] = python_word_make(f.code, lasti(&w, &f),
					      l->entry == PYTHON_ENTRY_EVERY || f.is_entry);
	}
	/* The thread went on meanwhile: what was read may be of several moments. */
	*ret_complete =
		(!head || is_outermost(l, &f)) && read_head(&w, tstate, &again) && again == head;
	if (len)
		ret[len - 1] |= PYTHON_WORD_ENTRY;
	return found ? len : 0;
}

/* The table of lines begins with the code's first; @lasti is as in a word. */
static uint32_t line_of(const struct python_process *p, const struct python_memory *memory,
			const uint8_t *code, int32_t at)
{
	const struct python_layout *l = &p->layout;
	int32_t first = python_field_s32(code, l->code_firstlineno);

	if (at == INT32_MAX || first < 0)
		return 0;
	if (at < 0)
		return (uint32_t)first;
	return python_line(l, memory, python_field_u64(code, l->code_linetable), first,
			   (uint32_t)at * 2);
}

int python_place_of(const struct python_process *p, const struct python_memory *memory,
		    uint64_t word, struct python_place *ret)
{
	const struct python_layout *l = &p->layout;
	struct python_place place = {0};
	struct span s = {.from = l->object_type, .bytes = 8};
	uint8_t code[CODE_BYTES_MAX] = {0};
	uint64_t type, name;
	int r;

	if (!p->known)
		return -ESTALE;
	widen(&s, l->code_firstlineno, 4);
	widen(&s, l->code_filename, 8);
	widen(&s, l->code_name, 8);
	widen(&s, l->code_qualname, 8);
	widen(&s, l->code_linetable, 8);
	if (s.from + s.bytes > sizeof(code) ||
	    !python_read(memory, python_word_code(word), s.from, code + s.from, s.bytes))
		return -ESTALE;
	type = python_field_u64(code, l->object_type);
	if (p->code_type ? type != p->code_type : !type)
		return -ESTALE;
	name = python_field_u64(code, l->code_qualname == PYTHON_NO_FIELD ? l->code_name
									  : l->code_qualname);
	r = python_string(l, memory, name, false, place.name, sizeof(place.name));
	if (r == 0)
		r = python_string(l, memory, python_field_u64(code, l->code_filename), true,
				  place.file, sizeof(place.file));
	if (r < 0)
		return r;
	place.line = line_of(p, memory, code, python_word_lasti(word));
	*ret = place;
	return 0;
}
