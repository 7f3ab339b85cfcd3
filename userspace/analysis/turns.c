// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/turns.h"

#include "analysis/ipc_code.h"
#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/python_site.h"
#include "model/site.h"

#include <errno.h>
#include <string.h>

/* Threads wait in turn when at least this share of the waiting is for threads that ..  */
#define MUTUAL_SHARE 0.5
/* .. themselves wait there at least this share of what waiters do on average. */
#define MUTUAL_WAIT 0.25

struct group {
	uint32_t lock; /* the largest of its members: locks come in the order of their blame */
	uint32_t members;
	uint64_t peer_ns;
	uint64_t contended_ns;
	uint64_t waits;
	uint64_t blame_ns;
	uint64_t known_ns;
};

struct groups {
	VEC(struct group) list;
	struct hashmap by_site;
	uint32_t *of_lock; /* index in list, SNAP_NONE = in none */
};

static void groups_free(struct groups *groups)
{
	vec_free(&groups->list);
	hashmap_free(&groups->by_site);
	free(groups->of_lock);
}

/* Where its threads wait: call sites of one name in one module are one place, also in several
 * processes.  Without a site each lock stands for itself. */
static uint64_t site_key(const struct snapshot *snap, uint32_t index)
{
	const struct snap_lock *lock = &snap->locks[index];
	const struct snap_frame *site = NULL;
	uint64_t parts[2] = {0};

	if (lock->waiters_len > 0)
		site = snap_site_frame(snap, lock->waiters[0].stack);
	if (!site) {
		parts[0] = index;
		return hash_bytes(parts, sizeof(parts));
	}
	parts[0] = hash_bytes(site->module, strlen(site->module));
	if (*site->name)
		parts[1] = hash_bytes(site->name, strlen(site->name));
	else
		parts[1] = *site->module ? site->offset : site->ip;
	return hash_bytes(parts, sizeof(parts));
}

static int add_lock(struct groups *groups, const struct snapshot *snap, uint32_t index)
{
	const struct snap_lock *lock = &snap->locks[index];
	uint64_t key = site_key(snap, index);
	struct group *group;
	uint32_t *place;
	bool added;

	place = hashmap_put(&groups->by_site, &key, (uint32_t)groups->list.len, &added);
	if (!place)
		return -ENOMEM;
	if (added) {
		group = vec_add(&groups->list);
		if (!group)
			return -ENOMEM;
		group->lock = index;
	} else {
		group = &groups->list.at[*place];
	}
	groups->of_lock[index] = *place;
	group->members++;
	group->peer_ns = num_sat_add(group->peer_ns, lock->peer_ns);
	group->contended_ns = num_sat_add(group->contended_ns, lock->contended_ns);
	group->waits = num_sat_add(group->waits, lock->waits);
	group->blame_ns = num_sat_add(group->blame_ns, lock->blame_ns);
	group->known_ns = num_sat_add(group->known_ns, lock->known_blame_ns);
	if (lock->peer_ns > snap->locks[group->lock].peer_ns)
		group->lock = index;
	return 0;
}

/* A pool's queue: its threads wait for something to do, and whoever puts it there is no rival. */
static bool is_queue(const struct snapshot *snap, const struct snap_lock *lock)
{
	uint32_t stack = lock->waiters_len ? lock->waiters[0].stack : SNAP_NONE;

	return stack != SNAP_NONE && python_waits_for_work(&snap->stacks[stack]);
}

static int group_locks(struct groups *groups, const struct snapshot *snap)
{
	int err;

	hashmap_init(&groups->by_site, sizeof(uint64_t));
	groups->of_lock = calloc(snap->locks_len, sizeof(*groups->of_lock));
	if (!groups->of_lock)
		return -ENOMEM;
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		groups->of_lock[i] = SNAP_NONE;
		/* A queue's own semaphore: whoever has it waits for an item like the others.  At a
		 * barrier all wait for the last one, not for their turn. */
		if (snap->locks[i].is_lock || snap->locks[i].peer_ns == 0 ||
		    snap->locks[i].kind == LOCK_BARRIER || is_queue(snap, &snap->locks[i]) ||
		    ipc_code_lock(snap, &snap->locks[i], true))
			continue;
		err = add_lock(groups, snap, i);
		if (err)
			return err;
	}
	return 0;
}

static uint32_t largest(const struct groups *groups)
{
	uint32_t best = SNAP_NONE;

	for (uint32_t i = 0; i < groups->list.len; i++) {
		if (best == SNAP_NONE || groups->list.at[i].peer_ns > groups->list.at[best].peer_ns)
			best = i;
	}
	return best;
}

bool turns_mutual(const struct snapshot *snap, const uint32_t *group_of, uint32_t group,
		  uint64_t *waited)
{
	uint32_t first = group_of ? 0 : group;
	uint32_t end = group_of ? snap->locks_len : group + 1;
	double sum_ns = 0, waiters = 0, blame_ns = 0, mutual_ns = 0;

	memset(waited, 0, snap->threads_len * sizeof(*waited));
	for (uint32_t i = first; i < end; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		if (group_of && group_of[i] != group)
			continue;
		for (uint32_t w = 0; w < lock->waiters_len; w++) {
			uint32_t thread = lock->waiters[w].thread;

			if (thread >= snap->threads_len)
				continue;
			waiters += waited[thread] == 0 && lock->waiters[w].blocked_ns > 0;
			waited[thread] = num_sat_add(waited[thread], lock->waiters[w].blocked_ns);
			sum_ns += (double)lock->waiters[w].blocked_ns;
		}
	}
	for (uint32_t i = first; i < end; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		if (group_of && group_of[i] != group)
			continue;
		for (uint32_t h = 0; h < lock->holders_len; h++) {
			const struct snap_holder *holder = &lock->holders[h];

			blame_ns += (double)holder->blame_ns;
			if (holder->thread < snap->threads_len &&
			    (double)waited[holder->thread] >=
				    MUTUAL_WAIT * num_ratio(sum_ns, waiters))
				mutual_ns += (double)holder->blame_ns;
		}
	}
	return waiters > 1 && blame_ns > 0 && mutual_ns >= MUTUAL_SHARE * blame_ns;
}

/* Fill in @ret from group @of of @groups. */
static int take_group(const struct groups *groups, uint32_t of, uint32_t locks_len,
		      struct turns *ret)
{
	const struct group *group = &groups->list.at[of];
	bool *member = calloc(locks_len, sizeof(*member));

	if (!member)
		return -ENOMEM;
	for (uint32_t i = 0; i < locks_len; i++)
		member[i] = groups->of_lock[i] == of;
	*ret = (struct turns){
		.lock = group->lock,
		.locks_len = group->members,
		.wait_ns = group->peer_ns,
		.contended_ns = group->contended_ns,
		.waits = group->waits,
		.known_ratio = num_ratio((double)group->known_ns, (double)group->blame_ns),
		.member = member,
	};
	return 0;
}

int turns_find(const struct snapshot *snap, struct turns *ret)
{
	_cleanup_(groups_free) struct groups groups = {0};
	_cleanup_free_ uint64_t *waited = NULL;
	uint32_t best;
	int err;

	if (snap->locks_len > 0) {
		err = group_locks(&groups, snap);
		if (err)
			return err;
	}
	best = largest(&groups);
	if (best == SNAP_NONE || snap->threads_len == 0) {
		*ret = (struct turns){.lock = SNAP_NONE};
		return 0;
	}
	waited = calloc(snap->threads_len, sizeof(*waited));
	if (!waited)
		return -ENOMEM;
	if (!turns_mutual(snap, groups.of_lock, best, waited)) {
		*ret = (struct turns){.lock = SNAP_NONE};
		return 0;
	}
	return take_group(&groups, best, snap->locks_len, ret);
}

void turns_free(struct turns *turns)
{
	free(turns->member);
	*turns = (struct turns){.lock = SNAP_NONE};
}
