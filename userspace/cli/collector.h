/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes the records of a live run to all who want them: the model, the captures, the symbolizer. */
#ifndef CLI_COLLECTOR_H
#define CLI_COLLECTOR_H

#include "base/vec.h"
#include "model/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct delivery;
struct model;
struct symbolizer;

/* Processes whose mappings are read in one slice: about 0.5 ms each. */
#define COLLECTOR_READS_PER_SLICE 64
/* The same once the window is closed. */
#define COLLECTOR_READS_AT_END 1024

struct collector_process {
	pid_t pid;
	bool read; /* since its start or last exec */
};

/* The caller fills in the first three (borrowed) and zeroes the rest. */
struct collector {
	struct model *model;
	struct delivery *delivery;
	struct symbolizer *symbolizer;
	VEC(struct collector_process) processes; /* alive as far as known */
	size_t next;				 /* whose turn it is */
	unsigned reads_left;			 /* in this slice */
	uint64_t end_ns;			 /* of the latest slice, 0 = none yet */
	/* A run without an end: single long waits, up to thousands a second, are for captures
	 * alone, else the model would be full in minutes. */
	bool endless;
};

struct record_sink collector_sink(struct collector *c);

/*
 * Begin a slice in which the mappings of at most @reads processes are read: names must work after
 * the target has ended, and with libraries that were loaded later.  New ones first, then in turn.
 */
void collector_refresh(struct collector *c, unsigned reads);

void collector_free(struct collector *c);

#endif
