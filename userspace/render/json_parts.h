/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the JSON report.  Every function that gives a json_t gives a new one, or NULL when
 * memory was short; it takes over the values handed to it, also when it fails.
 */
#ifndef RENDER_JSON_PARTS_H
#define RENDER_JSON_PARTS_H

#include "report/report.h"

#include <jansson.h>

/* Stacks listed in one report; references to further ones are counted and read 0. */
#define JSON_STACKS_MAX 20000

struct json_report {
	const struct report *rep;
	const struct snapshot *snap;
	uint32_t *stack_id;  /* by snapshot index: 0 = not used yet */
	uint32_t *stack_use; /* snapshot indexes in the order of first use */
	uint32_t stacks_len;
	uint64_t stacks_left_out;
	uint32_t *lock_order; /* snapshot indexes in the contract's order */
	uint32_t locks_len;
};

/* Target text, valid for JSON whatever the target supplied. */
json_t *jr_text(const char *str);
json_t *jr_text_len(const char *bytes, size_t len);
/* A number, cut to what JSON readers take (2^63 - 1). */
json_t *jr_num(uint64_t value);
/* The tid of a thread by index, 0 when it is not known. */
json_t *jr_tid(const struct snapshot *snap, uint32_t thread);
/* {"run": ns, ..} with all keys, of @class_ns[CLASS_COUNT]. */
json_t *jr_classes(const uint64_t *class_ns);
/* A bound on the gain; null where none can be given. */
json_t *jr_gain(double ratio, const char *bound, enum gain_limit limit);

/* @array with @item at its end. */
json_t *jr_push(json_t *array, json_t *item);
/* @obj with one key more. */
json_t *jr_with(json_t *obj, const char *key, json_t *value);
/* @a with all keys of @b. */
json_t *jr_joined(json_t *a, json_t *b);
/* An array of @len elements, element i made by @make(j, i). */
json_t *jr_array(struct json_report *j, uint32_t len,
		 json_t *(*make)(struct json_report *, uint32_t));

/* The report's id of the stack at snapshot index @stack, which lists it; 0 = none. */
json_t *jr_stack(struct json_report *j, uint32_t stack);

/* The loop at snapshot index @i, with its stalls. */
json_t *jr_loop(struct json_report *j, uint32_t i);
json_t *jr_process(struct json_report *j, uint32_t i);
json_t *jr_edge(struct json_report *j, uint32_t i);
/* All processes together. */
json_t *jr_tree(const struct snapshot *snap);
/* The keys from `processes` to `slices`. */
json_t *jr_lists(struct json_report *j);

#endif
