// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signatures of glibc 2.36 x86_64, each seen with strace on a program that does only that:
 *
 *   primitive          op                       val                    wait word        owner
 *   mutex              WAIT private             2                      +0               tid at +8
 *   mutex, timed       WAIT_BITSET private      2                      +0               tid at +8
 *   mutex, PI          LOCK_PI                  -                      +0               in the word
 *   condvar            WAIT_BITSET private      even, often 0          +32..+44         none
 *   semaphore          WAIT_BITSET private      0                      +0               none
 *   rwlock             WAIT_BITSET private      reader 3, writer 2, 3  +8, +12          seldom
 *   barrier            WAIT private             round                  +4               none
 *   join               WAIT_BITSET, not private tid of the joined      in its TCB       the joined
 *   shared semaphore   0x109, not private       0                      file mapping     none
 *
 * Rust's std waits with WAIT_BITSET and 2 on a mutex without an owner; libc's internal locks and
 * InnoDB's follow the protocol of the mutex without an owner.  Condvar and semaphore cannot be told
 * apart by these, so function names go first; where neither decides, the kind is "futex".
 */
#include "model/lock_kind.h"

#include "base/num.h"

#include <string.h>

/* Frames in which libc's own functions are looked for: its wait function, the primitive, and one
 * between them. */
#define LIBC_FRAMES 3

enum site_match {
	MATCH_WHOLE, /* part of the name; goes before what it is built of, further in */
	MATCH_LIBC,  /* the name but for leading underscores and version suffixes; innermost frames
		      */
	MATCH_OUTER, /* part of the name; goes before a libc function further in */
	MATCH_START, /* the same of its start: of Go, whose names begin with their package */
};

struct site_row {
	enum site_match match;
	const char *text;
	enum lock_kind kind;
};

static const struct site_row site_table[] = {
	/* Runtimes build their locks of condvars and semaphores: the outer function is the truth.
	 */
	{MATCH_OUTER, "take_gil", LOCK_GIL},
	{MATCH_OUTER, "drop_gil", LOCK_GIL}, /* waits until another has taken it */
	{MATCH_OUTER, "PyThread_acquire_lock", LOCK_PYTHON},
	{MATCH_OUTER, "_PyMutex_Lock", LOCK_PYTHON},
	{MATCH_OUTER, "_PyParkingLot_Park", LOCK_PYTHON},
	/* Taken again after a wait, too. */
	{MATCH_OUTER, "ObjectMonitor::enter", LOCK_MUTEX},
	{MATCH_OUTER, "ObjectMonitor::EnterI", LOCK_MUTEX},
	{MATCH_OUTER, "ObjectMonitor::ReenterI", LOCK_MUTEX},
	{MATCH_OUTER, "ObjectMonitor::reenter", LOCK_MUTEX},
	{MATCH_OUTER, "ObjectMonitor::wait", LOCK_CONDVAR},
	{MATCH_OUTER, "RawMutex::lock_slow", LOCK_MUTEX}, /* parking_lot */
	{MATCH_OUTER, "RawRwLock::lock_", LOCK_RWLOCK},
	{MATCH_OUTER, "parking_lot::once::Once::", LOCK_MUTEX},
	/* Rust std::sync; old mangling has "Mutex::lock_contended", the new one "Mutex>::..". */
	{MATCH_OUTER, "::lock_contended", LOCK_MUTEX},
	{MATCH_OUTER, "::read_contended", LOCK_RWLOCK},
	{MATCH_OUTER, "::write_contended", LOCK_RWLOCK},
	{MATCH_OUTER, "Condvar::wait", LOCK_CONDVAR},
	{MATCH_OUTER, "Condvar>::wait", LOCK_CONDVAR},
	{MATCH_OUTER, "::once::futex::Once", LOCK_MUTEX},
	{MATCH_WHOLE, "::once::queue::", LOCK_MUTEX},
	{MATCH_WHOLE, "sync::once::Once::call_inner", LOCK_MUTEX}, /* built of thread::park() */
	/* thread_parker, thread_parking: thread::park(), and what is built of it. */
	{MATCH_OUTER, "::thread_park", LOCK_FUTEX},
	{MATCH_WHOLE, "sync::barrier::Barrier", LOCK_BARRIER},
	/* Goroutines wait in user space: a thread's own wait is for work, or for the runtime. */
	{MATCH_START, "runtime.lock2", LOCK_MUTEX},
	{MATCH_START, "runtime.notesleep", LOCK_FUTEX},
	{MATCH_START, "runtime.notetsleep", LOCK_FUTEX},
	/* Who initialises has it, as a lock. */
	{MATCH_OUTER, "__cxa_guard_acquire", LOCK_MUTEX},
	{MATCH_LIBC, "pthread_once", LOCK_MUTEX},
	{MATCH_LIBC, "pthread_once_", LOCK_MUTEX},
	{MATCH_LIBC, "pthread_mutex_", LOCK_MUTEX},
	{MATCH_LIBC, "lll_lock_wait", LOCK_MUTEX},
	{MATCH_LIBC, "lll_lock_wait_private", LOCK_MUTEX},
	{MATCH_LIBC, "mtx_lock", LOCK_MUTEX},
	{MATCH_LIBC, "mtx_timedlock", LOCK_MUTEX},
	{MATCH_LIBC, "pthread_rwlock_", LOCK_RWLOCK},
	{MATCH_LIBC, "pthread_cond_", LOCK_CONDVAR},
	{MATCH_LIBC, "cnd_wait", LOCK_CONDVAR},
	{MATCH_LIBC, "cnd_timedwait", LOCK_CONDVAR},
	{MATCH_LIBC, "sem_wait", LOCK_SEMAPHORE},
	{MATCH_LIBC, "sem_timedwait", LOCK_SEMAPHORE},
	{MATCH_LIBC, "sem_clockwait", LOCK_SEMAPHORE},
	{MATCH_LIBC, "new_sem_wait", LOCK_SEMAPHORE},
	{MATCH_LIBC, "new_sem_wait_", LOCK_SEMAPHORE},
	{MATCH_LIBC, "pthread_barrier_", LOCK_BARRIER},
	{MATCH_LIBC, "pthread_join", LOCK_JOIN},
	{MATCH_LIBC, "pthread_timedjoin", LOCK_JOIN},
	{MATCH_LIBC, "pthread_timedjoin_", LOCK_JOIN},
	{MATCH_LIBC, "pthread_clockjoin", LOCK_JOIN},
	{MATCH_LIBC, "pthread_clockjoin_", LOCK_JOIN},
	{MATCH_LIBC, "thrd_join", LOCK_JOIN},
};

/* "__GI___pthread_mutex_lock", "___pthread_mutex_lock", "pthread_mutex_lock@@GLIBC_2.2.5" are one;
 * a row that ends in an underscore takes every name that begins so. */
static bool libc_matches(const char *name, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(name, "__GI_", 5) == 0)
		name += 5;
	name += strspn(name, "_");
	if (strncmp(name, text, len) != 0)
		return false;
	if (text[len - 1] == '_')
		return true;
	/* Letters going on make it another name ("sem_waiter"); "64", "@", "." do not. */
	return !name[len] || strchr("@.0123456789", name[len]) != NULL;
}

static bool row_matches(const struct site_row *row, const char *name, size_t frame)
{
	switch (row->match) {
	case MATCH_WHOLE:
	case MATCH_OUTER:
		return strstr(name, row->text) != NULL;
	case MATCH_START:
		return strncmp(name, row->text, strlen(row->text)) == 0;
	case MATCH_LIBC:
		return frame < LIBC_FRAMES && libc_matches(name, row->text);
	}
	return false;
}

/* What goes first: the whole, then runtimes, then libc; of each the innermost frame. */
static const unsigned match_rounds[] = {
	1U << MATCH_WHOLE,
	1U << MATCH_OUTER | 1U << MATCH_START,
	1U << MATCH_LIBC,
};

enum lock_kind lock_kind_of_site(const char *const *names, size_t len)
{
	for (size_t round = 0; round < ARRAY_LEN(match_rounds); round++)
		for (size_t i = 0; i < len && i < LOCK_SITE_FRAMES; i++)
			for (size_t k = 0; k < ARRAY_LEN(site_table); k++)
				if (match_rounds[round] & 1U << site_table[k].match &&
				    row_matches(&site_table[k], names[i], i))
					return site_table[k].kind;
	return LOCK_KIND_COUNT;
}

/*
 * glibc 2.25 (the present condvar and rwlock) and later, sysdeps/nptl/bits/thread-shared-types.h
 * and struct_rwlock.h, 64 bits: all three are aligned to 8 bytes.  __g_signals[2] at 40 and 44,
 * from 2.41 on at 32 and 36; __wrphase_futex and __writers_futex at 8 and 12; the barrier's
 * current_round at 4.
 */
uint64_t lock_glibc_object(enum lock_kind kind, uint64_t word, unsigned glibc_minor)
{
	const uint64_t signals = glibc_minor >= 41 ? 32 : 40;
	const uint64_t aligned = word & ~UINT64_C(7);

	switch (kind) {
	case LOCK_CONDVAR:
		return aligned >= signals ? aligned - signals : word;
	case LOCK_RWLOCK:
		return aligned >= 8 ? aligned - 8 : word;
	case LOCK_BARRIER:
		return aligned;
	default:
		return word;
	}
}

/* Whether a primitive of this kind, for certain, guards a section that somebody is in. */
static bool kind_is_lock(enum lock_kind kind)
{
	switch (kind) {
	case LOCK_MUTEX:
	case LOCK_PI_MUTEX:
	case LOCK_RWLOCK:
	case LOCK_KERNEL:
	case LOCK_GIL:
		return true;
	case LOCK_PYTHON: /* queues wait on locks of their own, too: idle workers; see lock_judge()
			   */
	case LOCK_CONDVAR:
	case LOCK_SEMAPHORE:
	case LOCK_BARRIER:
	case LOCK_JOIN:
	case LOCK_SHARED_SEMAPHORE:
	case LOCK_FUTEX:
	case LOCK_KIND_COUNT:
		return false;
	}
	return false;
}

static bool at_least_half(uint64_t part, uint64_t whole)
{
	return part && (part >= whole || part >= whole - part);
}

static struct lock_judgement judged(enum lock_kind kind)
{
	return (struct lock_judgement){.kind = kind, .is_lock = kind_is_lock(kind)};
}

/* The kind that most of the named call sites agree on. */
static enum lock_kind kind_by_sites(const struct lock_evidence *e)
{
	enum lock_kind best = LOCK_KIND_COUNT;
	uint64_t most = 0;

	for (int kind = 0; kind < LOCK_KIND_COUNT; kind++) {
		if (e->site_waits[kind] <= most)
			continue;
		most = e->site_waits[kind];
		best = (enum lock_kind)kind;
	}
	return best == LOCK_SEMAPHORE && e->shared ? LOCK_SHARED_SEMAPHORE : best;
}

/* By op, value and who wakes: no owner, no name. */
static struct lock_judgement judge_signature(const struct lock_evidence *e)
{
	const uint64_t plain = e->op_waits[FUTEX_OP_WAIT];
	const uint64_t bitset = e->op_waits[FUTEX_OP_WAIT_BITSET];
	const bool contended = at_least_half(e->contender_wakes, e->handed_over);

	if (contended && !e->shared && at_least_half(plain, e->waits) &&
	    at_least_half(e->value_waits[2], e->waits))
		return judged(LOCK_MUTEX);
	if (contended && at_least_half(bitset, e->waits) &&
	    at_least_half(e->value_waits[2] + e->value_waits[3], e->waits)) {
		/* 3 is the rwlock's alone; with 2 alone it may be Rust's mutex as well: a lock for
		 * certain, of a kind that cannot be told. */
		return e->value_waits[3] ? judged(LOCK_RWLOCK)
					 : (struct lock_judgement){LOCK_FUTEX, true};
	}
	if (e->shared && at_least_half(bitset, e->waits) && e->value_waits[0] == e->waits)
		return judged(LOCK_SHARED_SEMAPHORE);
	/* The joined thread's tid as value; the kernel wakes the joiners in that thread's exit. */
	if (!e->shared && bitset == e->waits && e->waits && e->join_waits == e->waits)
		return judged(LOCK_JOIN);
	return judged(LOCK_FUTEX);
}

struct lock_judgement lock_judge(const struct lock_evidence *e)
{
	enum lock_kind by_sites = kind_by_sites(e);

	if (e->op_waits[FUTEX_OP_KERNEL])
		return judged(LOCK_KERNEL);
	/* Up to 3.13 nothing else in there is waited for by a condvar:
	 * Include/internal/pycore_gil.h. */
	if (e->in_python && e->op_waits[FUTEX_OP_WAIT_BITSET])
		return judged(LOCK_GIL);
	if (e->op_waits[FUTEX_OP_LOCK_PI])
		return judged(LOCK_PI_MUTEX);
	/* Before the owner word: what lies where a mutex keeps its owner may, in a container with
	 * its small tids, look like one. */
	if (by_sites != LOCK_KIND_COUNT) {
		struct lock_judgement by_name = judged(by_sites);

		/* Let go of by who waits for it, too: a semaphore that is used as a lock. */
		by_name.is_lock |= (by_sites == LOCK_PYTHON || by_sites == LOCK_SEMAPHORE) &&
				   at_least_half(e->contender_wakes, e->handed_over);
		by_name.is_lock &= !e->per_waiter && !at_least_half(e->work_waits, e->waits);
		return by_name;
	}
	if (at_least_half(e->owner_known, e->waits))
		/* 3 is the rwlock's alone; the owner was its __cur_writer. */
		return judged(e->value_waits[3] ? LOCK_RWLOCK : LOCK_MUTEX);
	if (e->op_waits[FUTEX_OP_REQUEUE_PI]) /* FUTEX_WAIT_REQUEUE_PI is there for condvars alone
					       */
		return judged(LOCK_CONDVAR);
	return judge_signature(e);
}

enum time_class lock_time_class(struct lock_judgement judgement)
{
	if (judgement.kind == LOCK_GIL)
		return CLASS_GIL;
	return judgement.is_lock ? CLASS_LOCK : CLASS_COUNT;
}
