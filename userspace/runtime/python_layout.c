// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_layout.h"

#include <errno.h>
#include <string.h>

/* Offsets that no build comes near: what the target says is bounded by them. */
#define RUNTIME_BYTES_MAX (16U << 20)
#define INTERP_BYTES_MAX (16U << 20)
#define TSTATE_BYTES_MAX 4096
#define FRAME_BYTES_MAX 128
#define CODE_BYTES_MAX 1024
#define OBJECT_BYTES_MAX 256

/* What all versions share, or all but a few. */
static const struct python_layout common = {
	.runtime_gil = UINT32_MAX,
	.interp_gil = UINT32_MAX,
	.interp_next = 0,
	.tstate_next = 8,
	.tstate_interp = 16,
	.tstate_native_id = PYTHON_NO_FIELD,
	.frame_via = PYTHON_NO_FIELD,
	.frame_is_entry = PYTHON_NO_FIELD,
	.frame_owner = PYTHON_NO_FIELD,
	.frame_copy = PYTHON_NO_FIELD,
	.code_copies = PYTHON_NO_FIELD,
	.code_qualname = PYTHON_NO_FIELD,
	.object_type = 8,
	.unicode_length = 16,
	.unicode_state = 32,
	.unicode_kind_bit = 2,
	.bytes_size = 16,
	.bytes_data = 32,
	.gil_enabled = PYTHON_NO_FIELD,
	.gil_last_holder = 8,
	.gil_locked = 16,
	.gil_switch_number = 24,
	.gil_cond = 32,
	.gil_mutex = 80,
	.gil_switch_cond = 120,
	.gil_switch_mutex = 168,
	.gil_end = 208,
};

/* 3.8 to 3.10: frames are objects on the heap. */
static void to_310(unsigned int minor, struct python_layout *l)
{
	l->lines = minor < 10 ? PYTHON_LNOTAB : PYTHON_LINETABLE;
	l->entry = PYTHON_ENTRY_EVERY;
	l->interpreters_head = 32;
	l->runtime_gil = minor == 8 ? 1152 : 352;
	l->interp_threads = 8;
	l->tstate_thread_id = 176;
	l->tstate_frame = 24;
	l->frame_code = 32;
	l->frame_back = 24;
	l->frame_lasti = minor < 10 ? 104 : 96;
	l->frame_lasti_step = minor < 10 ? 1 : 2;
	l->code_firstlineno = 40;
	l->code_filename = 104;
	l->code_name = 112;
	l->code_linetable = 120;
	l->unicode_ascii = 48;
	l->unicode_compact = 72;
}

/* 3.11: frames in chunks of stack, reached by a struct on the C stack. */
static void to_311(struct python_layout *l)
{
	l->lines = PYTHON_LOCATIONS;
	l->entry = PYTHON_ENTRY_FLAG;
	l->interpreters_head = 40;
	l->runtime_gil = 360;
	l->interp_threads = 16;
	l->tstate_thread_id = 152;
	l->tstate_native_id = 160;
	l->tstate_frame = 56;
	l->frame_via = 8;
	l->frame_code = 32;
	l->frame_back = 48;
	l->frame_lasti = 56;
	l->frame_is_entry = 68;
	l->frame_owner = 69;
	l->frame_owner_shim = 3;
	l->code_firstlineno = 72;
	l->code_filename = 112;
	l->code_name = 120;
	l->code_qualname = 128;
	l->code_linetable = 136;
	l->code_adaptive = 184;
	l->unicode_ascii = 48;
	l->unicode_compact = 72;
}

/* 3.12: a GIL for each interpreter, a frame of the C stack at the root of each C call. */
static void to_312(struct python_layout *l)
{
	l->lines = PYTHON_LOCATIONS;
	l->entry = PYTHON_ENTRY_SHIM;
	l->interpreters_head = 40;
	l->interp_gil = 384;
	l->interp_threads = 72;
	l->tstate_thread_id = 136;
	l->tstate_native_id = 144;
	l->tstate_frame = 56;
	l->frame_via = 0;
	l->frame_code = 0;
	l->frame_back = 8;
	l->frame_lasti = 56;
	l->frame_owner = 70;
	l->frame_owner_shim = 3;
	l->code_firstlineno = 68;
	l->code_filename = 112;
	l->code_name = 120;
	l->code_qualname = 128;
	l->code_linetable = 136;
	l->code_adaptive = 192;
	l->unicode_ascii = 40;
	l->unicode_compact = 56;
}

/*
 * Where the debug offsets have what: indexes of 64-bit words from the start of _PyRuntime.  The
 * same for all releases of a version, and different from version to version.
 */
struct words {
	uint8_t runtime, interp, gil, tstate, frame, code, object, bytes, unicode, end;
};

static const struct words words_313 = {3, 6, 14, 19, 28, 34, 44, 64, 67, 73};
static const struct words words_314 = {3, 6, 15, 22, 31, 39, 50, 74, 77, 95};

#define WORD_VERSION 1
#define WORD_FREE_THREADED 2
/* From the beginning of each struct, where the first word is the size of what it describes. */
#define RUNTIME_INTERPRETERS_HEAD 2
#define INTERP_NEXT 2
#define INTERP_THREADS_HEAD 3
/* From words.gil on. */
#define GIL_POINTER 0
#define GIL_STRUCT 1
#define GIL_ENABLED 2
#define GIL_LOCKED 3
#define GIL_HOLDER 4
#define TSTATE_NEXT 2
#define TSTATE_INTERP 3
#define TSTATE_CURRENT_FRAME 4
#define TSTATE_THREAD_ID 5
#define TSTATE_NATIVE_ID 6
#define FRAME_PREVIOUS 1
#define FRAME_EXECUTABLE 2
#define FRAME_INSTR_PTR 3
#define FRAME_OWNER 5
#define FRAME_TLBC_INDEX 7
#define CODE_FILENAME 1
#define CODE_NAME 2
#define CODE_QUALNAME 3
#define CODE_LINETABLE 4
#define CODE_FIRSTLINENO 5
#define CODE_ADAPTIVE 9
#define CODE_TLBC 10
#define OBJECT_TYPE 1
#define BYTES_SIZE 1
#define BYTES_DATA 2
#define UNICODE_STATE 1
#define UNICODE_LENGTH 2
#define UNICODE_ASCII_SIZE 3

/* The debug offsets while they are read: what makes no sense is remembered, and given as 0. */
struct offsets {
	const uint8_t *at;
	uint64_t limit; /* of the struct whose fields are being read, bytes */
	bool bad;
};

static uint64_t word(const struct offsets *o, size_t index)
{
	uint64_t value;

	memcpy(&value, o->at + index * sizeof(value), sizeof(value));
	return value;
}

/* The offset at word @index, of a field of @size bytes that is as much aligned. */
static uint32_t field(struct offsets *o, size_t index, size_t size)
{
	uint64_t value = word(o, index);

	if (value % size == 0 && value < o->limit && size <= o->limit - value)
		return (uint32_t)value;
	o->bad = true;
	return 0;
}

static uint16_t field16(struct offsets *o, size_t index, size_t size)
{
	uint32_t value = field(o, index, size);

	if (value < PYTHON_NO_FIELD)
		return (uint16_t)value;
	o->bad = true;
	return 0;
}

/* The fields that follow are those of a struct of the size that word @index says. */
static void begin(struct offsets *o, size_t index, uint64_t max)
{
	o->limit = word(o, index);
	if (o->limit == 0 || o->limit > max)
		o->bad = true;
	if (o->bad)
		o->limit = 0;
}

static void read_states(struct offsets *o, const struct words *w, struct python_layout *l)
{
	begin(o, w->runtime, RUNTIME_BYTES_MAX);
	l->interpreters_head = field(o, w->runtime + RUNTIME_INTERPRETERS_HEAD, 8);
	begin(o, w->interp, INTERP_BYTES_MAX);
	l->interp_next = field(o, w->interp + INTERP_NEXT, 8);
	l->interp_threads = field(o, w->interp + INTERP_THREADS_HEAD, 8);
	l->interp_gil = field(o, w->gil + GIL_POINTER, 8);
	begin(o, w->tstate, TSTATE_BYTES_MAX);
	l->tstate_next = field16(o, w->tstate + TSTATE_NEXT, 8);
	l->tstate_interp = field16(o, w->tstate + TSTATE_INTERP, 8);
	l->tstate_thread_id = field16(o, w->tstate + TSTATE_THREAD_ID, 8);
	l->tstate_native_id = field16(o, w->tstate + TSTATE_NATIVE_ID, 8);
	l->tstate_frame = field16(o, w->tstate + TSTATE_CURRENT_FRAME, 8);
}

static void read_frame(struct offsets *o, const struct words *w, struct python_layout *l)
{
	begin(o, w->frame, FRAME_BYTES_MAX);
	l->frame_code = field16(o, w->frame + FRAME_EXECUTABLE, 8);
	l->frame_back = field16(o, w->frame + FRAME_PREVIOUS, 8);
	l->frame_lasti = field16(o, w->frame + FRAME_INSTR_PTR, 8);
	l->frame_owner = field16(o, w->frame + FRAME_OWNER, 1);
	l->frame_owner_shim = 3;
	if (l->version >= PYTHON_VERSION(3, 14))
		l->frame_pointer_tag = 3;
	if (l->version >= PYTHON_VERSION(3, 14) && l->free_threaded)
		l->frame_copy = field16(o, w->frame + FRAME_TLBC_INDEX, 4);
}

static void read_code(struct offsets *o, const struct words *w, struct python_layout *l)
{
	begin(o, w->code, CODE_BYTES_MAX);
	l->code_firstlineno = field16(o, w->code + CODE_FIRSTLINENO, 4);
	l->code_filename = field16(o, w->code + CODE_FILENAME, 8);
	l->code_name = field16(o, w->code + CODE_NAME, 8);
	l->code_qualname = field16(o, w->code + CODE_QUALNAME, 8);
	l->code_linetable = field16(o, w->code + CODE_LINETABLE, 8);
	/* An array of one byte, at the end. */
	l->code_adaptive = field16(o, w->code + CODE_ADAPTIVE, 2);
	if (l->version >= PYTHON_VERSION(3, 14) && l->free_threaded)
		l->code_copies = field16(o, w->code + CODE_TLBC, 8);
}

static void read_objects(struct offsets *o, const struct words *w, struct python_layout *l)
{
	begin(o, w->object, OBJECT_BYTES_MAX);
	l->object_type = field16(o, w->object + OBJECT_TYPE, 8);
	begin(o, w->bytes, OBJECT_BYTES_MAX);
	l->bytes_size = field16(o, w->bytes + BYTES_SIZE, 8);
	l->bytes_data = field16(o, w->bytes + BYTES_DATA, 1);
	begin(o, w->unicode, OBJECT_BYTES_MAX);
	l->unicode_state = field16(o, w->unicode + UNICODE_STATE, 4);
	l->unicode_length = field16(o, w->unicode + UNICODE_LENGTH, 8);
	l->unicode_ascii = field16(o, w->unicode + UNICODE_ASCII_SIZE, 8);
	/* Behind it come the length and the address of a UTF-8 form. */
	l->unicode_compact = l->unicode_ascii + 2 * sizeof(uint64_t);
	if (l->version >= PYTHON_VERSION(3, 14) && l->free_threaded)
		l->unicode_kind_bit = 8;
}

/* Two fields of the GIL are told: by them the table's are checked, and shifted where an int that
 * says whether there is a GIL at all comes first. */
static void read_gil(struct offsets *o, const struct words *w, struct python_layout *l)
{
	const uint16_t shift = l->free_threaded ? 8 : 0;
	uint64_t gil = word(o, w->gil + GIL_STRUCT);

	l->gil_last_holder += shift;
	l->gil_locked += shift;
	l->gil_switch_number += shift;
	l->gil_cond += shift;
	l->gil_mutex += shift;
	l->gil_switch_cond += shift;
	l->gil_switch_mutex += shift;
	l->gil_end += shift;
	if (l->free_threaded)
		l->gil_enabled = 0;
	if (word(o, w->gil + GIL_HOLDER) - gil != l->gil_last_holder ||
	    word(o, w->gil + GIL_LOCKED) - gil != l->gil_locked ||
	    word(o, w->gil + GIL_ENABLED) != 0)
		o->bad = true;
}

static int by_debug_offsets(const uint8_t *runtime, size_t len, struct python_layout *l)
{
	const struct words *w = l->version == PYTHON_VERSION(3, 13) ? &words_313 : &words_314;
	struct offsets o = {.at = runtime};

	if (!runtime || len < (size_t)w->end * sizeof(uint64_t) ||
	    memcmp(runtime, "xdebugpy", 8) != 0 || word(&o, WORD_VERSION) >> 16 != l->version ||
	    word(&o, WORD_FREE_THREADED) > 1)
		return -EBADMSG;
	l->free_threaded = word(&o, WORD_FREE_THREADED);
	l->lines = PYTHON_LOCATIONS;
	l->entry = PYTHON_ENTRY_SHIM;
	read_states(&o, w, l);
	read_frame(&o, w, l);
	read_code(&o, w, l);
	read_objects(&o, w, l);
	read_gil(&o, w, l);
	return o.bad ? -EBADMSG : 0;
}

int python_layout_get(uint16_t version, const uint8_t *runtime, size_t len,
		      struct python_layout *ret)
{
	struct python_layout l = common;
	int r = 0;

	l.version = version;
	switch (version) {
	case PYTHON_VERSION(3, 8):
	case PYTHON_VERSION(3, 9):
	case PYTHON_VERSION(3, 10):
		to_310(version & 0xff, &l);
		break;
	case PYTHON_VERSION(3, 11):
		to_311(&l);
		break;
	case PYTHON_VERSION(3, 12):
		to_312(&l);
		break;
	case PYTHON_VERSION(3, 13):
	case PYTHON_VERSION(3, 14):
		r = by_debug_offsets(runtime, len, &l);
		break;
	default:
		return -ENOTSUP;
	}
	if (r == 0)
		*ret = l;
	return r;
}
