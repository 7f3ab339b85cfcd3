/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where CPython keeps what is read from a running interpreter, by version: 3.8 to 3.12 from the
 * debug information of real builds, from 3.13 on by what the interpreter itself says
 * (_Py_DebugOffsets, at the start of _PyRuntime).  Offsets are bytes.
 */
#ifndef RUNTIME_PYTHON_LAYOUT_H
#define RUNTIME_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_VERSION(major, minor) ((major) << 8 | (minor))
#define PYTHON_NO_FIELD UINT16_MAX

/* How lines are coded in a code object. */
enum python_lines {
	PYTHON_LNOTAB,	  /* co_lnotab, to 3.9 */
	PYTHON_LINETABLE, /* PEP 626, 3.10 */
	PYTHON_LOCATIONS, /* from 3.11 on */
};

/* Which frame is the last one of its C-level call. */
enum python_entry {
	PYTHON_ENTRY_EVERY, /* to 3.10: one C call for each frame */
	PYTHON_ENTRY_FLAG,  /* 3.11: is_entry */
	PYTHON_ENTRY_SHIM,  /* from 3.12 on: the one before a frame that the C stack owns */
};

struct python_layout {
	uint16_t version; /* PYTHON_VERSION(3, 11) */
	bool free_threaded;
	enum python_lines lines;
	enum python_entry entry;
	/* _PyRuntime */
	uint32_t interpreters_head;
	uint32_t runtime_gil; /* the struct itself, UINT32_MAX = it is the interpreter's */
	/* PyInterpreterState */
	uint32_t interp_next;
	uint32_t interp_threads;
	uint32_t interp_gil; /* a pointer; UINT32_MAX = it is in _PyRuntime */
	/* PyThreadState */
	uint16_t tstate_next;
	uint16_t tstate_interp;
	uint16_t tstate_thread_id;
	uint16_t tstate_native_id; /* PYTHON_NO_FIELD before 3.11 */
	uint16_t tstate_frame;	   /* a pointer to the frame; where frame_via is set, to .. */
	uint16_t frame_via;	   /* .. a struct with such a pointer here (3.11: 8, 3.12: 0) */
	/* a frame */
	uint16_t frame_code;
	uint16_t frame_back;
	uint16_t frame_lasti;
	/* Bytes of code that one step of lasti, an int32, stands for: 1 to 3.9, 2 in 3.10; 0 = it
	 * is a pointer into the code object. */
	uint8_t frame_lasti_step;
	uint16_t frame_is_entry;   /* a byte, PYTHON_NO_FIELD but in 3.11 */
	uint16_t frame_owner;	   /* a byte, PYTHON_NO_FIELD before 3.11 */
	uint8_t frame_owner_shim;  /* from this value on the C stack owns it (3) */
	uint8_t frame_pointer_tag; /* low bits of `code` that are no address (3.14: 3) */
	/* 3.14 free-threaded: threads may run copies of the instructions. An int32, the index of
	 * the copy; PYTHON_NO_FIELD elsewhere. */
	uint16_t frame_copy;
	/* a code object */
	uint16_t code_firstlineno;
	uint16_t code_filename;
	uint16_t code_name;
	uint16_t code_qualname; /* PYTHON_NO_FIELD before 3.11 */
	uint16_t code_linetable;
	uint16_t code_adaptive; /* where its instructions begin; unused to 3.10 */
	uint16_t code_copies;	/* pointer to {length, addresses}; as frame_copy */
	/* objects */
	uint16_t object_type;	  /* 8 */
	uint16_t unicode_state;	  /* bit field: interned:2 kind:3 compact:1 ascii:1 .. */
	uint8_t unicode_kind_bit; /* of the first of `kind`: 2, or 8 (3.14 free-threaded) */
	uint16_t unicode_length;  /* in characters */
	uint16_t unicode_ascii;	  /* where the characters of a compact ASCII string are .. */
	uint16_t unicode_compact; /* .. and of any other compact one */
	uint16_t bytes_size;
	uint16_t bytes_data;
	/* struct _gil_runtime_state */
	uint16_t gil_enabled; /* an int, 0 = nobody uses it; PYTHON_NO_FIELD = somebody does */
	uint16_t gil_last_holder;
	uint16_t gil_locked;
	uint16_t gil_switch_number;
	uint16_t gil_cond;  /* pthread_cond_t, 48 bytes */
	uint16_t gil_mutex; /* pthread_mutex_t, 40 bytes */
	uint16_t gil_switch_cond;
	uint16_t gil_switch_mutex;
	uint16_t gil_end;
};

/* Bytes of _PyRuntime to hand over for the debug offsets. */
#define PYTHON_DEBUG_OFFSETS_BYTES 1024

/*
 * The layout of @version; from 3.13 on by @runtime, the first @len bytes of its _PyRuntime.
 * Returns 0, -ENOTSUP (a version that is not known), -EBADMSG (from 3.13 on: no debug offsets, or
 * ones that cannot be true); *ret untouched on failure.
 */
int python_layout_get(uint16_t version, const uint8_t *runtime, size_t len,
		      struct python_layout *ret);

#endif
