// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record as bytes: the varint of its type, then its fields in the order of the schema.
 * docs/CAPTURE.md describes the same for people.
 */
#include "source/capture_codec.h"

#include "base/err.h"
#include "model/record_schema.h"
#include "model/varint.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

struct writer {
	uint8_t *at;
	size_t len;
	bool full;
};

struct reader {
	const uint8_t *at;
	size_t len;
	size_t pos;
};

void capture_put_u16(uint8_t *ret, uint16_t value)
{
	ret[0] = (uint8_t)value;
	ret[1] = (uint8_t)(value >> 8);
}

void capture_put_u32(uint8_t *ret, uint32_t value)
{
	capture_put_u16(ret, (uint16_t)value);
	capture_put_u16(ret + 2, (uint16_t)(value >> 16));
}

uint16_t capture_get_u16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

uint32_t capture_get_u32(const uint8_t *from)
{
	return capture_get_u16(from) | (uint32_t)capture_get_u16(from + 2) << 16;
}

uint32_t capture_crc(const uint8_t *data, size_t len_bytes)
{
	return (uint32_t)crc32_z(0, data, len_bytes);
}

static void put_varint(struct writer *w, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];
	size_t n = varint_put(bytes, value);

	if (w->full || CAPTURE_ENCODED_MAX - w->len < n) {
		w->full = true;
		return;
	}
	memcpy(w->at + w->len, bytes, n);
	w->len += n;
}

static void put_string(struct writer *w, const char *str, size_t size)
{
	size_t len = strnlen(str, size - 1);

	put_varint(w, len);
	if (w->full || CAPTURE_ENCODED_MAX - w->len < len) {
		w->full = true;
		return;
	}
	memcpy(w->at + w->len, str, len);
	w->len += len;
}

/* Elements up to the last that is not 0, each run of zeros as 0 and the number of further ones. */
static void put_array(struct writer *w, const uint64_t *value, size_t len)
{
	while (len && !value[len - 1])
		len--;
	put_varint(w, len);
	for (size_t i = 0; i < len; i++) {
		size_t run = 0;

		put_varint(w, value[i]);
		if (value[i])
			continue;
		while (!value[i + run + 1]) /* ends at the last element, which is not 0 */
			run++;
		put_varint(w, run);
		i += run;
	}
}

/* Elements as differences: the addresses of a stack lie close to each other. */
static void put_list(struct writer *w, const uint64_t *value, size_t len)
{
	uint64_t last = 0;

	put_varint(w, len);
	for (size_t i = 0; i < len; i++) {
		put_varint(w, varint_zigzag((int64_t)(value[i] - last)));
		last = value[i];
	}
}

static void put_field(struct writer *w, const struct record_field *field, const uint8_t *rec)
{
	const uint8_t *at = rec + field->offset;
	uint64_t u64;
	uint32_t u32;
	int32_t i32;

	switch (field->kind) {
	case FIELD_U64:
		memcpy(&u64, at, sizeof(u64));
		put_varint(w, u64);
		break;
	case FIELD_U32:
		memcpy(&u32, at, sizeof(u32));
		put_varint(w, u32);
		break;
	case FIELD_I32:
		memcpy(&i32, at, sizeof(i32));
		put_varint(w, varint_zigzag(i32));
		break;
	case FIELD_BOOL:
		put_varint(w, *at);
		break;
	case FIELD_STRING:
		put_string(w, (const char *)at, field->len);
		break;
	case FIELD_U64_ARRAY:
		put_array(w, (const uint64_t *)(const void *)at, field->len);
		break;
	case FIELD_U64_LIST:
		memcpy(&u32, rec + field->len_offset, sizeof(u32));
		put_list(w, (const uint64_t *)(const void *)at, u32);
		break;
	}
}

int capture_encode(const struct record *rec, uint8_t *ret, struct err *err)
{
	const struct record_schema *schema = record_schema_of(rec->type);
	struct writer w = {.at = ret};

	put_varint(&w, rec->type);
	for (size_t i = 0; i < schema->fields_len; i++)
		put_field(&w, &schema->fields[i], (const uint8_t *)rec);
	if (w.full)
		return err_set(err, -EMSGSIZE, "record %s does not fit a capture", schema->name);
	return (int)w.len;
}

static bool get_varint(struct reader *r, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	size_t n = varint_get(r->at + r->pos, r->len - r->pos, &value);

	if (!n || value > max)
		return false;
	r->pos += n;
	*ret = value;
	return true;
}

static bool get_string(struct reader *r, char *ret, size_t size)
{
	uint64_t len;

	if (!get_varint(r, size - 1, &len) || len > r->len - r->pos ||
	    memchr(r->at + r->pos, '\0', len))
		return false;
	memcpy(ret, r->at + r->pos, len);
	ret[len] = '\0';
	r->pos += len;
	return true;
}

static bool get_array(struct reader *r, uint64_t *ret, size_t max)
{
	uint64_t len;

	if (!get_varint(r, max, &len))
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t run;

		if (!get_varint(r, UINT64_MAX, &ret[i]))
			return false;
		if (ret[i])
			continue;
		if (!get_varint(r, len - i - 1, &run))
			return false;
		i += run; /* the record was zeroed before */
	}
	return true;
}

static bool get_list(struct reader *r, uint64_t *ret, size_t max, uint32_t *ret_len)
{
	uint64_t len;
	uint64_t last = 0;

	if (!get_varint(r, max, &len))
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t diff;

		if (!get_varint(r, UINT64_MAX, &diff))
			return false;
		last += (uint64_t)varint_unzigzag(diff);
		ret[i] = last;
	}
	*ret_len = (uint32_t)len;
	return true;
}

/* Store one field in @rec; false if its bytes are cut, or too large for it. */
static bool get_field(struct reader *r, const struct record_field *field, uint8_t *rec)
{
	uint8_t *at = rec + field->offset;
	uint64_t value;
	uint32_t u32;
	int32_t i32;

	switch (field->kind) {
	case FIELD_U64:
		if (!get_varint(r, UINT64_MAX, &value))
			return false;
		memcpy(at, &value, sizeof(value));
		return true;
	case FIELD_U32:
		if (!get_varint(r, UINT32_MAX, &value))
			return false;
		u32 = (uint32_t)value;
		memcpy(at, &u32, sizeof(u32));
		return true;
	case FIELD_I32:
		if (!get_varint(r, UINT32_MAX, &value))
			return false;
		i32 = (int32_t)varint_unzigzag(value);
		memcpy(at, &i32, sizeof(i32));
		return true;
	case FIELD_BOOL:
		if (!get_varint(r, 1, &value))
			return false;
		*at = (uint8_t)value;
		return true;
	case FIELD_STRING:
		return get_string(r, (char *)at, field->len);
	case FIELD_U64_ARRAY:
		return get_array(r, (uint64_t *)(void *)at, field->len);
	case FIELD_U64_LIST:
		if (!get_list(r, (uint64_t *)(void *)at, field->len, &u32))
			return false;
		memcpy(rec + field->len_offset, &u32, sizeof(u32));
		return true;
	}
	return false;
}

static int bad(bool newer, struct err *err, const char *schema, const char *field)
{
	if (newer)
		return err_set(err, -ENOTSUP,
			       "record %s: %s has a value that this version does not know (the "
			       "capture was written by a newer concprof: use that one)",
			       schema, field);
	return err_set(err, -EBADMSG, "record %s: %s is malformed", schema, field);
}

int capture_decode(const uint8_t *payload, size_t len_bytes, bool newer, struct record *ret,
		   struct err *err)
{
	struct reader r = {.at = payload, .len = len_bytes};
	const struct record_schema *schema;
	struct err why = {0};
	uint64_t type;

	if (!get_varint(&r, UINT32_MAX, &type))
		return err_set(err, -EBADMSG, "a record without a type");
	schema = record_schema_of((uint32_t)type);
	if (!schema && newer)
		return 0;
	if (!schema)
		return err_set(err, -EBADMSG, "record type %u is unknown", (unsigned)type);
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum record_type)type;
	/* A record from an older minor version ends early: what it lacks stays 0. */
	for (size_t i = 0; i < schema->fields_len && r.pos < r.len; i++)
		if (!get_field(&r, &schema->fields[i], (uint8_t *)ret))
			return bad(newer, err, schema->name, schema->fields[i].name);
	if (r.pos < r.len && !newer)
		return err_set(err, -EBADMSG, "record %s has %zu bytes too many", schema->name,
			       r.len - r.pos);
	if (record_validate(ret, &why) < 0)
		return newer ? bad(newer, err, schema->name, "a field")
			     : err_set(err, -EBADMSG, "%s", why.msg);
	return 1;
}
