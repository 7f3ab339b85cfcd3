// SPDX-License-Identifier: GPL-2.0-only
/* The tables of the model: the schema of the records, causes of loss, names. */
#include "model/record_schema.h"

#include "base/err.h"
#include "base/num.h"
#include "model/snapshot.h"
#include "model/syscalls.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t size_of(const struct record_field *field)
{
	switch (field->kind) {
	case FIELD_U64:
		return 8;
	case FIELD_U32:
	case FIELD_I32:
		return 4;
	case FIELD_BOOL:
		return 1;
	case FIELD_STRING:
		return field->len;
	case FIELD_U64_ARRAY:
	case FIELD_U64_LIST:
		return 8 * (size_t)field->len;
	}
	return 0;
}

START_TEST(fields_lie_inside_and_apart)
{
	const struct record_schema *schema = record_schema_of((uint32_t)_i);
	bool covered[sizeof(struct record)] = {false};

	ck_assert_ptr_nonnull(schema);
	for (size_t i = 0; i < schema->fields_len; i++) {
		const struct record_field *field = &schema->fields[i];

		ck_assert_uint_ge(field->offset, offsetof(struct record, run));
		ck_assert_uint_le(field->offset + size_of(field),
				  offsetof(struct record, run) + schema->size);
		for (size_t k = 0; k < size_of(field); k++) {
			ck_assert(!covered[field->offset + k]);
			covered[field->offset + k] = true;
		}
	}
}
END_TEST

/* A member that nobody added to the table would count as padding. */
START_TEST(padding_is_all_that_is_not_in_the_schema)
{
	/* Counted by hand in record.h: 4 bytes of padding where a bool or a lone u32 goes before a
	 * u64, 3 where a bool goes before a u32, 7 where a bool does before a u64 or the end. */
	static const size_t padding[RECORD_TYPE_COUNT] = {
		[RECORD_RUN] = 4 + 3,	    /* after sample_hz; after launched */
		[RECORD_COUNTERS] = 3,	    /* after ended */
		[RECORD_LOCK] = 2,	    /* after shared and gil */
		[RECORD_WAIT] = 3,	    /* after timed */
		[RECORD_BLAME] = 4 + 4,	    /* after tid; after evidence */
		[RECORD_CONTENTION] = 4,    /* at the end */
		[RECORD_OPEN_WAIT] = 3 + 7, /* after timed; at the end (8 after it: aligned) */
		[RECORD_BLOCK] = 4,	    /* after syscall */
		[RECORD_EDGE] = 4,	    /* after kind */
		[RECORD_STACK] = 2 + 4,	    /* after frame_pointers; after len */
		[RECORD_FRAME] = 4 + 4,	    /* after pid; at the end */
		[RECORD_INLINED] = 4,	    /* after pid */
		[RECORD_LOCK_NAME] = 3,	    /* after symbol */
		[RECORD_LONG_WAIT] = 4,	    /* after waker_tid */
		[RECORD_FUTEX_CALLS] = 4,   /* after pid */
		[RECORD_LOSS] = 4,	    /* after cause */
		[RECORD_LOOP] = 4,	    /* after fds_max */
		[RECORD_STALL] = 3 + 4,	    /* after open; after stacks_len */
		[RECORD_END] = 1 + 4,	    /* after exited; at the end */
	};
	const struct record_schema *schema = record_schema_of((uint32_t)_i);
	size_t in_fields = 0;

	for (size_t i = 0; i < schema->fields_len; i++)
		in_fields += size_of(&schema->fields[i]) +
			     (schema->fields[i].kind == FIELD_U64_LIST ? 4 : 0);
	ck_assert_msg(schema->size - in_fields == padding[_i], "%s: %zu bytes in no field",
		      schema->name, schema->size - in_fields);
}
END_TEST

START_TEST(random_records_are_valid)
{
	uint64_t state = 5;

	for (int i = 0; i < 100; i++) {
		struct record rec = feed_random_record((enum record_type)_i, &state);

		ck_assert_int_eq(record_validate(&rec, NULL), 0);
	}
}
END_TEST

static void check_refused(const struct record *rec, const char *field)
{
	struct err err = {0};

	ck_assert_int_eq(record_validate(rec, &err), -EPROTO);
	ck_assert_msg(strstr(err.msg, field) != NULL, "\"%s\" does not name %s", err.msg, field);
}

START_TEST(values_out_of_range_are_refused)
{
	struct record rec = {.type = (enum record_type)0};

	check_refused(&rec, "type 0");
	rec.type = RECORD_TYPE_COUNT;
	check_refused(&rec, "type");
	rec = (struct record){.type = RECORD_BLOCK, .block = {.tid = 1, .class = CLASS_COUNT}};
	check_refused(&rec, "class");
	rec = (struct record){.type = RECORD_WAIT,
			      .wait = {.lock = 1, .tid = 1, .op = FUTEX_OP_COUNT}};
	check_refused(&rec, "op");
	rec = (struct record){.type = RECORD_WAIT, .wait = {.tid = 1}};
	check_refused(&rec, "lock");
	rec = (struct record){.type = RECORD_BLAME,
			      .blame = {.lock = 1, .evidence = HOLDER_EVIDENCE_COUNT}};
	check_refused(&rec, "evidence");
	rec = (struct record){.type = RECORD_EDGE,
			      .edge = {.from_tid = 1, .to_tid = 1, .kind = EDGE_KIND_COUNT}};
	check_refused(&rec, "kind");
	rec = (struct record){.type = RECORD_LOSS, .loss = {.cause = LOSS_COUNT}};
	check_refused(&rec, "cause");
	rec = (struct record){.type = RECORD_STACK,
			      .stack = {.stack = 1, .len = RECORD_STACK_MAX + 1}};
	check_refused(&rec, "ips");
	rec = (struct record){.type = RECORD_RUN, .run = {.pids_len = RECORD_PIDS_MAX + 1}};
	check_refused(&rec, "pids");
	rec = (struct record){.type = RECORD_FRAME};
	memset(rec.frame.name, 'x', sizeof(rec.frame.name));
	check_refused(&rec, "name");
	rec = (struct record){.type = RECORD_END};
	memset(&rec.end.exited, 2, 1);
	check_refused(&rec, "exited");
}
END_TEST

START_TEST(causes_have_a_key_and_a_sentence_each)
{
	for (int i = 0; i < LOSS_COUNT; i++) {
		const char *name = loss_name((enum loss_cause)i);

		ck_assert_uint_gt(strlen(name), 3);
		for (const char *c = name; *c; c++)
			ck_assert(islower((unsigned char)*c) || *c == '_');
		ck_assert_uint_gt(strlen(loss_meaning((enum loss_cause)i)), strlen(name));
		/* loss.h: all up to this one are losses, all behind are known to be unknown. */
		ck_assert_int_eq(loss_is_loss((enum loss_cause)i),
				 i <= LOSS_SLICES || i == LOSS_FUTEX_CALLS_FULL);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(name, loss_name((enum loss_cause)k));
	}
	ck_assert_str_eq(loss_name(LOSS_RING_FULL), "ring_full");
}
END_TEST

START_TEST(names_are_the_words_of_the_contract)
{
	static const char *const classes[] = {
		"run",	 "runq_preempt", "runq_wake", "lock",	     "gil",
		"peer",	 "disk",	 "net",	      "client_idle", "loop_idle",
		"sleep", "pool_idle",	 "child",     "stopped",     "other"};
	static const char *const kinds[] = {"mutex",	   "pi_mutex",	       "rwlock", "condvar",
					    "semaphore",   "barrier",	       "join",	 "gil",
					    "python_lock", "shared_semaphore", "futex",	 "kernel"};
	static const char idle[CLASS_COUNT] = {
		[CLASS_LOOP_IDLE] = 1, [CLASS_CLIENT_IDLE] = 1, [CLASS_POOL_IDLE] = 1,
		[CLASS_SLEEP] = 1,     [CLASS_CHILD] = 1,	[CLASS_STOPPED] = 1};
	static const char words[] = " running runq lock gil disk net sleep other ";

	ck_assert_uint_eq(ARRAY_LEN(classes), CLASS_COUNT);
	ck_assert_uint_eq(ARRAY_LEN(kinds), LOCK_KIND_COUNT);
	for (int i = 0; i < CLASS_COUNT; i++) {
		char word[32];

		ck_assert_str_eq(time_class_name((enum time_class)i), classes[i]);
		ck_assert_int_eq(time_class_idle((enum time_class)i), idle[i]);
		snprintf(word, sizeof(word), " %s ", while_name((enum time_class)i));
		ck_assert_ptr_nonnull(strstr(words, word));
	}
	for (int i = 0; i < LOCK_KIND_COUNT; i++)
		ck_assert_str_eq(lock_kind_name((enum lock_kind)i), kinds[i]);
	ck_assert_str_eq(while_name(CLASS_RUN), "running");
	ck_assert_str_eq(while_name(CLASS_RUNQ_PREEMPT), "runq");
}
END_TEST

START_TEST(system_calls_have_names)
{
	ck_assert_str_eq(syscall_name(-1), "page fault");
#ifdef __x86_64__
	/* Numbers from the kernel's arch/x86/entry/syscalls/syscall_64.tbl. */
	ck_assert_str_eq(syscall_name(0), "read");
	ck_assert_str_eq(syscall_name(74), "fsync");
	ck_assert_str_eq(syscall_name(202), "futex");
	ck_assert_str_eq(syscall_name(232), "epoll_wait");
#endif
	ck_assert_ptr_null(syscall_name(99999));
	ck_assert_ptr_null(syscall_name(-2));
}
END_TEST

Suite *model_schema_suite(void)
{
	Suite *s = suite_create("model_schema");
	TCase *tc = tcase_create("records");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, fields_lie_inside_and_apart, RECORD_RUN, RECORD_TYPE_COUNT);
	tcase_add_loop_test(tc, padding_is_all_that_is_not_in_the_schema, RECORD_RUN,
			    RECORD_TYPE_COUNT);
	tcase_add_loop_test(tc, random_records_are_valid, RECORD_RUN, RECORD_TYPE_COUNT);
	tcase_add_test(tc, values_out_of_range_are_refused);
	suite_add_tcase(s, tc);
	tc = tcase_create("names");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, causes_have_a_key_and_a_sentence_each);
	tcase_add_test(tc, names_are_the_words_of_the_contract);
	tcase_add_test(tc, system_calls_have_names);
	suite_add_tcase(s, tc);
	return s;
}
