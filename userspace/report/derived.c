// SPDX-License-Identifier: GPL-2.0-only
#include "report/derived.h"

#include "base/hashmap.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BIT(n) (1U << (n))

static const struct {
	const char *title;
	unsigned classes; /* bits 1 << enum time_class */
} groups[GROUP_COUNT] = {
	[GROUP_RUN] = {"run", BIT(CLASS_RUN)},
	[GROUP_LOCK] = {"lock", BIT(CLASS_LOCK)},
	[GROUP_GIL] = {"GIL", BIT(CLASS_GIL)},
	[GROUP_DISK] = {"disk", BIT(CLASS_DISK)},
	[GROUP_NET] = {"net", BIT(CLASS_NET)},
	[GROUP_PEER] = {"peer", BIT(CLASS_PEER)},
	[GROUP_RUNQ] = {"run queue", BIT(CLASS_RUNQ_PREEMPT) | BIT(CLASS_RUNQ_WAKE)},
	[GROUP_OTHER] = {"other", BIT(CLASS_OTHER)},
	[GROUP_IDLE] = {"idle", BIT(CLASS_CLIENT_IDLE) | BIT(CLASS_LOOP_IDLE) | BIT(CLASS_SLEEP) |
					BIT(CLASS_POOL_IDLE) | BIT(CLASS_CHILD) |
					BIT(CLASS_STOPPED)},
};

const char *time_group_title(enum time_group group)
{
	return groups[group].title;
}

bool time_group_has(enum time_group group, enum time_class cls)
{
	return groups[group].classes & BIT(cls);
}

uint64_t time_group_ns(enum time_group group, const uint64_t *class_ns)
{
	uint64_t sum = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		if (time_group_has(group, cls))
			sum = num_sat_add(sum, class_ns[cls]);
	return sum;
}

bool report_lock_matters(const struct snap_lock *lock)
{
	return lock->wait_ns && (lock->is_lock || lock->peer_ns);
}

const char *report_model_name(enum report_model model)
{
	static const char *const names[MODEL_COUNT] = {
		[MODEL_THREADS] = "threads",
		[MODEL_GIL] = "gil",
		[MODEL_PROCESSES] = "processes",
		[MODEL_EVENT_LOOP] = "event_loop",
	};

	return names[model];
}

/* What is seen in use, not what is linked: a Python process with one thread never waits for its
 * GIL, and a library that could poll but never does is no event loop. */
/* It waits for events and works between them; a main thread that only waits for a signal does not.
 */
static bool works_in_loop(const struct snap_thread *t)
{
	return t->class_ns[CLASS_LOOP_IDLE] && t->class_ns[CLASS_RUN] >= t->lifetime_ns / 100;
}

unsigned report_models_in_use(const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	unsigned used = 0;

	for (uint32_t i = 0; i < snap->processes_len; i++) {
		if (snap->processes[i].threads < 2)
			continue;
		used |= BIT(MODEL_THREADS);
		if (!strcmp(snap->processes[i].runtime, "cpython"))
			used |= BIT(MODEL_GIL);
	}
	if (snap->class_ns[CLASS_GIL])
		used |= BIT(MODEL_GIL);
	if (snap->processes_len > 1)
		used |= BIT(MODEL_PROCESSES);
	for (uint32_t i = 0; i < snap->threads_len; i++)
		if (works_in_loop(&snap->threads[i]))
			used |= BIT(MODEL_EVENT_LOOP);
	return used;
}

void report_start(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	uint64_t ns = num_sat_add(snap->run.start_realtime_ns,
				  num_sat_sub(snap->start_ns, snap->run.start_ns));
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	strbuf_printf(sb, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRIu64 "Z", tm.tm_year + 1900,
		      tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		      (uint64_t)(ns % NS_PER_S));
}

struct block_key {
	uint32_t cls;
	int32_t syscall;
	uint32_t stack;
};

static int block_compare(const void *left, const void *right)
{
	const struct report_block *a = left;
	const struct report_block *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	if (a->cls != b->cls)
		return a->cls < b->cls ? -1 : 1;
	if (a->syscall != b->syscall)
		return a->syscall < b->syscall ? -1 : 1;
	return (a->stack > b->stack) - (a->stack < b->stack);
}

struct report_block *report_blocks(const struct report *rep, uint32_t *ret_len, bool *ret_failed)
{
	const struct snapshot *snap = rep->snap;
	VEC(struct report_block) blocks = {0};
	struct hashmap places;
	bool failed = false;

	hashmap_init(&places, sizeof(struct block_key));
	for (uint32_t i = 0; i < snap->blocks_len && !failed; i++) {
		const struct snap_block *one = &snap->blocks[i];
		struct block_key key = {one->cls, one->syscall, one->stack};
		bool added = false;
		uint32_t *place = hashmap_put(&places, &key, (uint32_t)blocks.len, &added);
		struct report_block *sum = place && added ? vec_add(&blocks) : NULL;

		if (!place || (added && !sum)) {
			failed = true;
			break;
		}
		sum = &blocks.at[*place];
		if (added) {
			sum->cls = one->cls;
			sum->syscall = one->syscall;
			sum->syscall_name = one->syscall_name;
			sum->stack = one->stack;
		}
		sum->threads++;
		sum->count = num_sat_add(sum->count, one->count);
		sum->ns = num_sat_add(sum->ns, one->ns);
		sum->max_ns = num_max_u64(sum->max_ns, one->max_ns);
	}
	hashmap_free(&places);
	if (failed)
		vec_free(&blocks);
	else if (blocks.len)
		qsort(blocks.at, blocks.len, sizeof(*blocks.at), block_compare);
	*ret_failed = failed;
	*ret_len = (uint32_t)blocks.len;
	return blocks.at;
}
