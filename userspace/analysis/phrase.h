/* SPDX-License-Identifier: GPL-2.0-only */
/* Words that several rules use, so that the same thing is always said in the same way.  All append
 * to @sb. */
#ifndef ANALYSIS_PHRASE_H
#define ANALYSIS_PHRASE_H

#include "analysis/load.h"
#include "base/strbuf.h"

/* Start evidence line no. evidence_len of @f and return it; a spare one that is freed with @f's
 * last line when there are too many: it then continues that one after "; ". */
struct strbuf *phrase_evidence(struct finding *f);

/* "1 CPU", "2 CPUs", "1.5 CPUs" */
void phrase_cpus(struct strbuf *sb, double cpus);
/* "0.6 of 2 CPUs" */
void phrase_busy(struct strbuf *sb, double busy, double cpus);
/* "@ns of the time in which the program had work" as a share: "41%" */
void phrase_share(struct strbuf *sb, const struct load *load, double ns);
/* "1 thread", "4 threads" */
void phrase_threads(struct strbuf *sb, uint64_t count);

/* What a thread does in class @cls, with the subject left out: "is computing", "waits for the
 * disk", "is runnable but has no CPU". */
const char *phrase_while(enum time_class cls);

/* " in fsync": the system call in which @thread (SNAP_NONE = any) spent most of class @cls;
 * nothing where none is known. */
void phrase_syscall(struct strbuf *sb, const struct snapshot *snap, uint32_t thread,
		    enum time_class cls);

/*
 * Where holders of @lock were while others waited and they were @doing that: " in f (x.c:12)" for
 * one that runs, ", called by f (x.c:12)" for one off the CPU, " at x.c:12" in the function of
 * @release itself (may be NULL).  Appends nothing where it was not seen.
 */
void phrase_holding(struct strbuf *sb, const struct snapshot *snap, const struct snap_lock *lock,
		    enum time_class doing, const struct snap_frame *release);

bool phrase_same_function(const struct snap_frame *a, const struct snap_frame *b);

/* The function, outside the runtime libraries, in which @thread (SNAP_NONE = any) was sampled most,
 * module and offset where it has no name.  The share of the samples, or 0, nothing appended, where
 * there are none or no place stands out. */
double phrase_hottest(struct strbuf *sb, const struct snapshot *snap, uint32_t thread);
/* The same with its caller, for waits of class @cls. */
bool phrase_waiting_site(struct strbuf *sb, const struct snapshot *snap, enum time_class cls);

/* gain_text of @f: "@cure would give up to 1.6x (then the 2 CPUs are the limit)"; nothing when
 * there is nothing to gain. */
void phrase_gain(const struct load *load, struct finding *f, const char *cure);

#endif
