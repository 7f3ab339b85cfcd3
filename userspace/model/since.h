/* SPDX-License-Identifier: GPL-2.0-only */
/* What a mark is made of; shared by since.c and history.c alone. */
#ifndef MODEL_SINCE_H
#define MODEL_SINCE_H

#include "model/model_priv.h"

#define SINCE_TABLES 12 /* of the model: those that count */

struct copied {
	void *at;
	size_t len; /* items */
};

struct model_mark {
	uint64_t at_ns;
	size_t slices_len;
	size_t long_waits_len;
	struct record_host host;
	struct record_self self;
	struct copied tables[SINCE_TABLES];
	struct copied open; /* struct model_open */
};

/* The table of @m that tables[@i] of a mark is a copy of. */
const struct table *since_table(const struct model *m, size_t i);

#endif
