// SPDX-License-Identifier: GPL-2.0-only
#include "cli/collector.h"

#include "cli/deliver.h"
#include "model/model.h"
#include "symbol/symbolizer.h"

/* A failure is no error of the run: the process may have ended, and frames without a name are
 * counted in the report. */
static void read_mappings(struct collector *c, struct collector_process *process)
{
	process->read = true;
	symbolizer_add_process(c->symbolizer, process->pid, NULL);
	c->reads_left--;
}

static struct collector_process *find(struct collector *c, pid_t pid)
{
	struct collector_process *process;

	VEC_FOREACH (&c->processes, process) {
		if (process->pid == pid)
			return process;
	}
	return NULL;
}

static void see_process(struct collector *c, const struct record_process *rec)
{
	struct collector_process *process = find(c, (pid_t)rec->pid);

	if (rec->end_ns) {
		if (process)
			*process = c->processes.at[--c->processes.len];
		return;
	}
	if (!process) {
		process = vec_add(&c->processes);
		if (!process)
			return;
		process->pid = (pid_t)rec->pid;
	}
	process->read = false;
	if (!rec->execs)
		symbolizer_inherit(c->symbolizer, (pid_t)rec->pid, (pid_t)rec->ppid);
	if (c->reads_left > 0)
		read_mappings(c, process);
}

static int put(void *ctx, const struct record *rec, struct err *err)
{
	struct collector *c = ctx;
	int rc = 0;

	if (!c->endless || rec->type != RECORD_LONG_WAIT)
		rc = model_apply(c->model, rec, err);
	if (rc == 0)
		rc = delivery_record(c->delivery, rec, err);
	if (rc < 0)
		return rc;
	if (rec->type == RECORD_PROCESS)
		see_process(c, &rec->process);
	else if (rec->type == RECORD_SLICE)
		c->end_ns = rec->slice.end_ns;
	return 0;
}

struct record_sink collector_sink(struct collector *c)
{
	return (struct record_sink){.put = put, .ctx = c};
}

void collector_refresh(struct collector *c, unsigned reads)
{
	struct collector_process *process;
	size_t turns = c->processes.len;

	c->reads_left = reads;
	VEC_FOREACH (&c->processes, process) {
		if (c->reads_left == 0)
			return;
		if (!process->read) {
			read_mappings(c, process);
			turns--;
		}
	}
	for (; turns > 0 && c->reads_left > 0; turns--) {
		c->next = c->next + 1 < c->processes.len ? c->next + 1 : 0;
		read_mappings(c, &c->processes.at[c->next]);
	}
	/* Those that come in this slice have a budget of their own. */
	c->reads_left = reads;
}

void collector_free(struct collector *c)
{
	vec_free(&c->processes);
}
