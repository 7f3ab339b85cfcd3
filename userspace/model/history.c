// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two marks a second apart differ in few words, and a difference by XOR leads from either to the
 * other.  So one whole mark is kept, of now, and for each moment before it what leads back there:
 * runs of words that are the same, and the varints of those that are not.
 */
#include "model/history.h"

#include "base/num.h"
#include "model/since.h"
#include "model/varint.h"

#include <stdlib.h>
#include <string.h>

#define PARTS (SINCE_TABLES + 1) /* the tables, and what is open */
#define STEPS_MAX (HISTORY_FINE + HISTORY_COARSE)

struct bytes {
	uint8_t *at;
	size_t len;
	size_t cap;
	bool failed;
};

/* From one moment back to the one before it. */
struct step {
	struct model_mark to; /* its arrays are empty: the lengths and totals count */
	struct bytes part[PARTS];
	unsigned slices; /* 1, or HISTORY_STEP */
};

struct history {
	size_t bytes_max;
	struct model_mark *last;
	struct step steps[STEPS_MAX + 1]; /* oldest first */
	unsigned len;
	size_t item_size[PARTS];
};

static struct copied *part_of(struct model_mark *mark, size_t i)
{
	return i < SINCE_TABLES ? &mark->tables[i] : &mark->open;
}

static void put(struct bytes *bytes, uint64_t value)
{
	if (bytes->len + VARINT_MAX > bytes->cap) {
		size_t cap = bytes->cap ? bytes->cap * 2 : 256;
		uint8_t *grown = realloc(bytes->at, cap);

		if (!grown) {
			bytes->failed = true;
			return;
		}
		bytes->at = grown;
		bytes->cap = cap;
	}
	bytes->len += varint_put(bytes->at + bytes->len, value);
}

/* @a and @b by words; beyond its end either is zero. */
static void encode(struct bytes *to, const uint64_t *a, size_t a_len, const uint64_t *b,
		   size_t b_len)
{
	const size_t len = a_len > b_len ? a_len : b_len;
	uint64_t same = 0;

	for (size_t i = 0; i < len && !to->failed; i++) {
		uint64_t word = (a && i < a_len ? a[i] : 0) ^ (b && i < b_len ? b[i] : 0);

		if (!word) {
			same++;
			continue;
		}
		put(to, same);
		put(to, word);
		same = 0;
	}
}

/* XOR what @from holds into @words; what lies beyond @len is left out. */
static void apply(const struct bytes *from, uint64_t *words, size_t len)
{
	size_t pos = 0, at = 0;

	while (pos < from->len) {
		uint64_t same = 0, word = 0;

		pos += varint_get(from->at + pos, from->len - pos, &same);
		pos += varint_get(from->at + pos, from->len - pos, &word);
		at += same;
		if (at < len)
			words[at] ^= word;
		at++;
	}
}

static size_t words_of(const struct history *h, size_t part, size_t items)
{
	return items * h->item_size[part] / sizeof(uint64_t);
}

static void step_free(struct step *step)
{
	for (size_t i = 0; i < PARTS; i++)
		free(step->part[i].at);
	*step = (struct step){0};
}

static size_t step_bytes(const struct step *step)
{
	size_t bytes = 0;

	for (size_t i = 0; i < PARTS; i++)
		bytes += step->part[i].cap;
	return bytes;
}

/* Lengths and totals of @mark, without its arrays. */
static struct model_mark outline(const struct model_mark *mark)
{
	struct model_mark to = *mark;

	for (size_t i = 0; i < PARTS; i++)
		part_of(&to, i)->at = NULL;
	return to;
}

struct history *history_new(size_t bytes_max)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h)
		h->bytes_max = bytes_max;
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->len; i++)
		step_free(&h->steps[i]);
	model_mark_free(h->last);
	free(h);
}

size_t history_bytes(const struct history *h)
{
	size_t bytes = sizeof(*h);

	for (unsigned i = 0; i < h->len; i++)
		bytes += step_bytes(&h->steps[i]);
	for (size_t i = 0; h->last && i < PARTS; i++)
		bytes += part_of(h->last, i)->len * h->item_size[i];
	return bytes;
}

static void drop_oldest(struct history *h)
{
	step_free(&h->steps[0]);
	memmove(h->steps, h->steps + 1, (--h->len) * sizeof(h->steps[0]));
}

/* Make one step of the @count at @first. */
static bool join(struct history *h, unsigned first, unsigned count)
{
	const unsigned end = first + count;
	struct step joined = {.to = h->steps[first].to, .slices = count};
	struct model_mark *newest = end < h->len ? &h->steps[end].to : h->last;

	for (size_t i = 0; i < PARTS; i++) {
		const size_t len = words_of(h, i, part_of(newest, i)->len);
		uint64_t longest = len;
		uint64_t *words;

		/* What is open may have been more in between. */
		for (unsigned k = first; k < end; k++)
			longest = num_max_u64(longest,
					      words_of(h, i, part_of(&h->steps[k].to, i)->len));
		words = calloc(longest + 1, sizeof(*words));
		if (!words)
			joined.part[i].failed = true;
		for (unsigned k = first; words && k < end; k++)
			apply(&h->steps[k].part[i], words, longest);
		if (words)
			encode(&joined.part[i], words, longest, NULL, 0);
		free(words);
		if (joined.part[i].failed) {
			step_free(&joined);
			return false;
		}
	}
	for (unsigned k = first; k < end; k++)
		step_free(&h->steps[k]);
	h->steps[first] = joined;
	memmove(&h->steps[first + 1], &h->steps[end], (h->len - end) * sizeof(h->steps[0]));
	h->len -= count - 1;
	return true;
}

/* Of the fine steps the oldest become a coarse one when there are enough; then the bounds. */
static void thin(struct history *h)
{
	unsigned coarse = 0;

	while (coarse < h->len && h->steps[coarse].slices > 1)
		coarse++;
	if (h->len - coarse >= HISTORY_FINE + HISTORY_STEP && !join(h, coarse, HISTORY_STEP))
		drop_oldest(h);
	while (h->len > STEPS_MAX || (h->len && history_bytes(h) > h->bytes_max))
		drop_oldest(h);
}

void history_add(struct history *h, const struct model *model)
{
	struct model_mark *now = model_mark_new(model);
	struct step step = {.slices = 1};

	if (!now)
		return;
	for (size_t i = 0; i < PARTS; i++)
		h->item_size[i] = i < SINCE_TABLES ? since_table(model, i)->item_size
						   : sizeof(struct model_open);
	if (!h->last) {
		h->last = now;
		return;
	}
	step.to = outline(h->last);
	for (size_t i = 0; i < PARTS; i++) {
		struct copied *before = part_of(h->last, i);
		struct copied *after = part_of(now, i);

		encode(&step.part[i], before->at, words_of(h, i, before->len), after->at,
		       words_of(h, i, after->len));
		if (step.part[i].failed)
			break;
	}
	model_mark_free(h->last);
	h->last = now;
	for (size_t i = 0; i < PARTS; i++) {
		if (!step.part[i].failed)
			continue;
		/* The way back is broken: what was before is of no use any more. */
		step_free(&step);
		while (h->len)
			drop_oldest(h);
		return;
	}
	if (h->len == STEPS_MAX + 1)
		drop_oldest(h);
	h->steps[h->len++] = step;
	thin(h);
}

uint64_t history_before(const struct history *h, uint64_t at_ns)
{
	if (h->last && h->last->at_ns < at_ns)
		return h->last->at_ns;
	for (unsigned i = h->len; i > 0; i--)
		if (h->steps[i - 1].to.at_ns < at_ns)
			return h->steps[i - 1].to.at_ns;
	return 0;
}

uint64_t history_after(const struct history *h, uint64_t at_ns)
{
	for (unsigned i = 0; i < h->len; i++)
		if (h->steps[i].to.at_ns > at_ns)
			return h->steps[i].to.at_ns;
	return h->last && h->last->at_ns > at_ns ? h->last->at_ns : 0;
}

static bool resized(struct copied *array, size_t item_size, size_t items)
{
	char *grown;

	if (items > array->len) {
		grown = realloc(array->at, items * item_size + 1);
		if (!grown)
			return false;
		memset(grown + array->len * item_size, 0, (items - array->len) * item_size);
		array->at = grown;
	}
	array->len = items;
	return true;
}

/* @mark as it was one step earlier. */
static bool go_back(const struct history *h, const struct step *step, struct model_mark *mark)
{
	struct model_mark to = step->to;

	for (size_t i = 0; i < PARTS; i++) {
		struct copied *array = part_of(mark, i);
		const size_t items = part_of(&to, i)->len;
		const size_t longest = items > array->len ? items : array->len;

		if (!resized(array, h->item_size[i], longest))
			return false;
		apply(&step->part[i], array->at, words_of(h, i, longest));
		array->len = items;
		*part_of(&to, i) = *array;
	}
	*mark = to;
	return true;
}

static struct model_mark *copy_of(const struct history *h, struct model_mark *mark)
{
	struct model_mark *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = outline(mark);
	for (size_t i = 0; i < PARTS; i++) {
		struct copied *from = part_of(mark, i);
		struct copied *to = part_of(copy, i);

		to->at = malloc(from->len * h->item_size[i] + 1);
		if (!to->at) {
			model_mark_free(copy);
			return NULL;
		}
		memcpy(to->at, from->at, from->len * h->item_size[i]);
	}
	return copy;
}

struct snapshot *history_freeze(const struct history *h, const struct model *model, uint64_t at_ns,
				uint64_t window_ns)
{
	struct model_mark *at = h->last ? copy_of(h, h->last) : NULL;
	struct model_mark *from = NULL;
	struct snapshot *snap = NULL;
	unsigned step = h->len;

	while (at && at->at_ns > at_ns && step > 0 && go_back(h, &h->steps[step - 1], at))
		step--;
	if (at && at->at_ns == at_ns)
		from = copy_of(h, at);
	while (from && from->at_ns + window_ns > at_ns && step > 0 &&
	       go_back(h, &h->steps[step - 1], from))
		step--;
	if (from && from->at_ns < at_ns)
		snap = model_freeze_between(model, from, at);
	model_mark_free(at);
	model_mark_free(from);
	return snap;
}
