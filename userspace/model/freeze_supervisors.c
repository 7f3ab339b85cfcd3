// SPDX-License-Identifier: GPL-2.0-only
/* Processes that only wait while their children work: the masters of gunicorn, uvicorn, celery,
 * php-fpm. */
#include "base/num.h"
#include "model/freeze_priv.h"

#include <stdlib.h>

/* A supervisor runs at most this share of the window, .. */
#define RUN_SHARE_MAX 20 /* one part in so many */
/* .. and its children this many times as much. */
#define CHILDREN_TIMES 10

struct children {
	uint32_t count;
	uint64_t run_ns;
};

void freeze_supervisors(struct freeze *f)
{
	struct snap_process *processes = (struct snap_process *)f->snap->processes;
	const uint32_t len = f->snap->processes_len;
	struct children *children = freeze_temporary(f, len, sizeof(*children));
	struct hashmap pids;

	hashmap_init(&pids, sizeof(uint32_t));
	for (uint32_t i = 0; !f->failed && i < len; i++)
		f->failed |= !hashmap_put(&pids, &processes[i].pid, i, NULL);
	for (uint32_t i = 0; !f->failed && i < len; i++) {
		const uint32_t *parent = hashmap_get(&pids, &processes[i].ppid);

		if (!parent || *parent == i)
			continue;
		children[*parent].count++;
		children[*parent].run_ns =
			num_sat_add(children[*parent].run_ns, processes[i].class_ns[CLASS_RUN]);
	}
	for (uint32_t i = 0; !f->failed && i < len; i++) {
		uint64_t run_ns = processes[i].class_ns[CLASS_RUN];

		/* One that forks for each task is at work itself. */
		if (children[i].count && run_ns <= f->snap->duration_ns / RUN_SHARE_MAX &&
		    children[i].run_ns / CHILDREN_TIMES >= run_ns &&
		    processes[i].forks <= children[i].count / 2)
			processes[i].workers = children[i].count;
	}
	hashmap_free(&pids);
	free(children);
}
