// SPDX-License-Identifier: GPL-2.0-only
/* This process is the target: its own functions and data have known names. */
#include "symbol/annotate.h"

#include "base/err.h"
#include "base/vec.h"
#include "symbol/symbolizer.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define KERNEL_HOLE 0xfffffffffffff001ULL /* in the last page, where no kernel has code */

static uint64_t annotate_known_data[4];

static void __attribute__((noinline, used)) annotate_known_function(void)
{
	annotate_known_data[0]++;
}

static void __attribute__((noinline, used)) annotate_called_last(void)
{
	annotate_known_data[1]++;
}

static uint64_t address_of(void (*function)(void))
{
	return (uint64_t)(uintptr_t)function;
}

/* What a run of annotate() sends: kept, and given to the model as in a real run. */
struct sent {
	struct model *model;
	VEC(struct record) records;
	int fail_at; /* > 0: the sink refuses that record */
};

static int put(void *ctx, const struct record *rec, struct err *err)
{
	struct sent *sent = ctx;
	struct record *copy = vec_add(&sent->records);

	ck_assert_ptr_nonnull(copy);
	*copy = *rec;
	if ((int)sent->records.len == sent->fail_at)
		return err_set(err, -ENOSPC, "full");
	return model_apply(sent->model, rec, err);
}

static const struct record_frame *frame_of(const struct sent *sent, uint64_t ip)
{
	const struct record *rec;

	VEC_FOREACH (&sent->records, rec) {
		if (rec->type == RECORD_FRAME && rec->frame.ip == ip)
			return &rec->frame;
	}
	return NULL;
}

static const struct record_lock_name *lock_of(const struct sent *sent, uint64_t lock)
{
	const struct record *rec;

	VEC_FOREACH (&sent->records, rec) {
		if (rec->type == RECORD_LOCK_NAME && rec->lock_name.lock == lock)
			return &rec->lock_name;
	}
	return NULL;
}

static uint64_t loss_of(const struct sent *sent, enum loss_cause cause)
{
	const struct record *rec;

	VEC_FOREACH (&sent->records, rec) {
		if (rec->type == RECORD_LOSS && rec->loss.cause == cause)
			return rec->loss.count;
	}
	return 0;
}

static void apply(struct model *model, const struct record *rec)
{
	struct err err = {0};

	ck_assert_msg(model_apply(model, rec, &err) == 0, "%s", err.msg);
}

static struct model *new_model(void)
{
	struct model *model = model_new();
	struct record rec = {.type = RECORD_RUN};

	ck_assert_ptr_nonnull(model);
	rec.run.start_ns = 1;
	rec.run.slice_ns = 1;
	rec.run.cpus_online = 1;
	rec.run.cpus_allowed = 1;
	rec.run.pids_len = 1;
	rec.run.pids[0] = (uint64_t)getpid();
	apply(model, &rec);
	rec = (struct record){.type = RECORD_PROCESS};
	rec.process.pid = (uint32_t)getpid();
	rec.process.start_ns = 1;
	apply(model, &rec);
	rec = (struct record){.type = RECORD_COUNTERS};
	rec.counters.pid = rec.counters.tid = (uint32_t)getpid();
	rec.counters.start_ns = 1;
	rec.counters.until_ns = 2;
	apply(model, &rec);
	return model;
}

static void add_stack(struct model *model, uint64_t inner, uint64_t outer)
{
	static uint64_t last_id;
	struct record rec = {.type = RECORD_STACK};

	rec.stack.stack = ++last_id;
	rec.stack.pid = (uint32_t)getpid();
	rec.stack.len = outer ? 2 : 1;
	rec.stack.ips[0] = inner;
	rec.stack.ips[1] = outer;
	apply(model, &rec);
}

static void add_lock(struct model *model, uint64_t id, uint64_t address, const char *shared_path)
{
	struct record rec = {.type = RECORD_LOCK};

	rec.lock.lock = id;
	rec.lock.address = address;
	rec.lock.pid = (uint32_t)getpid();
	if (shared_path) {
		rec.lock.shared = true;
		rec.lock.dev = makedev(8, 1);
		rec.lock.inode = 100 + id;
		rec.lock.file_offset = 0x40;
		snprintf(rec.lock.path, sizeof(rec.lock.path), "%s", shared_path);
	}
	apply(model, &rec);
	rec = (struct record){.type = RECORD_WAIT};
	rec.wait.lock = id;
	rec.wait.tid = (uint32_t)getpid();
	rec.wait.waits = 1;
	apply(model, &rec);
}

static struct symbolizer *own_symbolizer(void)
{
	struct symbolizer *symbolizer = symbolizer_new();
	struct err err = {0};

	ck_assert_ptr_nonnull(symbolizer);
	ck_assert_msg(symbolizer_add_process(symbolizer, getpid(), &err) == 0, "%s", err.msg);
	return symbolizer;
}

static void run(struct sent *sent, struct symbolizer *symbolizer)
{
	const struct record_sink sink = {.put = put, .ctx = sent};
	struct err err = {0};

	ck_assert_msg(annotate(sent->model, symbolizer, NULL, &sink, &err) == 0, "%s", err.msg);
}

START_TEST(frames_of_the_program)
{
	struct sent sent = {.model = new_model()};
	struct symbolizer *symbolizer = own_symbolizer();
	uint64_t known = address_of(annotate_known_function);
	uint64_t last = address_of(annotate_called_last);
	const struct record_frame *frame;

	/* The innermost address is looked up as it is, all others one byte before. */
	add_stack(sent.model, known, last);
	add_stack(sent.model, known + 2, last + 1);
	run(&sent, symbolizer);
	frame = frame_of(&sent, known);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "annotate_known_function");
	ck_assert_uint_eq(frame->offset, 0);
	ck_assert_uint_eq(frame->pid, (uint32_t)getpid());
	ck_assert_ptr_nonnull(strrchr(frame->module, '/'));
	frame = frame_of(&sent, known + 2);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "annotate_known_function");
	ck_assert_uint_eq(frame->offset, 2);
	frame = frame_of(&sent, last);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_ne(frame->name, "annotate_called_last");
	frame = frame_of(&sent, last + 1);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "annotate_called_last");
	ck_assert_uint_eq(frame->offset, 1);
	vec_free(&sent.records);

	/* All have been asked for: nothing is sent again. */
	run(&sent, symbolizer);
	ck_assert_uint_eq(sent.records.len, 0);
	symbolizer_free(symbolizer);
	model_free(sent.model);
}
END_TEST

START_TEST(frames_without_a_name)
{
	struct sent sent = {.model = new_model()};
	struct symbolizer *symbolizer;
	char *code = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t anon = (uint64_t)(uintptr_t)code + 0x10;
	const struct record_frame *frame;

	ck_assert_ptr_ne(code, MAP_FAILED);
	symbolizer = own_symbolizer();
	add_stack(sent.model, anon, 0);
	add_stack(sent.model, 0x10, 0);
	add_stack(sent.model, KERNEL_HOLE, 0);
	run(&sent, symbolizer);
	frame = frame_of(&sent, anon);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "");
	ck_assert_str_ne(frame->module, "");
	frame = frame_of(&sent, 0x10);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "");
	ck_assert_str_eq(frame->module, "");
	frame = frame_of(&sent, KERNEL_HOLE);
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, "");
	ck_assert_str_eq(frame->module, "[kernel]");
	ck_assert_uint_eq(loss_of(&sent, LOSS_UNRESOLVED_FRAMES), 3);
	ck_assert_uint_eq(loss_of(&sent, LOSS_FILES_UNREADABLE), 0);
	symbolizer_free(symbolizer);
	model_free(sent.model);
	vec_free(&sent.records);
	munmap(code, 4096);
}
END_TEST

/* The address of schedule(), 0 where the kernel hides its addresses. */
static uint64_t kernel_schedule(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[1024];
	uint64_t found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		uint64_t start;
		char type;
		char name[256];

		if (sscanf(line, "%" SCNx64 " %c %255s", &start, &type, name) == 3 &&
		    !strcmp(name, "schedule"))
			found = start;
	}
	if (file)
		fclose(file);
	return found;
}

START_TEST(frames_of_the_kernel)
{
	struct sent sent = {.model = new_model()};
	struct symbolizer *symbolizer = own_symbolizer();
	const struct record_frame *frame;
	uint64_t start = kernel_schedule();

	if (start) {
		add_stack(sent.model, start + 3, 0);
		run(&sent, symbolizer);
		frame = frame_of(&sent, start + 3);
		ck_assert_ptr_nonnull(frame);
		ck_assert_str_eq(frame->name, "schedule");
		ck_assert_str_eq(frame->module, "[kernel]");
		ck_assert_uint_eq(frame->offset, 3);
	}
	symbolizer_free(symbolizer);
	model_free(sent.model);
	vec_free(&sent.records);
}
END_TEST

START_TEST(names_of_locks)
{
	struct sent sent = {.model = new_model()};
	struct symbolizer *symbolizer;
	uint64_t data = (uint64_t)(uintptr_t)annotate_known_data;
	char *heap = malloc(64);
	const struct record_lock_name *name;

	ck_assert_ptr_nonnull(heap);
	symbolizer = own_symbolizer();
	add_lock(sent.model, 1, data, NULL);
	add_lock(sent.model, 2, data + 16, NULL);
	add_lock(sent.model, 3, (uint64_t)(uintptr_t)heap, NULL);
	add_lock(sent.model, 4, data, "/dev/shm/pool/work.shm");
	add_lock(sent.model, 5, data, "/dev/zero");
	add_lock(sent.model, 6, KERNEL_HOLE, NULL);
	run(&sent, symbolizer);
	name = lock_of(&sent, 1);
	ck_assert_ptr_nonnull(name);
	ck_assert_str_eq(name->name, "annotate_known_data[0]");
	ck_assert(name->symbol);
	name = lock_of(&sent, 2);
	ck_assert_ptr_nonnull(name);
	ck_assert_str_eq(name->name, "annotate_known_data[2]");
	ck_assert_ptr_nonnull(strrchr(name->module, '/'));
	name = lock_of(&sent, 4);
	ck_assert_ptr_nonnull(name);
	ck_assert_str_eq(name->name, "work.shm+0x40");
	ck_assert_str_eq(name->module, "/dev/shm/pool/work.shm");
	ck_assert(!name->symbol);
	ck_assert_ptr_null(lock_of(&sent, 3));
	ck_assert_ptr_null(lock_of(&sent, 5));
	ck_assert_ptr_null(lock_of(&sent, 6));
	ck_assert_uint_eq(loss_of(&sent, LOSS_UNRESOLVED_LOCKS), 3);
	free(heap);
	symbolizer_free(symbolizer);
	model_free(sent.model);
	vec_free(&sent.records);
}
END_TEST

/* A name that fills the record is cut, its offset is not. */
START_TEST(long_lock_names_keep_their_offset)
{
	struct sent sent = {.model = new_model()};
	struct symbolizer *symbolizer = own_symbolizer();
	const struct record_lock_name *name;
	char path[RECORD_PATH_MAX] = "/";

	memset(path + 1, 'x', 300);
	add_lock(sent.model, 1, 0x1000, path);
	run(&sent, symbolizer);
	name = lock_of(&sent, 1);
	ck_assert_ptr_nonnull(name);
	ck_assert_uint_eq(strlen(name->name), RECORD_NAME_MAX - 1);
	ck_assert_str_eq(name->name + strlen(name->name) - 6, "x+0x40");
	symbolizer_free(symbolizer);
	model_free(sent.model);
	vec_free(&sent.records);
}
END_TEST

START_TEST(a_refusing_sink_stops_it)
{
	struct sent sent = {.model = new_model(), .fail_at = 1};
	struct symbolizer *symbolizer = own_symbolizer();
	const struct record_sink sink = {.put = put, .ctx = &sent};
	struct err err = {0};

	add_stack(sent.model, 0x10, 0x20);
	ck_assert_int_eq(annotate(sent.model, symbolizer, NULL, &sink, &err), -ENOSPC);
	ck_assert_str_eq(err.msg, "full");
	ck_assert_uint_eq(sent.records.len, 1);
	symbolizer_free(symbolizer);
	model_free(sent.model);
	vec_free(&sent.records);
}
END_TEST

Suite *symbol_annotate_suite(void)
{
	Suite *suite = suite_create("symbol_annotate");
	TCase *tc = tcase_create("annotate");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, frames_of_the_program);
	tcase_add_test(tc, frames_without_a_name);
	tcase_add_test(tc, frames_of_the_kernel);
	tcase_add_test(tc, names_of_locks);
	tcase_add_test(tc, long_lock_names_keep_their_offset);
	tcase_add_test(tc, a_refusing_sink_stops_it);
	suite_add_tcase(suite, tc);
	return suite;
}
