/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel and these rights allow, found out by trying. */
#ifndef SOURCE_PROBE_H
#define SOURCE_PROBE_H

#include "base/vec.h"

#include <stdbool.h>

struct err;

/* The rights that a profile takes, said everywhere in these words; README has them, too. */
#define PROBE_RIGHTS "root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE"

enum probe_state {
	PROBE_OK,
	PROBE_LIMITED, /* works with less, or is not tested */
	PROBE_MISSING,
};

struct probe_result {
	const char *item; /* static: "program iter/task" */
	enum probe_state state;
	bool core;	  /* without it no profile is possible */
	bool implied;	  /* fails with an earlier one that it needs: no news */
	char found[128];  /* "6.1.0-18-amd64", "Operation not permitted" */
	const char *cost; /* static: what the user loses where state is not PROBE_OK */
};

struct probe_list {
	VEC(struct probe_result) results;
	bool failed; /* memory was short */
};

/*
 * Can anybody with these rights profile at all?  CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, must be
 * effective.  Returns 0 or -EPERM; the sentence says how to get them.
 */
int probe_rights(struct err *err);

/*
 * Is the kernel new enough?  *ret_tested: concprof's own tests run on this version or an older one.
 * Returns 0 or -ENOTSUP.
 */
int probe_kernel(bool *ret_tested, struct err *err);

/* Kernel, architecture, rights, settings, namespace: read from /proc and /sys.  Appends. */
void probe_system(struct probe_list *list);

/*
 * Maps, programs and helpers: each is really created, loaded, attached for an instant, and gone
 * when this returns.  Appends.
 */
void probe_bpf(struct probe_list *list);

/* Append one result; @found is formatted and cut. */
void probe_add(struct probe_list *list, const char *item, bool core, const char *cost,
	       enum probe_state state, const char *found, ...)
	__attribute__((format(printf, 6, 7)));

/* The result added last failed since it needs another one that did; nothing where it is ok. */
void probe_imply(struct probe_list *list);

/* true when everything that the core needs is there. */
bool probe_core_works(const struct probe_list *list);
void probe_list_free(struct probe_list *list);

#endif
