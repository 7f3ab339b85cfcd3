// SPDX-License-Identifier: GPL-2.0-only
#include "source/capture_codec.h"

#include "base/err.h"
#include "base/num.h"
#include "model/record_schema.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <string.h>

/* All fields at the values that take the most bytes. */
static struct record largest_record(enum record_type type)
{
	const struct record_schema *schema = record_schema_of(type);
	struct record rec;

	memset(&rec, 0xff, sizeof(rec));
	rec.type = type;
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct record_field *field = &schema->fields[i];
		unsigned char *at = (unsigned char *)&rec + field->offset;
		uint32_t u32 = field->kind == FIELD_U64_LIST ? field->len : field->limit - 1;

		if (field->kind == FIELD_BOOL)
			*at = 1;
		else if (field->kind == FIELD_STRING)
			at[field->len - 1] = '\0';
		else if (field->kind == FIELD_U64_LIST)
			memcpy((unsigned char *)&rec + field->len_offset, &u32, sizeof(u32));
		else if (field->limit)
			memcpy(at, &u32, sizeof(u32));
		/* Neighbours far apart make the longest differences. */
		for (uint32_t k = 0; field->kind == FIELD_U64_LIST && k < field->len; k += 2)
			((uint64_t *)(void *)at)[k] = 1ULL << 62;
	}
	return rec;
}

START_TEST(largest_record_of_a_type_fits)
{
	struct record rec = largest_record((enum record_type)_i);
	uint8_t bytes[CAPTURE_ENCODED_MAX];
	struct record back;
	int len;

	ck_assert_int_eq(record_validate(&rec, NULL), 0);
	len = capture_encode(&rec, bytes, NULL);
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(capture_decode(bytes, (size_t)len, false, &back, NULL), 1);
	ck_assert_int_eq(back.type, rec.type);
}
END_TEST

START_TEST(histogram_of_zeros_is_small)
{
	const struct record rec = {.type = RECORD_WAIT, .wait = {.lock = 1, .tid = 1, .waits = 1}};
	uint8_t bytes[CAPTURE_ENCODED_MAX];

	/* 1 byte for the type and each of 19 fields, 1 for the length of the empty histogram */
	ck_assert_int_eq(capture_encode(&rec, bytes, NULL), 21);
}
END_TEST

/* Random payloads with right checksums: what only a malicious writer makes. */
START_TEST(hostile_payload_ends_in_an_error_or_a_valid_record)
{
	uint64_t state = 7;
	int valid = 0;

	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[64];
		size_t len = feed_random(&state) % sizeof(bytes);
		struct record rec;
		int r;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)feed_random(&state);
		if (len)
			bytes[0] %= RECORD_TYPE_COUNT;
		r = capture_decode(bytes, len, i & 1, &rec, NULL);
		ck_assert(r == 1 || r == 0 || r == -EBADMSG || r == -ENOTSUP);
		if (r == 1)
			ck_assert_int_eq(record_validate(&rec, NULL), 0);
		valid += r == 1;
	}
	ck_assert_int_gt(valid, 100);
}
END_TEST

START_TEST(malformed_fields_are_named)
{
	static const struct {
		const char *field;
		size_t len;
		uint8_t payload[16];
	} table[] = {
		{"comm",
		 5,
		 {RECORD_PROCESS, 1, 1, 9, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
		  'x'}},					/* longer than the payload */
		{"comm", 6, {RECORD_PROCESS, 1, 1, 2, 'x', 0}}, /* a NUL inside */
		{"comm", 5, {RECORD_PROCESS, 1, 1, 0x80, 2}},	/* 256: no room for the NUL */
		{"tid", 7, {RECORD_SAMPLE, 0xff, 0xff, 0xff, 0xff, 0x1f, 0}}, /* above 32 bits */
		{"launched", 13, {RECORD_RUN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}},
		{"ips", 5, {RECORD_STACK, 1, 1, 0, 0x7f}}, /* 127 announced, none there */
		{"while_ns", 8, {RECORD_BLAME, 1, 1, 0, 0, 0, 0, 16}}, /* more than there are */
		{"while_ns", 10, {RECORD_BLAME, 1, 1, 0, 0, 0, 0, 3, 0, 3}}, /* a run too long */
		{"end_ns", 2, {RECORD_SLICE, 0x80}}, /* ends inside a number */
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err err = {0};
		struct record rec;

		ck_assert_int_eq(capture_decode(table[i].payload, table[i].len, false, &rec, &err),
				 -EBADMSG);
		ck_assert_msg(strstr(err.msg, table[i].field) != NULL, "row %zu: \"%s\"", i,
			      err.msg);
	}
}
END_TEST

START_TEST(fields_that_an_older_version_lacks_are_zero)
{
	const uint8_t payload[] = {RECORD_EDGE, 3, 4}; /* from_tid, to_tid, and no more */
	struct record rec;

	memset(&rec, 0xee, sizeof(rec));
	ck_assert_int_eq(capture_decode(payload, sizeof(payload), false, &rec, NULL), 1);
	ck_assert_uint_eq(rec.edge.from_tid, 3);
	ck_assert_uint_eq(rec.edge.to_tid, 4);
	ck_assert_uint_eq(rec.edge.kind, 0);
	ck_assert_uint_eq(rec.edge.wait_ns, 0);
}
END_TEST

Suite *source_capture_codec_suite(void)
{
	Suite *s = suite_create("source_capture_codec");
	TCase *tc = tcase_create("codec");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, largest_record_of_a_type_fits, RECORD_RUN, RECORD_TYPE_COUNT);
	tcase_add_test(tc, histogram_of_zeros_is_small);
	tcase_add_test(tc, hostile_payload_ends_in_an_error_or_a_valid_record);
	tcase_add_test(tc, malformed_fields_are_named);
	tcase_add_test(tc, fields_that_an_older_version_lacks_are_zero);
	suite_add_tcase(s, tc);
	return s;
}
