/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE table of what each record consists of, field by field: the capture file is written, read and
 * checked by it alone.  A new field is one row at the END of its record's table (the order is the
 * file's format) and a step of CAPTURE_MINOR.
 */
#ifndef MODEL_RECORD_SCHEMA_H
#define MODEL_RECORD_SCHEMA_H

#include "model/record.h"

#include <stddef.h>

struct err;

enum field_kind {
	FIELD_U64,
	FIELD_U32,
	FIELD_I32,
	FIELD_BOOL,
	FIELD_STRING,	 /* char buffer, NUL-terminated */
	FIELD_U64_ARRAY, /* of a fixed length, mostly zeros: histograms, time by class */
	FIELD_U64_LIST,	 /* its length is in a uint32_t of the same record */
};

struct record_field {
	const char *name;
	enum field_kind kind;
	uint16_t offset; /* in struct record */
	uint16_t len;	 /* bytes of a string's buffer; elements that an array or list can hold */
	uint16_t len_offset; /* of a list's length, in struct record */
	uint32_t limit;	     /* FIELD_U32: values are below it; 0 = any */
	bool nonzero;	     /* 0 is refused */
};

struct record_schema {
	const char *name; /* "counters", for messages */
	size_t size;	  /* of the C structure */
	const struct record_field *fields;
	size_t fields_len;
};

/* The schema of a type, NULL for a type that this version does not know. */
const struct record_schema *record_schema_of(uint32_t type);

/*
 * Check @rec against its schema: type and enums in range, strings terminated, lists within their
 * buffers, required ids present.  Returns 0 or -EPROTO with the field named.
 */
int record_validate(const struct record *rec, struct err *err);

#endif
