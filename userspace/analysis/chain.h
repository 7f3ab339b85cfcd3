/* SPDX-License-Identifier: GPL-2.0-only */
/* What the cascade of long waits says of one thread that others wait for. */
#ifndef ANALYSIS_CHAIN_H
#define ANALYSIS_CHAIN_H

#include "analysis/load.h"

struct chain {
	uint32_t next; /* whom the thread itself waited for while others waited for it, most of that
			  time; SNAP_NONE = nobody */
	double handed_share; /* of the waiting that goes through the thread: handed on */
	uint64_t own_ns;     /* of all the waiting: ends with the thread */
	uint32_t root;	     /* with whom the most of all the waiting ends */
	uint64_t root_ns;
	uint64_t known_ns; /* all of it, as far as it is known for whom */
	uint32_t knot; /* threads that wait for each other, the root among them; 1 = itself alone */
};

/* Returns false where the long waits say nothing: there are too few, or memory is short. */
bool chain_of(const struct load *load, uint32_t thread, struct chain *ret);

/* Evidence for @f on @thread: with whom the long waits end. */
void chain_tell(const struct load *load, struct finding *f, uint32_t thread);

/* ", which itself waited for encode-0 most of that time": appends nothing where it did not. */
void chain_cause(struct strbuf *sb, const struct load *load, uint32_t thread);

#endif
