/* SPDX-License-Identifier: GPL-2.0-only */
/* The time between attach and the window's end: waits for the ring, timers, signals, the command.
 */
#ifndef CLI_LOOP_H
#define CLI_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct collector;
struct delivery;
struct err;
struct interrupt;
struct live;
struct screen;

/* Why the window ended. */
enum loop_stop {
	STOP_NONE,
	STOP_TIME,
	STOP_SIGNAL,
	STOP_COMMAND, /* the launched command ended */
	STOP_TARGET,  /* every process of the target ended */
	STOP_QUIT,    /* a key of the screen */
};

struct loop_options {
	struct live *live;
	struct collector *collector;
	struct delivery *delivery;
	struct interrupt *interrupt;
	int command_fd; /* pidfd of the launched command, -1 = none */
	uint64_t slice_ns;
	uint64_t duration_ns;  /* 0 = no end by time */
	bool progress;	       /* show a line on standard error */
	struct screen *screen; /* NULL = none */
	/* After each slice, before it is shown: names for what is new.  NULL = only at the end. */
	int (*name)(void *ctx, struct err *err);
	void *name_ctx;
};

/* Run until something ends the window.  Returns 0 with *ret_stop, or a negative errno with @err. */
int loop_run(const struct loop_options *opt, enum loop_stop *ret_stop, struct err *err);

#endif
