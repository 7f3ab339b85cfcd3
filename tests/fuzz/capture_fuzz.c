// SPDX-License-Identifier: GPL-2.0-only
/*
 * A capture file, through the model and the judgement to every format.
 *
 * Records have checksums, which blind mutations break: most of them happen inside a record here,
 * which then gets a good frame again.
 */
#include "source/capture.h"

#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#include "analysis/analysis.h"
#include "base/err.h"
#include "model/model.h"
#include "model/record_schema.h"
#include "render/render.h"
#include "source/capture_codec.h"

#define FRAMES_MAX 512

struct frame {
	size_t at; /* of its head */
	size_t len;
};

/* The whole frames of a capture; *ret_end is where they end. */
static size_t find_frames(const uint8_t *data, size_t size, struct frame frames[FRAMES_MAX],
			  size_t *ret_end)
{
	size_t at = CAPTURE_HEADER_BYTES, n = 0;

	while (n < FRAMES_MAX && at + CAPTURE_FRAME_BYTES <= size) {
		size_t len = CAPTURE_FRAME_BYTES + (size_t)capture_get_u16(data + at);

		if (len > size - at)
			break;
		frames[n++] = (struct frame){at, len};
		at += len;
	}
	*ret_end = at;
	return n;
}

/* Give the payload at @to, of @len bytes, a head that fits. */
static void frame_payload(uint8_t *to, size_t len)
{
	capture_put_u16(to, (uint16_t)len);
	capture_put_u16(to + 2, (uint16_t)~len);
	capture_put_u32(to + 4, capture_crc(to + CAPTURE_FRAME_BYTES, len));
}

/* Another value of @field, mostly one that other records have, too. */
static void change_field(struct record *rec, const struct record_field *field, unsigned int seed)
{
	static const uint64_t values[] = {0,  1,   2,	       3,	  11,
					  12, 100, UINT32_MAX, INT64_MAX, UINT64_MAX};
	uint64_t value = values[seed / 64 % (sizeof(values) / sizeof(values[0]))];
	uint8_t *at = (uint8_t *)rec + field->offset;

	switch (field->kind) {
	case FIELD_U64:
		memcpy(at, &value, sizeof(uint64_t));
		break;
	case FIELD_U32:
	case FIELD_I32:
		memcpy(at, &value, sizeof(uint32_t));
		break;
	case FIELD_BOOL:
		*at ^= 1;
		break;
	case FIELD_STRING:
		(void)LLVMFuzzerMutate(at, strnlen((char *)at, field->len - 1), field->len - 1);
		at[field->len - 1] = '\0';
		break;
	case FIELD_U64_ARRAY:
	case FIELD_U64_LIST:
		memcpy(at + sizeof(uint64_t) * (seed / 7 % field->len), &value, sizeof(value));
		break;
	}
}

/* Returns the new length of the payload at @payload, which has @room. */
static size_t change_record(uint8_t *payload, size_t len, size_t room, unsigned int seed)
{
	uint8_t encoded[CAPTURE_ENCODED_MAX];
	const struct record_schema *schema;
	struct record rec;
	int n;

	if (capture_decode(payload, len, false, &rec, NULL) != 1)
		return len;
	schema = record_schema_of(rec.type);
	change_field(&rec, &schema->fields[seed / 8 % schema->fields_len], seed);
	if (record_validate(&rec, NULL) < 0)
		return len;
	n = capture_encode(&rec, encoded, NULL);
	if (n < 0 || (size_t)n > room)
		return len;
	memcpy(payload, encoded, (size_t)n);
	return (size_t)n;
}

/* Mutate frame @f of @data in place, what follows moved. Returns the new size. */
static size_t change_frame(uint8_t *data, size_t size, size_t size_max, const struct frame *f,
			   unsigned int seed)
{
	size_t rest = size - f->at - f->len, len = f->len - CAPTURE_FRAME_BYTES;
	size_t room = size_max - size + len;
	uint8_t *tail = malloc(rest + 1), *payload = data + f->at + CAPTURE_FRAME_BYTES;

	FUZZ_CHECK(tail);
	room = room < CAPTURE_PAYLOAD_MAX ? room : CAPTURE_PAYLOAD_MAX;
	memcpy(tail, payload + len, rest);
	if (seed & 1)
		len = change_record(payload, len, room, seed);
	else if (room > 0)
		len = LLVMFuzzerMutate(payload, len, room);
	frame_payload(data + f->at, len);
	memcpy(payload + len, tail, rest);
	free(tail);
	return f->at + CAPTURE_FRAME_BYTES + len + rest;
}

/* Put frame @f once more, before frame @to. */
static size_t repeat_frame(uint8_t *data, size_t size, size_t size_max, const struct frame *f,
			   const struct frame *to)
{
	uint8_t copy[CAPTURE_FRAME_BYTES + CAPTURE_PAYLOAD_MAX];

	if (size_max - size < f->len)
		return size;
	memcpy(copy, data + f->at, f->len);
	memmove(data + to->at + f->len, data + to->at, size - to->at);
	memcpy(data + to->at, copy, f->len);
	return size + f->len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	static struct frame frames[FRAMES_MAX];
	const struct frame *f, *other;
	size_t end, n = find_frames(data, size, frames, &end);

	if (n == 0 || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	f = &frames[seed / 16 % n];
	other = &frames[seed / 1024 % n];
	if (seed % 16 == 1)
		return repeat_frame(data, size, size_max, f, other);
	if (seed % 16 == 2) {
		memmove(data + f->at, data + f->at + f->len, size - f->at - f->len);
		return size - f->len;
	}
	return change_frame(data, size, size_max, f, seed / 4);
}

/* What is JSON must be JSON, whatever names the target has. */
static void render(const struct report *rep, const struct render_format *format)
{
	const struct render_options options = {.columns = 80};
	struct strbuf sb = {0};

	FUZZ_CHECK(format->render(rep, &options, &sb, NULL) == 0);
	FUZZ_CHECK(!sb.failed);
	/* All but pprof's are text. */
	FUZZ_CHECK(!strcmp(format->name, "pprof") || strlen(strbuf_str(&sb)) == sb.len);
	if (strcmp(format->name, "json") == 0) {
		json_error_t why;
		json_t *root = json_loads(strbuf_str(&sb), JSON_REJECT_DUPLICATES, &why);

		if (!root)
			fprintf(stderr, "JSON: line %d: %s\n", why.line, why.text);
		FUZZ_CHECK(root);
		json_decref(root);
	}
	strbuf_free(&sb);
}

static void judge(const struct model *model)
{
	struct snapshot *snap = model_freeze(model);
	struct verdict verdict = {0};
	struct report rep;

	if (!snap)
		return;
	FUZZ_CHECK(analysis_run(snap, &verdict, NULL) == 0);
	rep = report_make(snap, &verdict);
	for (const struct render_format *f = render_formats(); f->name; f++)
		render(&rep, f);
	verdict_free(&verdict);
	snapshot_free(snap);
}

/* No frame or lock to name: what is asked for is looked at. */
static void want_frame(void *ctx, uint32_t pid, uint64_t ip, bool return_address)
{
	*(uint64_t *)ctx += pid + ip + return_address;
}

static void want_lock(void *ctx, const struct record_lock *lock)
{
	*(uint64_t *)ctx += lock->lock;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t sum = 0;
	const struct model_names names = {.frame = want_frame, .lock = want_lock, .ctx = &sum};
	struct model *model = model_new();
	struct record_sink sink;
	struct capture_info info;
	struct err err = {0};
	int fd, r;

	FUZZ_CHECK(model);
	sink = model_sink(model);
	fd = fuzz_file(data, size);
	r = capture_read(fd, &sink, &info, &err);
	FUZZ_CHECK(r == 0 || (r == err.code && err.msg[0]));
	FUZZ_CHECK_SEED(r == 0 && !info.truncated);
	model_for_unnamed(model, &names);
	/* Also of a capture that was refused half way: the live run has a model at any time. */
	judge(model);
	model_free(model);
	close(fd);
	return 0;
}
