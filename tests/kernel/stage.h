/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A target whose threads (actors) do one known thing each and measure it themselves.
 *
 * It is forked from the test and shares one block of memory with it.  Its threads move in steps:
 * they wait, in a futex on `step`, until the test lets them go on, so that whatever happens between
 * two steps is known to the nanosecond and concprof can be attached while all of them rest.
 */
#ifndef TESTS_KERNEL_STAGE_H
#define TESTS_KERNEL_STAGE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define ACTORS_MAX 64
#define STAGE_OWN_MAX 65536

struct actor {
	_Atomic int tid;
	_Atomic uint32_t reached; /* the step that it waits for */
	uint64_t wait_ns;	  /* wall time of the calls that it is here to make, .. */
	uint64_t until_wake_ns;	  /* .. the part before the waker's call */
	uint64_t count;		  /* .. and how many */
	uint64_t skipped;	  /* this kernel does not offer the call */
	uint64_t from_ns, to_ns;  /* when its part began and ended */
};

struct stage {
	_Atomic uint32_t step;
	uint32_t pad[31]; /* keeps what follows out of what is read behind the word */
	_Atomic int failed;
	char failure[200];
	pid_t pid;
	unsigned len;
	struct actor actors[ACTORS_MAX];
	/* The test's own, copied from what it gave to stage_start. */
	_Alignas(64) unsigned char own[STAGE_OWN_MAX];
};

/* What actor @me does; the first runs on the process's main thread. */
typedef void stage_body(struct stage *st, unsigned me);

/* Fork a target of @len threads; @own (NULL = zeros) is put into st->own first. */
struct stage *stage_start(unsigned len, stage_body *body, const void *own, size_t own_size);
/* In the target: wait until the test says stage_go(st, step). */
void stage_wait(struct stage *st, unsigned me, uint32_t step);
/* In the test: let all go on, or wait until all of them wait for @step. */
void stage_go(struct stage *st, uint32_t step);
void stage_await(struct stage *st, uint32_t step);
/* Do all of them wait for @step, blocked? */
int stage_rests(struct stage *st, uint32_t step);
/* Kill it and free the memory. */
void stage_end(struct stage *st);

/* In the target: give up, the test fails with this text. */
_Noreturn void stage_fail(struct stage *st, const char *file, int line, const char *what);
#define REQUIRE(st, condition)                                          \
	do {                                                            \
		if (!(condition))                                       \
			stage_fail(st, __FILE__, __LINE__, #condition); \
	} while (0)

/* In the target: until actor @who is blocked in system call @nr on @word (0 = whatever its
 * argument). */
void stage_await_blocked(struct stage *st, unsigned who, long nr, const void *word);
/* In the target: run on the first CPU that is allowed and on no other. */
void stage_pin(struct stage *st);
/* futex(2) as it is. */
long futex(void *word, int op, uint32_t val, const void *timeout_or_val2, void *word2,
	   uint32_t val3);

#endif
