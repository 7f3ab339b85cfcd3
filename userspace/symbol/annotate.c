// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/annotate.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/kernel_address.h"
#include "model/python_word.h"
#include "model/strpool.h"
#include "symbol/demangle.h"
#include "symbol/heap_object.h"
#include "symbol/kallsyms.h"
#include "symbol/lock_object.h"
#include "symbol/source_lines.h"
#include "symbol/symbolizer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Distinct kernel addresses named in one run: 200 bytes each while they are looked up. */
#define KERNEL_FRAMES_MAX 65536

/* Looking up lines goes on for so long at most: the report is to be there within a second. */
#define LINES_LIMIT_NS (600 * NS_PER_MS)

/* Locks on the heap whose objects are looked for. */
#define OBJECT_LOCKS_MAX 256

struct frame_want {
	uint32_t pid;
	uint64_t ip;
	uint64_t lookup; /* inside the calling instruction where ip is a return address */
	struct symbol symbol;
	uint32_t places_first; /* in `places`, innermost first */
	uint32_t places_len;
};

struct lock_want {
	struct record_lock lock;
	struct symbol symbol;
	uint32_t member; /* string: the part of the object, "" = not known */
	bool member_found;
	uint32_t object; /* string: type and member of an object on the heap */
	bool object_found;
	enum dwarf_primitive primitive;
	struct lock_code code;
	uint32_t on_stack_tid;
};

struct place {
	uint32_t function; /* string, as is file */
	uint32_t file;
	uint32_t line;
};

/* Names are sent to the model that asks for them: collect all questions before the first answer. */
struct wants {
	VEC(struct frame_want) frames;
	VEC(struct lock_want) locks;
	VEC(struct kallsyms_query) kernel;
	VEC(struct line_query) queries;
	VEC(uint32_t) asked_by; /* for each query: index of the frame or the lock */
	VEC(struct place) places;
	struct strpool strings;
	long lines_missing;
	struct annotate_seen *seen; /* NULL = all are new */
	bool skip;		    /* the lock at hand was asked for before */
	bool failed;
};

/* What stayed without a name. */
struct unnamed {
	uint64_t frames;
	uint64_t locks;
	uint64_t shared; /* whose file could not be told */
};

static void want_frame(void *ctx, uint32_t pid, uint64_t ip, bool return_address)
{
	struct wants *wants = ctx;
	struct frame_want *want = vec_add(&wants->frames);
	struct kallsyms_query *query;

	if (!want) {
		wants->failed = true;
		return;
	}
	want->pid = pid;
	want->ip = ip;
	/* A call that never returns may be its function's last instruction: ip is the next one's */
	want->lookup = return_address && ip > 0 ? ip - 1 : ip;
	if (!kernel_address(ip) || wants->kernel.len >= KERNEL_FRAMES_MAX)
		return;
	query = vec_add(&wants->kernel);
	if (query)
		query->addr = want->lookup;
	else
		wants->failed = true;
}

static void want_lock(void *ctx, const struct record_lock *lock)
{
	struct wants *wants = ctx;
	bool added = true;
	struct lock_want *want;

	if (wants->seen && !hashmap_put(&wants->seen->locks, &lock->lock, 0, &added))
		wants->failed = true;
	wants->skip = !added;
	if (wants->skip)
		return;
	want = vec_add(&wants->locks);
	if (want)
		want->lock = *lock;
	else
		wants->failed = true;
}

static void want_lock_code(void *ctx, const uint64_t *addresses, size_t len)
{
	struct wants *wants = ctx;
	struct lock_code *code;

	if (wants->failed || wants->skip || !wants->locks.len)
		return;
	code = &wants->locks.at[wants->locks.len - 1].code;
	code->len = (uint32_t)num_min_u64(len, MODEL_LOCK_CODE_MAX);
	memcpy(code->at, addresses, code->len * sizeof(*addresses));
}

/* Of a path too long for the record its end says more than its beginning. */
static void copy_module(char *to, size_t size, const char *path)
{
	if (strlen(path) >= size)
		path = text_base_name(path);
	text_copy_cut(to, size, path);
}

static int by_addr(const void *a, const void *b)
{
	const struct kallsyms_query *qa = a;
	const struct kallsyms_query *qb = b;

	return (qa->addr > qb->addr) - (qa->addr < qb->addr);
}

static void name_kernel_frame(const struct wants *wants, const struct frame_want *want,
			      struct record_frame *frame)
{
	const struct kallsyms_query key = {.addr = want->lookup};
	const struct kallsyms_query *found = NULL;

	if (wants->kernel.len)
		found = bsearch(&key, wants->kernel.at, wants->kernel.len, sizeof(key), by_addr);
	snprintf(frame->module, sizeof(frame->module), "[%s]",
		 found && found->start && found->module[0] ? found->module : "kernel");
	/* Without a name there is nothing to count from but the address itself. */
	frame->offset = want->ip;
	if (!found || !found->start)
		return;
	text_copy_cut(frame->name, sizeof(frame->name), found->name);
	frame->offset = want->ip - found->start;
}

static void name_user_frame(const struct wants *wants, const struct frame_want *want,
			    struct record_frame *frame)
{
	const struct symbol *symbol = &want->symbol;
	const struct place *outer;

	if (symbol->module)
		copy_module(frame->module, sizeof(frame->module), symbol->module);
	switch (symbol->kind) {
	case SYMBOL_NONE:
		break;
	case SYMBOL_ANON:
	case SYMBOL_MODULE_ONLY:
		frame->offset = symbol->module_offset + (want->ip - want->lookup);
		break;
	case SYMBOL_NAMED:
		demangle(symbol->name, frame->name, sizeof(frame->name));
		frame->offset = symbol->offset + (want->ip - want->lookup);
		break;
	}
	if (want->places_len == 0)
		return;
	outer = &wants->places.at[want->places_first + want->places_len - 1];
	text_copy_cut(frame->file, sizeof(frame->file), strpool_get(&wants->strings, outer->file));
	frame->line = outer->line;
}

static int send_inlined(const struct wants *wants, const struct frame_want *want,
			const struct record_sink *sink, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i + 1 < want->places_len; i++) {
		const struct place *place = &wants->places.at[want->places_first + i];
		struct record rec = {.type = RECORD_INLINED};
		struct record_inlined *inlined = &rec.inlined;

		inlined->pid = want->pid;
		inlined->ip = want->ip;
		inlined->depth = i;
		inlined->line = place->line;
		demangle(strpool_get(&wants->strings, place->function), inlined->name,
			 sizeof(inlined->name));
		text_copy_cut(inlined->file, sizeof(inlined->file),
			      strpool_get(&wants->strings, place->file));
		rc = sink->put(sink->ctx, &rec, err);
	}
	return rc;
}

static int send_frame(const struct wants *wants, const struct frame_want *want,
		      const struct record_sink *sink, struct unnamed *unnamed, struct err *err)
{
	struct record rec = {.type = RECORD_FRAME};
	struct record_frame *frame = &rec.frame;
	int rc;

	frame->pid = want->pid;
	frame->ip = want->ip;
	if (kernel_address(want->ip))
		name_kernel_frame(wants, want, frame);
	else
		name_user_frame(wants, want, frame);
	if (!frame->name[0])
		unnamed->frames++;
	rc = sink->put(sink->ctx, &rec, err);
	return rc == 0 ? send_inlined(wants, want, sink, err) : rc;
}

/* "cache", "cache+0x40"; cut in the name, so that the offset, which tells locks apart, stays. */
static void name_offset(char *to, size_t size, const char *name, uint64_t offset)
{
	char suffix[32] = "";

	if (offset)
		snprintf(suffix, sizeof(suffix), "+0x%" PRIx64, offset);
	text_copy_cut(to, size - strlen(suffix), name);
	text_copy_cut(to + strlen(to), size - strlen(to), suffix);
}

/* Shared memory without a name of its own is a deleted /dev/zero to the kernel. */
static bool shared_file_named(const struct record_lock *lock)
{
	return lock->shared && lock->path[0] && strcmp(lock->path, "/dev/zero") != 0;
}

/* Whether the lock's own address has a name: of those with a file, that is it. */
static bool named_by_address(const struct record_lock *lock)
{
	return !shared_file_named(lock) && !lock->shared && !kernel_address(lock->address);
}

/* true when something tells this lock from others better than its address does. */
static bool name_lock(const struct wants *wants, const struct lock_want *want,
		      struct record_lock_name *name)
{
	const struct record_lock *lock = &want->lock;
	const struct symbol *symbol = &want->symbol;
	char plain[RECORD_NAME_MAX];

	if (shared_file_named(lock)) {
		name_offset(name->name, sizeof(name->name), text_base_name(lock->path),
			    lock->file_offset);
		copy_module(name->module, sizeof(name->module), lock->path);
		return true;
	}
	if (!named_by_address(lock))
		return false;
	switch (symbol->kind) {
	case SYMBOL_ANON:
		if (!want->object_found)
			return false;
		text_copy_cut(name->name, sizeof(name->name),
			      strpool_get(&wants->strings, want->object));
		return true;
	case SYMBOL_NONE:
		return false;
	case SYMBOL_MODULE_ONLY:
		name_offset(name->name, sizeof(name->name), text_base_name(symbol->module),
			    symbol->module_offset);
		break;
	case SYMBOL_NAMED:
		demangle(symbol->name, plain, sizeof(plain));
		if (want->member_found)
			snprintf(name->name, sizeof(name->name), "%s%s", plain,
				 strpool_get(&wants->strings, want->member));
		else
			name_offset(name->name, sizeof(name->name), plain, symbol->offset);
		name->symbol = true;
		name->offset = symbol->offset;
		break;
	}
	copy_module(name->module, sizeof(name->module), symbol->module);
	return true;
}

/*
 * The kernel side knows a futex that is not private by address alone.  In a shared mapping it is
 * the same lock wherever the same place of the file is mapped; elsewhere it is this process's own.
 */
static int identify_shared(struct symbolizer *symbolizer, struct record_lock *lock,
			   const struct record_sink *sink, struct unnamed *unnamed, struct err *err)
{
	struct record rec = {.type = RECORD_LOCK};
	struct symbol_mapping mapping;

	if (!lock->shared || lock->inode)
		return 0;
	if (symbolizer_mapping(symbolizer, (pid_t)lock->pid, lock->address, &mapping) < 0) {
		unnamed->shared++;
		return 0;
	}
	lock->shared = mapping.shared && !mapping.anonymous;
	if (lock->shared) {
		lock->dev = mapping.dev;
		lock->inode = mapping.inode;
		lock->file_offset = mapping.file_offset;
		copy_module(lock->path, sizeof(lock->path), mapping.path);
	}
	rec.lock = *lock;
	return sink->put(sink->ctx, &rec, err);
}

static int send_lock(const struct wants *wants, const struct lock_want *want,
		     const struct record_sink *sink, struct unnamed *unnamed, struct err *err)
{
	struct record rec = {.type = RECORD_LOCK_NAME};

	rec.lock_name.lock = want->lock.lock;
	rec.lock_name.on_stack_tid = want->on_stack_tid;
	if (!name_lock(wants, want, &rec.lock_name)) {
		unnamed->locks++;
		if (!want->on_stack_tid)
			return 0;
	}
	return sink->put(sink->ctx, &rec, err);
}

static int send_loss(const struct record_sink *sink, enum loss_cause cause, uint64_t count,
		     struct err *err)
{
	struct record rec = {.type = RECORD_LOSS};

	if (!count)
		return 0;
	rec.loss.cause = cause;
	rec.loss.count = count;
	return sink->put(sink->ctx, &rec, err);
}

static int send_losses(const struct symbolizer *symbolizer, const struct wants *wants,
		       const struct unnamed *unnamed, const struct record_sink *sink,
		       struct err *err)
{
	struct symbolizer_stats stats;
	uint64_t files;
	int rc;

	symbolizer_get_stats(symbolizer, &stats);
	files = num_sat_add(num_sat_add(stats.files.unreadable, stats.files.corrupt),
			    num_sat_add(stats.files.mismatched, stats.files.over_limit));
	files = num_sat_add(files, stats.perf_maps_refused);
	rc = send_loss(sink, LOSS_UNRESOLVED_FRAMES, unnamed->frames, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_UNRESOLVED_LOCKS, unnamed->locks, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_SHARED_UNIDENTIFIED, unnamed->shared, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_FILES_UNREADABLE, files, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_LINES_SKIPPED, (uint64_t)wants->lines_missing, err);
	return rc;
}

/* ---- lines and members, by DWARF ---- */

static void take_places(void *ctx, size_t query, const struct dwarf_place *places, size_t len)
{
	struct wants *wants = ctx;
	struct frame_want *want = &wants->frames.at[wants->asked_by.at[query]];
	uint32_t first = (uint32_t)wants->places.len;

	for (size_t i = 0; i < len; i++) {
		struct place *place = vec_add(&wants->places);

		if (!place ||
		    strpool_put(&wants->strings, places[i].function, &place->function, NULL) ||
		    strpool_put(&wants->strings, places[i].file, &place->file, NULL)) {
			wants->lines_missing++;
			return;
		}
		place->line = places[i].line;
	}
	want->places_first = first;
	want->places_len = (uint32_t)len;
}

static void take_member(void *ctx, size_t query, const char *path)
{
	struct wants *wants = ctx;
	struct lock_want *want = &wants->locks.at[wants->asked_by.at[query]];

	want->member_found = strpool_put(&wants->strings, path, &want->member, NULL) == 0;
	wants->lines_missing += !want->member_found;
}

/* The lock is part of the one of @objects that the heap agrees with; where several do, of none. */
static void take_objects(void *ctx, size_t query, const struct dwarf_object *objects, size_t len)
{
	struct wants *wants = ctx;
	struct lock_want *want = &wants->locks.at[wants->asked_by.at[query]];
	const struct dwarf_object *found = NULL;

	for (size_t i = 0; i < len && !want->object_found; i++) {
		if (!heap_object_fits((pid_t)want->lock.pid, want->lock.address, want->primitive,
				      &objects[i]))
			continue;
		if (found)
			return;
		found = &objects[i];
	}
	if (found)
		want->object_found =
			strpool_put(&wants->strings, found->name, &want->object, NULL) == 0;
}

/* Ask for the line of @symbol, for the part of the object, or for what the function gets. */
static void ask(struct wants *wants, struct symbolizer *symbolizer, const struct symbol *symbol,
		enum line_query_kind kind, size_t who)
{
	int fd = symbolizer_dwarf(symbolizer, symbol);
	struct line_query *query;
	uint32_t *asked_by;

	if (fd < 0)
		return;
	query = vec_add(&wants->queries);
	asked_by = query ? vec_add(&wants->asked_by) : NULL;
	if (!asked_by) {
		wants->failed = true;
		return;
	}
	*asked_by = (uint32_t)who;
	*query = (struct line_query){.fd = fd, .kind = kind, .vaddr = symbol->module_offset};
	if (kind == LINE_QUERY_OBJECTS)
		query->primitive = wants->locks.at[who].primitive;
	if (kind == LINE_QUERY_MEMBER) {
		query->vaddr -= symbol->offset;
		query->offset = symbol->offset;
	}
}

/* Memory without a name: a thread's stack, or an object that the code that waits may know. */
static void ask_unnamed(struct wants *wants, struct symbolizer *symbolizer, size_t i,
			unsigned *objects)
{
	struct lock_want *want = &wants->locks.at[i];
	struct symbol sites[LOCK_OBJECT_SITES];
	size_t len;

	want->on_stack_tid = (uint32_t)symbolizer_stack_owner(symbolizer, (pid_t)want->lock.pid,
							      want->lock.address);
	if (want->on_stack_tid || *objects >= OBJECT_LOCKS_MAX)
		return;
	len = lock_object_sites(symbolizer, want->lock.pid, &want->code, &want->primitive, sites);
	*objects += len > 0;
	for (size_t k = 0; k < len; k++)
		ask(wants, symbolizer, &sites[k], LINE_QUERY_OBJECTS, i);
}

/* Names first, for they say in which files lines are; locks last, for where the code that takes one
 * is known their objects are found faster. */
static int look_up(struct wants *wants, struct symbolizer *symbolizer,
		   const struct record_sink *sink, struct unnamed *unnamed, struct err *err)
{
	const struct line_sink lines = {take_places, take_member, take_objects, wants};
	unsigned objects = 0;
	int rc = 0;

	for (size_t i = 0; i < wants->frames.len; i++) {
		struct frame_want *want = &wants->frames.at[i];

		if (kernel_address(want->ip) || python_word(want->ip))
			continue;
		symbolizer_function(symbolizer, (pid_t)want->pid, want->lookup, &want->symbol);
		ask(wants, symbolizer, &want->symbol, LINE_QUERY_PLACES, i);
	}
	for (size_t i = 0; rc == 0 && i < wants->locks.len; i++) {
		struct lock_want *want = &wants->locks.at[i];

		rc = identify_shared(symbolizer, &want->lock, sink, unnamed, err);
		if (rc || !named_by_address(&want->lock))
			continue;
		symbolizer_data(symbolizer, (pid_t)want->lock.pid, want->lock.address,
				&want->symbol);
		if (want->symbol.kind == SYMBOL_NAMED)
			ask(wants, symbolizer, &want->symbol, LINE_QUERY_MEMBER, i);
		else if (want->symbol.kind == SYMBOL_ANON)
			ask_unnamed(wants, symbolizer, i, &objects);
	}
	if (rc == 0) {
		long missing = source_lines_find(wants->queries.at, wants->queries.len,
						 LINES_LIMIT_NS, &lines);

		wants->lines_missing += missing < 0 ? (long)wants->queries.len : missing;
	}
	return rc;
}

struct note_sink {
	const struct record_sink *sink;
	struct err *err;
	int rc;
};

static void send_note(void *ctx, enum note note, const char *path)
{
	struct note_sink *to = ctx;
	struct record rec = {.type = RECORD_NOTE};

	if (to->rc)
		return;
	rec.note.note = note;
	copy_module(rec.note.module, sizeof(rec.note.module), path);
	to->rc = to->sink->put(to->sink->ctx, &rec, to->err);
}

static int send_all(struct wants *wants, struct symbolizer *symbolizer,
		    const struct record_sink *sink, struct err *err)
{
	const struct frame_want *frame;
	const struct lock_want *lock;
	struct note_sink notes = {.sink = sink, .err = err};
	struct unnamed unnamed = {0};
	int rc = look_up(wants, symbolizer, sink, &unnamed, err);

	VEC_FOREACH (&wants->frames, frame) {
		if (rc == 0)
			rc = send_frame(wants, frame, sink, &unnamed, err);
	}
	VEC_FOREACH (&wants->locks, lock) {
		if (rc == 0)
			rc = send_lock(wants, lock, sink, &unnamed, err);
	}
	if (rc)
		return rc;
	symbolizer_notes(symbolizer, send_note, &notes);
	return notes.rc ? notes.rc : send_losses(symbolizer, wants, &unnamed, sink, err);
}

static void resolve_kernel(struct wants *wants)
{
	_cleanup_fclose_ FILE *file = wants->kernel.len ? fopen("/proc/kallsyms", "re") : NULL;

	if (file)
		kallsyms_resolve(file, wants->kernel.at, wants->kernel.len);
	else
		vec_free(&wants->kernel);
}

static void wants_free(struct wants *wants)
{
	vec_free(&wants->frames);
	vec_free(&wants->locks);
	vec_free(&wants->kernel);
	vec_free(&wants->queries);
	vec_free(&wants->asked_by);
	vec_free(&wants->places);
	strpool_free(&wants->strings);
}

int annotate(const struct model *model, struct symbolizer *symbolizer, struct annotate_seen *seen,
	     const struct record_sink *sink, struct err *err)
{
	_cleanup_(wants_free) struct wants wants = {.seen = seen};
	const struct model_names names = {
		.frame = want_frame, .lock = want_lock, .ctx = &wants, .lock_code = want_lock_code};
	int rc = strpool_init(&wants.strings, err);

	if (rc < 0)
		return rc;
	model_for_unnamed(model, &names);
	if (wants.failed)
		return err_set(err, -ENOMEM, "names of functions and locks: out of memory");
	if (seen && !wants.frames.len && !wants.locks.len)
		return 0;
	resolve_kernel(&wants);
	return send_all(&wants, symbolizer, sink, err);
}
