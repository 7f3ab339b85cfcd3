// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/annotate.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/kernel_address.h"
#include "symbol/demangle.h"
#include "symbol/kallsyms.h"
#include "symbol/symbolizer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Distinct kernel addresses named in one run: 200 bytes each while they are looked up. */
#define KERNEL_FRAMES_MAX 65536

struct frame_want {
	uint32_t pid;
	uint64_t ip;
	uint64_t lookup; /* inside the calling instruction where ip is a return address */
};

/* Names are sent to the model that asks for them: collect all questions before the first answer. */
struct wants {
	VEC(struct frame_want) frames;
	VEC(struct record_lock) locks;
	VEC(struct kallsyms_query) kernel;
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
	struct record_lock *copy = vec_add(&wants->locks);

	if (copy)
		*copy = *lock;
	else
		wants->failed = true;
}

static void copy_cut(char *to, size_t size, const char *text)
{
	size_t len = num_min_u64(strlen(text), size - 1);

	memcpy(to, text, len);
	to[len] = '\0';
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Of a path too long for the record its end says more than its beginning. */
static void copy_module(char *to, size_t size, const char *path)
{
	if (strlen(path) >= size)
		path = base_name(path);
	copy_cut(to, size, path);
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
	copy_cut(frame->name, sizeof(frame->name), found->name);
	frame->offset = want->ip - found->start;
}

static void name_user_frame(struct symbolizer *symbolizer, const struct frame_want *want,
			    struct record_frame *frame)
{
	struct symbol symbol;

	symbolizer_function(symbolizer, (pid_t)want->pid, want->lookup, &symbol);
	if (symbol.module)
		copy_module(frame->module, sizeof(frame->module), symbol.module);
	switch (symbol.kind) {
	case SYMBOL_NONE:
		break;
	case SYMBOL_ANON:
	case SYMBOL_MODULE_ONLY:
		frame->offset = symbol.module_offset + (want->ip - want->lookup);
		break;
	case SYMBOL_NAMED:
		demangle(symbol.name, frame->name, sizeof(frame->name));
		frame->offset = symbol.offset + (want->ip - want->lookup);
		break;
	}
}

static int send_frame(const struct wants *wants, struct symbolizer *symbolizer,
		      const struct frame_want *want, const struct record_sink *sink,
		      struct unnamed *unnamed, struct err *err)
{
	struct record rec = {.type = RECORD_FRAME};
	struct record_frame *frame = &rec.frame;

	frame->pid = want->pid;
	frame->ip = want->ip;
	if (kernel_address(want->ip))
		name_kernel_frame(wants, want, frame);
	else
		name_user_frame(symbolizer, want, frame);
	if (!frame->name[0])
		unnamed->frames++;
	return sink->put(sink->ctx, &rec, err);
}

/* "cache", "cache+0x40"; cut in the name, so that the offset, which tells locks apart, stays. */
static void name_offset(char *to, size_t size, const char *name, uint64_t offset)
{
	char suffix[32] = "";

	if (offset)
		snprintf(suffix, sizeof(suffix), "+0x%" PRIx64, offset);
	copy_cut(to, size - strlen(suffix), name);
	copy_cut(to + strlen(to), size - strlen(to), suffix);
}

/* Shared memory without a name of its own is a deleted /dev/zero to the kernel. */
static bool shared_file_named(const struct record_lock *lock)
{
	return lock->shared && lock->path[0] && strcmp(lock->path, "/dev/zero") != 0;
}

/* true when something tells this lock from others better than its address does. */
static bool name_lock(struct symbolizer *symbolizer, const struct record_lock *lock,
		      struct record_lock_name *name)
{
	char plain[RECORD_NAME_MAX];
	struct symbol symbol;

	if (shared_file_named(lock)) {
		name_offset(name->name, sizeof(name->name), base_name(lock->path),
			    lock->file_offset);
		copy_module(name->module, sizeof(name->module), lock->path);
		return true;
	}
	if (lock->shared || kernel_address(lock->address))
		return false;
	symbolizer_data(symbolizer, (pid_t)lock->pid, lock->address, &symbol);
	switch (symbol.kind) {
	case SYMBOL_NONE:
	case SYMBOL_ANON:
		return false;
	case SYMBOL_MODULE_ONLY:
		name_offset(name->name, sizeof(name->name), base_name(symbol.module),
			    symbol.module_offset);
		break;
	case SYMBOL_NAMED:
		demangle(symbol.name, plain, sizeof(plain));
		name_offset(name->name, sizeof(name->name), plain, symbol.offset);
		name->symbol = true;
		break;
	}
	copy_module(name->module, sizeof(name->module), symbol.module);
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

static int send_lock(struct symbolizer *symbolizer, struct record_lock *lock,
		     const struct record_sink *sink, struct unnamed *unnamed, struct err *err)
{
	struct record rec = {.type = RECORD_LOCK_NAME};
	int rc = identify_shared(symbolizer, lock, sink, unnamed, err);

	if (rc < 0)
		return rc;
	rec.lock_name.lock = lock->lock;
	if (!name_lock(symbolizer, lock, &rec.lock_name)) {
		unnamed->locks++;
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

static int send_losses(const struct symbolizer *symbolizer, const struct unnamed *unnamed,
		       const struct record_sink *sink, struct err *err)
{
	struct symbolizer_stats stats;
	uint64_t files;
	int rc;

	symbolizer_get_stats(symbolizer, &stats);
	files = num_sat_add(num_sat_add(stats.files_unreadable, stats.files_corrupt),
			    num_sat_add(stats.files_mismatched, stats.files_over_limit));
	rc = send_loss(sink, LOSS_UNRESOLVED_FRAMES, unnamed->frames, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_UNRESOLVED_LOCKS, unnamed->locks, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_SHARED_UNIDENTIFIED, unnamed->shared, err);
	if (rc == 0)
		rc = send_loss(sink, LOSS_FILES_UNREADABLE, files, err);
	return rc;
}

static int send_all(const struct wants *wants, struct symbolizer *symbolizer,
		    const struct record_sink *sink, struct err *err)
{
	const struct frame_want *want;
	struct record_lock *lock;
	struct unnamed unnamed = {0};
	int rc = 0;

	VEC_FOREACH (&wants->frames, want) {
		rc = send_frame(wants, symbolizer, want, sink, &unnamed, err);
		if (rc < 0)
			return rc;
	}
	VEC_FOREACH (&wants->locks, lock) {
		rc = send_lock(symbolizer, lock, sink, &unnamed, err);
		if (rc < 0)
			return rc;
	}
	return send_losses(symbolizer, &unnamed, sink, err);
}

int annotate(const struct model *model, struct symbolizer *symbolizer,
	     const struct record_sink *sink, struct err *err)
{
	struct wants wants = {0};
	const struct model_names names = {.frame = want_frame, .lock = want_lock, .ctx = &wants};
	int rc;

	model_for_unnamed(model, &names);
	if (wants.failed) {
		rc = err_set(err, -ENOMEM, "names of functions and locks: out of memory");
	} else {
		if (wants.kernel.len) {
			_cleanup_fclose_ FILE *file = fopen("/proc/kallsyms", "re");

			if (file)
				kallsyms_resolve(file, wants.kernel.at, wants.kernel.len);
			else
				vec_free(&wants.kernel);
		}
		rc = send_all(&wants, symbolizer, sink, err);
	}
	vec_free(&wants.frames);
	vec_free(&wants.locks);
	vec_free(&wants.kernel);
	return rc;
}
