/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of concprof_abi.h, which includes it, that is about CPython. */
#ifndef CONCPROF_ABI_PYTHON_H
#define CONCPROF_ABI_PYTHON_H

/* 2^64 / golden ratio (Knuth, TAOCP 6.4): spreads every input bit over the product. */
#define CP_HASH_MULTIPLIER 0x9e3779b97f4a7c15ULL

/*
 * CPython inside a process: where it keeps what is read (runtime/python_layout.h), of a frame
 * relative to what is read of it at once.
 */
#define CP_PYTHON_GILS_MAX 8
#define CP_PYTHON_FRAME_BYTES 128
#define CP_PYTHON_CODE_BYTES 128
#define CP_PYTHON_TEXT_BYTES 256 /* of a name, a file, a table of lines: one less is compared */
#define CP_PYTHON_NONE 0xffff
enum cp_python_entry { CP_PYTHON_ENTRY_EVERY, CP_PYTHON_ENTRY_FLAG, CP_PYTHON_ENTRY_SHIM };
struct cp_python {
	__u64 runtime; /* address of _PyRuntime, 0 = no CPython that is known */
	__u64 gil[CP_PYTHON_GILS_MAX];
	__u32 gils_len;
	__u32 interpreters_head;
	__u32 interp_next;
	__u32 interp_threads;
	__u16 tstate_next;
	__u16 tstate_thread_id;
	__u16 tstate_native_id; /* CP_PYTHON_NONE: the tid is at pthread_tid of *thread_id */
	__u16 pthread_tid;
	__u16 tstate_frame;
	__u16 frame_via;
	__u16 frame_from; /* the part of a frame that is read */
	__u16 frame_bytes;
	__u16 frame_code; /* from here on inside that part */
	__u16 frame_back;
	__u16 frame_lasti;
	__u16 frame_lasti_step; /* bytes of code for one of lasti, an int32; 0 = a pointer */
	__u16 frame_is_entry;
	__u16 frame_owner;
	__u16 frame_shim; /* owners from this one on */
	__u16 frame_tag;  /* bits of `code` that are no address */
	__u16 entry;	  /* enum cp_python_entry */
	__u16 code_adaptive;
	__u16 gil_last_holder; /* behind it: locked, switch number */
	__u16 gil_end;
	__u16 parking;	 /* waits of the parking lot: the lock's address is before the word */
	__u16 code_from; /* the part of a code object that is read, whole words .. */
	__u16 code_bytes;
	__u16 code_firstlineno; /* .. and inside that part */
	__u16 code_name;	/* the qualified one from 3.11 on */
	__u16 code_filename;
	__u16 code_linetable;
	__u16 code_number; /* the word in which 3.12 and later have its own number */
	__u16 text_len;	   /* of a str object: behind it a hash and .. */
	__u16 text_state;  /* .. bits: this far behind the length */
	__u16 text_kind_bit;
	__u16 text_ascii;
	__u16 text_compact;
	__u16 bytes_len; /* of a bytes object: behind it a hash */
	__u16 bytes_data;
	__u16 tss;     /* from pthread_self() to where the thread keeps its state, 0 = not known */
	__u16 several; /* there is more than one interpreter */
	__u16 pad[3];
};

/* A search for a thread's state of CPython, a few steps at each look. */
struct cp_python_search {
	__u64 interp; /* the next one to look into */
	__u64 tstate; /* the next one to look at, 0 = that interpreter's first */
	__u64 found;
	__u64 found_in;
	__u64 interps;
	__u32 several;
	__u32 steps; /* 0 = it has not begun */
};

/* What a code object of Python says of itself in a few of its own words, and where it is: words of
 * one sum, so that a processor can take them all at once. */
static inline __u64 cp_python_own(__u64 code, __u64 line, __u64 name, __u64 file, __u64 lines,
				  __u64 number)
{
	return code * CP_HASH_MULTIPLIER + line * 0xbf58476d1ce4e5b9ULL +
	       name * 0x94d049bb133111ebULL + file * 0xff51afd7ed558ccdULL +
	       lines * 0xc4ceb9fe1a85ec53ULL + number * 0xd6e8feb86659fd93ULL;
}

/* A frame of Python: model/python_word.h. */
#define CP_PYTHON_WORD_MARK (1ULL << 62)
#define CP_PYTHON_WORD_ENTRY (1ULL << 61)
#define CP_PYTHON_WORD_LEFT (CP_PYTHON_WORD_MARK | CP_PYTHON_WORD_ENTRY)
#define CP_PYTHON_LASTI_SHIFT 44
#define CP_PYTHON_LASTI_MAX 0x1ffff
#define CP_PYTHON_CODE_MASK ((1ULL << CP_PYTHON_LASTI_SHIFT) - 1)
#define CP_PYTHON_CODE_UNKNOWN 1 /* it cannot be read */

#endif
