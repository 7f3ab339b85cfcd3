/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules storage and external share: threads wait for something outside the program. */
#ifndef ANALYSIS_IO_WAIT_H
#define ANALYSIS_IO_WAIT_H

#include "analysis/load.h"

/* Fires from half of A on; @wait_ns of class @cls, handed on waits included.
 * gain: gain_remove_wait(): min(C/U, A/(A - W)). */
void io_wait_find(const struct load *load, struct finding *f, enum time_class cls, double wait_ns);

/* Headline "@what: it costs 62% of ..", where it is waited, evidence, and the gain of @cure. */
void io_wait_tell(const struct load *load, struct finding *f, enum time_class cls, double wait_ns,
		  const char *what, const char *cure);

#endif
