/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks JSON against a schema: of JSON Schema what docs/report.schema.json uses. */
#ifndef TESTS_JSON_SCHEMA_H
#define TESTS_JSON_SCHEMA_H

#include <jansson.h>

struct json_schema {
	json_t *root;	 /* of the schema: where "#/$defs/.." lead */
	char where[256]; /* in the checked value, of what is wrong */
	char what[256];	 /* .. and the keyword that it breaks; "" = nothing is wrong */
};

/* Whether @val obeys @schema.  A keyword that is not known here is an error of the schema. */
int json_schema_obeys(struct json_schema *s, const json_t *schema, const json_t *val);

#endif
