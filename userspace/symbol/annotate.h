/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for the addresses that a model holds, as records: the model and the capture get the same
 * ones. */
#ifndef SYMBOL_ANNOTATE_H
#define SYMBOL_ANNOTATE_H

#include "model/model.h"

struct err;
struct symbolizer;

/*
 * Name every frame and lock of @model that has no name yet and send RECORD_FRAME and
 * RECORD_LOCK_NAME to @sink (which feeds @model, too: names are collected first), then RECORD_LOSS
 * for what stayed unnamed.
 */
int annotate(const struct model *model, struct symbolizer *symbolizer,
	     const struct record_sink *sink, struct err *err);

#endif
