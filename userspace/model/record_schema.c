// SPDX-License-Identifier: GPL-2.0-only
#include "model/record_schema.h"

#include "base/err.h"
#include "base/num.h"
#include "model/loss.h"
#include "model/note.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* 0 when @cond holds, else no compilation: a row whose kind is not its member's type is an error.
 */
#define ZERO_IF(cond) (sizeof(char[(cond) ? 1 : -1]) - 1)
#define MEMBER(rec, member) (((struct record *)0)->rec.member)
#define HAS_TYPE(expr, type) __builtin_types_compatible_p(__typeof__(expr), type)
#define PLACE(rec, member, type)                                         \
	.name = #member, .offset = offsetof(struct record, rec.member) + \
				   ZERO_IF(HAS_TYPE(MEMBER(rec, member), type))

#define U64(rec, member)                                        \
	{                                                       \
		PLACE(rec, member, uint64_t), .kind = FIELD_U64 \
	}
#define U64_ID(rec, member)                                                      \
	{                                                                        \
		PLACE(rec, member, uint64_t), .kind = FIELD_U64, .nonzero = true \
	}
#define U32(rec, member)                                        \
	{                                                       \
		PLACE(rec, member, uint32_t), .kind = FIELD_U32 \
	}
#define U32_ID(rec, member)                                                      \
	{                                                                        \
		PLACE(rec, member, uint32_t), .kind = FIELD_U32, .nonzero = true \
	}
#define ENUM(rec, member, end)                                                  \
	{                                                                       \
		PLACE(rec, member, uint32_t), .kind = FIELD_U32, .limit = (end) \
	}
#define I32(rec, member)                                       \
	{                                                      \
		PLACE(rec, member, int32_t), .kind = FIELD_I32 \
	}
#define BOOL(rec, member)                                    \
	{                                                    \
		PLACE(rec, member, bool), .kind = FIELD_BOOL \
	}
#define STRING(rec, member)                                                      \
	{                                                                        \
		PLACE(rec, member, char[sizeof(MEMBER(rec, member))]),           \
			.kind = FIELD_STRING, .len = sizeof(MEMBER(rec, member)) \
	}
#define U64_ARRAY(rec, member)                                                         \
	{                                                                              \
		PLACE(rec, member, uint64_t[ARRAY_LEN(MEMBER(rec, member))]),          \
			.kind = FIELD_U64_ARRAY, .len = ARRAY_LEN(MEMBER(rec, member)) \
	}
#define U64_LIST(rec, member, length)                                                  \
	{                                                                              \
		PLACE(rec, member, uint64_t[ARRAY_LEN(MEMBER(rec, member))]),          \
			.kind = FIELD_U64_LIST, .len = ARRAY_LEN(MEMBER(rec, member)), \
			.len_offset = offsetof(struct record, rec.length) +            \
				      ZERO_IF(HAS_TYPE(MEMBER(rec, length), uint32_t)) \
	}

/* clang-format off */
static const struct record_field run_fields[] = {
	STRING(run, tool_version),
	STRING(run, kernel),
	STRING(run, command),
	U64(run, start_realtime_ns),
	U64(run, start_ns),
	U64(run, slice_ns),
	U32(run, cpus_online),
	U32(run, cpus_allowed),
	U32(run, sample_hz),
	U64(run, stall_ns),
	U64(run, work_count),
	BOOL(run, launched),
	U64_LIST(run, pids, pids_len),
};

static const struct record_field process_fields[] = {
	U32_ID(process, pid),
	U32(process, ppid),
	STRING(process, comm),
	STRING(process, runtime),
	STRING(process, runtime_version),
	STRING(process, libc),
	U64(process, start_ns),
	U64(process, end_ns),
	U64(process, forks),
	U64(process, execs),
};

static const struct record_field counters_fields[] = {
	U32_ID(counters, pid),
	U32_ID(counters, tid),
	STRING(counters, name),
	U64(counters, start_ns),
	U64(counters, until_ns),
	BOOL(counters, ended),
	U64_ARRAY(counters, class_ns),
	U64(counters, futex_ns),
	U64(counters, voluntary_switches),
	U64(counters, involuntary_switches),
	U64(counters, wakeups),
	U64(counters, cmetric_ns),
	U64(counters, runq_count),
	U64(counters, runq_max_ns),
	U64_ARRAY(counters, runq_hist),
	U64(counters, migrations),
	U64(counters, faults),
	U64(counters, major_faults),
	U64(counters, copy_faults),
	U32(counters, cpus_allowed),
};

static const struct record_field lock_fields[] = {
	U64_ID(lock, lock),
	U64(lock, address),
	U32(lock, pid),
	BOOL(lock, shared),
	U64(lock, dev),
	U64(lock, inode),
	U64(lock, file_offset),
	STRING(lock, path),
	BOOL(lock, gil),
};

static const struct record_field wait_fields[] = {
	U64_ID(wait, lock),
	U64(wait, stack),
	U32_ID(wait, tid),
	ENUM(wait, op, FUTEX_OP_COUNT),
	U32(wait, value),
	BOOL(wait, timed),
	U64(wait, waits),
	U64(wait, blocked_ns),
	U64(wait, runq_ns),
	U64(wait, peer_ns),
	U64(wait, max_ns),
	U64(wait, handed_over),
	U64(wait, contender_wakes),
	U64(wait, timeouts),
	U64(wait, interrupted),
	U64(wait, owner_known),
	U64(wait, sleep_again),
	U64_ARRAY(wait, hist),
	U64(wait, again_ns),
	U64(wait, broadcasts),
};

static const struct record_field blame_fields[] = {
	U64_ID(blame, lock),
	U32(blame, tid),
	U64(blame, release_stack),
	ENUM(blame, evidence, HOLDER_EVIDENCE_COUNT),
	U64(blame, waits),
	U64(blame, blame_ns),
	U64_ARRAY(blame, while_ns),
};

static const struct record_field holding_fields[] = {
	U64_ID(holding, lock),
	U32_ID(holding, tid),
	ENUM(holding, kind, HOLDING_KIND_COUNT),
	U64_ID(holding, stack),
	U64(holding, count),
	U64(holding, ns),
	U64(holding, kept),
};

static const struct record_field contention_fields[] = {
	U64_ID(contention, lock),
	U64(contention, contended_ns),
	U32(contention, waiters_max),
};

static const struct record_field open_wait_fields[] = {
	U64_ID(open_wait, lock),
	U64(open_wait, stack),
	U32_ID(open_wait, tid),
	ENUM(open_wait, op, FUTEX_OP_COUNT),
	U32(open_wait, value),
	BOOL(open_wait, timed),
	U32(open_wait, holder_tid),
	ENUM(open_wait, evidence, HOLDER_EVIDENCE_COUNT),
	U64(open_wait, since_ns),
	U64(open_wait, blocked_ns),
	BOOL(open_wait, before_attach),
};

static const struct record_field block_fields[] = {
	U32_ID(block, tid),
	ENUM(block, class, CLASS_COUNT),
	I32(block, syscall),
	U64(block, stack),
	U64(block, count),
	U64(block, ns),
	U64(block, max_ns),
};

static const struct record_field sample_fields[] = {
	U32_ID(sample, tid),
	U64(sample, stack),
	U64(sample, count),
	ENUM(sample, kind, SAMPLE_KIND_COUNT),
};

static const struct record_field edge_fields[] = {
	U32_ID(edge, from_tid),
	U32(edge, to_tid),
	ENUM(edge, kind, EDGE_KIND_COUNT),
	U64(edge, waits),
	U64(edge, wait_ns),
	U64(edge, wait_stack),
	U64(edge, wake_stack),
};

static const struct record_field stack_fields[] = {
	U64_ID(stack, stack),
	U32(stack, pid),
	BOOL(stack, truncated),
	U64_LIST(stack, ips, len),
	BOOL(stack, frame_pointers),
};

static const struct record_field frame_fields[] = {
	U32(frame, pid),
	U64(frame, ip),
	STRING(frame, name),
	STRING(frame, module),
	U64(frame, offset),
	STRING(frame, file),
	U32(frame, line),
};

static const struct record_field inlined_fields[] = {
	U32(inlined, pid),
	U64(inlined, ip),
	ENUM(inlined, depth, RECORD_INLINED_MAX),
	STRING(inlined, name),
	STRING(inlined, file),
	U32(inlined, line),
};

static const struct record_field lock_name_fields[] = {
	U64_ID(lock_name, lock),
	STRING(lock_name, name),
	STRING(lock_name, module),
	BOOL(lock_name, symbol),
	U32(lock_name, on_stack_tid),
	U64(lock_name, offset),
};

static const struct record_field long_wait_fields[] = {
	U64_ID(long_wait, lock),
	U64(long_wait, stack),
	U64(long_wait, release_stack),
	U32_ID(long_wait, tid),
	U32(long_wait, holder_tid),
	U32(long_wait, waker_tid),
	U64(long_wait, start_ns),
	U64(long_wait, woken_ns),
	U64(long_wait, end_ns),
};

static const struct record_field futex_calls_fields[] = {
	U32(futex_calls, pid),
	U64(futex_calls, waits),
	U64(futex_calls, wakes),
	U64(futex_calls, eagain),
	U64(futex_calls, empty_wakes),
};

static const struct record_field host_fields[] = {
	U64(host, idle_ns),
	U64(host, busy_ns),
	U64(host, quota_milli_cpus),
	U64(host, throttled_ns),
	U64(host, throttled_periods),
};

static const struct record_field loss_fields[] = {
	ENUM(loss, cause, LOSS_COUNT),
	U64(loss, count),
};

static const struct record_field backlog_fields[] = {
	U64_ID(backlog, inode),
	U32(backlog, port),
	U32(backlog, waiting),
	STRING(backlog, path),
};

static const struct record_field note_fields[] = {
	ENUM(note, note, NOTE_COUNT),
	STRING(note, module),
};

static const struct record_field self_fields[] = {
	U64(self, cpu_ns),
	U64(self, bpf_ns),
	U64(self, bpf_calls),
	U64(self, bpf_calls_ns),
	U64(self, events),
	U64(self, rss_bytes),
	U64(self, map_bytes),
	U64(self, polls_hooked_ns),
};

static const struct record_field slice_fields[] = {
	U64(slice, end_ns),
};

static const struct record_field end_fields[] = {
	U64(end, end_ns),
	BOOL(end, interrupted),
	BOOL(end, target_ended),
	BOOL(end, exited),
	I32(end, exit_code),
	I32(end, exit_signal),
};

static const struct record_field loop_fields[] = {
	U32_ID(loop, tid),
	I32(loop, syscall),
	U64(loop, poll_id),
	U32(loop, fds_max),
	U64(loop, since_ns),
	U64(loop, until_ns),
	U64(loop, turns),
	U64(loop, busy_ns),
	U64(loop, idle_ns),
	U64(loop, square_us),
	U64(loop, late_ns),
	U64(loop, max_ns),
	U64(loop, stalls),
	U64_ARRAY(loop, part_ns),
	U64_ARRAY(loop, stall_part_ns),
	U64_ARRAY(loop, hist),
	U64(loop, open_ns),
	U64_ARRAY(loop, open_part_ns),
};

static const struct record_field stall_fields[] = {
	U32_ID(stall, tid),
	BOOL(stall, open),
	U64(stall, start_ns),
	U64(stall, end_ns),
	U64_ARRAY(stall, part_ns),
	U64(stall, block_stack),
	U64(stall, block_ns),
	ENUM(stall, block_class, CLASS_COUNT),
	I32(stall, block_syscall),
	U64_LIST(stall, stacks, stacks_len),
};

#define SCHEMA(type, rec) \
	[type] = {#rec, sizeof(struct record_##rec), rec##_fields, ARRAY_LEN(rec##_fields)}

static const struct record_schema schemas[RECORD_TYPE_COUNT] = {
	SCHEMA(RECORD_RUN, run),
	SCHEMA(RECORD_PROCESS, process),
	SCHEMA(RECORD_COUNTERS, counters),
	SCHEMA(RECORD_LOCK, lock),
	SCHEMA(RECORD_WAIT, wait),
	SCHEMA(RECORD_BLAME, blame),
	SCHEMA(RECORD_CONTENTION, contention),
	SCHEMA(RECORD_OPEN_WAIT, open_wait),
	SCHEMA(RECORD_BLOCK, block),
	SCHEMA(RECORD_SAMPLE, sample),
	SCHEMA(RECORD_EDGE, edge),
	SCHEMA(RECORD_STACK, stack),
	SCHEMA(RECORD_FRAME, frame),
	SCHEMA(RECORD_LOCK_NAME, lock_name),
	SCHEMA(RECORD_LONG_WAIT, long_wait),
	SCHEMA(RECORD_FUTEX_CALLS, futex_calls),
	SCHEMA(RECORD_HOST, host),
	SCHEMA(RECORD_LOSS, loss),
	SCHEMA(RECORD_SELF, self),
	SCHEMA(RECORD_SLICE, slice),
	SCHEMA(RECORD_END, end),
	SCHEMA(RECORD_INLINED, inlined),
	SCHEMA(RECORD_NOTE, note),
	SCHEMA(RECORD_HOLDING, holding),
	SCHEMA(RECORD_BACKLOG, backlog),
	SCHEMA(RECORD_LOOP, loop),
	SCHEMA(RECORD_STALL, stall),
};
/* clang-format on */

const struct record_schema *record_schema_of(uint32_t type)
{
	if (type >= RECORD_TYPE_COUNT || !schemas[type].fields)
		return NULL;
	return &schemas[type];
}

static int check_number(const struct record_schema *schema, const struct record_field *field,
			uint64_t value, struct err *err)
{
	if (field->limit && value >= field->limit)
		return err_set(err, -EPROTO, "record %s: %s %" PRIu64 " is out of range (below %u)",
			       schema->name, field->name, value, field->limit);
	if (field->nonzero && !value)
		return err_set(err, -EPROTO, "record %s: %s must not be 0", schema->name,
			       field->name);
	return 0;
}

static int check_field(const struct record_schema *schema, const struct record_field *field,
		       const unsigned char *rec, struct err *err)
{
	const unsigned char *at = rec + field->offset;
	uint64_t u64;
	uint32_t u32;

	switch (field->kind) {
	case FIELD_U64:
		memcpy(&u64, at, sizeof(u64));
		return check_number(schema, field, u64, err);
	case FIELD_U32:
		memcpy(&u32, at, sizeof(u32));
		return check_number(schema, field, u32, err);
	case FIELD_BOOL:
		if (*at > 1) /* another bit pattern is no bool: reading it would be undefined */
			return err_set(err, -EPROTO, "record %s: %s is neither true nor false",
				       schema->name, field->name);
		return 0;
	case FIELD_STRING:
		if (!memchr(at, '\0', field->len))
			return err_set(err, -EPROTO, "record %s: %s is not terminated",
				       schema->name, field->name);
		return 0;
	case FIELD_U64_LIST:
		memcpy(&u32, rec + field->len_offset, sizeof(u32));
		if (u32 > field->len)
			return err_set(err, -EPROTO, "record %s: %s has %u elements (at most %u)",
				       schema->name, field->name, u32, field->len);
		return 0;
	case FIELD_I32:
	case FIELD_U64_ARRAY:
		return 0;
	}
	return 0;
}

int record_validate(const struct record *rec, struct err *err)
{
	const struct record_schema *schema = record_schema_of(rec->type);

	if (!schema)
		return err_set(err, -EPROTO, "record type %u is unknown", (unsigned)rec->type);
	for (size_t i = 0; i < schema->fields_len; i++) {
		int r = check_field(schema, &schema->fields[i], (const unsigned char *)rec, err);

		if (r < 0)
			return r;
	}
	return 0;
}
