// SPDX-License-Identifier: GPL-2.0-only
/* The lists of interpreters and threads. They change under our hands, and may be made to lie. */
#include <stdbool.h>

#include "base/hashmap.h"
#include "runtime/python_find.h"

/* struct pthread of glibc for x86_64 (nptl/descr.h, 2.17 to 2.41): specific_1stblock, 32 pairs of a
 * sequence number and the data. */
#define SPECIFIC_AT 784
#define SPECIFIC_KEYS 32
/* Threads that are asked. */
#define WITNESSES_MAX 64

/* The interpreters, newest first; how many. */
static size_t interpreters(const struct python_process *p, const struct python_memory *memory,
			   uint64_t ret[PYTHON_INTERPRETERS_MAX])
{
	uint64_t interp = python_read_u64(memory, p->runtime, p->layout.interpreters_head);
	size_t len = 0;

	while (interp && len < PYTHON_INTERPRETERS_MAX) {
		for (size_t i = 0; i < len; i++)
			if (ret[i] == interp)
				return len;
		ret[len++] = interp;
		interp = python_read_u64(memory, interp, p->layout.interp_next);
	}
	return len;
}

static bool in_use(const struct python_process *p, const struct python_memory *memory, uint64_t gil)
{
	const struct python_layout *l = &p->layout;
	int32_t enabled;

	if (l->gil_enabled == PYTHON_NO_FIELD)
		return true;
	return python_read(memory, gil, l->gil_enabled, &enabled, sizeof(enabled)) && enabled;
}

size_t python_gils(const struct python_process *p, const struct python_memory *memory,
		   uint64_t *ret, size_t max)
{
	uint64_t interps[PYTHON_INTERPRETERS_MAX];
	size_t interps_len, len = 0;

	if (!p->known || max == 0)
		return 0;
	if (p->layout.runtime_gil != UINT32_MAX) {
		*ret = p->runtime + p->layout.runtime_gil;
		return 1;
	}
	interps_len = interpreters(p, memory, interps);
	for (size_t i = 0; i < interps_len && len < max; i++) {
		uint64_t gil = python_read_u64(memory, interps[i], p->layout.interp_gil);
		size_t same = 0;

		while (same < len && ret[same] != gil)
			same++;
		if (same == len && gil && in_use(p, memory, gil))
			ret[len++] = gil;
	}
	return len;
}

/* The thread state at @tstate; false where it is none of @interp's, or none any more. */
static bool read_thread(const struct python_process *p, const struct python_memory *memory,
			uint64_t interp, uint64_t tstate, struct python_thread *ret)
{
	const struct python_layout *l = &p->layout;

	if (python_read_u64(memory, tstate, l->tstate_interp) != interp)
		return false;
	*ret = (struct python_thread){.tstate = tstate};
	if (!python_read(memory, tstate, l->tstate_thread_id, &ret->thread_id,
			 sizeof(ret->thread_id)))
		return false;
	if (l->tstate_native_id != PYTHON_NO_FIELD)
		ret->native_id = (uint32_t)python_read_u64(memory, tstate, l->tstate_native_id);
	return true;
}

size_t python_threads(const struct python_process *p, const struct python_memory *memory,
		      struct python_thread *ret, size_t max)
{
	uint64_t interps[PYTHON_INTERPRETERS_MAX];
	size_t interps_len, len = 0;
	struct hashmap seen;

	if (!p->known)
		return 0;
	hashmap_init(&seen, sizeof(uint64_t));
	interps_len = interpreters(p, memory, interps);
	for (size_t i = 0; i < interps_len; i++) {
		uint64_t tstate = python_read_u64(memory, interps[i], p->layout.interp_threads);
		bool added;

		while (tstate && len < max && len < PYTHON_THREADS_MAX &&
		       hashmap_put(&seen, &tstate, 0, &added) && added &&
		       read_thread(p, memory, interps[i], tstate, &ret[len])) {
			len++;
			tstate = python_read_u64(memory, tstate, p->layout.tstate_next);
		}
	}
	hashmap_free(&seen);
	return len;
}

size_t python_interpreters(const struct python_process *p, const struct python_memory *memory)
{
	uint64_t interps[PYTHON_INTERPRETERS_MAX];

	return p->known ? interpreters(p, memory, interps) : 0;
}

/* Whether @tstate is one of the thread's of @id. */
static bool is_state_of(const struct python_thread *threads, size_t len, uint64_t tstate,
			uint64_t id)
{
	for (size_t i = 0; i < len; i++)
		if (threads[i].tstate == tstate && threads[i].thread_id == id)
			return true;
	return false;
}

uint16_t python_thread_slot(const struct python_memory *memory, const struct python_thread *threads,
			    size_t len)
{
	uint64_t slots[SPECIFIC_KEYS * 2];
	uint32_t keys = 0; /* that are right for some thread, as bits */
	size_t asked = 0;

	for (size_t i = 0; i < len && asked < WITNESSES_MAX; i++) {
		if (!python_read(memory, threads[i].thread_id, SPECIFIC_AT, slots, sizeof(slots)))
			continue; /* it has ended */
		for (uint32_t key = 0; key < SPECIFIC_KEYS; key++)
			if (slots[key * 2 + 1] &&
			    is_state_of(threads, len, slots[key * 2 + 1], threads[i].thread_id))
				keys |= 1U << key;
		asked++;
	}
	if (!keys || keys & (keys - 1))
		return 0;
	return (uint16_t)(SPECIFIC_AT + (uint32_t)__builtin_ctz(keys) * 16 + 8);
}
