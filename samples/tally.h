/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of the ground truth, and the clock that they go by. */
#ifndef CONCPROF_SAMPLE_TALLY_H
#define CONCPROF_SAMPLE_TALLY_H

#include <stdint.h>

#define SAMPLE_NS_PER_US 1000ULL
#define SAMPLE_NS_PER_MS 1000000ULL
#define SAMPLE_NS_PER_S 1000000000ULL

/* CLOCK_MONOTONIC. */
uint64_t sample_now_ns(void);

/*
 * The waits and holds of one thread on one lock. One writer, any reader. Fields are private: read
 * them by sample_tally_read().
 */
struct sample_tally {
	uint64_t seq; /* odd while the writer is at work */
	uint64_t ops;
	uint64_t waits;	 /* acquires in which the thread gave up the CPU */
	uint64_t sleeps; /* how often it did: more, where another thread was faster after a wake */
	uint64_t wait_ns;
	uint64_t blocked_ns; /* the part of wait_ns of the acquires in `waits` */
	uint64_t hold_ns;
	uint64_t asked_ns; /* start of the open wait, 0 when there is none */
};

/* One passage through a critical section, on the stack of the thread. */
struct sample_turn {
	struct sample_tally *tally;
	uint64_t asked_ns;
	uint64_t got_ns;
	long switches;
};

/*
 * Around an acquire: ask, acquire, got, (the section), done, release. They are not one function, so
 * that the acquire's caller and line are those of the sample and not of a wrapper.
 * wait_ns includes the acquires that did not block. An acquire that timed out ends with got alone.
 */
struct sample_turn sample_ask(struct sample_tally *tally);
void sample_got(struct sample_turn *turn);
void sample_done(struct sample_turn *turn);

/* Counts an operation that takes no lock. */
void sample_count(struct sample_tally *tally);

/* Counts a wakeup as a wait, one in vain as a sleep, too. */
void sample_woken(struct sample_tally *tally, int in_vain);

/* A consistent copy; a wait still open at now_ns is included in wait_ns and blocked_ns. */
struct sample_tally sample_tally_read(const struct sample_tally *tally, uint64_t now_ns);

/* Adds b to a; a is not shared. */
void sample_tally_add(struct sample_tally *a, const struct sample_tally *b);

/* Prints ` ops=.. waits=.. sleeps=.. wait_ns=.. blocked_ns=.. hold_ns=..`. */
void sample_tally_print(const struct sample_tally *tally);

#endif
