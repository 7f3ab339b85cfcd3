/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which code object it is that a word of Python stands for, by what it holds (bpf/python_code.bpf.h
 * reads alike): two that are named alike, in the same file, with the same lines are the same, and
 * no other ones, whatever their addresses are.
 */
#ifndef SOURCE_PYTHON_CODE_H
#define SOURCE_PYTHON_CODE_H

#include "bpf/concprof_abi.h"
#include "runtime/python_find.h"

/* What the BPF side reads of code objects, into @abi; false where they are too long for it. */
bool python_code_part(const struct python_layout *l, struct cp_python *abi);

struct python_code_ids {
	uint64_t content;
	/* Of its address and its own bytes: where the BPF side would have had to wait for a page of
	 * its texts. */
	uint64_t place;
};

/* What stands in words for the code object at @code now; false where it cannot be read. */
bool python_code_ids(const struct cp_python *abi, const struct python_memory *memory, uint64_t code,
		     struct python_code_ids *ret);

/* What the BPF side would have in @word, in which the address of a code object is. */
uint64_t python_code_word(const struct cp_python *abi, const struct python_memory *memory,
			  uint64_t word);

#endif
