// SPDX-License-Identifier: GPL-2.0-only
/* Copies of slots that the BPF side goes on writing. */
#include <string.h>

#include "source/live_internal.h"

#define READ_TRIES 1000
/* In a virtual machine the writing CPU may be off for a while in the middle: give it time. */
#define READ_TRIES_BEFORE_PAUSE 50
#define READ_PAUSE_NS 100000

bool live_copy_slot(const struct live *live, uint32_t index, struct cp_thread *ret)
{
	const volatile struct cp_thread *slot =
		(const volatile struct cp_thread *)(live->slots + index * live->slot_size);
	uint32_t before;

	for (int i = 0; i < READ_TRIES; i++) {
		before = slot->seq;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		memcpy(ret, (const void *)slot, sizeof(*ret));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(before & 1) && slot->seq == before)
			return true;
		if (i % READ_TRIES_BEFORE_PAUSE == READ_TRIES_BEFORE_PAUSE - 1)
			nanosleep(&(struct timespec){.tv_nsec = READ_PAUSE_NS}, NULL);
	}
	return false;
}
