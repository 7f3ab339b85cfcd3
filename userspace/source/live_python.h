/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two parts of the live source that know CPython share: processes (live_python.c), names
 * (live_python_names.c). */
#ifndef SOURCE_LIVE_PYTHON_H
#define SOURCE_LIVE_PYTHON_H

#include "runtime/python_frames.h"
#include "source/live_internal.h"

struct python {
	uint32_t pid;	/* 0 = it has ended */
	bool looked;	/* `found` is valid */
	uint64_t execs; /* of the process, when it was looked at */
	struct python_process found;
	struct cp_python abi; /* as the BPF side has it */
	uint32_t slot_looks;  /* for abi.tss */
	struct hashmap sent;  /* words whose names have been sent for it */
};

/* What a word stands for, in whatever process. */
struct python_name {
	char *name;
	char *file;
	uint32_t line;
};

/* A word without a name in a stack that has been sent. */
struct python_unnamed {
	uint64_t word;
	uint32_t pid;
};

struct live_python {
	uint64_t gils_beyond; /* PYTHON_GILS_MAX, the most in one process */
	struct python_thread threads[PYTHON_THREADS_MAX]; /* of the process asked for last */
	size_t threads_len;
	uint32_t threads_pid; /* 0 = of none */
	VEC(struct python) all;
	VEC(uint32_t) unused;  /* indexes in all */
	struct hashmap by_pid; /* pid -> index in all, UINT32_MAX = none any more */
	struct hashmap names;  /* word -> index in name */
	VEC(struct python_name) name;
	VEC(struct python_unnamed) unnamed;
};

/* live_python.c */
struct python *live_python_of(const struct live *live, uint32_t pid);
bool live_python_read_memory(void *ctx, uint64_t addr, void *buf, size_t len);

/* live_python_names.c */
/* Read what @word stands for, if that is not known yet, from the code object at @code, if that is
 * still the one. */
void live_python_learn(struct live *live, const struct python *p, uint64_t word, uint64_t code);
void live_python_names_free(struct live_python *py);

#endif
